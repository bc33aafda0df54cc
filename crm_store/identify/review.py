"""What batch resolution leaves to staff: two customers who may be one, and how their records stand to each other.

Also what it has joined by itself, the least sure first, so that a wrong join is found and taken back. Knows no HTTP and no wording.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from crm_store.access.staff import NotAllowedError, Staff
from crm_store.bulk import among
from crm_store.identify.resolution.described import COMPARED
from crm_store.identify.resolution.grouping import Decision
from crm_store.identify.verdicts import told_apart
from crm_store.tables import customers, identifiers, matches, records, resolutions

MOST = 2000
"""Pairs of records looked at; a queue that is longer is told to be so."""
SURE = 0.9999
"""What was joined with this or more is not worth looking through."""


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
class Queue:
    """`shown`: the first of `total`; of more than `MOST` pairs of records the rest is not counted (`is_longer`)."""

    shown: Sequence[Suggested]
    total: int
    is_longer: bool
    last_run: datetime | None
    """When all or new records were compared last; None where they never were."""


def to_review(connection: Connection, reader: Staff, most: int) -> Queue:
    """Pairs of customers that staff are asked about, the likeliest first: one for each two, and none of whom staff have
    said that they are different. Raises NotAllowedError.
    """
    _check(reader)
    apart = _customers_told_apart(connection)
    rows = _pairs(connection, matches.c.decision == Decision.REVIEW, matches.c.probability.desc())
    best: dict[frozenset[str], Row[Any]] = {}
    for row in rows:
        both = frozenset((row.one, row.other))
        if len(both) > 1 and both not in apart:
            best.setdefault(both, row)
    return _queue(connection, list(best.values()), most, is_longer=len(rows) == MOST)


def joined_by_itself(connection: Connection, reader: Staff, most: int) -> Queue:
    """Pairs that the batch has joined and that are one still, the least sure first. Raises NotAllowedError."""
    _check(reader)
    auto = (matches.c.decision == Decision.AUTO) & (matches.c.probability < SURE)
    rows = _pairs(connection, auto, matches.c.probability)
    return _queue(connection, [row for row in rows if row.one == row.other], most, is_longer=len(rows) == MOST)


def _check(reader: Staff) -> None:
    if not reader.is_active or reader.role not in {"agent", "administrator"}:
        raise NotAllowedError("see who may be the same customer")


def _pairs(connection: Connection, which: ColumnElement[bool], first: ColumnElement[Any]) -> Sequence[Row[Any]]:
    """Each with the customers of both profiles, `one` and `other`."""
    left, right = customers.alias(), customers.alias()
    return connection.execute(
        select(matches, left.c.canonical_id.label("one"), right.c.canonical_id.label("other"))
        .join(left, left.c.id == matches.c.customer_id)
        .join(right, right.c.id == matches.c.other_id)
        .where(which)
        .order_by(first, matches.c.customer_id, matches.c.other_id)
        .limit(MOST)
    ).all()


def _customers_told_apart(connection: Connection) -> set[frozenset[str]]:
    apart = told_apart(connection)
    named = {profile for pair in apart for profile in pair}
    query = select(customers.c.id, customers.c.canonical_id).where(among(connection, customers.c.id, named))
    customer = {row.id: row.canonical_id for row in connection.execute(query)}
    return {frozenset(customer[profile] for profile in pair) for pair in apart if pair <= customer.keys()}


def _queue(connection: Connection, rows: Sequence[Row[Any]], most: int, *, is_longer: bool) -> Queue:
    shown = rows[:most]
    sides = _sides(connection, {profile for row in shown for profile in (row.customer_id, row.other_id)})
    last_run = connection.execute(select(func.max(resolutions.c.at))).scalar()
    return Queue([_suggested(row, sides) for row in shown], len(rows), is_longer, last_run)


def _suggested(row: Row[Any], sides: Mapping[str, Side]) -> Suggested:
    left, right = sides[row.customer_id], sides[row.other_id]
    return Suggested(left, right, row.probability, row.against, list(_compared(left, right, row.reasons)), row.at)


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
