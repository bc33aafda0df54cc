"""Who is meant by identifiers that another system of the business sends. Exact, and only when they mean one customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from crm_store.identify.normalise import normalise
from crm_store.identify.profiles import make_profile, new_id
from crm_store.tables import customers, identifiers, records


class AmbiguousIdentifiersError(LookupError):
    """The identifiers belong to more than one customer; nothing is guessed."""


def customer_of(connection: Connection, given: Sequence[tuple[str, str]]) -> str | None:
    """The canonical customer whom all of these (type, value) that are known belong to; None when none is known.

    A type "record" has "source/source_id" for its value. Raises AmbiguousIdentifiersError.
    """
    found: set[str] = set()
    for kind, value in given:
        if kind == "record":
            source, _, source_id = value.partition("/")
            query = (
                select(customers.c.canonical_id)
                .join(records, records.c.customer_id == customers.c.id)
                .where(records.c.source == source, records.c.source_id == source_id)
            )
        else:
            query = (
                select(customers.c.canonical_id)
                .join(identifiers, identifiers.c.customer_id == customers.c.id)
                .where(identifiers.c.type == kind, identifiers.c.value == (normalise(kind, value) or value))
            )
        found.update(connection.execute(query).scalars())
    if len(found) > 1:
        raise AmbiguousIdentifiersError
    return found.pop() if found else None


def customer_for(connection: Connection, source: str, given: Sequence[tuple[str, str]], now: datetime) -> str:
    """The same, and a new customer with these identifiers when nobody is known by them."""
    known = customer_of(connection, given)
    if known:
        return known
    profile = make_profile(connection, now)
    for kind, value in given:
        if kind == "record":
            named, _, source_id = value.partition("/")
            connection.execute(
                records.insert().values(
                    source=named, source_id=source_id, customer_id=profile, attributes={}, imported_at=now
                )
            )
        else:
            connection.execute(
                identifiers.insert().values(
                    id=new_id(),
                    type=kind,
                    value=normalise(kind, value) or value,
                    raw=value,
                    customer_id=profile,
                    source=source,
                    assurance="imported",
                    first_seen_at=now,
                    last_seen_at=now,
                )
            )
    return profile
