"""What can be wrong with a whole file. A bad row is no error: it is rejected, and the rest is loaded.

ImportRefusedError          nothing of the file is taken
 ├─ FileMissingError        there is no such file, or it may not be read
 ├─ NotCsvError             it is not comma-separated UTF-8 text with a header
 └─ MissingColumnError      the header lacks a column that each row needs
RejectsUnwritableError      rows are bad and there is nowhere to put them
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class ImportRefusedError(Exception):
    """The file `path` cannot be imported; the text says the mend."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(f"{path}: {text}")
        self.path = path


class FileMissingError(ImportRefusedError):
    """There is no such file, or it may not be read."""


class NotCsvError(ImportRefusedError):
    """The file is not comma-separated UTF-8 text with a header."""


class MissingColumnError(ImportRefusedError):
    """The header lacks `columns`."""

    def __init__(self, path: Path, text: str, columns: Sequence[str]) -> None:
        super().__init__(path, text)
        self.columns = list(columns)


class RejectsUnwritableError(Exception):
    """Bad rows cannot be written to `path`. Rows before the first bad one may be loaded; importing again is safe."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: bad rows cannot be kept here ({reason}); make the folder writable and import again")
        self.path = path


class BadRowError(ValueError):
    """One row cannot be taken; the text is the reason that goes beside it into the rejects."""
