"""What batch resolution leaves to staff: two customers who may be one, and how their records stand to each other.

Also what it has joined by itself, the least sure first, so that a wrong join is found and taken back, and what staff have said
last. Knows no HTTP and no wording.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, or_, select, true

from crm_store.access.staff import NotAllowedError, Staff
from crm_store.bulk import among
from crm_store.identify.resolution.described import COMPARED
from crm_store.identify.resolution.grouping import Decision
from crm_store.identify.verdicts import told_apart
from crm_store.tables import customers, identifiers, matches, records, resolutions, staff, verdicts

MOST = 2000
"""Pairs of records, or words of staff, looked at; a queue that is longer is told to be so."""
SURE = 0.9999
"""What was joined with this or more is not worth looking through."""

Shown = TypeVar("Shown")


@dataclass(frozen=True)
class Side:
    """One of the two. `said`: by column as in an import, as it is written there."""

    profile: str
    records: Sequence[tuple[str, str]]
    """Source and id there; none for somebody known from chats alone."""
    said: Mapping[str, str]


@dataclass(frozen=True)
class Compared:
    """How the two stand in one column. `bits`: log2(m/u), above 0 for one person, below 0 against; None where one says nothing."""

    column: str
    left: str | None
    right: str | None
    level: str | None
    bits: float | None


@dataclass(frozen=True)
class Suggested:
    left: Side
    right: Side
    probability: float
    """That they are one person."""
    against: str
    """What else they are most likely to be: a kind of `resolution.kinds`."""
    compared: Sequence[Compared]
    at: datetime


@dataclass(frozen=True)
class Decided:
    """The newest word of staff on two profiles. `verdict`: same or different, as in `verdicts`."""

    left: Side
    right: Side
    verdict: str
    by: str
    """Name of who said it."""
    reason: str
    at: datetime
    are_one: bool
    """Whether they are one customer now: a proof may go over the word, or another word on those they are joined through."""
    compared: Sequence[Compared]
    """Without bits: staff need not have said it of a pair that was compared."""


@dataclass(frozen=True)
class Queue(Generic[Shown]):
    """One page of it. `shown`: of `total` those from the place `first` on, from 1; of more than `MOST` the rest is not counted
    (`is_longer`).
    """

    shown: Sequence[Shown]
    total: int
    is_longer: bool
    page: int
    """From 1; the last one where there are fewer than was asked for."""
    first: int
    last_run: datetime | None
    """When all or new records were compared last; None where they never were."""

    @property
    def last(self) -> int:
        """The place of the last one shown."""
        return self.first + len(self.shown) - 1


def to_review(connection: Connection, reader: Staff, most: int, page: int = 1) -> Queue[Suggested]:
    """Pairs of customers that staff are asked about, the likeliest first: one for each two, and none of whom staff have
    said that they are different. `most`: on a page. Raises NotAllowedError.
    """
    _check(reader)
    apart = _customers_told_apart(connection)
    rows = _pairs(connection, matches, matches.c.decision == Decision.REVIEW, matches.c.probability.desc(), *_BY_ID)
    best: dict[frozenset[str], Row[Any]] = {}
    for row in rows[:MOST]:
        both = frozenset((row.one, row.other))
        if len(both) > 1 and both not in apart:
            best.setdefault(both, row)
    return _queue(connection, list(best.values()), _suggested, most, page, is_longer=len(rows) > MOST)


def joined_by_itself(connection: Connection, reader: Staff, most: int, page: int = 1) -> Queue[Suggested]:
    """Pairs that the batch has joined and that are one still, the least sure first. `most`: on a page. Raises NotAllowedError."""
    _check(reader)
    auto = (matches.c.decision == Decision.AUTO) & (matches.c.probability < SURE)
    rows = _pairs(connection, matches, auto, matches.c.probability, *_BY_ID)
    joined = [row for row in rows[:MOST] if row.one == row.other]
    return _queue(connection, joined, _suggested, most, page, is_longer=len(rows) > MOST)


def decided(connection: Connection, reader: Staff, most: int, page: int = 1) -> Queue[Decided]:
    """Pairs on which staff have said a word, each with the newest, the newest first. `most`: on a page. Raises NotAllowedError."""
    _check(reader)
    rows = _pairs(connection, verdicts, true(), verdicts.c.number.desc())
    newest: dict[frozenset[str], Row[Any]] = {}
    for row in rows[:MOST]:
        newest.setdefault(frozenset((row.customer_id, row.other_id)), row)
    return _queue(connection, list(newest.values()), _decided, most, page, is_longer=len(rows) > MOST)


def newest_word(connection: Connection, reader: Staff, left: str, right: str) -> Decided | None:
    """What staff have said last of these two profiles; None where nobody has said anything. Raises NotAllowedError."""
    _check(reader)
    one, other = verdicts.c.customer_id, verdicts.c.other_id
    these = or_(and_(one == left, other == right), and_(one == right, other == left))
    rows = _pairs(connection, verdicts, these, verdicts.c.number.desc())[:1]
    return next(iter(_decided(connection, rows)), None)


def _check(reader: Staff) -> None:
    if not reader.is_active or reader.role not in {"agent", "administrator"}:
        raise NotAllowedError("see who may be the same customer")


_BY_ID = (matches.c.customer_id, matches.c.other_id)
"""The order of equals: a page must not show again what another has shown."""


def _pairs(
    connection: Connection, table: Table, which: ColumnElement[bool], *order: ColumnElement[Any]
) -> Sequence[Row[Any]]:
    """Rows of `matches` or `verdicts` with the customers of both profiles, `one` and `other`; one more than `MOST` at most."""
    left, right = customers.alias(), customers.alias()
    return connection.execute(
        select(table, left.c.canonical_id.label("one"), right.c.canonical_id.label("other"))
        .join(left, left.c.id == table.c.customer_id)
        .join(right, right.c.id == table.c.other_id)
        .where(which)
        .order_by(*order)
        .limit(MOST + 1)
    ).all()


def _customers_told_apart(connection: Connection) -> set[frozenset[str]]:
    apart = told_apart(connection)
    named = {profile for pair in apart for profile in pair}
    query = select(customers.c.id, customers.c.canonical_id).where(among(connection, customers.c.id, named))
    customer = {row.id: row.canonical_id for row in connection.execute(query)}
    return {frozenset(customer[profile] for profile in pair) for pair in apart if pair <= customer.keys()}


def _queue(
    connection: Connection,
    rows: Sequence[Row[Any]],
    drawn: Callable[[Connection, Sequence[Row[Any]]], list[Shown]],
    most: int,
    page: int,
    *,
    is_longer: bool,
) -> Queue[Shown]:
    """`drawn`: makes of rows what is shown of them."""
    page = max(1, min(page, ceil(len(rows) / most)))
    before = (page - 1) * most
    last_run = connection.execute(select(func.max(resolutions.c.at))).scalar()
    return Queue(drawn(connection, rows[before : before + most]), len(rows), is_longer, page, before + 1, last_run)


def _suggested(connection: Connection, rows: Sequence[Row[Any]]) -> list[Suggested]:
    return [
        Suggested(left, right, row.probability, row.against, list(_compared(left, right, row.reasons)), row.at)
        for row, left, right in _with_sides(connection, rows)
    ]


def _decided(connection: Connection, rows: Sequence[Row[Any]]) -> list[Decided]:
    query = select(staff.c.id, staff.c.name).where(among(connection, staff.c.id, {row.staff_id for row in rows}))
    names = {row.id: row.name for row in connection.execute(query)}
    return [
        Decided(
            left,
            right,
            row.verdict,
            names[row.staff_id],
            row.reason,
            row.at,
            row.one == row.other,
            list(_compared(left, right, {})),
        )
        for row, left, right in _with_sides(connection, rows)
    ]


def _with_sides(connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[tuple[Row[Any], Side, Side]]:
    sides = _sides(connection, {profile for row in rows for profile in (row.customer_id, row.other_id)})
    return ((row, sides[row.customer_id], sides[row.other_id]) for row in rows)


def _compared(left: Side, right: Side, reasons: Mapping[str, tuple[str, float]]) -> Iterator[Compared]:
    for column in COMPARED:
        one, other = left.said.get(column), right.said.get(column)
        if one or other:
            level, bits = reasons.get(column, (None, None))
            yield Compared(column, one, other, level, bits)


def _sides(connection: Connection, profiles: set[str]) -> dict[str, Side]:
    known: dict[str, list[tuple[str, str]]] = defaultdict(list)
    said: dict[str, dict[str, str]] = defaultdict(dict)
    proven = select(identifiers).where(
        among(connection, identifiers.c.customer_id, profiles), identifiers.c.assurance == "proven"
    )
    for row in connection.execute(proven):
        said[row.customer_id]["telegram_id" if row.type == "telegram" else row.type] = row.raw
    for row in connection.execute(select(records).where(among(connection, records.c.customer_id, profiles))):
        known[row.customer_id].append((row.source, row.source_id))
        said[row.customer_id].update({column: text for column, text in row.attributes.items() if text})
    return {profile: Side(profile, known[profile], said[profile]) for profile in profiles}
