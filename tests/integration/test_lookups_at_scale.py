"""No way to find somebody becomes slower with how many others there are: each goes by an index that leads to few rows.

SQLite says how it will carry out a statement, and knows no figures of the tables: what it chooses here it chooses for millions.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, select

sys.path.insert(0, str(Path(__file__).parents[2]))  # what measures is no part of the installed project

from bench import _fill
from bench._crowd import write_customers
from bench.identify import NOW, Ways
from crm_store import prepared
from crm_store.business import Business
from crm_store.database import UnitOfWork, open_engine
from crm_store.differentiate.live import revalue
from crm_store.differentiate.picture import picture
from crm_store.imports import import_customers
from crm_store.prepared import carried_out
from crm_store.tables import customers

COUNT = 100
LONG = re.compile(r"SCAN (?!anon_)\w+|SEARCH identifiers USING (?:COVERING )?INDEX \w+ \(type=\?\)")
"""A walk through a whole table, or through all identifiers of a type; a list that was given is no table."""


@pytest.fixture
def engine(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Engine]:
    path = tmp_path / "rapport.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    engine = open_engine(f"sqlite:///{path}")
    _fill.fill(engine, COUNT, NOW)
    yield engine
    engine.dispose()


@pytest.fixture
def long_walks(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Statements from now on that go through more than an index leads to."""
    found: list[str] = []

    def explain(connection: Connection, statement: str, parameters: Any) -> None:
        plan = carried_out(connection, f"EXPLAIN QUERY PLAN {statement}", parameters)
        steps = " | ".join(row[3] for row in plan)
        if LONG.search(steps):
            found.append(f"{statement}: {steps}")

    @event.listens_for(engine, "after_cursor_execute")
    def _explain(connection, cursor, statement, parameters, context, many) -> None:  # type: ignore[no-untyped-def]
        if not many and statement.startswith(("SELECT", "UPDATE", "DELETE")):
            explain(connection, statement, parameters)

    def explained(connection: Connection, statement: str, asked: Any) -> Sequence[Sequence[Any]]:
        explain(connection, statement, asked)
        return carried_out(connection, statement, asked)

    monkeypatch.setattr(prepared, "carried_out", explained)
    return found


def test_nobody_is_looked_for_among_all(engine: Engine, business: Business, long_walks: list[str]) -> None:
    ways = Ways(business, NOW)
    for resolve in (ways.reading() | ways.writing()).values():
        with UnitOfWork(engine) as work:
            resolve(work.connection, 20)
            work.commit()
    assert long_walks == []


def test_one_customer_is_valued_and_pictured_without_a_look_at_others(
    engine: Engine, business: Business, long_walks: list[str]
) -> None:
    with UnitOfWork(engine) as work:
        profile = work.connection.execute(select(customers.c.id).limit(1)).scalar_one()
        long_walks.clear()
        revalue(work.connection, business, profile, NOW)
        picture(work.connection, business, [profile], NOW)
    assert [walk for walk in long_walks if "scorings" not in walk and "learnt_likelihoods" not in walk] == []


def test_an_import_looks_at_nothing_but_its_own_rows(
    engine: Engine, long_walks: list[str], tmp_path: Path, now: datetime
) -> None:
    for count in (COUNT, COUNT, 2 * COUNT):
        write_customers(tmp_path / "customers.csv", count)
        assert import_customers(engine, tmp_path / "customers.csv", now=now).read == count
    assert long_walks == []
