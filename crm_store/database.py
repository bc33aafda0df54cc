"""Opening the store: engines for SQLite and PostgreSQL, and the unit of work.

Knows connections and transactions, and nothing of what is in the tables.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

try:
    import fcntl
except ImportError:  # not a POSIX system: SQLite's own waiting has to do
    fcntl = None  # type: ignore[assignment]

WRITES = "rapport_writes"
_ADVISORY_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")


def open_engine(url: str, *, durable: bool = True, cache_mb: int = 2) -> Engine:
    """An engine for `url`; a missing SQLite file and its folder are created.

    `cache_mb`: how many megabytes of pages each connection to SQLite keeps. Whoever writes all over a large file wants many.

    `durable`: a commit has reached the disk when it returns. A process may do without when each of its commits is followed
    by a durable one of another process before anybody relies on it: SQLite's WAL is one log, so the later commit carries
    the earlier along.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
    if parsed.database and parsed.database != ":memory:":
        _make_private(Path(parsed.database))
    # Parameters are what customers say: never in an error, never in a log.
    engine = create_engine(parsed, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver's own transactions are switched off: it would begin late and never IMMEDIATE.
        connection.isolation_level = None
        for pragma in (
            "busy_timeout = 10000",
            "journal_mode = WAL",
            f"synchronous = {'FULL' if durable else 'NORMAL'}",
            "foreign_keys = ON",
            "secure_delete = ON",
            f"cache_size = -{cache_mb * 1024}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A reader that turns writer half-way fails with "database is locked" at once; writers say so from the start.
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_private(file: Path) -> None:
    """A missing SQLite file, for this user alone: it holds what customers said. SQLite gives the files beside it the same mode."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.touch(mode=0o600)


def _queue_up(engine: Engine) -> int | None:
    """Waits for the turn to write to an SQLite file; the descriptor that holds it."""
    path = engine.url.database
    if fcntl is None or engine.dialect.name != "sqlite" or not path or path == ":memory:":
        return None
    turn = os.open(f"{path}-writer", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(turn, fcntl.LOCK_EX)
    return turn


class UnitOfWork:
    """One transaction that writes: rolled back unless `commit` was called.

    SQLite has one writer at a time, and who finds it busy sleeps for longer and longer. Ours queue up in the kernel
    instead, on a file lock beside the database; it is a courtesy among processes, and correctness does not rest on it.
    """

    connection: Connection

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn: int | None = None

    def __enter__(self) -> Self:
        self._turn = _queue_up(self._engine)
        try:
            self.connection = self._engine.connect().execution_options(**{WRITES: True})
            try:
                self.connection.begin()
            except BaseException:
                # `__exit__` does not run for what was never entered.
                self.connection.close()
                raise
        except BaseException:
            self._leave_queue()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.connection.close()
        finally:
            self._leave_queue()

    def _leave_queue(self) -> None:
        if self._turn is not None:
            os.close(self._turn)
            self._turn = None

    def commit(self) -> None:
        self.connection.commit()


def one_at_a_time(connection: Connection, what: str) -> None:
    """Waits for its turn to look and then make `what`, and keeps it until the transaction ends.

    Of two that find nothing at the same moment each would make one. SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_ADVISORY_LOCK, {"what": what})


def know_sizes(engine: Engine, tables: Sequence[Table]) -> None:
    """Before statements that go through all of these: PostgreSQL plans by what it has counted, in its own time, and right after an
    import that may have been nothing. Tables of somebody else it leaves as they are, with a warning.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"ANALYZE {', '.join(table.name for table in tables)}")


def refers_to_nothing(error: IntegrityError) -> bool:
    """Whether a row was refused because the one that it belongs to has just been deleted by somebody else."""
    return getattr(error.orig, "sqlstate", None) == "23503" or "FOREIGN KEY" in str(error.orig)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the store, for reading only."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            # Else each statement sees what was committed just before it, such as an erasure half-way through a page.
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection
