"""Migrations replayed must equal the tables, on both databases; one of another version is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text

from crm_store.database import UnitOfWork, open_engine
from crm_store.identify.merging import split
from crm_store.identify.ties import standing
from crm_store.schema import DatabaseNewerError, DatabaseOlderError, _config, ensure_current, migrate
from crm_store.tables import customers, identifiers, interactions, metadata, records, transactions


@pytest.fixture
def empty(empty_url: str) -> Iterator[Engine]:
    engine = open_engine(empty_url)
    yield engine
    engine.dispose()


def _revision(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def _upgrade(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


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
    _upgrade(empty, "0001")
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


def test_records_that_shared_a_profile_get_one_each_with_what_is_their_own(empty: Engine) -> None:
    _upgrade(empty, "0002")
    day = [f"2026-01-0{n} 00:00:00+00:00" for n in range(1, 6)]
    said = {
        "web": '{"email": "Sari@example.com", "phone": "0811-5550-0001"}',
        "pos": '{"email": "sari@example.com", "phone": "+62 811 5550 0002", "loyalty_id": "ks 1"}',
        "app": '{"email": "sari@example.com", "phone": "+6281155500002"}',
    }
    fact = "source, source_id, customer_id, at, attributes"
    rows = [
        *(f"customers (id, canonical_id, created_at) VALUES ('{i}', '{i}', '{day[0]}')" for i in ("c", "b")),
        *(f"customers (id, canonical_id, created_at) VALUES ('{i}', 'c', '{day[1]}')" for i in ("d", "e")),
        "journal (id, at, kind, customer_id, actor, details) "
        f"VALUES ('j', '{day[1]}', 'joined', 'c', 'telegram', '{{\"from\": \"d\", \"moved\": [\"d\"]}}')",
        *(
            "records (source, source_id, customer_id, attributes, imported_at) "
            f"VALUES ('{source}', '1', 'c', '{words}', '{day[2 + place]}')"
            for place, (source, words) in enumerate(said.items())
        ),
        f"records (source, source_id, customer_id, attributes, imported_at) VALUES ('web', '2', 'b', '{{}}', '{day[2]}')",
        *(
            "identifiers (id, type, value, raw, customer_id, source, assurance, first_seen_at, last_seen_at) "
            f"VALUES ('i{place}', '{kind}', '{value}', '{raw}', 'c', '{source}', '{how}', '{day[2]}', '{day[2]}')"
            for place, (kind, value, raw, source, how) in enumerate(
                (
                    ("email", "sari@example.com", "Sari@example.com", "web", "imported"),
                    ("phone", "+6281155500001", "0811-5550-0001", "web", "imported"),
                    ("phone", "+6281155500002", "+62 811 5550 0002", "pos", "imported"),
                    ("loyalty_id", "KS1", "ks 1", "pos", "imported"),
                    ("telegram", "42", "42", "telegram", "proven"),
                )
            )
        ),
        f"transactions ({fact}, transaction_id, product, amount) VALUES ('pos', '1', 'c', '{day[2]}', '{{}}', 't', '', 5)",
        f"transactions ({fact}, transaction_id, product, amount) VALUES ('till', 'c', 'c', '{day[2]}', '{{}}', 'e', '', 7)",
        f"interactions ({fact}, interaction_id, touchpoint) VALUES ('web', '1', 'c', '{day[2]}', '{{}}', 'i', 'web')",
    ]
    with empty.begin() as connection:
        for row in rows:
            connection.exec_driver_sql(f"INSERT INTO {row}")
    migrate(empty)
    with empty.connect() as connection:
        of = {row[:2]: row.customer_id for row in connection.execute(select(records).order_by(records.c.source))}
        assert of["web", "1"] == "c", "the first to come keeps the profile"
        assert of["web", "2"] == "b"
        assert len(set(of.values())) == 4
        whole = set(connection.execute(select(customers.c.id).where(customers.c.canonical_id == "c")).scalars())
        assert whole == {"c", "d", "e", of["pos", "1"], of["app", "1"]}, "they are one customer, of the same id"
        assert [row.customer_id for row in connection.execute(select(transactions).order_by("transaction_id"))] == [
            "c",  # what an event told names no record
            of["pos", "1"],
        ]
        assert connection.execute(select(interactions.c.customer_id)).scalar_one() == "c"
        has = {(row.customer_id, row.type, row.value) for row in connection.execute(select(identifiers))}
        assert has == {
            *((profile, "email", "sari@example.com") for profile in ("c", of["pos", "1"], of["app", "1"])),
            ("c", "phone", "+6281155500001"),
            ("c", "telegram", "42"),
            *((profile, "phone", "+6281155500002") for profile in (of["pos", "1"], of["app", "1"])),
            (of["pos", "1"], "loyalty_id", "KS1"),
        }
        ties = standing(connection, whole)
        assert {(tie.profile, tie.other, tie.actor, tie.ground) for tie in ties} == {
            ("d", "c", "telegram", "proof"),
            ("e", "c", "user_token", "proof"),
            (of["pos", "1"], "c", "import", "rule"),
            (of["app", "1"], "c", "import", "rule"),
        }
    with UnitOfWork(empty) as work:
        assert split(work.connection, [of["pos", "1"]], "staff", "her sister", datetime(2026, 3, 2, tzinfo=UTC))
        work.commit()
    with empty.connect() as connection:
        whole = set(connection.execute(select(customers.c.id).where(customers.c.canonical_id == "c")).scalars())
        assert whole == {"c", "d", "e", of["app", "1"]}


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
