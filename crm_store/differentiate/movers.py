"""Whose worth changed most between the last run and the one before, and what they bought or cost in between.

A customer is told by a number of the business's own; by name only where staff may read a conversation in which they are proven.
Queries only. Who wants no profile is never here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, case, distinct, func, select

from crm_store.access.consent import PROFILE, all_withdrawn
from crm_store.access.staff import Staff
from crm_store.bulk import among
from crm_store.business import Business
from crm_store.conversations.participants import labels
from crm_store.conversations.transcripts import readable
from crm_store.differentiate.portfolio import Portfolio
from crm_store.differentiate.statements import utc_day
from crm_store.differentiate.value import cost_to_serve, line_margin
from crm_store.identify.assurance import Assurance
from crm_store.tables import conversations, customers, interactions, records, transactions, value_scores

MOST = 10
"""Up, and as many down."""


@dataclass(frozen=True)
class Since:
    """What happened between the days that the two runs looked at."""

    purchases: int = 0
    """Days on which something was bought."""
    returns: int = 0
    """Lines with a negative amount."""
    margin: float = 0.0
    contacts: int = 0
    cost: float = 0.0
    aged: float = 0.0
    """Margin of what is older than the window now and was not then."""


@dataclass(frozen=True)
class Mover:
    """`value`: actual and future value."""

    customer_id: str
    record: tuple[str, str] | None
    """Source and number, where a system of the business knows them."""
    name: str | None
    conversation_id: str | None
    """The newest in which they are proven, where the reader may read one."""
    tier_before: str
    tier: str
    value_before: float
    value: float
    p_alive: float
    since: Since

    @property
    def change(self) -> float:
        return self.value - self.value_before


@dataclass(frozen=True)
class Movers:
    """The greatest changes first."""

    up: list[Mover]
    down: list[Mover]


def movers(
    connection: Connection, business: Business, drawn: Portfolio, reader: Staff | None = None, most: int = MOST
) -> Movers:
    """Those of the last run. Without a `reader` nobody is named. Raises NotAllowedError."""
    if drawn.before is None:
        return Movers([], [])
    rows = {side: _rows(connection, most, up=side) for side in (True, False)}
    ids = [row.customer_id for some in rows.values() for row in some]
    facts = _since(connection, business, ids, drawn.before.as_of, drawn.as_of)
    numbers = _numbers(connection, ids)
    talks = _talks(connection, reader, ids) if reader else {}

    def told(row: Row[Any]) -> Mover:
        conversation, name = talks.get(row.customer_id, (None, None))
        return Mover(
            row.customer_id,
            numbers.get(row.customer_id),
            name,
            conversation,
            row.before_tier,
            row.run_tier,
            row.before_value,
            row.run_value,
            row.p_alive or 0.0,
            facts.get(row.customer_id, Since()),
        )

    return Movers([told(row) for row in rows[True]], [told(row) for row in rows[False]])


def _rows(connection: Connection, most: int, *, up: bool) -> Sequence[Row[Any]]:
    mine = value_scores.c
    change = mine.run_value - mine.before_value
    off = all_withdrawn(connection, PROFILE)
    query = select(value_scores).where(change > 0 if up else change < 0)
    if off:
        query = query.where(~among(connection, mine.customer_id, off))
    return connection.execute(query.order_by(change.desc() if up else change, mine.customer_id).limit(most)).all()


def _since(
    connection: Connection, business: Business, ids: Sequence[str], before: datetime, now: datetime
) -> dict[str, Since]:
    window = timedelta(days=business.value.window_days)
    sold, met, who = transactions.c, interactions.c, customers.c.canonical_id
    margin = func.sum(line_margin(business))
    theirs = among(connection, who, ids)
    days = func.count(distinct(case((sold.amount > 0, utc_day(connection, sold.at)))))
    bought = (
        select(who, days, func.sum(case((sold.amount < 0, 1), else_=0)), margin)
        .join(transactions, sold.customer_id == customers.c.id)
        .group_by(who)
    )
    lately = _by_customer(connection, bought.where(theirs, sold.at > before, sold.at <= now))
    aged = _by_customer(connection, bought.where(theirs, sold.at > before - window, sold.at <= now - window))
    served = _by_customer(
        connection,
        select(who, func.count(), cost_to_serve(business))
        .join(interactions, met.customer_id == customers.c.id)
        .where(theirs, met.at > before, met.at <= now)
        .group_by(who),
    )
    found = {}
    for customer in ids:
        purchases, returns, earned = lately.get(customer, (0, 0, 0.0))
        contacts, cost = served.get(customer, (0, 0.0))
        gone = aged.get(customer, (0, 0, 0.0))[2]
        found[customer] = Since(
            int(purchases), int(returns), float(earned), int(contacts), float(cost or 0), float(gone)
        )
    return found


def _by_customer(connection: Connection, query: Any) -> dict[str, tuple[Any, ...]]:
    return {row[0]: tuple(row[1:]) for row in connection.execute(query)}


def _numbers(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    query = (
        select(customers.c.canonical_id, records.c.source, records.c.source_id)
        .join(customers, customers.c.id == records.c.customer_id)
        .where(among(connection, customers.c.canonical_id, ids))
        .order_by(records.c.source.desc(), records.c.source_id.desc())
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def _talks(connection: Connection, reader: Staff, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """By customer, the newest conversation in which they are proven, and the name that it shows."""
    newest = (
        readable(reader)
        .join(customers, customers.c.id == conversations.c.customer_id)
        .add_columns(customers.c.canonical_id)
        .where(conversations.c.assurance == Assurance.VERIFIED.word, among(connection, customers.c.canonical_id, ids))
        .order_by(conversations.c.last_at)
    )
    rows = {row.canonical_id: row for row in connection.execute(newest)}
    names = labels(connection, [(row.customer_id, Assurance.VERIFIED) for row in rows.values()])
    return {who: (row.id, names[row.customer_id, Assurance.VERIFIED].name) for who, row in rows.items()}
