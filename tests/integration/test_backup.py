"""A backup taken while customers are served brings everything back; the lines are those of docs/operate.md."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from commands import answer
from sqlalchemy import Engine
from typer.testing import CliRunner

from bot.cli.main import app
from bot.settings import ROOT
from crm_store.database import UnitOfWork, open_engine
from crm_store.tables import journal

CUSTOMERS = "source,source_id,email\n" + "".join(f"shop,{n},customer{n}@example.com\n" for n in range(200))


def line(word: str) -> str:
    """The line of the page's examples in which `word` stands."""
    page = (ROOT / "docs/operate.md").read_text("utf-8")
    block = next(block for block in re.findall(r"```sh\n(.*?)```", page, re.S) if word in block)
    return str(block)


def run(commands: str, folder: Path, **environment: str) -> None:
    """As an operator does who copies them, in the home."""
    commands = commands.replace(".venv/bin/python", shlex.quote(sys.executable))
    done = subprocess.run(
        ["sh", "-euc", commands], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@contextmanager
def customers_served(engine: Engine) -> Iterator[None]:
    """Something is written all the while."""
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            with UnitOfWork(engine) as uow:
                row = {"id": uuid4().hex, "at": datetime.now(UTC), "kind": "test", "actor": "test", "details": {}}
                uow.connection.execute(journal.insert().values(**row))
                uow.commit()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield
    finally:
        over.set()
        serving.join()


@pytest.fixture
def home(alone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAPPORT_HOME", str(alone))
    (alone / "var").mkdir()
    return alone


def identities(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("DATABASE_URL", url)
    assert CliRunner().invoke(app, ["export", "identities", str(home / "out.csv")]).exit_code == 0
    return sorted((home / "out.csv").read_text().splitlines())


def fill(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("DATABASE_URL", url)
    (home / "in.csv").write_text(CUSTOMERS)
    imported = CliRunner().invoke(app, ["import", "customers", str(home / "in.csv"), "--json"])
    assert answer(imported)["loaded"] == 200
    return identities(home, url, monkeypatch)


def test_an_sqlite_file_comes_back_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{home}/var/rapport.db"
    before = fill(home, url, monkeypatch)
    engine = open_engine(url)
    with customers_served(engine):
        run(line("backup(sqlite3"), home)
        with UnitOfWork(engine) as uow:  # a disaster after it
            uow.connection.exec_driver_sql("DELETE FROM records")
            uow.commit()
    # As a kill leaves it: with a WAL that belongs to the file that is replaced.
    kept = {path.name: path.read_bytes() for path in (home / "var").glob("rapport.db*")}
    engine.dispose()
    for name, content in kept.items():
        (home / "var" / name).write_bytes(content)
    run(line("cp backup.db"), home)
    assert identities(home, url, monkeypatch) == before
    assert not CliRunner().invoke(app, ["migrate", "--json"]).exit_code


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_postgresql_database_comes_back_as_it_was(
    home: Path, database_url: str, empty_url: str, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{cluster.binaries}:{os.environ['PATH']}"
    before = fill(home, database_url, monkeypatch)
    engine = open_engine(database_url)
    with customers_served(engine):
        run(line("pg_dump --format"), home, DATABASE_URL=database_url, PATH=path)
    with UnitOfWork(engine) as uow:
        uow.connection.exec_driver_sql("DELETE FROM records")
        uow.commit()
    engine.dispose()
    for place in (database_url, empty_url):  # over what is there, and into a new database
        run(line("pg_restore"), home, DATABASE_URL=place, PATH=path)
        assert identities(home, place, monkeypatch) == before
