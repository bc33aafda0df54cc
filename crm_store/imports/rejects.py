"""Keeping the rows that could not be taken, each with its line and the reason, ready to be mended and imported."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from crm_store.imports.errors import RejectsUnwritableError
from crm_store.imports.reading import REJECTS_COLUMNS, REJECTS_SUFFIX, Row


def rejects_path(path: Path) -> Path:
    """`FILE.rejects.csv` beside `FILE.csv`."""
    stem = path.name[:-4] if path.name.lower().endswith(".csv") else path.name
    return path.with_name(stem + REJECTS_SUFFIX)


_for_its_owner = partial(os.open, mode=0o600)


class Rejects:
    """The rejects of one import. The file is made with the first of them; one left by an earlier import is removed.

    It says what the import says of customers, and so is for its owner's eyes, as exports are.
    """

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self._path = rejects_path(path)
        self._header = list(header)
        self._file: IO[str] | None = None
        self.count = 0

    @property
    def path(self) -> Path | None:
        """Where they are; none when there are none."""
        return self._path if self.count else None

    def __enter__(self) -> Self:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise RejectsUnwritableError(self._path, error.strerror or str(error)) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, row: Row, reason: str) -> None:
        """Keeps a row as it was read. Raises RejectsUnwritableError."""
        width = len(self._header)
        surplus = row.cells[width - 1 :]
        cells = row.cells if len(row.cells) <= width else [*row.cells[: width - 1], ",".join(surplus)]
        padding = [""] * (width - len(cells))
        self._writer().writerow([*cells, *padding, row.line, reason])
        self.count += 1

    def _writer(self) -> Any:
        if self._file is None:
            try:
                self._file = open(  # noqa: SIM115 (closed in __exit__)
                    self._path, "w", encoding="utf-8", errors="surrogateescape", newline="", opener=_for_its_owner
                )
            except OSError as error:
                raise RejectsUnwritableError(self._path, error.strerror or str(error)) from None
            self._out = csv.writer(self._file)
            self._out.writerow([*self._header, *REJECTS_COLUMNS])
        return self._out
