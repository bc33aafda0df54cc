"""Many rows in one go, put or looked for: what is done by the thousand must not cost more on the way to the database than there.

On SQLite the driver takes new rows as they are; PostgreSQL reads them out of one JSON text a column, in one statement. Values that
are looked for go as one parameter, however many they are. Knows types of columns, and nothing of what is in them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    Connection,
    Date,
    Dialect,
    String,
    Table,
    TypeDecorator,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from crm_store.tables import Utc

Values = Mapping[str, Any]
AT_ONCE = 5000
"""Rows that one statement hands to PostgreSQL, which would put more of them on disk on the way."""


def among(connection: Connection, column: ColumnElement[Any], values: Collection[str]) -> ColumnElement[bool]:
    """That the column is one of these texts."""
    return _is_in(connection, column, bindparam("values", list(values), _texts(connection), unique=True))


def is_one_of(connection: Connection, column: ColumnElement[Any], listed: str) -> ColumnElement[bool]:
    """That the column is one of the texts of the parameter that is so called."""
    return _is_in(connection, column, bindparam(listed, type_=_texts(connection)))


def _is_in(connection: Connection, column: ColumnElement[Any], texts: BindParameter[Any]) -> ColumnElement[bool]:
    if connection.dialect.name == "postgresql":
        return column == any_(texts)
    listed = func.json_each(texts).table_valued("value")
    return column.in_(select(listed.c.value))


def _texts(connection: Connection) -> TypeEngine[Any]:
    return ARRAY(String) if connection.dialect.name == "postgresql" else _Json()


class _Json(TypeDecorator[Sequence[str]]):
    """A list of texts as one text."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> str:
        return json.dumps(list(value or ()))


def put(
    connection: Connection,
    table: Table,
    rows: Sequence[Values],
    key: Sequence[str] = (),
    replaced: Sequence[str] = (),
) -> None:
    """Inserts rows, all with the same columns; where the `key` is taken, the columns `replaced` are.

    Without a key no two rows may have the same: raises IntegrityError.
    """
    if rows:
        put_columns(connection, table, {name: [row[name] for row in rows] for name in rows[0]}, key, replaced)


def put_columns(
    connection: Connection,
    table: Table,
    columns: Mapping[str, Sequence[Any]],
    key: Sequence[str] = (),
    replaced: Sequence[str] = (),
    unless: str = "",
    moved: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """The same from the values of each column, all as many. `unless`: what is so of a row that has the key and is to stay as it is,
    in SQL, which calls the new row `excluded`. `moved`: columns of a row that has the key, each with what goes there of
    the row as it was, in SQL.
    """
    count = len(next(iter(columns.values()), ()))
    if not count:
        return
    how = (table, tuple(columns), tuple(key), tuple(replaced), unless, tuple(moved.items()))
    statement = _statement(connection.dialect, *how)
    if connection.dialect.name == "postgresql":
        for start in range(0, count, AT_ONCE):
            given = {name: _text(table, name, values[start : start + AT_ONCE]) for name, values in columns.items()}
            connection.exec_driver_sql(statement, given)
    else:
        written = (_written(connection.dialect, table, name, values) for name, values in columns.items())
        connection.exec_driver_sql(statement, list(zip(*written, strict=True)))


def _text(table: Table, name: str, values: Sequence[Any]) -> str:
    """As one JSON array of what PostgreSQL reads the values of a column from."""
    if isinstance(table.c[name].type, JSON):
        values = [None if value is None else json.dumps(value, default=_iso) for value in values]
    return json.dumps(values, default=_iso)


def _iso(value: date) -> str:
    return value.isoformat()


@lru_cache(maxsize=256)
def _statement(
    dialect: Dialect,
    table: Table,
    columns: tuple[str, ...],
    key: tuple[str, ...],
    replaced: tuple[str, ...],
    unless: str,
    moved: tuple[tuple[str, str], ...],
) -> str:
    names = ", ".join(columns)
    those = f"VALUES ({', '.join('?' * len(columns))})"
    if dialect.name == "postgresql":
        given = ", ".join(f"json_array_elements_text(%({name})s)" for name in columns)
        read = ", ".join(_read(dialect, table, name) for name in columns)
        those = f"SELECT {read} FROM ROWS FROM ({given}) AS given ({names})"  # noqa: S608  no value of anybody's
    text = f"INSERT INTO {table.name} ({names}) {those}"
    if not key:
        return text
    there = (f"{name} = {before}" for name, before in moved)
    taken = ", ".join([*(f"{name} = excluded.{name}" for name in replaced), *there])
    return f"{text} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {taken}" + (f" WHERE NOT ({unless})" if unless else "")


def _read(dialect: Dialect, table: Table, name: str) -> str:
    """A value of a column out of its text. A text stays one: made a shorter one it would be cut off where it is too long."""
    kind = table.c[name].type.compile(dialect=dialect)
    return name if kind.startswith(("VARCHAR", "TEXT")) else f"{name}::{kind}"


def _written(dialect: Dialect, table: Table, name: str, values: Sequence[Any]) -> Sequence[Any]:
    """As the driver takes them."""
    written = _writing(dialect, table, name)
    return list(map(written, values)) if written else values


@lru_cache(maxsize=512)
def _writing(dialect: Dialect, table: Table, name: str) -> Callable[[Any], Any] | None:
    """How the values of a column are written; None where they stay as they are."""
    kind = table.c[name].type
    written = kind.dialect_impl(dialect).bind_processor(dialect)
    # Thousands of rows have the same time, that of the import, and days are few.
    return lru_cache(maxsize=1024)(written) if written and isinstance(kind, (Utc, Date)) else written
