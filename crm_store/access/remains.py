"""What remains of an erasure when the rows are gone, and how it goes: the assistant's tracker, the index of the search, the log
and the dead rows of the database, the address to which goodbye is sent.

Each step may be repeated, and an erasure is done when all of them are: whoever is interrupted takes it up again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, select, text

from crm_store.access.erasure import bury
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, erasures, metadata

_MERGE_INDEX = text("INSERT INTO search_words (search_words) VALUES ('optimize')")
"""SQLite's word index keeps a deleted word until its parts are merged; one part is left, without them."""


@dataclass(frozen=True)
class OpenErasure:
    """An erasure that is not done. `trackers`: conversations that the assistant may still remember."""

    id: str
    trackers: tuple[str, ...]
    farewell: str | None

    @property
    def is_fresh(self) -> bool:
        """Whether more is left of it than a goodbye on its way."""
        return bool(self.trackers) or self.farewell is None


def open_erasures(engine: Engine) -> list[OpenErasure]:
    with reading(engine) as connection:
        rows = connection.execute(select(erasures).where(erasures.c.done_at.is_(None))).all()
    return [OpenErasure(row.id, tuple(row.trackers), row.farewell) for row in rows]


def carry_out(engine: Engine, tracker_path: Path, erased: Sequence[OpenErasure], now: datetime) -> int:
    """Takes these erasures as far as they go now. Returns how many of them are done.

    One stays open while a reader keeps the log from being emptied, and while its goodbye is on its way. Whatever
    runs with a tracker in its memory has to have forgotten it before.
    """
    if any(each.is_fresh for each in erased):
        talks = [talk for each in erased for talk in each.trackers]
        if not (forget_in_file(tracker_path, talks) and scrub(engine)):
            return 0
    with UnitOfWork(engine) as work:
        done = 0
        for each in erased:
            row = erasures.update().where(erasures.c.id == each.id).values(trackers=[])
            if each.farewell is None or bury(work.connection, each.farewell):
                work.connection.execute(row.values(done_at=now, farewell=None))
                done += 1
            elif each.trackers:
                work.connection.execute(row)
        work.commit()
    if done or any(each.trackers for each in erased):
        scrub(engine)  # of the ids and the address, which the erasures themselves have held until now
    return done


def forget_in_file(tracker_path: Path, conversation_ids: Sequence[str]) -> bool:
    """Deletes what the tracker's file holds of these conversations, down to its bytes. False when a reader prevents that."""
    if not conversation_ids or not tracker_path.exists():
        return True
    with closing(sqlite3.connect(tracker_path, timeout=10)) as tracker:
        tracker.execute("PRAGMA secure_delete = ON")
        if _has_events(tracker):
            with tracker:
                tracker.executemany("DELETE FROM events WHERE sender_id = ?", [(i,) for i in conversation_ids])
            # secure_delete overwrites what is deleted, and not what moved to another page when the index grew.
            tracker.execute("VACUUM")
        is_busy = tracker.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not is_busy


def strays(engine: Engine, tracker_path: Path) -> list[str]:
    """Conversations in the tracker's file that the store does not know: of a store that was replaced by an older or newer one."""
    if not tracker_path.exists():
        return []
    with closing(sqlite3.connect(tracker_path, timeout=10)) as tracker:
        if not _has_events(tracker):
            return []
        remembered = {row[0] for row in tracker.execute("SELECT DISTINCT sender_id FROM events")}
    with reading(engine) as connection:
        known = set(connection.execute(select(conversations.c.id)).scalars())
    return sorted(remembered - known)


def _has_events(tracker: sqlite3.Connection) -> bool:
    return bool(tracker.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone())


def scrub(engine: Engine) -> bool:
    """Takes what was deleted out of the database's own files, as far as it lets us. False when a reader prevents it.

    SQLite: the index of the search is merged and the log, in which erased rows would stand until it is overwritten, emptied.
    PostgreSQL: the rows are vacuumed away where the role owns the tables; where not, its own vacuum will come.
    """
    if engine.dialect.name == "sqlite":
        with UnitOfWork(engine) as work:
            work.connection.execute(_MERGE_INDEX)
            work.commit()
        return _empty_log(engine)
    names = ", ".join(table.name for table in metadata.sorted_tables if _knows_customers(table.c.keys()))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON) customers, erasures, {names}")
    return True


def _knows_customers(columns: Sequence[str]) -> bool:
    return bool({"customer_id", "conversation_id", "message_id"}.intersection(columns))


def _empty_log(engine: Engine) -> bool:
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        is_busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        connection.exec_driver_sql("BEGIN")
    return not is_busy
