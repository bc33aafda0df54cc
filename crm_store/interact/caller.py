"""Whom a call is about, for the agent who takes it: who it is, what tells that it is they, what happened lately.

Everything is read for a customer who was looked up by a person of the business; `calls` keeps that as an access. Queries and
plain values; knows no wording.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.conversations.participants import Participant, labels, participant
from crm_store.conversations.transcripts import readable
from crm_store.differentiate.picture import Picture, picture
from crm_store.identify.assurance import Assurance
from crm_store.identify.callers import Match
from crm_store.interact.calls import Call
from crm_store.interact.matters import OpenMatter, open_matters
from crm_store.tables import conversations, customers, interactions, records, transactions

FEW = 5
"""Of what happened lately, so many of each are shown."""
_LINES = 60
"""Lines of purchases among which the last few orders are found."""


@dataclass(frozen=True)
class Fact:
    """Something that only the customer and the business should know. `kind`: a record's attribute, or `last_purchase`."""

    kind: str
    value: Any


@dataclass
class Order:
    number: str
    at: datetime
    touchpoint: str | None
    status: str | None
    amount: float = 0.0
    items: list[tuple[str, float | None]] = field(default_factory=list)
    """Product, and how many of it, also of what was brought back."""

    @property
    def is_return(self) -> bool:
        return self.amount < 0


@dataclass(frozen=True)
class Caller:
    """Needs, evidence, value and what they want no more are in `picture`."""

    who: Participant
    language: str
    picture: Picture
    checks: list[Fact]
    """What to compare before anything is told; two of them should do."""
    matters: list[OpenMatter]
    texts: dict[tuple[str, str], str]
    """What was written of each open matter, by its source and id."""
    points: float | None
    orders: list[Order]
    contacts: Sequence[Row[Any]]
    talks: Sequence[Row[Any]]


@dataclass(frozen=True)
class Possible:
    """One of several who may be meant: what tells them apart, and nothing more."""

    customer_id: str
    name: str | None
    records: list[tuple[str, str]]
    city: str | None
    matches: list[Match]


def caller_of(connection: Connection, business: Business, person: Staff, call: Call, now: datetime) -> Caller:
    """Everything that the agent needs of the customer of this call."""
    who = participant(connection, call.customer_id, Assurance.VERIFIED)
    attributes = _attributes(connection, call.profiles)
    orders = _orders(connection, call.profiles, now)
    talks = _talks(connection, person, call.profiles)
    spoken = [str(said["language"]) for said in attributes if said.get("language")] + [talk.language for talk in talks]
    matters = open_matters(connection, call.profiles, now)
    contacts = connection.execute(
        _met(call.profiles, now).order_by(interactions.c.at.desc(), interactions.c.interaction_id).limit(FEW)
    ).all()
    return Caller(
        who=who,
        language=business.language(spoken[0] if spoken else None),
        picture=picture(connection, business, call.profiles, now, conversation_id=call.id),
        checks=list(_checks(attributes, orders, {match.kind for match in call.matches})),
        matters=matters,
        texts=_texts(connection, matters),
        points=_points(connection, call.profiles, now),
        orders=orders,
        contacts=contacts,
        talks=talks,
    )


def possible(connection: Connection, found: dict[str, list[Match]]) -> list[Possible]:
    """Those whom a lookup found, by name, each with its records and city."""
    named = labels(connection, [(customer, Assurance.VERIFIED) for customer in found])
    rows = connection.execute(
        select(customers.c.canonical_id, records.c.source, records.c.source_id, records.c.attributes)
        .join(records, records.c.customer_id == customers.c.id)
        .where(customers.c.canonical_id.in_(found))
        .order_by(records.c.source, records.c.source_id)
    ).all()
    listed = [
        Possible(
            customer,
            named[customer, Assurance.VERIFIED].name,
            [(row.source, row.source_id) for row in rows if row.canonical_id == customer],
            next((str(c) for r in rows if r.canonical_id == customer and (c := r.attributes.get("city"))), None),
            matches,
        )
        for customer, matches in found.items()
    ]
    return sorted(listed, key=lambda one: ((one.name or "\uffff").casefold(), one.records))


def _attributes(connection: Connection, profiles: Sequence[str]) -> list[dict[str, Any]]:
    query = select(records.c.attributes).where(records.c.customer_id.in_(profiles))
    return list(connection.execute(query.order_by(records.c.source, records.c.source_id)).scalars())


def _checks(attributes: list[dict[str, Any]], orders: list[Order], looked_up: set[str]) -> Iterator[Fact]:
    """The facts that the caller has not just told us by being looked up, the best ones first."""
    for kind in ("date_of_birth", "postcode"):
        value = next((said[kind] for said in attributes if said.get(kind)), None)
        if value:
            yield Fact(kind, value)
    bought = next((order for order in orders if order.items and not order.is_return), None)
    if bought and "order" not in looked_up:
        yield Fact("last_purchase", bought)
    for kind in ("email", "loyalty_id", "street"):
        value = next((said[kind] for said in attributes if said.get(kind)), None)
        if value and kind not in looked_up:
            yield Fact(kind, value)


def _orders(connection: Connection, profiles: Sequence[str], now: datetime) -> list[Order]:
    """The newest purchases and returns, whatever they were bought at; a basket is one."""
    sold = transactions.c
    lines = connection.execute(
        select(transactions)
        .where(sold.customer_id.in_(profiles), sold.at <= now)
        .order_by(sold.at.desc(), sold.transaction_id, sold.product)
        .limit(_LINES)
    )
    found: dict[tuple[str, str], Order] = {}
    for line in lines:
        number = line.order_id or line.transaction_id
        order = found.setdefault(
            (line.source, line.transaction_id), Order(number, line.at, line.touchpoint, line.status)
        )
        order.amount += line.amount
        if line.product:
            order.items.append((line.product, abs(line.quantity) if line.quantity else None))
    return list(found.values())[:FEW]


def _texts(connection: Connection, matters: Sequence[OpenMatter]) -> dict[tuple[str, str], str]:
    ids = [matter.interaction_id for matter in matters]
    rows = connection.execute(
        select(interactions.c.source, interactions.c.interaction_id, interactions.c.text).where(
            interactions.c.interaction_id.in_(ids), interactions.c.text.is_not(None)
        )
    )
    return {(row.source, row.interaction_id): row.text for row in rows}


def _met(profiles: Sequence[str], now: datetime) -> Any:
    return select(interactions).where(interactions.c.customer_id.in_(profiles), interactions.c.at <= now)


def _points(connection: Connection, profiles: Sequence[str], now: datetime) -> float | None:
    """None where there were never any."""
    met = interactions.c
    total: float | None = connection.execute(
        select(func.sum(met.points)).where(met.customer_id.in_(profiles), met.points.is_not(None), met.at <= now)
    ).scalar_one()
    return total


def _talks(connection: Connection, person: Staff, profiles: Sequence[str]) -> Sequence[Row[Any]]:
    query = readable(person).where(conversations.c.customer_id.in_(profiles))
    return connection.execute(query.order_by(conversations.c.last_at.desc()).limit(FEW)).all()
