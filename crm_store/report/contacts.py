"""Whom the business met in the period and where: conversations, purchases and other interactions, by customer.

All four steps count over these, so that they mean the same customers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, or_, select

from crm_store.differentiate.value import cost_to_serve
from crm_store.identify.assurance import Assurance
from crm_store.interact.requests import SOURCE as CHAT
from crm_store.report.placing import ALL, ELSEWHERE, KINDS, Period, Places
from crm_store.tables import conversations, customers, interactions, messages, transactions


@dataclass(frozen=True)
class Talk:
    """A conversation in which the customer said something in the period."""

    id: str
    customer: str
    assurance: Assurance


@dataclass(frozen=True)
class Met:
    """What one customer did at one kind of touchpoint. `n`: purchases, or interactions that are no conversation."""

    kind: str
    customer: str
    n: int
    cost: float = 0.0


@dataclass(frozen=True)
class Contacts:
    talks: list[Talk]
    bought: list[Met]
    met: list[Met]
    chat: str
    """The kind of touchpoint that conversations belong to."""

    def of(self, kind: str) -> Contacts:
        """Those of one kind, or ALL."""
        if kind == ALL:
            return self
        talks = self.talks if kind == self.chat else []
        return Contacts(
            talks, [m for m in self.bought if m.kind == kind], [m for m in self.met if m.kind == kind], self.chat
        )

    @property
    def customers(self) -> set[str]:
        return {talk.customer for talk in self.talks} | {met.customer for met in (*self.bought, *self.met)}

    @property
    def number(self) -> int:
        return len(self.talks) + sum(m.n for m in (*self.bought, *self.met))

    def each(self) -> Iterator[tuple[str, Contacts]]:
        """The contacts of each kind, of elsewhere, and all together."""
        yield from ((kind, self.of(kind)) for kind in (*KINDS, ELSEWHERE, ALL))


def contacts_in(connection: Connection, places: Places, period: Period) -> Contacts:
    """Every contact of the period."""
    return Contacts(
        _talks(connection, period), _bought(connection, places, period), _met(connection, places, period), places.chat
    )


def _talks(connection: Connection, period: Period) -> list[Talk]:
    said = select(messages.c.conversation_id).where(messages.c.author == "customer", period.holds(messages.c.at))
    rows = connection.execute(
        select(conversations.c.id, customers.c.canonical_id, conversations.c.assurance)
        .join(customers, customers.c.id == conversations.c.customer_id)
        .where(conversations.c.id.in_(said))
    )
    return [Talk(row.id, row.canonical_id, Assurance.of(row.assurance)) for row in rows]


def _bought(connection: Connection, places: Places, period: Period) -> list[Met]:
    sold = transactions.c
    # A basket of several products is one purchase.
    baskets = (
        select(sold.touchpoint, sold.customer_id, sold.source, sold.transaction_id)
        .where(period.holds(sold.at))
        .distinct()
        .subquery()
    )
    rows = connection.execute(
        select(baskets.c.touchpoint, customers.c.canonical_id, func.count())
        .join(customers, customers.c.id == baskets.c.customer_id)
        .group_by(baskets.c.touchpoint, customers.c.canonical_id)
    )
    return [Met(places.of(touchpoint), customer, n) for touchpoint, customer, n in rows]


def _met(connection: Connection, places: Places, period: Period) -> list[Met]:
    met = interactions.c
    # What a customer asks for in a conversation is kept as an interaction too, and that contact is counted already.
    of_talk = and_(met.source == CHAT, met.source_id.in_(select(conversations.c.id)))
    rows = connection.execute(
        select(met.touchpoint, customers.c.canonical_id, func.count(), cost_to_serve(places.business))
        .join(customers, customers.c.id == met.customer_id)
        .where(period.holds(met.at), or_(met.source != CHAT, ~of_talk))
        .group_by(met.touchpoint, customers.c.canonical_id)
    )
    return [Met(places.of(touchpoint), customer, n, float(spent or 0)) for touchpoint, customer, n, spent in rows]
