"""Migrations replayed must equal the tables, on both databases; one of another version is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from crm_store.database import open_engine
from crm_store.schema import DatabaseNewerError, DatabaseOlderError, ensure_current, migrate
from crm_store.tables import metadata


@pytest.fixture
def empty(empty_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_url)
    yield engine
    engine.dispose()


def _revision(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_migrations_replayed_equal_the_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_an_empty_database_is_filled(empty: Engine) -> None:
    ensure_current(empty)
    assert set(metadata.tables) < set(inspect(empty).get_table_names())
    ensure_current(empty)


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_a_database_of_an_unknown_revision_is_refused(engine: Engine) -> None:
    _revision(engine, "9999")
    for bring_up in (ensure_current, migrate):
        with pytest.raises(DatabaseNewerError, match="install the newer Rapport") as refused:
            bring_up(engine)
        assert refused.value.found == "9999"


def test_a_database_with_tables_and_no_revision_is_left_to_the_operator(empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE somebody_elses (id INTEGER)"))
    with pytest.raises(DatabaseOlderError, match="rapport migrate"):
        ensure_current(empty)
    assert inspect(empty).get_table_names() == ["somebody_elses"]
