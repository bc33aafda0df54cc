"""From the text in a column to a value of the store, or a reason why not. Pure; knows no file and no database."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import String, Table

from crm_store.imports.errors import BadRowError

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_LARGEST_MONEY = 1e13


def require(row: Mapping[str, str], names: Sequence[str]) -> None:
    """Raises BadRowError unless each of the columns is there; a row has those that hold something."""
    missing = [name for name in names if name not in row]
    if missing:
        raise BadRowError(f"{' and '.join(missing)} must not be empty")


def time(text: str, name: str) -> datetime:
    """An ISO 8601 time; UTC where it names no zone."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRowError(f"{name} {text!r} is not a time; write it as 2026-01-31T14:05:00+07:00") from None


def number(text: str, name: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise BadRowError(f"{name} {text!r} is not a number; write it as 12500 or 12500.50, without separators")
    return value


def money(text: str, name: str) -> float:
    """An amount in the business's currency, to the hundredth that the store keeps."""
    amount = round(number(text, name), 2)
    if abs(amount) >= _LARGEST_MONEY:
        raise BadRowError(f"{name} {text!r} is too large")
    return amount


def only_currency(ours: str, text: str, name: str) -> str:
    """The currency that the business counts in. Sums of several would be of none."""
    if text.upper() != ours:
        raise BadRowError(f"{name} {text!r} is not the business's, {ours}; convert the row's amounts to {ours}")
    return ours


Reading = Callable[[str, str], Any]
"""(text, name of the column) -> value; raises BadRowError."""


def lengths_of(table: Table) -> dict[str, int]:
    """How many characters fit into each text column that has a limit."""
    return {c.name: c.type.length for c in table.columns if isinstance(c.type, String) and c.type.length}


def check_lengths(row: Mapping[str, str], lengths: Mapping[str, int]) -> None:
    """Raises BadRowError for a text that is too long: SQLite would take it, PostgreSQL would not."""
    for name, most in lengths.items():
        if name in row and len(row[name]) > most:
            raise BadRowError(f"{name} has {len(row[name])} characters, at most {most} fit")
