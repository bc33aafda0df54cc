"""What the statements of this package share: each is written once, and a day is one of UTC on every database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Date, cast, func, literal_column

from crm_store.business import Business

T = TypeVar("T")
MOST_KEPT = 8
"""Businesses for which a statement is kept: a process has one, tests have more."""


class WrittenOnce(Generic[T]):
    """Statements for a kind of database and a business: to write one takes longer than to carry it out for one customer."""

    def __init__(self, write: Callable[[Connection, Business], T]) -> None:
        self._write = write
        self._kept: dict[tuple[str, int], tuple[Business, T]] = {}

    def __call__(self, connection: Connection, business: Business) -> T:
        key = (connection.dialect.name, id(business))
        kept = self._kept.get(key)
        if kept is None or kept[0] is not business:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            kept = self._kept[key] = (business, self._write(connection, business))
        return kept[1]


def utc_day(connection: Connection, at: ColumnElement[Any]) -> ColumnElement[Any]:
    """PostgreSQL, which gives a date, would take the server's own zone; SQLite, which gives a text, holds UTC as text."""
    if connection.dialect.name == "postgresql":
        return cast(func.timezone("UTC", at), Date)
    return func.substr(at, literal_column("1"), literal_column("10"))


def earlier(connection: Connection, at: ColumnElement[Any], days: int) -> ColumnElement[Any]:
    """So many times 24 hours before. SQLite, which holds UTC as text, gives a text that compares with it."""
    if connection.dialect.name == "postgresql":
        return at - func.make_interval(0, 0, 0, 0, days * 24)
    return func.strftime("%Y-%m-%d %H:%M:%f", at, f"-{days} days")
