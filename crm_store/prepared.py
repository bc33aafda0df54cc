"""Statements that are carried out at every message and every purchase: written once for each kind of database, then handed to its
driver as they are, since to find a statement again and fit lists into it takes longer than to carry it out for one customer.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Float, Numeric, SelectBase
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine


class Prepared:
    """A statement without anything to be filled in but named parameters; each has to be given, as its type takes it.

    `write`: makes it, for the kind of database of a connection.
    """

    def __init__(self, write: Callable[[Connection], SelectBase]) -> None:
        self._write = write
        self._written: dict[str, _Written] = {}

    def rows(self, connection: Connection, **given: Any) -> list[Any]:
        """Named tuples, of what the columns' types give; decimals as the driver gives them."""
        name = connection.dialect.name
        written = self._written.get(name)
        if written is None:
            written = self._written[name] = _Written(connection.dialect, self._write(connection))
        return written.rows(connection, given)

    def row(self, connection: Connection, **given: Any) -> Any:
        """The only one there is, or None. Raises ValueError where there are more."""
        rows = self.rows(connection, **given)
        if not rows:
            return None
        (row,) = rows
        return row


class _Written:
    def __init__(self, dialect: Dialect, statement: SelectBase) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup
        self._given = {name: bound.value for name, bound in compiled.binds.items()}
        kinds = {n: bound.type.dialect_impl(dialect).bind_processor(dialect) for n, bound in compiled.binds.items()}
        self._writers = {name: write for name, write in kinds.items() if write}
        columns = list(statement.selected_columns)
        readers = [_reader(column.type, dialect) for column in columns]
        self._readers = [(place, read) for place, read in enumerate(readers) if read]
        self._row: Any = namedtuple("Row", [str(column.key) for column in columns], rename=True)  # type: ignore[misc]

    def rows(self, connection: Connection, given: dict[str, Any]) -> list[Any]:
        values = self._given | given
        for name, write in self._writers.items():
            values[name] = write(values[name])
        asked = values if self._order is None else tuple(values[name] for name in self._order)
        return [self._row(*self._read(row)) for row in carried_out(connection, self._text, asked)]

    def _read(self, row: Sequence[Any]) -> Sequence[Any]:
        values = list(row)
        for place, read in self._readers:
            values[place] = read(values[place])
        return values


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    if isinstance(kind, (Float, Numeric)):
        return None if kind.asdecimal else _float
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _float(number: Any) -> float | None:
    return None if number is None else float(number)


def carried_out(connection: Connection, statement: str, asked: Any) -> Sequence[Sequence[Any]]:
    """Rows as the driver gives them, in the connection's transaction. Who listens to the engine does not hear of it.

    Raises DBAPIError, as SQLAlchemy does.
    """
    if not connection.in_transaction():
        connection.begin()
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement, asked)
        return cursor.fetchall()
    except connection.dialect.loaded_dbapi.Error as error:
        raise DBAPIError(statement, None, error, hide_parameters=True) from error
    finally:
        cursor.close()
