"""The way of every import: read, parse, store in batches, reject what is bad, and count.

Each batch is a transaction of its own: memory stays flat, nobody else waits for long, and an import that was cut short
is simply run again, since a row that is there already is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from crm_store.collector import seldom_collected
from crm_store.database import UnitOfWork
from crm_store.imports.errors import BadRowError
from crm_store.imports.reading import CsvRows
from crm_store.imports.rejects import Rejects

BATCH = 2000
ATTEMPTS = 3

T = TypeVar("T")
Progress = Callable[[int], None]
"""Told how many more lines have been dealt with."""


@dataclass(frozen=True)
class ImportReport:
    """What became of the rows of a file. `read` = `loaded` + `unchanged` + `rejected`."""

    read: int
    loaded: int
    """New or changed."""
    unchanged: int
    rejected: int
    rejects_path: Path | None
    """The bad rows, each with `line` and `reason`; none when there are none."""
    unknown_columns: list[str] = field(default_factory=list)
    """Columns that mean nothing here, as the header writes them."""
    unknown_touchpoints: dict[str, int] = field(default_factory=dict)
    """Touchpoints that `business.yml` does not know, with how many loaded or unchanged rows each, the most first."""


@dataclass(frozen=True)
class Layout(Generic[T]):
    """How the rows of one kind of file are read and stored."""

    required: Collection[str]
    known: Collection[str]
    parse: Callable[[dict[str, str]], T]
    """Takes the columns that hold something, by name. Raises BadRowError."""
    store: Callable[[Connection, Sequence[T]], int]
    """Stores a batch and says how many rows of it were new or changed."""


def load(engine: Engine, path: Path, layout: Layout[T], progress: Progress | None) -> ImportReport:
    """Imports a file. Raises ImportRefusedError for one that is not of this kind, RejectsUnwritableError."""
    read = loaded = seen = 0
    with (
        CsvRows(path, layout.required, layout.known) as rows,
        Rejects(path, rows.header) as rejects,
        seldom_collected(),
    ):
        for batch in _batches(rows, layout, rejects):
            loaded += _store(engine, layout, batch)
            read += len(batch)
            if progress:
                progress(rows.lines - seen)
            seen = rows.lines
        read += rejects.count
        unknown = [_as_text(name) for name in rows.header if name and name not in {*layout.required, *layout.known}]
        return ImportReport(read, loaded, read - loaded - rejects.count, rejects.count, rejects.path, unknown)


def _as_text(name: str) -> str:
    """A name that can be written anywhere, also where the header is not UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _batches(rows: CsvRows, layout: Layout[T], rejects: Rejects) -> Iterator[list[T]]:
    batch: list[T] = []
    for row in rows:
        if row.problem:
            rejects.add(row, row.problem)
            continue
        cells = {name: text for name, text in zip(rows.header, map(str.strip, row.cells), strict=True) if text}
        cells.pop("", None)
        try:
            batch.append(layout.parse(cells))
        except BadRowError as reason:
            rejects.add(row, str(reason))
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


def _store(engine: Engine, layout: Layout[T], batch: Sequence[T]) -> int:
    """Stores a batch; anew when somebody else made the same record between our look and our writing."""
    for attempt in range(ATTEMPTS):
        try:
            with UnitOfWork(engine) as work:
                loaded = layout.store(work.connection, batch)
                work.commit()
            break
        except IntegrityError:
            if attempt == ATTEMPTS - 1:
                raise
    return loaded
