"""Reading a CSV file row by row, so that no damage in one row reaches another.

Knows CSV and text encodings; knows neither what the columns mean nor any database.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from crm_store.imports.errors import FileMissingError, MissingColumnError, NotCsvError

REJECTS_COLUMNS = ["line", "reason"]
REJECTS_SUFFIX = ".rejects.csv"
SAVE_AS = "save it as CSV (UTF-8, comma delimited) and import that"
OPEN_QUOTE = "a quotation mark is opened and never closed; close it, or write it twice where it is meant as text"


class Row(NamedTuple):
    line: int
    """Of the file, from 1, where the row begins."""
    cells: list[str]
    problem: str | None = None
    """Why the cells cannot be trusted."""


class CsvRows:
    """The rows of a file under its header, with `header` and how many `lines` have been read. To be used in a `with`.

    Opening raises FileMissingError, NotCsvError, or MissingColumnError where one of `required` is not in the header.
    """

    def __init__(self, path: Path, required: Collection[str], known: Collection[str] = ()) -> None:
        self._path = path
        _refuse_binary(path)
        self._lines = _Lines(path)
        self._reader = csv.reader(self._lines, strict=True)
        self.header = self._read_header(required, {*required, *known})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()

    @property
    def lines(self) -> int:
        """Lines read so far, the header left out."""
        return self._lines.number - 1

    def __iter__(self) -> Iterator[Row]:
        while True:
            self._lines.taken.clear()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._give_back(f"is not CSV: {error}")
                continue
            if not any(cells):
                continue
            if len(self._lines.taken) > 1 and len(cells) != self._width:
                yield self._give_back(OPEN_QUOTE)
            else:
                problem = self._problem(cells)
                yield Row(self._lines.taken[0][0], cells if problem else cells[: len(self.header)], problem)

    def _give_back(self, problem: str) -> Row:
        """Rejects the first line only: the others were swallowed by its open quotation mark and are read again."""
        (line, text), *swallowed = self._lines.taken
        self._lines.returned.extendleft(reversed(swallowed))
        return Row(line, [text.rstrip("\r\n")], OPEN_QUOTE if swallowed else problem)

    def _problem(self, cells: list[str]) -> str | None:
        if len(cells) != self._width:
            return f"has {len(cells)} columns where the header has {self._width}; quote text that holds commas"
        for _, text in self._lines.taken:
            if "\0" in text:
                return "holds a NUL character; take it out"
            if not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text):
                return "is not UTF-8 text; save the file as UTF-8"
        return None

    def _read_header(self, required: Collection[str], known: Collection[str]) -> list[str]:
        try:
            header = [name.strip() for name in next(self._reader, [])]
        except csv.Error as error:
            raise self._refused(f"line 1 is not a CSV header ({error}); {SAVE_AS}") from None
        self._width = len(header)
        if not any(header):
            raise self._refused("is empty; its first line must name the columns")
        header = [name.lower() if name.lower() in known else name for name in header]
        missing = [name for name in required if name not in header]
        if missing and len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
            raise self._refused(f"its columns are not separated by commas; {SAVE_AS}")
        if missing:
            self._lines.close()
            raise MissingColumnError(
                self._path,
                f"the first line must name the columns {', '.join(required)}; missing: {', '.join(missing)}",
                missing,
            )
        twice = sorted({name for name in header if name and header.count(name) > 1})
        if twice:
            raise self._refused(f"the column {twice[0]} stands twice; take one out or rename it")
        if self._path.name.endswith(REJECTS_SUFFIX) and header[-2:] == REJECTS_COLUMNS:
            # Mended rejects come back with what we wrote beside them, which is not the customer's.
            return header[:-2]
        return header

    def _refused(self, text: str) -> NotCsvError:
        self._lines.close()
        return NotCsvError(self._path, text)


class _Lines:
    """The lines of a file, remembering those `taken` since last cleared, and reading those `returned` once more."""

    def __init__(self, path: Path) -> None:
        # Bytes that are not UTF-8 survive as surrogates: a bad row can be told from a good one, and be written back.
        self._file = path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
        self.taken: list[tuple[int, str]] = []
        self.returned: deque[tuple[int, str]] = deque()
        self.number = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self.returned:
            item = self.returned.popleft()
        else:
            text = next(self._file)
            self.number += 1
            item = (self.number, text)
        self.taken.append(item)
        return item[1]

    def close(self) -> None:
        self._file.close()


def count_rows(path: Path) -> int:
    """Lines under the header, which is what `progress` counts. Raises as opening the file for import does."""
    _refuse_binary(path)
    with path.open(encoding="latin-1", newline="") as file:
        return max(sum(1 for _ in file) - 1, 0)


def _refuse_binary(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise FileMissingError(path, f"cannot be read ({error.strerror}); check the name and its permissions") from None
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise NotCsvError(path, f"is a spreadsheet, not CSV; {SAVE_AS}")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NotCsvError(path, f"is UTF-16 text; {SAVE_AS}")
    if b"\0" in start.split(b"\n", 1)[0]:
        raise NotCsvError(path, f"is not text; {SAVE_AS}")
