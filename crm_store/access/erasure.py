"""The right to be forgotten, across every table and the assistant's tracker.

What stays is a tombstone without content: when something was erased, and which trackers still have to go. A test holds this
module against the tables: one that knows a customer and is not emptied here fails it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, select

from crm_store.database import UnitOfWork
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.identify.profiles import make_profile, new_id, scope
from crm_store.tables import conversations, customers, erasures, journal, messages, metadata, sessions, turns


class NoSuchCustomerError(LookupError):
    """No customer has this id."""


def erase_customer(work: UnitOfWork, customer_id: str, now: datetime) -> int:
    """Erases a customer with every profile joined to them. Returns how many rows went. Raises NoSuchCustomerError."""
    profiles = scope(work.connection, customer_id, Assurance.VERIFIED)
    if not profiles:
        raise NoSuchCustomerError(customer_id)
    return erase_profiles(work.connection, profiles, now)


def erase_profiles(connection: Connection, profiles: Sequence[str], now: datetime) -> int:
    """Erases all rows of these profiles and of their conversations; trackers are left for `erase_trackers`."""
    talks = list(
        connection.execute(select(conversations.c.id).where(conversations.c.customer_id.in_(profiles))).scalars()
    )
    said = select(messages.c.id).where(messages.c.conversation_id.in_(talks))
    gone = connection.execute(delete(turns).where(turns.c.message_id.in_(said))).rowcount
    for table in reversed(metadata.sorted_tables):
        if "conversation_id" in table.c and "customer_id" not in table.c:
            gone += connection.execute(delete(table).where(table.c.conversation_id.in_(talks))).rowcount
    gone += _forget_joins(connection, profiles)
    for table in reversed(metadata.sorted_tables):
        if "customer_id" in table.c:
            gone += connection.execute(delete(table).where(table.c.customer_id.in_(profiles))).rowcount
    gone += connection.execute(delete(customers).where(customers.c.id.in_(profiles))).rowcount
    connection.execute(erasures.insert().values(id=new_id(), at=now, trackers=talks))
    return gone


def _forget_joins(connection: Connection, profiles: Sequence[str]) -> int:
    """The journal of a customer who stays tells which profiles were joined to them; the erased ones are not named there."""
    kin = select(customers.c.canonical_id).where(customers.c.id.in_(profiles))
    joined = select(customers.c.id).where(customers.c.canonical_id.in_(kin))
    told = connection.execute(select(journal.c.id, journal.c.details).where(journal.c.customer_id.in_(joined)))
    naming = [row.id for row in told if any(profile in json.dumps(row.details) for profile in profiles)]
    return connection.execute(delete(journal).where(journal.c.id.in_(naming))).rowcount


def forget_in_conversation(connection: Connection, conversation_id: str, now: datetime) -> str:
    """Erases whoever speaks in a conversation, as far as they are proven, and gives their session a fresh, empty one.

    Returns the id of the new conversation. Its numbering goes on after the old one, so that a waiting client sees what
    follows; it belongs to a new, unknown profile, and the device is a stranger's from now on.
    """
    talk = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one()
    tokens = list(connection.execute(select(sessions).where(sessions.c.conversation_id == conversation_id)).mappings())
    assurance = Assurance.of(talk.assurance)
    everything = may(assurance, Act.ERASE_EVERYTHING)
    profiles = scope(connection, talk.customer_id, assurance if everything else Assurance.ANONYMOUS)
    erase_profiles(connection, profiles, now)
    fresh = new_id()
    connection.execute(
        conversations.insert().values(
            id=fresh,
            customer_id=make_profile(connection, now),
            channel=talk.channel,
            assurance=Assurance.ANONYMOUS.word,
            language=talk.language,
            state="bot",
            address=talk.address,
            started_at=now,
            last_at=now,
            last_seq=talk.last_seq,
        )
    )
    for token in tokens:
        connection.execute(sessions.insert().values({**token, "conversation_id": fresh}))
    return fresh


def erase_trackers(engine: Engine, tracker_path: Path) -> int:
    """Deletes what the assistant's tracker still holds of erased conversations; safe to repeat. Returns how many.

    What SQLite's log still holds goes too. While a reader keeps the log from being emptied the erasure stays open, and
    the next call takes it up again.
    """
    with engine.connect() as connection:
        rows = connection.execute(select(erasures).where(erasures.c.done_at.is_(None))).all()
    ids = [conversation for row in rows for conversation in row.trackers]
    if ids and tracker_path.exists():
        _delete_events(tracker_path, ids)
    if rows and scrub(engine):
        with UnitOfWork(engine) as work:
            for row in rows:
                work.connection.execute(
                    erasures.update().where(erasures.c.id == row.id).values(trackers=[], done_at=row.at)
                )
            work.commit()
        scrub(engine)  # of the conversations' ids, which the erasure itself has held until now
    return len(ids)


def _delete_events(tracker_path: Path, conversation_ids: Sequence[str]) -> None:
    with closing(sqlite3.connect(tracker_path, timeout=10)) as tracker:
        tracker.execute("PRAGMA secure_delete = ON")
        if tracker.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
            with tracker:
                tracker.executemany("DELETE FROM events WHERE sender_id = ?", [(i,) for i in conversation_ids])
        tracker.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def scrub(engine: Engine) -> bool:
    """Empties SQLite's log, in which erased rows would stand until it is overwritten. False when a reader prevents it."""
    if engine.dialect.name != "sqlite":
        return True
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        is_busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        connection.exec_driver_sql("BEGIN")
    return not is_busy
