"""`rapport doctor`: each fault is really made, and is then named with its mend."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from acceptance.running import free_port, until
from commands import diagnosis, leave_a_message, make_newer, plant_a_foreign_model
from fakes import programs
from fakes.peers import BOT_TOKEN, Peer
from integration.test_supervisor import Run
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from bot.cli import doctor, stack
from bot.cli.main import app
from bot.cli.run_record import ChildRecord, RunRecord, read_record, record_path
from bot.home import load_settings
from bot.settings import ROOT


@pytest.fixture(autouse=True)
def _no_settings_but_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_HOME", str(ROOT / "tests"))  # there is no .env


@pytest.fixture
def on_both(alone: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As `alone`, with a migrated store on either database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return alone


class TestTheInstallation:
    def test_a_port_that_another_program_has_is_named_with_its_holder(
        self, alone: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            monkeypatch.setenv("PORT", str(port))
            found = diagnosis("port")
        assert found["wrong"].startswith(f"port {port} is taken by")
        assert f"(pid {os.getpid()})" in found["wrong"]
        assert "make run" in found["mend"]

    def test_a_malformed_business_file_is_named_with_its_line(
        self, alone: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (alone / "mine.yml").write_text("business:\n  name: Mine\n  curency: IDR\n")
        monkeypatch.setenv("RAPPORT_BUSINESS", str(alone / "mine.yml"))
        found = diagnosis("business")
        assert "mine.yml, line 3: business.curency is not a key that belongs here" in found["wrong"]
        assert "mine.yml" in found["mend"]

    def test_a_newer_database_is_named(self, on_both: Path, engine: Engine) -> None:
        make_newer(engine)
        assert "revision ffff" in diagnosis("database")["wrong"]

    def test_a_missing_model_is_named(self, alone: Path) -> None:
        assert diagnosis("model") == {
            "check": "model",
            "wrong": "there is no model yet",
            "mend": "`rapport train`, or `make run`, which trains where needed",
        }

    def test_a_model_that_is_older_than_what_it_was_taught_is_named(self, alone: Path) -> None:
        (alone / "var").mkdir()
        (alone / "var/model.tar.gz").write_bytes(b"trained here, long ago")
        sha256 = hashlib.sha256(b"trained here, long ago").hexdigest()
        trained = {"path": str(alone / "var/model.tar.gz"), "sha256": sha256, "inputs": "", "trained_at": "2026-01-01"}
        (alone / "var/model.json").write_text(json.dumps(trained))
        found = diagnosis("model")
        assert found["wrong"] == "the model is older than business.yml, domain.yml or data/"
        assert "`rapport train`" in found["mend"]

    def test_a_model_from_elsewhere_is_named(self, alone: Path) -> None:
        plant_a_foreign_model(alone / "var")
        assert "not one that was trained here" in diagnosis("model")["wrong"]

    def test_a_folder_that_cannot_be_written_is_named(self, alone: Path) -> None:
        (alone / "var").write_text("a file, not a folder")
        assert "is not writable" in diagnosis("var")["wrong"]

    def test_a_missing_rasa_environment_is_named(self, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stack, "RASA_PYTHON", alone / "nowhere" / "python")
        found = diagnosis("rasa environment")
        assert "missing or broken" in found["wrong"]
        assert "install Python 3.10" in found["mend"]

    def test_a_wrong_python_in_the_rasa_environment_is_named(
        self, alone: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stack, "RASA_PYTHON", Path(sys.executable))
        assert "Rasa needs 3.10" in diagnosis("rasa environment")["wrong"]

    def test_a_disk_that_is_nearly_full_is_named(self, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(doctor, "LEAST_DISK_MB", 10**12)
        assert "nearly full" in diagnosis("disk")["wrong"]

    def test_what_is_well_is_said_too(self, alone: Path) -> None:
        assert not diagnosis("business")["wrong"]
        assert not diagnosis("database")["wrong"]
        assert not diagnosis("port")["wrong"]
        assert "1 to mend" in CliRunner().invoke(app, ["doctor"]).stdout


class TestTheDatabase:
    def test_one_that_refuses_is_named(self, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://rapport@127.0.0.1:{free_port()}/rapport")
        found = diagnosis("database")
        assert "Connection refused" in found["wrong"]
        assert "check DATABASE_URL" in found["mend"]

    def test_one_that_never_answers_is_not_waited_for(self, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            monkeypatch.setenv("DATABASE_URL", f"postgresql://rapport@127.0.0.1:{silent.getsockname()[1]}/rapport")
            assert "timeout" in diagnosis("database")["wrong"]

    def test_a_file_that_another_program_has_locked_is_named_with_that_program(
        self, alone: Path, migrated_sqlite: Path
    ) -> None:
        (alone / "rapport.db").write_bytes(migrated_sqlite.read_bytes())
        take = f"import sqlite3; c = sqlite3.connect({str(alone / 'rapport.db')!r}, isolation_level=None)"
        with holding(f"{take}; c.execute('BEGIN IMMEDIATE')") as pid:
            found = diagnosis("database")
        assert re.search(rf"locked by python\S* \(pid {pid}\): nothing can be written", found["wrong"])
        assert "shell in a transaction" in found["mend"]
        assert not diagnosis("database")["wrong"]

    def test_our_own_writer_that_hangs_is_named(self, alone: Path, migrated_sqlite: Path) -> None:
        (alone / "rapport.db").write_bytes(migrated_sqlite.read_bytes())
        take = f"import fcntl; f = open({str(alone / 'rapport.db-writer')!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX)"
        with holding(take) as pid:
            assert f"(pid {pid})" in diagnosis("database")["wrong"]
        assert not diagnosis("database")["wrong"]

    @pytest.mark.parametrize("backend", ["postgresql"])
    def test_a_table_that_another_session_has_locked_is_named_with_that_session(
        self, on_both: Path, engine: Engine
    ) -> None:
        with engine.begin() as other:
            other.execute(text("SET application_name = 'a forgotten shell'"))
            other.execute(text("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE"))
            found = diagnosis("database")
        assert re.search(r"locked by a forgotten shell \(server process \d+\)", found["wrong"])
        assert "pg_terminate_backend" in found["mend"]
        assert not diagnosis("database")["wrong"]


class TestTheClock:
    def test_that_went_back_is_told_by_a_file_of_ours(self, alone: Path) -> None:
        (alone / "var/logs").mkdir(parents=True)
        log = alone / "var/logs/gateway.log"
        log.touch()
        tomorrow = time.time() + 86400
        os.utime(log, (tomorrow, tomorrow))
        found = diagnosis("clock")
        assert "gateway.log is of" in found["wrong"]
        assert "yet to come" in found["wrong"]
        assert "timedatectl" in found["mend"]

    def test_that_went_back_is_told_by_the_store(self, on_both: Path, engine: Engine) -> None:
        leave_a_message(engine, datetime.now(UTC) + timedelta(hours=3))
        assert "a conversation in the store is of" in diagnosis("clock")["wrong"]

    @pytest.mark.parametrize("backend", ["postgresql"])
    def test_that_is_fast_is_told_by_the_database_server(self, on_both: Path) -> None:
        found = clock_in(timedelta(hours=1))
        assert "but the database server says" in found.wrong

    def test_that_is_slow_or_fast_is_told_by_telegram(self, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with Peer(date="Mon, 02 Mar 2026 05:00:00 GMT") as telegram:
            monkeypatch.setenv("RAPPORT_TELEGRAM_TOKEN", BOT_TOKEN)
            monkeypatch.setenv("RAPPORT_TELEGRAM_API_URL", telegram.url)
            assert f"{telegram.url} says 2026-03-02 05:00 UTC" in diagnosis("clock")["wrong"]

    def test_that_nobody_speaks_against_is_well(self, on_both: Path) -> None:
        assert clock_in(timedelta(seconds=5)).well


class TestTheProcesses:
    """Of a supervisor with a stand-in for the gateway, and mostly the real action server."""

    @contextmanager
    def supervised(self, folder: Path, actions: ChildRecord) -> Iterator[Run]:
        port = int(os.environ["PORT"])
        (folder / "var/run").mkdir(parents=True)
        (folder / "ready").touch()
        children = [programs.child("gateway", "gateway", port), actions]
        path = RunRecord(port, f"http://127.0.0.1:{port}", children).write(folder / "var")
        environment = {
            "READY": str(folder / "ready"),
            "RAPPORT_ACTIONS_URL": f"http://127.0.0.1:{actions.port}",
            "RAPPORT_BUSINESS": str(ROOT / "demo/business.yml"),
            "PYTHONPATH": str(ROOT),
        }
        with Run([*programs.argv("held"), str(path)], environment) as run:
            run.until("Rapport is ready")
            yield run

    @pytest.fixture
    def running(self, alone: Path, migrated_sqlite: Path) -> Iterator[Run]:
        (alone / "rapport.db").write_bytes(migrated_sqlite.read_bytes())
        actions = ChildRecord("actions", [sys.executable, "-m", "actions"], free_port())
        with self.supervised(alone, actions) as run:
            until(lambda: answers(f"http://127.0.0.1:{actions.port}/health"), "the action server answers")
            yield run

    def test_an_action_server_that_hangs_is_named_though_it_runs(self, running: Run, alone: Path) -> None:
        assert not diagnosis("actions")["wrong"]
        os.kill(pid_of(alone, "actions"), signal.SIGSTOP)
        try:
            found = diagnosis("actions")
        finally:
            os.kill(pid_of(alone, "actions"), signal.SIGCONT)
        assert "does not answer: no message can be answered" in found["wrong"]
        assert "actions.log" in found["mend"]

    def test_an_action_server_that_keeps_dying_is_down(self, alone: Path) -> None:
        with self.supervised(alone, programs.child("actions", "short", free_port())) as run:
            run.until("actions ended .* starting it again in 8 s")
            assert "actions is down (exit code 1)" in diagnosis("processes")["wrong"]
            assert "does not answer: no message can be answered" in diagnosis("actions")["wrong"]

    def test_a_gateway_that_cannot_answer_says_what_it_waits_for(self, running: Run, alone: Path) -> None:
        (alone / "ready").unlink()
        assert "cannot answer: Rasa does not answer yet." in diagnosis("processes")["wrong"]


class TestRasa:
    def test_that_knows_our_token_is_well(self, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with Peer(internal_token="shared") as rasa:
            monkeypatch.setenv("RAPPORT_RASA_URL", rasa.url)
            monkeypatch.setenv("RAPPORT_INTERNAL_TOKEN", "shared")
            assert not diagnosis("rasa")["wrong"]

    def test_that_was_started_with_another_token_is_named(self, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with Peer(internal_token="another") as rasa:
            monkeypatch.setenv("RAPPORT_RASA_URL", rasa.url)
            found = diagnosis("rasa")
        assert found["wrong"] == f"Rasa at {rasa.url} answers 401: it was started with another internal token"
        assert "the same RAPPORT_INTERNAL_TOKEN" in found["mend"]

    def test_that_should_be_there_and_is_not_is_named(self, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAPPORT_RASA_URL", f"http://127.0.0.1:{free_port()}")
        assert "does not answer" in diagnosis("rasa")["wrong"]

    def test_that_nobody_started_has_nothing_wrong_with_it(self, alone: Path) -> None:
        assert not diagnosis("rasa")["wrong"]
        assert not diagnosis("actions")["wrong"]


class TestTelegram:
    @pytest.fixture
    def telegram(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
        with Peer() as peer:
            monkeypatch.setenv("RAPPORT_TELEGRAM_API_URL", peer.url)
            monkeypatch.setenv("RAPPORT_TELEGRAM_TOKEN", BOT_TOKEN)
            yield peer

    def test_that_knows_the_bot_is_well(self, alone: Path, telegram: Peer) -> None:
        assert not diagnosis("telegram")["wrong"]

    def test_a_token_that_it_does_not_know_is_named_and_not_told(
        self, alone: Path, telegram: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RAPPORT_TELEGRAM_TOKEN", "1:never-a-token-of-anybody")
        found = diagnosis("telegram")
        assert "RAPPORT_TELEGRAM_TOKEN is wrong or was revoked" in found["wrong"]
        assert "BotFather" in found["mend"]
        assert "never-a-token" not in json.dumps(found)

    def test_that_cannot_be_reached_is_named_without_the_token(
        self, alone: Path, telegram: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RAPPORT_TELEGRAM_API_URL", f"http://127.0.0.1:{free_port()}")
        found = diagnosis("telegram")
        assert "cannot be reached: ConnectError" in found["wrong"]
        assert BOT_TOKEN not in json.dumps(found)

    def test_a_webhook_that_telegram_could_not_call_is_named(
        self, alone: Path, telegram: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RAPPORT_TELEGRAM_MODE", "webhook")
        assert "RAPPORT_PUBLIC_URL is not an https address" in diagnosis("telegram")["wrong"]
        monkeypatch.setenv("RAPPORT_PUBLIC_URL", "https://chat.example.com")
        assert not diagnosis("telegram")["wrong"]

    def test_nobody_is_asked_where_there_is_no_bot(
        self, alone: Path, telegram: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("RAPPORT_TELEGRAM_TOKEN")
        assert not diagnosis("telegram")["wrong"]
        assert telegram.asked == []


@contextmanager
def holding(take: str) -> Iterator[int]:
    """Another program that takes something and keeps it; its pid."""
    program = [sys.executable, "-c", f"{take}; print('taken', flush=True); input()"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"taken\n"
        yield other.pid
        other.kill()


def clock_in(ahead: timedelta) -> doctor.Finding:
    """What the doctor says of a clock that is fast by so much."""
    findings = doctor.examine(load_settings(), lambda: datetime.now(UTC) + ahead)
    return next(finding for finding in findings if finding.check == "clock")


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def pid_of(folder: Path, name: str) -> int:
    record = read_record(record_path(folder / "var", int(os.environ["PORT"])))
    assert record
    pid = next(child.pid for child in record.children if child.name == name)
    assert pid
    return pid
