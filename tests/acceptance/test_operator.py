"""A new operator, in a folder of their own, with a business of their own: init, edit, train, up, and it talks of books.

No Python is touched, and nothing that is said has anything of the demo's trade.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from acceptance.running import PATIENCE, Talker, free_port, text_of, until

from bot.settings import ROOT

RAPPORT = Path(sys.executable).with_name("rapport")
COFFEE = re.compile(
    r"coffee|kopi|espresso|roast|\bbeans?\b|\bbrew|\bseduh|\bcups?\b|cangkir|capsule|kapsul|gayo|toraja|sudirman"
    r"|menteng|kemang|office|kantor|drip",
    re.I,
)


class Bookshop:
    """The folder, and what runs from it. Has what a `Talker` needs of a stack."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.http = httpx.Client(base_url=self.url, timeout=40)
        ours = [name for name in os.environ if name.startswith("RAPPORT_") or name in ("PORT", "DATABASE_URL")]
        self.environment = {name: value for name, value in os.environ.items() if name not in ours}
        self.talkers: list[Talker] = []

    def rapport(self, *words: str, expected: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [RAPPORT, *words], cwd=self.folder, env={**self.environment, **environment}, capture_output=True,
            text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout

    def edit(self) -> None:
        """What somebody does in an editor."""
        shutil.copy(ROOT / "tests/data/bookshop.yml", self.folder / "business.yml")
        settings = self.folder / ".env"
        text = settings.read_text().replace("# PORT=8000", f"PORT={self.url.rpartition(':')[2]}")
        settings.write_text(text.replace("# RAPPORT_LOG_FORMAT=text", "RAPPORT_LOG_FORMAT=json"))

    def guest(self, language: str = "en") -> Talker:
        talker = Talker(self, language)  # type: ignore[arg-type]
        self.talkers.append(talker)
        return talker

    def is_ready(self) -> bool:
        try:
            return self.http.get("/readyz", timeout=5).is_success
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bookshop]:
    """From nothing to a shop that answers, by the lines that `rapport init` prints."""
    shop = Bookshop(tmp_path_factory.mktemp("operator"))
    said = shop.rapport("init", "books", "--name", "Toko Buku Aksara", "--phone", "+62 411 555 0177")
    next_folder = re.search(r"^  cd (.+)$", said, re.M)
    assert next_folder
    shop.folder = Path(next_folder[1])
    shop.edit()
    assert "trained" in shop.rapport("train")
    with (shop.folder / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [RAPPORT, "up"], cwd=shop.folder, env=shop.environment, stdout=log, stderr=log,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: up.poll() is not None or shop.is_ready(), "the bookshop is open", 3 * PATIENCE)
        assert up.poll() is None, (shop.folder / "up.log").read_text()
        yield shop
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(30)
        shop.http.close()


def test_everything_is_in_the_operators_folder(shop: Bookshop) -> None:
    found = json.loads(shop.rapport("status", "--json"))
    assert (found["ready"], found["home"], found["model"]["state"]) == (True, str(shop.folder), "ready")
    assert found["model"]["path"].startswith(str(shop.folder))
    assert {"business.yml", ".env", "var", "up.log"} == {path.name for path in shop.folder.iterdir()}
    assert shop.rapport("doctor").endswith("nothing to mend\n")


def test_a_parent_is_asked_the_shops_own_question_and_gets_its_own_offer(shop: Bookshop) -> None:
    guest = shop.guest()
    assert guest.say("hello")
    asked = guest.say("I'm looking for a book for my daughter")
    assert "How old is the reader?" in text_of(asked)
    assert [b["title"] for b in asked[-1]["buttons"]] == ["Up to 6", "Older than 6"]
    assert "years apart" in text_of(guest.say("why do you ask?"))
    (offer,) = guest.say("she is 5")
    assert "For a reader of 5: Hare and Moon" in offer["text"]
    assert offer["offer"]["code"] == "TIDUR"
    assert offer["offer"]["reason"].startswith("Because ")


def test_a_student_does_the_same_in_indonesian(shop: Bookshop) -> None:
    guest = shop.guest("id")
    said = guest.say("bulan depan saya ada ujian masuk")
    while "offer" not in said[-1]:
        said = guest.press("Untuk ujian")
    assert "Maths for the Entrance Exam" in said[-1]["text"]
    assert said[-1]["offer"]["reason"].startswith("Karena ")


@pytest.mark.parametrize(
    ("language", "question", "answer"),
    [
        ("en", "how much is The Night Train?", r"98[.,]000"),
        ("id", "berapa harga atlas laut?", r"320\.000"),
        ("en", "where is your store?", "Penghibur 8"),
        ("id", "jam berapa buka?", r"10\.00"),
        ("en", "do you deliver?", "by post, four days"),
        ("id", "bisa retur gak?", "30 hari"),
        ("en", "do you buy old books?", "second hand books on Sundays"),
        ("id", "ada yang bertanda tangan penulisnya?", "rak dekat pintu"),
        ("en", "what do you do with my data?", "Aksara keeps what you write here"),
        ("en", "can I talk to a person?", "555 0177|colleague"),
        ("id", "kamu ini bot ya?", "asisten"),
    ],
)
def test_what_the_shop_says_of_itself_is_said(shop: Bookshop, language: str, question: str, answer: str) -> None:
    assert re.search(answer, text_of(shop.guest(language).say(question)))


def test_its_stock_is_told(shop: Bookshop, tmp_path: Path) -> None:
    (tmp_path / "stock.csv").write_text("product,store,quantity\nhare_and_moon,losari,3\n")
    shop.rapport("import", "stock", str(tmp_path / "stock.csv"))
    said = text_of(shop.guest().say("do you have Hare and Moon in Losari?"))
    assert "Hare and Moon" in said
    assert "Losari" in said


def test_what_it_does_not_understand_is_said_so_in_both_languages(shop: Bookshop) -> None:
    assert "assistant" in text_of(shop.guest().say("xqzt brrm flurp"))
    assert shop.guest("id").say("apa pendapatmu tentang politik luar negeri?")


def test_the_chat_bears_its_name(shop: Bookshop) -> None:
    assert shop.http.get("/v1/chat/config").json()["business"] == "Toko Buku Aksara"
    assert "rapport-chat" in shop.http.get("/").text
    assert shop.http.get("/demo/people").status_code == 404


def test_a_rasa_that_knows_another_token_is_found_by_the_doctor(shop: Bookshop) -> None:
    said = shop.rapport("doctor", expected=1, RAPPORT_INTERNAL_TOKEN="another")
    assert re.search(
        r"rasa +Rasa at http://127\.0\.0\.1:\d+ answers 401: it was started with another internal token", said
    )
    assert "1 to mend" in said


def test_nothing_that_was_said_is_about_the_demos_trade(shop: Bookshop) -> None:
    heard = [message for talker in shop.talkers for message in talker.heard if message["author"] != "customer"]
    assert len(heard) > 15
    for message in heard:
        assert not COFFEE.search(json.dumps(message, ensure_ascii=False)), message
    assert not COFFEE.search(shop.http.get("/").text + shop.http.get("/v1/chat/config").text)


def test_nothing_that_could_be_said_is_about_the_demos_trade(shop: Bookshop) -> None:
    model = json.loads(shop.rapport("status", "--json"))["model"]["path"]
    compiled = sorted((Path(model).parent / "domain").glob("*.yml"))
    assert compiled
    for path in compiled:
        found = [line for line in path.read_text("utf-8").splitlines() if "text:" in line and COFFEE.search(line)]
        assert not found, found


def test_every_process_logs_one_object_a_line(shop: Bookshop) -> None:
    logs = {log.stem: log.read_text().splitlines() for log in (shop.folder / "var/logs").glob("*.log")}
    assert set(logs) == {"gateway", "actions", "rasa"}
    for name, lines in logs.items():
        assert {json.loads(line)["process"] for line in lines} <= {name}
    said = (shop.folder / "up.log").read_text().splitlines()
    assert any(json.loads(line)["message"].startswith("Rapport is ready") for line in said if line.startswith("{"))
