"""The right to be forgotten: nothing of a customer is left in any table, in the tracker, or in the bytes of the file."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import JSON, Boolean, Column, DateTime, Engine, Float, Integer, Numeric, Table, event, insert, select
from visitor import Visitor, arrive, counts, everything, rows

from crm_store.access.erasure import (
    NoSuchCustomerError,
    erase_customer,
    erase_trackers,
    forget_in_conversation,
    scrub,
)
from crm_store.business import Business
from crm_store.conversations import inbox, outbox
from crm_store.conversations.outbox import Outgoing
from crm_store.conversations.sessions import session
from crm_store.database import UnitOfWork, open_engine, reading
from crm_store.identify.proof import Proof
from crm_store.tables import Utc, conversations, customers, erasures, journal, metadata

NOT_OF_CUSTOMERS = {"staff", "staff_sessions", "erasures"}
"""Tables that hold nothing of a customer; every other one is filled below and must be empty of them afterwards."""

SARI = Proof("web", "sari.w", {"given_name": "Sarinah"})
OFFICE = ("need", "office", 0.95)


@dataclass
class Person:
    """Somebody with a row in every table and their words in every column that has room for them."""

    words: str
    profile: str = field(default_factory=lambda: uuid4().hex)
    conversation: str = field(default_factory=lambda: uuid4().hex)
    message: str = field(default_factory=lambda: uuid4().hex)
    decision: str = field(default_factory=lambda: uuid4().hex)

    @property
    def traces(self) -> list[str]:
        return [self.words, self.profile, self.conversation, self.message, self.decision]

    def row(self, table: Table, at: datetime) -> dict[str, Any]:
        return {column.name: self._value(table, column, at) for column in table.c}

    def _value(self, table: Table, column: Column[Any], at: datetime) -> Any:
        own = {"customers": self.profile, "conversations": self.conversation, "messages": self.message}
        own["decisions"] = self.decision
        by_name = {
            "id": own.get(table.name) or uuid4().hex,
            "customer_id": self.profile,
            "canonical_id": self.profile,
            "conversation_id": self.conversation,
            "message_id": self.message,
            "in_reply_to": self.message,
            "decision_id": self.decision,
            "token_hash": uuid4().hex,
        }
        if column.name in by_name:
            return by_name[column.name]
        kind = column.type
        if isinstance(kind, JSON):
            return {"words": self.words, "of": self.profile}
        if isinstance(kind, Boolean):
            return True
        if isinstance(kind, Utc | DateTime):
            return at
        if isinstance(kind, Integer | Float | Numeric):
            return 1
        return self.words[: getattr(kind, "length", None) or 255]


@pytest.fixture
def kartika() -> Person:
    return Person("Kartika Rahasia wants decaf")


@pytest.fixture
def bagus() -> Person:
    return Person("Bagus Tetap wants espresso")


def fill(engine: Engine, person: Person, at: datetime) -> None:
    with UnitOfWork(engine) as work:
        for table in metadata.sorted_tables:
            if table.name not in NOT_OF_CUSTOMERS:
                work.connection.execute(insert(table).values(person.row(table, at)))
        work.commit()


def found_anywhere(engine: Engine, trace: str) -> list[str]:
    """Each "table.column" in which this text stands, as a word or inside of one."""
    with reading(engine) as connection:
        return [
            f"{table.name}.{column.name}"
            for table in metadata.sorted_tables
            for column in table.c
            for value in connection.execute(select(column)).scalars()
            if trace in (value if isinstance(value, str) else json.dumps(value, default=str))
        ]


def erase(engine: Engine, customer: str, now: datetime) -> int:
    with UnitOfWork(engine) as work:
        gone = erase_customer(work, customer, now)
        work.commit()
    return gone


def forget(visitor: Visitor) -> str:
    with UnitOfWork(visitor.engine) as work:
        fresh = forget_in_conversation(work.connection, visitor.conversation_id, visitor.at)
        work.commit()
    return fresh


# Every table ---------------------------------------------------------------------------------------------------------


def test_the_tables_that_are_passed_over_here_know_no_customer() -> None:
    for name in NOT_OF_CUSTOMERS:
        assert not {"customer_id", "conversation_id", "message_id"} & set(metadata.tables[name].c.keys())


def test_nothing_of_an_erased_customer_is_left_in_any_column_of_any_table(
    engine: Engine, now: datetime, kartika: Person, tmp_path: Path
) -> None:
    fill(engine, kartika, now)
    filled = {place.split(".")[0] for trace in kartika.traces for place in found_anywhere(engine, trace)}
    assert filled == set(metadata.tables) - NOT_OF_CUSTOMERS
    erase(engine, kartika.profile, now)
    erase_trackers(engine, tmp_path / "tracker.db")
    assert {trace: found_anywhere(engine, trace) for trace in kartika.traces} == {t: [] for t in kartika.traces}
    assert {table for table, count in counts(engine).items() if count} == {"erasures"}


def test_another_customer_is_untouched(engine: Engine, now: datetime, kartika: Person, bagus: Person) -> None:
    fill(engine, bagus, now)
    before = everything(engine)
    fill(engine, kartika, now)
    erase(engine, kartika.profile, now)
    after = everything(engine)
    del before["erasures"], after["erasures"]
    assert after == before


def test_every_profile_that_is_joined_to_the_customer_goes_with_them(
    engine: Engine, business: Business, now: datetime, tmp_path: Path
) -> None:
    device = arrive(engine, business, now)
    device.says("for the office of Sarinah", "action_note_need", OFFICE, ("email", "sarinah@example.com", 1.0))
    customer = device.comes_back(timedelta(hours=1), proof=SARI)
    customer.says("30 cups for Sarinah", "action_note_answer")
    phone = arrive(engine, business, now, proof=SARI)
    phone.says("a human please, says Sarinah", "action_talk_to_person")
    traces = [device.profile, customer.profile, device.conversation_id, customer.conversation_id, "arinah"]
    assert all(found_anywhere(engine, trace) for trace in traces)

    erase(engine, device.profile, now)
    erase_trackers(engine, tmp_path / "tracker.db")

    assert [place for trace in traces for place in found_anywhere(engine, trace)] == []
    assert {table for table, count in counts(engine).items() if count} == {"erasures"}


def test_erasing_says_how_many_rows_went(engine: Engine, now: datetime, kartika: Person, bagus: Person) -> None:
    fill(engine, kartika, now)
    fill(engine, bagus, now)
    before = sum(counts(engine).values())
    gone = erase(engine, kartika.profile, now)
    assert gone == len(metadata.tables) - len(NOT_OF_CUSTOMERS)
    assert sum(counts(engine).values()) == before - gone + 1, "one tombstone"


def test_nobody_of_that_name_is_said_so_and_nothing_is_erased(engine: Engine, now: datetime, bagus: Person) -> None:
    fill(engine, bagus, now)
    before = everything(engine)
    with pytest.raises(NoSuchCustomerError):
        erase(engine, "0" * 32, now)
    assert everything(engine) == before


def test_a_customer_cannot_be_erased_twice(engine: Engine, now: datetime, kartika: Person) -> None:
    fill(engine, kartika, now)
    erase(engine, kartika.profile, now)
    with pytest.raises(NoSuchCustomerError):
        erase(engine, kartika.profile, now)


def test_what_stays_is_a_tombstone_without_content(
    engine: Engine, now: datetime, kartika: Person, tmp_path: Path
) -> None:
    fill(engine, kartika, now)
    erase(engine, kartika.profile, now)
    with reading(engine) as connection:
        (tombstone,) = rows(connection, erasures)
    assert (tombstone.at, tombstone.trackers, tombstone.done_at) == (now, [kartika.conversation], None)
    assert erase_trackers(engine, tmp_path / "tracker.db") == 1
    with reading(engine) as connection:
        (tombstone,) = rows(connection, erasures)
    assert tombstone.trackers == []
    assert tombstone.done_at is not None


# In the chat ---------------------------------------------------------------------------------------------------------


def test_forgetting_gives_a_fresh_conversation_whose_numbering_goes_on(
    engine: Engine, business: Business, now: datetime
) -> None:
    visitor = arrive(engine, business, now)
    visitor.says("something for the office", "action_note_need", OFFICE)
    visitor.says("forget me", "action_forget")
    old, profile = visitor.conversation_id, visitor.profile
    with reading(engine) as connection:
        last = session(connection, visitor.session_token, visitor.at).last_seq

    fresh = forget(visitor)

    with reading(engine) as connection:
        here = session(connection, visitor.session_token, visitor.at)
        assert inbox.said_after(connection, fresh, 0) == []
    assert (here.id, here.last_seq, here.assurance, here.language) == (fresh, last, "anonymous", "en")
    assert here.customer_id != profile
    with UnitOfWork(engine) as work:
        outbox.say(work.connection, fresh, [Outgoing("Done. I know nothing of you any more.")], visitor.at)
        work.commit()
    with reading(engine) as connection:
        (told,) = inbox.said_after(connection, fresh, last)
    assert told.seq == last + 1
    assert found_anywhere(engine, profile) == []
    assert found_anywhere(engine, old) == ["erasures.trackers"]


def test_a_device_that_was_forgotten_is_a_stranger_s_afterwards(
    engine: Engine, business: Business, now: datetime
) -> None:
    visitor = arrive(engine, business, now)
    visitor.says("something for the office", "action_note_need", OFFICE)
    profile = visitor.profile
    forget(visitor)
    back = visitor.comes_back(timedelta(minutes=1))
    assert back.profile != profile
    with reading(engine) as connection:
        (here,) = rows(connection, conversations, id=back.conversation_id)
    assert here.assurance == "anonymous"


def test_a_verified_customer_who_wants_to_be_forgotten_is_forgotten_everywhere(
    engine: Engine, business: Business, now: datetime
) -> None:
    phone = arrive(engine, business, now, proof=SARI)
    phone.says("for the office", "action_note_need", OFFICE)
    laptop = arrive(engine, business, now, proof=SARI)
    profile = laptop.profile
    forget(laptop)
    assert found_anywhere(engine, profile) == []
    assert found_anywhere(engine, "Sarinah") == []
    with reading(engine) as connection:
        assert session(connection, phone.session_token, now) is None
        assert session(connection, laptop.session_token, now) is not None


def test_whoever_is_not_verified_erases_this_device_s_profile_and_no_more(
    engine: Engine, business: Business, now: datetime
) -> None:
    customer = arrive(engine, business, now, proof=SARI)
    customer.says("for the office", "action_note_need", OFFICE)
    at_her_device = customer.comes_back(timedelta(days=1))
    at_her_device.says("something fruity", "action_note_need", ("need", "explorer", 0.9))
    device = at_her_device.profile
    forget(at_her_device)
    assert found_anywhere(engine, device) == []
    assert "records.attributes" in found_anywhere(engine, "Sarinah")
    assert "evidence.customer_id" in found_anywhere(engine, customer.profile)


def test_a_device_that_was_joined_and_forgotten_is_not_named_in_the_journal_either(
    engine: Engine, business: Business, now: datetime
) -> None:
    visitor = arrive(engine, business, now)
    device = visitor.profile
    visitor.proves(SARI)
    other = arrive(engine, business, now)
    other.proves(SARI)
    at_the_device = visitor.comes_back(timedelta(days=1))
    assert at_the_device.profile == device
    assert "journal.details" in found_anywhere(engine, device)
    forget(at_the_device)
    assert found_anywhere(engine, device) == []
    with reading(engine) as connection:
        assert len(rows(connection, journal)) == 1, "the other device's join stays told"
        assert len(rows(connection, customers, canonical_id=visitor.profile)) == 2


def test_what_waits_unanswered_in_a_forgotten_conversation_goes_with_it(
    engine: Engine, business: Business, now: datetime
) -> None:
    visitor = arrive(engine, business, now)
    visitor.writes("and one more thing")
    fresh = forget(visitor)
    with reading(engine) as connection:
        assert inbox.next_waiting(connection, fresh) is None
        assert inbox.backlog(connection) == 0


# The assistant's tracker ---------------------------------------------------------------------------------------------


@pytest.fixture
def tracker(tmp_path: Path) -> Path:
    """The assistant's own file, with the table that Rasa makes."""
    path = tmp_path / "tracker.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id VARCHAR(255) NOT NULL, type_name VARCHAR(255), data TEXT)"
        )
        connection.execute("CREATE INDEX ix_events_sender_id ON events (sender_id)")
    return path


def remember(tracker: Path, conversation: str, words: str) -> None:
    with closing(sqlite3.connect(tracker)) as connection, connection:
        connection.executemany(
            "INSERT INTO events (sender_id, type_name, data) VALUES (?, 'user', ?)",
            [(conversation, json.dumps({"text": f"{words} {i}"})) for i in range(50)],
        )


def senders(tracker: Path) -> set[str]:
    with closing(sqlite3.connect(tracker)) as connection:
        return {row[0] for row in connection.execute("SELECT sender_id FROM events")}


def test_the_tracker_forgets_whoever_was_erased_and_nobody_else(
    engine: Engine, now: datetime, kartika: Person, bagus: Person, tracker: Path
) -> None:
    for person in (kartika, bagus):
        fill(engine, person, now)
        remember(tracker, person.conversation, person.words)
    erase(engine, kartika.profile, now)
    assert erase_trackers(engine, tracker) == 1
    assert senders(tracker) == {bagus.conversation}
    assert kartika.words.encode() not in tracker.read_bytes()
    assert bagus.words.encode() in tracker.read_bytes()


def test_erasing_the_trackers_again_finds_nothing_left_to_do(
    engine: Engine, now: datetime, kartika: Person, tracker: Path
) -> None:
    fill(engine, kartika, now)
    remember(tracker, kartika.conversation, kartika.words)
    erase(engine, kartika.profile, now)
    assert [erase_trackers(engine, tracker) for _ in range(3)] == [1, 0, 0]


def test_several_erasures_are_carried_out_at_once(
    engine: Engine, now: datetime, kartika: Person, bagus: Person, tracker: Path
) -> None:
    for person in (kartika, bagus):
        fill(engine, person, now)
        remember(tracker, person.conversation, person.words)
        erase(engine, person.profile, now)
    assert erase_trackers(engine, tracker) == 2
    assert senders(tracker) == set()


def test_an_assistant_that_never_spoke_has_nothing_to_forget(
    engine: Engine, now: datetime, kartika: Person, tmp_path: Path
) -> None:
    fill(engine, kartika, now)
    erase(engine, kartika.profile, now)
    sqlite3.connect(tmp_path / "empty.db").close()
    assert erase_trackers(engine, tmp_path / "empty.db") == 1
    assert erase_trackers(engine, tmp_path / "nowhere.db") == 0
    assert not (tmp_path / "nowhere.db").exists()


# The bytes of the file -----------------------------------------------------------------------------------------------


@pytest.fixture
def store(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Engine]:
    """A store in an SQLite file, whose connections give up at once where they would wait."""
    path = tmp_path / "store.db"
    shutil.copy(migrated_sqlite, path)
    engine = open_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _impatient(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA busy_timeout = 0")

    yield engine
    engine.dispose()


def bytes_of(store: Engine) -> bytes:
    path = Path(str(store.url.database))
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))


def test_the_bytes_of_the_file_hold_no_word_of_an_erased_customer(
    store: Engine, now: datetime, kartika: Person, bagus: Person, tmp_path: Path
) -> None:
    for person in (kartika, bagus):
        fill(store, person, now)
    assert kartika.words.encode() in bytes_of(store)
    erase(store, kartika.profile, now)
    erase_trackers(store, tmp_path / "tracker.db")
    for trace in kartika.traces:
        assert trace.encode() not in bytes_of(store)
    assert bagus.words.encode() in bytes_of(store)


def test_while_somebody_reads_the_old_rows_the_erasure_stays_open_and_is_taken_up_again(
    store: Engine, now: datetime, kartika: Person, tmp_path: Path
) -> None:
    fill(store, kartika, now)
    with reading(store) as reader:
        assert rows(reader, customers)
        erase(store, kartika.profile, now)
        erase_trackers(store, tmp_path / "tracker.db")
        assert not scrub(store)
        with reading(store) as connection:
            (tombstone,) = rows(connection, erasures)
        assert tombstone.done_at is None
    erase_trackers(store, tmp_path / "tracker.db")
    with reading(store) as connection:
        (tombstone,) = rows(connection, erasures)
    assert tombstone.done_at is not None
    assert kartika.words.encode() not in bytes_of(store)
