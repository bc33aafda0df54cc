"""Migrations replayed must equal the tables, on both databases; one of another version is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from crm_store.database import open_engine
from crm_store.schema import DatabaseNewerError, DatabaseOlderError, _config, ensure_current, migrate
from crm_store.tables import metadata


@pytest.fixture
def empty(empty_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_url)
    yield engine
    engine.dispose()


def _revision(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def _is_no_search(_thing: object, name: str | None, *_rest: object) -> bool:
    """What each database searches with is its own, and no table of ours."""
    return not (name or "").startswith(("search_", "ix_messages_words", "ix_notes_words"))


def test_migrations_replayed_equal_the_tables(engine: Engine) -> None:
    options = {"compare_type": True, "include_object": _is_no_search}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_an_empty_database_is_filled(empty: Engine) -> None:
    ensure_current(empty)
    assert set(metadata.tables) < set(inspect(empty).get_table_names())
    ensure_current(empty)


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    tables = {name for name in inspect(engine).get_table_names() if _is_no_search(None, name)}
    assert tables == {*metadata.tables, "alembic_version"}


def test_what_was_said_before_a_migration_is_kept_and_can_be_found(empty: Engine) -> None:
    with empty.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    at = "2026-01-01 00:00:00+00:00"
    with empty.begin() as connection:
        for row in (
            f"customers (id, canonical_id, created_at) VALUES ('c', 'c', '{at}')",
            "conversations (id, customer_id, channel, assurance, language, state, started_at, last_at, last_seq) "
            f"VALUES ('t', 'c', 'web', 'anonymous', 'en', 'bot', '{at}', '{at}', 1)",
            "messages (id, conversation_id, seq, author, state, text, at, attempts) "
            f"VALUES ('m', 't', 1, 'customer', 'answered', 'Where is my parcel?', '{at}', 0)",
            f"staff (id, email, role, password_hash, created_at) VALUES ('s', 'rina@shop.example', 'agent', 'x', '{at}')",
        ):
            connection.execute(text(f"INSERT INTO {row}"))
    migrate(empty)
    words = (
        "SELECT written_id FROM search_words JOIN search_numbers ON number = search_words.rowid "
        "WHERE search_words MATCH 'parcel'"
        if empty.dialect.name == "sqlite"
        else "SELECT id FROM messages WHERE to_tsvector('simple', text) @@ plainto_tsquery('simple', 'parcel')"
    )
    with empty.connect() as connection:
        assert connection.execute(text(words)).scalars().all() == ["m"]
        assert connection.execute(text("SELECT name FROM staff")).scalar_one() == "rina"


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
