"""`rapport init`: a folder in which an operator describes a business and runs it; and whose folder a command works in."""

from __future__ import annotations

import json
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine, func, select
from typer.testing import CliRunner, Result
from unit.test_docs import keys_of
from visitor import arrive, responses

from bot.cli.init import STARTER
from bot.cli.main import app
from bot.home import find_home, load_settings
from bot.settings import ROOT, Settings
from crm_store.business import Business
from crm_store.business_file import load_business
from crm_store.database import open_engine, reading
from crm_store.tables import stock

TEMPLATE = (STARTER / "business.yml").read_text("utf-8")
SWITCHED_ON = re.sub(r"^(\s*)#(?=[^\s#])", r"\1", TEMPLATE, flags=re.M)
"""The template with every key that is switched off switched on."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is not the project's, and an environment that sets nothing."""
    for name in [name for name in os.environ if name.startswith("RAPPORT_") or name in ("PORT", "DATABASE_URL")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["init", *arguments])


class TestTemplate:
    def test_is_a_business_as_it_stands(self) -> None:
        shop = load_business(STARTER / "business.yml")
        assert shop.business.languages == ["en", "id"]
        assert shop.offers
        assert shop.faq

    def test_is_one_with_everything_switched_on_too(self, tmp_path: Path) -> None:
        (tmp_path / "on.yml").write_text(SWITCHED_ON, "utf-8")
        load_business(tmp_path / "on.yml")

    def test_has_every_key_of_the_schema(self, tmp_path: Path) -> None:
        (tmp_path / "on.yml").write_text(SWITCHED_ON, "utf-8")
        written = set(_set_keys(load_business(tmp_path / "on.yml")))
        missing = set(keys_of(Business)) - written
        assert not missing, f"explain these keys in {STARTER / 'business.yml'}"

    def test_explains_a_key_before_it_uses_it(self) -> None:
        explained = "\n".join(line for line in TEMPLATE.splitlines() if line.lstrip().startswith("# "))
        assert len(explained.splitlines()) > 60

    def test_teaches_enough_ways_to_say_a_need(self) -> None:
        for segment in load_business(STARTER / "business.yml").needs.segments:
            assert all(len(ways) >= 8 for ways in segment.says.values()), segment.id

    @pytest.mark.parametrize("backend", ["sqlite"])
    def test_asks_and_offers_what_fits_from_the_first_day(self, engine: Engine, now: datetime) -> None:
        shop = load_business(STARTER / "business.yml")
        assert responses(arrive(engine, shop, now).says("hi", "action_greet"))[-1] == "utter_ask_for_whom"
        met = {
            need: responses(arrive(engine, shop, now).says("...", "action_note_need", ("need", need, 0.95)))[-1]
            for need in shop.segment_ids
        }
        offer = "utter_offer_standard"
        assert met == {"everyday": offer, "gift": "utter_open_spend", "lasting": offer}

    def test_speaks_of_no_trade_of_ours(self) -> None:
        assert not re.search(r"coffee|kopi|espresso|roast", TEMPLATE, re.I)

    def test_settings_are_settings_that_there_are(self) -> None:
        env = (STARTER / "env").read_text("utf-8")
        named = set(re.findall(r"^(?:# )?([A-Z_]+)=", env, re.M))
        known = {
            str(field.validation_alias or f"RAPPORT_{key.upper()}") for key, field in Settings.model_fields.items()
        }
        assert {"RAPPORT_BUSINESS", "DATABASE_URL"} <= named <= known

    def test_settings_can_be_read_with_everything_switched_on(self, tmp_path: Path) -> None:
        env = re.sub(r"^# (?=[A-Z_]+=.)", "", (STARTER / "env").read_text("utf-8"), flags=re.M)
        (tmp_path / ".env").write_text(env)
        assert load_settings().allowed_origins == ["https://shop.example.com"]


class TestInit:
    def test_writes_a_folder_that_the_other_commands_work_in(self, tmp_path: Path) -> None:
        made = json.loads(init("books", "--name", 'Bu Rini: "Buku" & Co', "--languages", "id, en", "--json").stdout)
        assert made["written"] == [str(tmp_path / "books/business.yml"), str(tmp_path / "books/.env")]
        about = load_business(tmp_path / "books/business.yml").business
        assert (about.name, about.languages, about.default_language) == ('Bu Rini: "Buku" & Co', ["id", "en"], "id")
        assert stat.S_IMODE((tmp_path / "books/.env").stat().st_mode) == 0o600
        os.chdir(tmp_path / "books")
        found = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
        assert found["home"] == str(tmp_path / "books")
        assert (tmp_path / "books/var/business.db").exists()

    def test_takes_each_answer_as_an_option(self, tmp_path: Path) -> None:
        init("--currency", "usd", "--phone", "+1 555 0100", "--timezone", "Asia/Makassar", "--languages", "en")
        about = load_business(tmp_path / "business.yml").business
        assert (about.currency, about.phone, about.timezone) == ("USD", "+1 555 0100", "Asia/Makassar")
        assert (about.languages, about.default_language) == (["en"], "en")

    def test_says_what_to_do_next_in_lines_to_be_copied(self, tmp_path: Path) -> None:
        said = init("books").stdout
        assert f"  cd {tmp_path}/books\n" in said
        for command in re.findall(r"^  (\S+)/rapport (\w+)", said, re.M):
            assert Path(command[0], "rapport").exists()
            assert CliRunner().invoke(app, [command[1], "--help"]).exit_code == 0

    @pytest.mark.parametrize("there", ["business.yml", ".env"])
    def test_never_writes_over_a_file(self, tmp_path: Path, there: str) -> None:
        (tmp_path / there).write_text("mine")
        result = init()
        assert (tmp_path / there).read_text() == "mine"
        if there == "business.yml":
            assert result.exit_code == 1
            assert "is there already; nothing was written" in result.stderr
            assert not (tmp_path / ".env").exists()
        else:
            assert "RAPPORT_BUSINESS=business.yml" in result.stdout
            assert (tmp_path / "business.yml").exists()

    @pytest.mark.parametrize(
        ("option", "answer", "mend"),
        [
            ("--currency", "dollars", "three letters"),
            ("--languages", "fr", "write en, id"),
            ("--timezone", "Jakarta", "Asia/Jakarta"),
            ("--name", " ", "write something"),
        ],
    )
    def test_refuses_what_cannot_be_and_writes_nothing(
        self, tmp_path: Path, option: str, answer: str, mend: str
    ) -> None:
        result = init("books", option, answer)
        assert result.exit_code == 1
        assert f"{option} {answer!r} cannot be used" in result.stderr
        assert mend in result.stderr
        assert not (tmp_path / "books").exists()

    def test_asks_on_a_terminal_again_until_an_answer_can_be_used(self, tmp_path: Path) -> None:
        terminal, end = pty.openpty()
        program = [sys.executable, "-m", "bot.cli.main", "init", "books", "--phone", "+62 22 555 0100"]
        os.write(terminal, b"Toko Buku\ndollars\nidr\nid\n\n")
        done = subprocess.run(
            program, stdin=end, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        os.close(end)
        os.close(terminal)
        assert done.returncode == 0, done.stderr
        assert "three letters" in done.stdout + done.stderr
        about = load_business(tmp_path / "books/business.yml").business
        assert (about.name, about.currency, about.languages) == ("Toko Buku", "IDR", ["id"])
        assert (about.phone, about.timezone) == ("+62 22 555 0100", "Asia/Jakarta")


class TestHome:
    def test_is_the_folder_whose_env_names_a_business(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("RAPPORT_BUSINESS = mine.yml\nRAPPORT_VAR=made\nDATABASE_URL=sqlite:///x/b.db\n")
        settings = load_settings()
        assert settings.business == tmp_path / "mine.yml"
        assert settings.var == tmp_path / "made"
        assert settings.database_url == f"sqlite:///{tmp_path}/x/b.db"
        assert load_settings() == settings

    @pytest.mark.parametrize(
        "env", [None, "DATABASE_URL=sqlite:///somebody-elses.db\n", "# RAPPORT_BUSINESS=mine.yml\n"]
    )
    def test_is_the_projects_folder_anywhere_else(self, tmp_path: Path, env: str | None) -> None:
        if env:
            (tmp_path / ".env").write_text(env)
        assert find_home() == ROOT

    def test_is_wherever_the_environment_says(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop/.env").write_text("PORT=8123\nDATABASE_URL=postgresql://db/rapport\n")
        monkeypatch.setenv("RAPPORT_HOME", "shop")
        settings = load_settings()
        assert settings.port == 8123
        assert settings.database_url == "postgresql://db/rapport"
        assert settings.business.resolve() == ROOT / "demo/business.yml"

    def test_is_the_same_for_all_that_one_command_does(self, tmp_path: Path) -> None:
        init("--name", "Toko Buku")
        (tmp_path / "stock.csv").write_text("product,store,quantity\nday_bag,main_street,3\n")
        imported = CliRunner().invoke(app, ["import", "stock", "stock.csv", "--json"])
        assert json.loads(imported.stdout)["loaded"] == 1
        engine = open_engine(f"sqlite:///{tmp_path}/var/business.db")
        with reading(engine) as connection:
            assert connection.execute(select(func.count()).select_from(stock)).scalar_one() == 1
        engine.dispose()

    def test_leaves_absolute_paths_alone(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("RAPPORT_BUSINESS=/srv/b.yml\nDATABASE_URL=sqlite:////srv/b.db\n")
        settings = load_settings()
        assert settings.business == Path("/srv/b.yml")
        assert settings.database_url == "sqlite:////srv/b.db"


def _set_keys(node: Any, place: str = "") -> Iterator[str]:
    """The keys that somebody wrote, named as `keys_of` names those of the schema."""
    for key in node.model_fields_set:
        value = getattr(node, key)
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        models = [part for part in parts if isinstance(part, BaseModel)]
        if not models or key == "options":
            yield place + key
        below = "[]." if isinstance(value, list) else ".<id>." if isinstance(value, dict) else "."
        for model in models:
            yield from _set_keys(model, place + key + below)
