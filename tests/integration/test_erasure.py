"""The right to be forgotten: nothing of a customer is left in any table, in the tracker, or in the bytes of the file."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from person import COLLEAGUE, NOT_OF_CUSTOMERS, Person, fill
from sqlalchemy import Engine, event, select
from visitor import Visitor, arrive, counts, everything, rows

from crm_store.access import remains
from crm_store.access.erasure import (
    NoSuchCustomerError,
    erase_customer,
    erase_late,
    forget_in_conversation,
)
from crm_store.business import Business
from crm_store.conversations import inbox, outbox
from crm_store.conversations.outbox import Outgoing
from crm_store.conversations.sessions import session
from crm_store.database import UnitOfWork, open_engine, reading
from crm_store.identify.proof import Proof
from crm_store.tables import conversations, customers, erasures, journal, metadata, notes
from crm_store.tables import outbox as outbox_table

SARI = Proof("web", "sari.w", {"given_name": "Sarinah"})
OFFICE = ("need", "office", 0.95)


@pytest.fixture
def kartika() -> Person:
    return Person("Kartika Rahasia wants mocha")


@pytest.fixture
def bagus() -> Person:
    return Person("Bagus Tetap wants espresso")


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


def carry_out(engine: Engine, tracker: Path, now: datetime) -> int:
    return remains.carry_out(engine, tracker, remains.open_erasures(engine), now)


def tables_with_rows(engine: Engine) -> set[str]:
    """Beside those to which rows of customers refer."""
    return {table for table, count in counts(engine).items() if count} - {"staff", "notices"}


def forget(visitor: Visitor) -> str:
    with UnitOfWork(visitor.engine) as work:
        fresh = forget_in_conversation(work.connection, visitor.conversation_id, visitor.at)
        work.commit()
    assert fresh
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
    carry_out(engine, tmp_path / "tracker.db", now)
    assert {trace: found_anywhere(engine, trace) for trace in kartika.traces} == {t: [] for t in kartika.traces}
    assert tables_with_rows(engine) == {"erasures"}


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
    carry_out(engine, tmp_path / "tracker.db", now)

    assert [place for trace in traces for place in found_anywhere(engine, trace)] == []
    assert tables_with_rows(engine) == {"erasures"}


def test_erasing_says_how_many_rows_went(engine: Engine, now: datetime, kartika: Person, bagus: Person) -> None:
    fill(engine, kartika, now)
    fill(engine, bagus, now)
    before = sum(counts(engine).values())
    gone = erase(engine, kartika.profile, now)
    assert gone == len(metadata.tables) - len(NOT_OF_CUSTOMERS), "a row in each table"
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
    later = now + timedelta(minutes=3)
    assert carry_out(engine, tmp_path / "tracker.db", later) == 1
    with reading(engine) as connection:
        (tombstone,) = rows(connection, erasures)
    assert (tombstone.trackers, tombstone.farewell) == ([], None)
    assert tombstone.done_at == later, "when it was really done"


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
    assert "journal.customer_id" in found_anywhere(engine, device)
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


# On a channel that is sent to ----------------------------------------------------------------------------------------

CHAT = "5820047113"
"""Long enough that no random identifier holds it by chance."""


@pytest.fixture
def by_message(engine: Engine, business: Business, now: datetime) -> Visitor:
    """Somebody on a channel where replies are sent to an address, who has said something."""
    visitor = arrive(engine, business, now, channel="telegram")
    with UnitOfWork(engine) as work:
        work.connection.execute(conversations.update().values(address=CHAT))
        work.commit()
    visitor.says("something for the office of Kartika", "action_note_need", OFFICE)
    return visitor


def say_goodbye(visitor: Visitor) -> str:
    fresh = forget(visitor)
    with UnitOfWork(visitor.engine) as work:
        outbox.say(work.connection, fresh, [Outgoing("Done. I know nothing of you any more.")], visitor.at)
        work.commit()
    return fresh


def settle(engine: Engine, state: str = "sent") -> None:
    with UnitOfWork(engine) as work:
        work.connection.execute(outbox_table.update().values(state=state))
        work.commit()


def test_goodbye_goes_to_the_address_and_then_the_address_goes_too(by_message: Visitor, tmp_path: Path) -> None:
    engine, at = by_message.engine, by_message.at
    fresh = say_goodbye(by_message)
    assert carry_out(engine, tmp_path / "tracker.db", at) == 0, "goodbye is on its way"
    with reading(engine) as connection:
        (going_out,) = rows(connection, outbox_table)
        (tombstone,) = rows(connection, erasures)
    assert (going_out.address, going_out.conversation_id, going_out.state) == (CHAT, fresh, "due")
    assert (tombstone.trackers, tombstone.farewell, tombstone.done_at) == ([], fresh, None)

    settle(engine)
    assert carry_out(engine, tmp_path / "tracker.db", at + timedelta(seconds=9)) == 1

    assert found_anywhere(engine, CHAT) == found_anywhere(engine, fresh) == []
    assert tables_with_rows(engine) == {"erasures"}


def test_a_goodbye_that_cannot_arrive_is_waited_for_no_longer_than_it_is_tried(
    by_message: Visitor, tmp_path: Path
) -> None:
    say_goodbye(by_message)
    settle(by_message.engine, "failed")
    assert carry_out(by_message.engine, tmp_path / "tracker.db", by_message.at) == 1
    assert found_anywhere(by_message.engine, CHAT) == []


def test_who_writes_again_before_goodbye_arrived_is_somebody_new_and_stays(by_message: Visitor, tmp_path: Path) -> None:
    engine = by_message.engine
    by_message.conversation_id = say_goodbye(by_message)
    by_message.writes("hello again")
    settle(engine)
    assert carry_out(engine, tmp_path / "tracker.db", by_message.at) == 1
    assert set(found_anywhere(engine, CHAT)) == {"conversations.address", "outbox.address"}
    assert "messages.text" in found_anywhere(engine, "hello again")
    assert found_anywhere(engine, "Kartika") == []


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
    assert carry_out(engine, tracker, now) == 1
    assert senders(tracker) == {bagus.conversation}
    assert kartika.words.encode() not in tracker.read_bytes()
    assert bagus.words.encode() in tracker.read_bytes()


def test_erasing_the_trackers_again_finds_nothing_left_to_do(
    engine: Engine, now: datetime, kartika: Person, tracker: Path
) -> None:
    fill(engine, kartika, now)
    remember(tracker, kartika.conversation, kartika.words)
    erase(engine, kartika.profile, now)
    assert [carry_out(engine, tracker, now) for _ in range(3)] == [1, 0, 0]


def test_several_erasures_are_carried_out_at_once(
    engine: Engine, now: datetime, kartika: Person, bagus: Person, tracker: Path
) -> None:
    for person in (kartika, bagus):
        fill(engine, person, now)
        remember(tracker, person.conversation, person.words)
        erase(engine, person.profile, now)
    assert carry_out(engine, tracker, now) == 2
    assert senders(tracker) == set()


def test_an_assistant_that_never_spoke_has_nothing_to_forget(
    engine: Engine, now: datetime, kartika: Person, tmp_path: Path
) -> None:
    fill(engine, kartika, now)
    erase(engine, kartika.profile, now)
    sqlite3.connect(tmp_path / "empty.db").close()
    assert carry_out(engine, tmp_path / "empty.db", now) == 1
    assert remains.strays(engine, tmp_path / "empty.db") == remains.strays(engine, tmp_path / "nowhere.db") == []
    assert not (tmp_path / "nowhere.db").exists()


def test_a_turn_that_ends_after_its_conversation_was_erased_leaves_its_tracker_to_be_forgotten(
    engine: Engine, now: datetime, kartika: Person, bagus: Person, tracker: Path
) -> None:
    for person in (kartika, bagus):
        fill(engine, person, now)
    erase(engine, kartika.profile, now)
    carry_out(engine, tracker, now)
    remember(tracker, kartika.conversation, kartika.words)
    with UnitOfWork(engine) as work:
        assert erase_late(work.connection, kartika.conversation, now)
        assert not erase_late(work.connection, bagus.conversation, now)
        work.commit()
    assert carry_out(engine, tracker, now) == 1
    assert senders(tracker) == set()


def test_a_tracker_of_which_the_store_knows_nothing_is_a_stray(
    engine: Engine, now: datetime, bagus: Person, tracker: Path
) -> None:
    fill(engine, bagus, now)
    for conversation in (bagus.conversation, "a" * 32, "b" * 32):
        remember(tracker, conversation, "words")
    assert remains.strays(engine, tracker) == ["a" * 32, "b" * 32]


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
    with UnitOfWork(store) as work:
        noted = {"id": "n" * 32, "conversation_id": kartika.conversation, "staff_id": COLLEAGUE, "at": now}
        work.connection.execute(notes.insert().values(text="Likes Quokka", **noted))
        work.commit()
    assert all(word in bytes_of(store) for word in (kartika.words.encode(), b"quokka"))
    erase(store, kartika.profile, now)
    carry_out(store, tmp_path / "tracker.db", now)
    left = bytes_of(store)
    for trace in [*kartika.traces, *kartika.words.split(), *kartika.words.casefold().split()]:
        if trace not in bagus.words:
            assert trace.encode() not in left, "also in the index of the search, which keeps words in small letters"
    assert b"quokka" not in left, "of a note of staff"
    assert bagus.words.encode() in left
    assert b"tetap" in left


def test_while_somebody_reads_the_old_rows_the_erasure_stays_open_and_is_taken_up_again(
    store: Engine, now: datetime, kartika: Person, tmp_path: Path
) -> None:
    fill(store, kartika, now)
    with reading(store) as reader:
        assert rows(reader, customers)
        erase(store, kartika.profile, now)
        carry_out(store, tmp_path / "tracker.db", now)
        assert not remains.scrub(store)
        with reading(store) as connection:
            (tombstone,) = rows(connection, erasures)
        assert tombstone.done_at is None
    carry_out(store, tmp_path / "tracker.db", now)
    with reading(store) as connection:
        (tombstone,) = rows(connection, erasures)
    assert tombstone.done_at is not None
    assert kartika.words.encode() not in bytes_of(store)


def test_who_writes_again_at_the_moment_in_which_goodbye_goes_is_not_lost(by_message: Visitor, tmp_path: Path) -> None:
    engine, at = by_message.engine, by_message.at
    fresh = say_goodbye(by_message)
    settle(engine)
    with ThreadPoolExecutor(1) as meanwhile:
        with UnitOfWork(engine) as work:
            inbox.accept(work.connection, fresh, "c1", "hello again", None, at)
            ending = meanwhile.submit(carry_out, engine, tmp_path / "tracker.db", at)
            with pytest.raises(TimeoutError):
                ending.result(0.3)
            work.commit()
        assert ending.result(20) == 1
    assert found_anywhere(engine, "hello again")
