"""Who may be calling: everybody that a number, an address or, as a last resort, a name on record may mean.

Unlike `lookup` it may find several: a person at the phone picks, nobody is joined and nothing is written. Knows no pages, and
nothing of who may look.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, func, select

from crm_store.business import Business
from crm_store.identify.normalise import LONGEST, normalise
from crm_store.tables import customers, identifiers, interactions, records, transactions

KINDS = ("email", "phone", "loyalty_id", "order", "name")
"""What a caller may be looked up by, the surest first."""
MOST = 10
"""Callers that are listed at once; who is among more has to be asked for a number."""
_MOST_WORDS = 4


@dataclass(frozen=True)
class Match:
    """Why somebody was found. `assurance`: imported or proven, of an identifier; None for an order and a name."""

    kind: str
    value: str
    assurance: str | None = None
    source: str | None = None


Found = dict[str, list[Match]]
"""Canonical customers who may be meant, each with why."""


def _whose(table: Table, condition: ColumnElement[bool]) -> Select[str]:
    facts = select(customers.c.canonical_id).join(table, table.c.customer_id == customers.c.id)
    return facts.where(condition).distinct()


# Written once: to write a statement takes longer than to carry it out.
_OWNERS = (
    select(customers.c.canonical_id, identifiers.c.assurance, identifiers.c.source)
    .join(customers, customers.c.id == identifiers.c.customer_id)
    .where(identifiers.c.type == bindparam("type"), identifiers.c.value == bindparam("value"))
    .order_by(identifiers.c.assurance.desc(), identifiers.c.source)
)
_OF_ORDER = [
    _whose(table, table.c.order_id.in_(bindparam("numbers", expanding=True))) for table in (transactions, interactions)
]


def find_callers(connection: Connection, business: Business, text: str, kind: str | None = None) -> Found:
    """The customers that `text` may mean, one more than MOST at most; by name only where it means nobody otherwise.

    `kind`: one of KINDS; None where whoever typed it leaves that to us.
    """
    text = _cleaned(text)
    found: Found = defaultdict(list)
    for reading, value in _readings(business, text, kind):
        for customer, match in _owners(connection, business, reading, value):
            if match not in found[customer]:
                found[customer].append(match)
    if not found and kind in (None, "name"):
        found.update({customer: [Match("name", text)] for customer in _named(connection, text)})
    return dict(list(found.items())[: MOST + 1])


def _cleaned(text: str) -> str:
    """In one spelling, and without what cannot be seen, which PostgreSQL would choke on."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cc")
    return " ".join(visible.split())[:LONGEST]


def _readings(business: Business, text: str, kind: str | None) -> Iterator[tuple[str, str]]:
    """What the text may be, each in its one spelling; an order number as it stands."""
    if kind in ("email", "phone", "loyalty_id") or (kind is None and "@" in text):
        kind = kind or "email"
        value = normalise(kind, text)
        if value:
            yield kind, value
        return
    if kind == "order":
        yield kind, text
    if kind is None and any(map(str.isdigit, text)):
        for reading in ("phone", "loyalty_id"):
            value = normalise(reading, text)
            if value:
                yield reading, value
        yield "order", text


def _owners(connection: Connection, business: Business, kind: str, value: str) -> Iterator[tuple[str, Match]]:
    if kind == "order":
        for customer in _of_order(connection, business, value):
            yield customer, Match("order", value)
        return
    rows = connection.execute(_OWNERS, {"type": kind, "value": value})
    told = set()
    for row in rows:
        # Of one identifier that several systems have, the surest word is enough.
        if row.canonical_id not in told:
            told.add(row.canonical_id)
            yield row.canonical_id, Match(kind, value, row.assurance, row.source)


def _of_order(connection: Connection, business: Business, number: str) -> Iterable[str]:
    """Whose order it is. As it is usually written first, which the index knows; without its separators only where need be."""
    bare = number.removeprefix("#").strip()
    for query in _OF_ORDER:
        found = list(connection.execute(query, {"numbers": [bare, bare.upper(), bare.lower()]}).scalars())
        if found:
            return found
    spelled = normalise("order_number", bare)
    if spelled is None or not re.fullmatch(business.numbers.order_number, bare, re.IGNORECASE):
        return []
    stripped = func.upper(transactions.c.order_id)
    for separator in "- _.":
        stripped = func.replace(stripped, separator, "")
    return list(connection.execute(_whose(transactions, stripped == spelled)).scalars())


def _named(connection: Connection, text: str) -> list[str]:
    """Customers in whose name each of these words begins a word."""
    words = [word for word in text.casefold().split() if len(word) > 1][:_MOST_WORDS]
    if not words:
        return []
    parts = [
        func.coalesce(records.c.attributes[name].as_string(), "") for name in ("given_name", "family_name", "name")
    ]
    name = func.lower(" " + parts[0] + " " + parts[1] + " " + parts[2])
    query = select(customers.c.canonical_id, func.min(name).label("called")).join(
        records, records.c.customer_id == customers.c.id
    )
    for word in words:
        query = query.where(name.contains(f" {word}", autoescape=True))
    ordered = query.group_by(customers.c.canonical_id).order_by("called", customers.c.canonical_id)
    return [row.canonical_id for row in connection.execute(ordered.limit(MOST + 1))]
