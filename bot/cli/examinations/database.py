"""Whether the store can be reached, is ours and of this version, and can be written to."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from bot.cli.machine import lockers
from bot.cli.refusals import Refusal
from bot.cli.store import opened
from bot.settings import Settings
from crm_store.database import WRITES
from crm_store.schema import ensure_current

PATIENCE_MS = 2000
"""A turn holds a lock for some milliseconds; whoever holds one for longer than this stands in the way of all."""

_HOLDERS = text(
    "SELECT DISTINCT a.pid, coalesce(nullif(a.application_name, ''), a.usename, '') AS name"
    " FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.relation = 'conversations'::regclass AND l.granted AND a.pid <> pg_backend_pid()"
    " AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')"
)


def examine_database(settings: Settings) -> None:
    """Raises Refusal for a lock, and what `explain` knows for everything else."""
    # libpq would wait for minutes for an address that swallows what is sent to it.
    os.environ.setdefault("PGCONNECT_TIMEOUT", "5")
    with opened(settings.database_url) as engine:
        # First: an empty database is filled next, which would wait for a lock too.
        if engine.dialect.name == "sqlite":
            _require_unlocked_file(engine)
            ensure_current(engine)
        else:
            ensure_current(engine)
            _require_unlocked_table(engine)


def _require_unlocked_file(engine: Engine) -> None:
    database = Path(engine.url.database or "")
    if not _may_queue(Path(f"{database}-writer")):
        raise _locked([Path(f"{database}-writer")])
    with engine.connect() as connection:
        connection.connection.cursor().execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            connection.execution_options(**{WRITES: True}).begin().rollback()
        except DBAPIError as error:
            if "locked" not in str(error.orig):
                raise
            raise _locked([database, Path(f"{database}-shm")]) from None


def _may_queue(queue: Path) -> bool:
    """Whether our writers' own queue moves (crm_store.database)."""
    if not queue.exists():
        return True
    end = time.monotonic() + PATIENCE_MS / 1000
    with queue.open("rb") as file:
        while time.monotonic() < end:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            time.sleep(0.05)
    return False


def _locked(paths: list[Path]) -> Refusal:
    who = ", ".join(lockers(paths)) or "another program"
    return Refusal(
        f"the database is locked by {who}: nothing can be written",
        "end what that does: a backup, a shell in a transaction, a process that hangs",
    )


def _require_unlocked_table(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = {PATIENCE_MS}"))
        try:
            connection.execute(text("LOCK TABLE conversations IN ROW EXCLUSIVE MODE"))
        except DBAPIError as error:
            if "lock timeout" not in str(error.orig):
                raise
            connection.rollback()
            holders = [f"{name} (server process {pid})" for pid, name in connection.execute(_HOLDERS)]
            raise Refusal(
                f"the database is locked by {', '.join(holders) or 'another session'}: nothing can be written",
                "end that session: SELECT pg_terminate_backend(PROCESS); it may be a backup or a migration, so look first",
            ) from None
