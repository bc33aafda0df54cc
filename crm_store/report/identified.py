"""Identify: of how many contacts the business knew the customer, and what it learnt of who is who."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, case, distinct, func, select

from crm_store.identify import codes, links
from crm_store.identify.assurance import Assurance
from crm_store.report.contacts import Contacts
from crm_store.report.placing import ALL, ELSEWHERE, Period, Places
from crm_store.tables import customers, identifiers, journal, records

_LEVELS = ("none", "imported", "proven")


@dataclass(frozen=True)
class Identified:
    """`known`: contacts whose customer another touchpoint could recognise: conversations of a recognised or verified customer,
    purchases and interactions of a customer with an email, phone, card or other identifier.
    """

    contacts: int
    known: int
    share: float | None
    """Of contacts; None without any."""
    conversations: dict[str, int]
    """By assurance: anonymous, recognised, verified."""
    records: dict[str, int]
    """Purchases and interactions by the surest identifier of their customer: none, imported, proven."""
    linked_customers: int
    """Customers met there whom records of more than one system describe."""
    new_identifiers: int
    """First seen in the period, by the touchpoint of the source that brought them."""
    joins: int
    """Profiles that became one customer in the period."""


def identified(connection: Connection, places: Places, period: Period, contacts: Contacts) -> dict[str, Identified]:
    """By kind of touchpoint, ELSEWHERE and ALL."""
    surest = _surest(connection)
    linked = _linked(connection)
    new = _new_identifiers(connection, places, period)
    joined = _joins(connection, places, period)
    return {kind: _of(seen, surest, linked, new[kind], joined[kind]) for kind, seen in contacts.each()}


def _of(seen: Contacts, surest: dict[str, int], linked: Collection[str], new: int, joins: int) -> Identified:
    talks = Counter(talk.assurance.word for talk in seen.talks)
    records = Counter[str]()
    for met in (*seen.bought, *seen.met):
        records[_LEVELS[surest.get(met.customer, 0)]] += met.n
    known = talks["recognised"] + talks["verified"] + records["imported"] + records["proven"]
    return Identified(
        contacts=seen.number,
        known=known,
        share=known / seen.number if seen.number else None,
        conversations={level.word: talks[level.word] for level in Assurance},
        records={level: records[level] for level in _LEVELS},
        linked_customers=len(seen.customers.intersection(linked)),
        new_identifiers=new,
        joins=joins,
    )


def _surest(connection: Connection) -> dict[str, int]:
    """The place in _LEVELS of each customer's surest identifier."""
    level = func.max(case((identifiers.c.assurance == "proven", 2), else_=1))
    rows = connection.execute(
        select(customers.c.canonical_id, level)
        .join(identifiers, identifiers.c.customer_id == customers.c.id)
        .group_by(customers.c.canonical_id)
    )
    return {customer: int(surest) for customer, surest in rows}


def _linked(connection: Connection) -> set[str]:
    rows = connection.execute(
        select(customers.c.canonical_id)
        .join(records, records.c.customer_id == customers.c.id)
        .group_by(customers.c.canonical_id)
        .having(func.count(distinct(records.c.source)) > 1)
    )
    return set(rows.scalars())


def _new_identifiers(connection: Connection, places: Places, period: Period) -> Counter[str]:
    rows = connection.execute(
        select(identifiers.c.source, func.count())
        .where(period.holds(identifiers.c.first_seen_at))
        .group_by(identifiers.c.source)
    )
    found = Counter[str]()
    for source, n in rows:
        place = places.of_source(source)
        found[place] += n
        found[ALL] += n
    return found


def _joins(connection: Connection, places: Places, period: Period) -> Counter[str]:
    """In the chat: by a signed token, a code, a link or what a messaging service vouched for. By whatever else: elsewhere."""
    rows = connection.execute(
        select(journal.c.actor, func.count())
        .where(journal.c.kind == "joined", period.holds(journal.c.at))
        .group_by(journal.c.actor)
    )
    found = Counter[str]()
    for actor, n in rows:
        found[places.chat if actor in {"user_token", codes.ACTOR, links.ACTOR, *places.channels} else ELSEWHERE] += n
        found[ALL] += n
    return found
