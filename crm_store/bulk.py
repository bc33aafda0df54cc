"""Many rows in one go, put or looked for: what is done by the thousand must not cost more on the way to the database than there.

On SQLite the driver takes new rows as they are; PostgreSQL reads them out of one JSON text, in one statement. Values that are
looked for go as one parameter, however many they are. Knows types of columns, and nothing of what is in them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
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
    if not next(iter(columns.values()), ()):
        return
    if connection.dialect.name == "postgresql":
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        given: Any = {"rows": json.dumps(rows, default=_iso)}
    else:
        written = (_written(connection.dialect, table, name, values) for name, values in columns.items())
        given = list(zip(*written, strict=True))
    how = (tuple(key), tuple(replaced), unless, tuple(moved.items()))
    connection.exec_driver_sql(_statement(connection.dialect.name, table.name, tuple(columns), *how), given)


def _iso(value: date) -> str:
    return value.isoformat()


@lru_cache(maxsize=256)
def _statement(
    database: str,
    table: str,
    columns: tuple[str, ...],
    key: tuple[str, ...],
    replaced: tuple[str, ...],
    unless: str,
    moved: tuple[tuple[str, str], ...],
) -> str:
    names = ", ".join(columns)
    if database == "postgresql":
        those = f"SELECT {names} FROM json_populate_recordset(NULL::{table}, %(rows)s)"  # noqa: S608  no value of anybody's
    else:
        those = f"VALUES ({', '.join('?' * len(columns))})"
    text = f"INSERT INTO {table} ({names}) {those}"
    if not key:
        return text
    there = (f"{name} = {before}" for name, before in moved)
    taken = ", ".join([*(f"{name} = excluded.{name}" for name in replaced), *there])
    return f"{text} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {taken}" + (f" WHERE NOT ({unless})" if unless else "")


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
