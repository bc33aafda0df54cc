"""The `rapport` command as an operator meets it: what it does, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from acceptance.running import free_port
from commands import Rapport, answer, diagnosis, leave_a_message, make_newer, plant_a_foreign_model
from pydantic import SecretStr
from sqlalchemy import Engine, func, select, text
from typer.testing import CliRunner, Result

from bot.cli.main import app
from bot.settings import ROOT, Settings
from crm_store.access.staff import SignInRefusedError, sign_in
from crm_store.database import open_engine
from crm_store.identify.token_keys import TokenKeysError
from crm_store.tables import customers, identifiers, outbox

CUSTOMERS = "source,source_id,email\nshop,1,ana@example.com\nshop,2,budi@example.com\n"


def up() -> subprocess.CompletedProcess[str]:
    """`rapport up` where it must refuse to start."""
    program = [sys.executable, "-m", "bot.cli.main", "up"]
    return subprocess.run(program, capture_output=True, text=True, timeout=60, check=False, env=os.environ)


def refused(result: Result, wrong: str, mend: str) -> None:
    assert result.exit_code == 1
    assert wrong in result.stderr
    assert "mend: " in result.stderr
    assert mend in result.stderr
    assert "Traceback" not in result.stderr


class TestStaff:
    def test_an_added_person_signs_in_with_the_password_shown(self, rapport: Rapport, engine: Engine) -> None:
        added = answer(rapport("staff", "add", "Ani@example.com", "--role", "administrator", "--json"))
        assert added["role"] == "administrator"
        assert sign_in(engine, "ani@example.com", added["password"], datetime.now(UTC))
        assert "ani@example.com" in rapport("staff", "list").stdout
        assert "password" not in rapport("staff", "list", "--json").stdout

    def test_a_disabled_person_no_longer_signs_in(self, rapport: Rapport, engine: Engine) -> None:
        password = answer(rapport("staff", "add", "ani@example.com", "--json"))["password"]
        assert rapport("staff", "disable", "ani@example.com").exit_code == 0
        with pytest.raises(SignInRefusedError):
            sign_in(engine, "ani@example.com", password, datetime.now(UTC))
        assert answer(rapport("staff", "list", "--json"))["staff"][0]["disabled_at"]

    def test_the_same_address_twice_is_refused_in_two_lines(self, rapport: Rapport) -> None:
        rapport("staff", "add", "ani@example.com")
        refused(rapport("staff", "add", "ani@example.com"), "has an account already", "rapport staff disable")

    def test_a_refusal_is_json_too(self, rapport: Rapport) -> None:
        result = rapport("staff", "disable", "nobody@example.com", "--json")
        assert result.exit_code == 1
        assert "nobody@example.com" in answer(result)["error"]
        assert answer(result)["mend"]


class TestImport:
    def test_a_file_beside_the_caller_is_loaded_once(self, rapport: Rapport, engine: Engine, tmp_path: Path) -> None:
        (tmp_path / "in.csv").write_text(CUSTOMERS)
        first = answer(rapport("import", "customers", "in.csv", "--json"))
        assert (first["read"], first["loaded"], first["rejected"]) == (2, 2, 0)
        second = answer(rapport("import", "customers", str(tmp_path / "in.csv"), "--json"))
        assert (second["loaded"], second["unchanged"]) == (0, 2)
        with engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(customers)).scalar_one() == 2

    def test_bad_rows_are_put_aside_and_the_rest_is_loaded(self, rapport: Rapport, tmp_path: Path) -> None:
        (tmp_path / "in.csv").write_text(CUSTOMERS + "shop,,nobody@example.com\n")
        result = rapport("import", "customers", "in.csv")
        assert result.exit_code == 0
        assert "3 read: 2 loaded, 0 unchanged, 1 rejected" in result.stdout
        assert str(tmp_path / "in.rejects.csv") in result.stdout

    def test_transactions_and_interactions_are_loaded(self, rapport: Rapport, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text("source,transaction_id,source_id,at,amount\nshop,t1,1,2026-01-02,10\n")
        (tmp_path / "i.csv").write_text("source,interaction_id,source_id,at,touchpoint\nshop,i1,1,2026-01-02,web\n")
        assert answer(rapport("import", "transactions", "t.csv", "--json"))["loaded"] == 1
        assert answer(rapport("import", "interactions", "i.csv", "--json"))["loaded"] == 1

    def test_stock_is_loaded_by_the_names_of_the_business(self, rapport: Rapport, tmp_path: Path) -> None:
        (tmp_path / "stock.csv").write_text("product,store,quantity\nToraja,Kemang,12\nbicycle,Kemang,1\n")
        report = answer(rapport("import", "stock", "stock.csv", "--json"))
        assert (report["loaded"], report["rejected"]) == (1, 1)

    def test_a_file_that_is_not_there_is_named(self, rapport: Rapport, tmp_path: Path) -> None:
        refused(rapport("import", "customers", "gone.csv"), str(tmp_path / "gone.csv"), "check the name")


class TestExport:
    def test_identities_are_a_line_for_each_record_and_lead_to_erasure(self, rapport: Rapport, tmp_path: Path) -> None:
        (tmp_path / "in.csv").write_text(CUSTOMERS)
        rapport("import", "customers", "in.csv")
        assert answer(rapport("export", "identities", "out.csv", "--json"))["records"] == 2
        header, ana, budi = (tmp_path / "out.csv").read_text().splitlines()
        assert header == "source,source_id,customer_id"
        assert ana.startswith("shop,1,")
        assert answer(rapport("erase", ana.split(",")[2], "--json"))["rows"] > 0
        rapport("export", "identities", "out.csv")
        assert (tmp_path / "out.csv").read_text().splitlines() == [header, budi]


class TestErase:
    def test_a_customer_is_gone_from_the_store(self, rapport: Rapport, engine: Engine, tmp_path: Path) -> None:
        (tmp_path / "in.csv").write_text(CUSTOMERS)
        rapport("import", "customers", "in.csv")
        with engine.connect() as connection:
            by_email = select(identifiers.c.customer_id).where(identifiers.c.value == "ana@example.com")
            ana = connection.execute(by_email).scalar_one()
        assert answer(rapport("erase", ana, "--json"))["rows"] > 0
        with engine.connect() as connection:
            assert connection.execute(by_email).first() is None
        refused(rapport("erase", ana), f"no customer has the id {ana}", "rapport export identities")


class TestDatabase:
    def test_every_command_fills_an_empty_one(
        self, empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", empty_url)
        assert answer(CliRunner().invoke(app, ["staff", "list", "--json"])) == {"staff": []}
        assert answer(CliRunner().invoke(app, ["migrate", "--json"])) == {"migrated_from": None}

    def test_one_that_is_newer_than_the_code_is_left_alone(self, rapport: Rapport, engine: Engine) -> None:
        make_newer(engine)
        for command in (["status"], ["migrate"], ["staff", "list"]):
            refused(rapport(*command), "revision ffff, which this version", "install the newer Rapport")

    def test_somebody_elses_tables_are_left_alone(
        self, empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine = open_engine(empty_url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE invoices (number INTEGER)"))
        engine.dispose()
        monkeypatch.setenv("DATABASE_URL", empty_url)
        refused(CliRunner().invoke(app, ["migrate"]), "tables that are not Rapport's", "an empty database")

    def test_one_that_cannot_be_reached_is_named_with_the_reason(
        self, alone: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://rapport@127.0.0.1:{free_port()}/rapport")
        refused(CliRunner().invoke(app, ["status"]), "the database cannot be used", "check DATABASE_URL")
        assert "Connection refused" in diagnosis("database")["wrong"]

    def test_a_file_that_is_no_database_is_named(self, alone: Path) -> None:
        (alone / "rapport.db").write_text("dear diary " * 1000)
        assert "not a database" in diagnosis("database")["wrong"]


class TestStatus:
    def test_a_stack_that_does_not_run_still_has_a_status(self, alone: Path) -> None:
        found = answer(CliRunner().invoke(app, ["status", "--json"]))
        assert (found["running"], found["ready"], found["processes"]) == (False, False, [])
        assert found["model"]["state"] == "missing"
        assert found["backlog"] == {"messages": 0, "oldest_at": None}
        assert {"rapport", "rasa", "python"} <= found["versions"].keys()

    def test_messages_that_wait_for_an_answer_are_counted(self, rapport: Rapport, engine: Engine) -> None:
        at = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
        leave_a_message(engine, at)
        found = answer(rapport("status", "--json"))["backlog"]
        assert found == {"messages": 1, "oldest_at": at.isoformat()}
        assert "1 messages wait for an answer, the oldest since 2026-03-02 05:00:00 UTC" in rapport("status").stdout

    def test_telegram_is_told_of_only_where_there_is_a_bot(
        self, rapport: Rapport, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert answer(rapport("status", "--json"))["telegram"] is None
        assert "telegram" not in rapport("status").stdout
        leave_a_message(engine, datetime(2026, 3, 2, 5, 0, tzinfo=UTC))
        row = {"message_id": "m", "conversation_id": "t", "address": "1", "position": 1, "state": "due"}
        with engine.begin() as connection:
            connection.execute(outbox.insert().values(**row, due_at=datetime(2026, 3, 2, tzinfo=UTC)))
        monkeypatch.setenv("RAPPORT_TELEGRAM_TOKEN", "1:token")
        found = answer(rapport("status", "--json"))["telegram"]
        assert found == {"mode": "polling", "connected": None, "waiting": 1, "ambiguous": 0, "failed": 0}
        assert "telegram   set up, not running (polling); 1 messages wait" in rapport("status").stdout


class TestUp:
    def test_a_malformed_business_file_keeps_it_from_starting(
        self, alone: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (alone / "mine.yml").write_text("business: [\n")
        monkeypatch.setenv("RAPPORT_BUSINESS", str(alone / "mine.yml"))
        said = up()
        assert said.returncode == 1
        assert "mine.yml, line 2" in said.stderr
        assert "Traceback" not in said.stderr

    def test_a_newer_database_keeps_it_from_starting(self, alone: Path, migrated_sqlite: Path) -> None:
        (alone / "rapport.db").write_bytes(migrated_sqlite.read_bytes())
        engine = open_engine(f"sqlite:///{alone}/rapport.db")
        make_newer(engine)
        engine.dispose()
        said = up()
        assert said.returncode == 1
        assert "revision ffff" in said.stderr
        assert "Traceback" not in said.stderr

    def test_a_model_from_elsewhere_is_never_loaded(self, alone: Path) -> None:
        plant_a_foreign_model(alone / "var")
        said = up()
        assert said.returncode == 1
        assert "not one that was trained here" in said.stderr
        assert "`rapport train`" in said.stderr

    def test_a_folder_that_cannot_be_written_keeps_it_from_starting(self, alone: Path) -> None:
        (alone / "var").write_text("a file, not a folder")
        said = up()
        assert said.returncode == 1
        assert "is not writable" in said.stderr


def test_a_setting_that_cannot_be_is_named_as_it_is_written(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "seventy")
    monkeypatch.setenv("RAPPORT_LOG_LEVEL", "loud")
    result = CliRunner().invoke(app, ["status"])
    refused(result, "setting PORT:", ".env")
    assert "setting RAPPORT_LOG_LEVEL:" in result.stderr


def test_keys_of_user_tokens_that_cannot_be_read_are_named_with_the_mend(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alone / "keys.json").write_text('{"keys": [{"kty": "oct"}]}')
    monkeypatch.setenv("RAPPORT_USER_TOKEN_KEYS", "keys.json")
    settings = Settings(_env_file=None)
    with pytest.raises(TokenKeysError, match=r"RAPPORT_USER_TOKEN_KEYS, keys.json: key 1 has no `kid`; give each"):
        _ = settings.token_keys
    monkeypatch.setenv("RAPPORT_USER_TOKEN_KEYS", "nowhere.json")
    result = CliRunner().invoke(app, ["doctor"])
    assert "nowhere.json" in result.stdout


def test_a_secret_that_nobody_set_does_not_count_beside_named_keys(alone: Path) -> None:
    (alone / "keys.json").write_text(json.dumps({"keys": [{"kid": "a", "kty": "oct", "k": "A" * 64}]}))
    keys = Path("keys.json")
    assert Settings(_env_file=None, demo=False, user_token_keys=keys).token_keys.unnamed is None
    assert Settings(_env_file=None, business=ROOT / "demo/business.yml", user_token_keys=keys).token_keys.unnamed
    given = SecretStr("a secret of the operator's own, 32 bytes")
    assert Settings(_env_file=None, demo=False, user_token_keys=keys, user_token_secret=given).token_keys.unnamed


def test_a_command_that_does_not_exist_is_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["stat"]).exit_code == 2
    assert CliRunner().invoke(app, ["import", "customers"]).exit_code == 2
