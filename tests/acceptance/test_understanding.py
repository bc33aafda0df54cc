"""How well the trained assistant understands what it was never taught: the held-out sentences, in both languages.

The bars are below what is measured (docs/decisions.md), so that they fall with a real loss and not with one sentence.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from bot.cli.training import RASA_PYTHON, recorded
from bot.settings import ROOT, Settings

SENTENCES = ("nlu_heldout.yml", "nlu_heldout_service.yml")
# Said and misread in earlier days, and what customers of the demo business ask it by name.
EXTRA: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("pesanan saya belum sampai", "order_status", {}),
    ("how much does it cost?", "ask_price", {}),
    ("what time do you deliver", "ask_delivery", {}),
    ("can I return this", "return_item", {}),
    ("is it in stock", "ask_stock", {}),
    ("are you human", "who_are_you", {}),
    ("never mind", "deny", {}),
    ("stop showing me offers", "stop_offers", {}),
    ("never mind, no need for a person", "cancel_person", {}),
    ("do you have toraja in kemang?", "ask_stock", {"product": "toraja", "store": "kemang"}),
    ("berapa harga toraja", "ask_price", {"product": "toraja"}),
    ("my order never came and nobody answers", "complain", {}),
    ("my grinder is broken, can you repair it", "repair_status", {"product": "grinder"}),
    ("bisa bahasa inggris?", "change_language", {"language": "id", "wanted_language": "en"}),
    ("speak Indonesian please", "change_language", {"language": "en", "wanted_language": "id"}),
    ("can I pay with GoPay", "ask_faq", {"faq": "payment"}),
    ("bisa bayar pakai QRIS gak", "ask_faq", {"faq": "payment"}),
    ("where is my order and how much is gayo?", "order_status", {"further": "ask_price", "product": "gayo"}),
    ("kalian buka jam berapa dan alamatnya dimana", "ask_hours", {"further": "find_store"}),
    ("do you deliver to depok and how much", "ask_delivery", {}),
    ("minta dipanggilin petugas ya", "talk_to_person", {}),
)

Heard = list[dict[str, Any]]


@pytest.fixture(scope="module")
def heard(model: None, tmp_path_factory: pytest.TempPathFactory) -> Heard:
    extra = tmp_path_factory.mktemp("heldout") / "extra.yml"
    extra.write_text(json.dumps([{"text": t, "intent": i, "language": "", "entities": e} for t, i, e in EXTRA]))
    trained = recorded(Settings())
    assert trained
    files = [*(str(ROOT / "tests/data" / name) for name in SENTENCES), str(extra)]
    done = subprocess.run(
        [RASA_PYTHON, "-W", "ignore", "-m", "bot.rasa.heldout", trained.path, *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results: Heard = json.loads(done.stdout.splitlines()[-1])["results"]
    return results


def is_right(sentence: dict[str, Any]) -> bool:
    # A question that the business has not answered is out of its scope.
    allowed = {"ask_faq": {"ask_faq", "out_of_scope"}}.get(sentence["intent"], {sentence["intent"]})
    return sentence["heard"]["intent"] in allowed


def share(heard: Heard, of: Callable[[dict[str, Any]], bool], right: Callable[[dict[str, Any]], bool]) -> float:
    asked = [sentence for sentence in heard if of(sentence)]
    return sum(right(sentence) for sentence in asked) / len(asked)


@pytest.mark.parametrize("language", ["en", "id"])
def test_of_what_was_never_taught_most_is_understood(heard: Heard, language: str) -> None:
    assert share(heard, lambda s: s["language"] == language, is_right) >= 0.94


@pytest.mark.parametrize("language", ["en", "id"])
def test_every_intent_is_understood(heard: Heard, language: str) -> None:
    spoken = [sentence for sentence in heard if sentence["language"] in (language, "")]
    for intent in {sentence["intent"] for sentence in spoken}:
        right = [is_right(sentence) for sentence in spoken if sentence["intent"] == intent]
        assert sum(right) / len(right) >= 0.75, intent


def test_what_is_no_business_of_a_shop_is_refused(heard: Heard) -> None:
    assert share(heard, lambda s: s["intent"] == "out_of_scope", is_right) >= 0.88


def test_little_that_is_meant_for_the_shop_is_refused(heard: Heard) -> None:
    meant = share(
        heard,
        lambda s: s["intent"] not in ("out_of_scope", "ask_faq"),
        lambda s: bool(s["heard"]["intent"] != "out_of_scope"),
    )
    assert meant >= 0.97


def test_the_language_is_heard(heard: Heard) -> None:
    assert (
        share(heard, lambda s: s["language"] != "", lambda s: s["heard"]["entities"]["language"] == s["language"])
        >= 0.97
    )


@pytest.mark.parametrize(("text", "intent", "entities"), EXTRA)
def test_what_was_once_misread_is_understood(heard: Heard, text: str, intent: str, entities: dict[str, str]) -> None:
    (found,) = [s["heard"] for s in heard if s["text"] == text and "entities" in s]
    assert found["intent"] == intent
    assert found["entities"].items() >= entities.items()
