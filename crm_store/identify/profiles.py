"""Profiles and how they join: queries on customers, records and the journal.

A join moves nothing: both profiles keep their rows and share a canonical id from then on. Knows no tokens.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from crm_store.database import one_at_a_time
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.tables import customers, journal, records

NEW_CUSTOMER = "a new customer"
"""What is made one at a time, so that nobody becomes two."""


def new_id() -> str:
    return uuid4().hex


def make_profile(connection: Connection, now: datetime, canonical_id: str | None = None) -> str:
    """A new profile, of nobody known unless `canonical_id` says whose. Returns its id."""
    profile = new_id()
    connection.execute(customers.insert().values(id=profile, canonical_id=canonical_id or profile, created_at=now))
    return profile


def canonical(connection: Connection, profile: str) -> str:
    found: str = connection.execute(select(customers.c.canonical_id).where(customers.c.id == profile)).scalar_one()
    return found


def scope(connection: Connection, profile: str, assurance: Assurance) -> list[str]:
    """The profiles whose facts a person of this assurance may use and teach: all joined ones, or this one alone."""
    if not may(assurance, Act.USE_CUSTOMER_PROFILE):
        return [profile]
    whole = select(customers.c.canonical_id).where(customers.c.id == profile).scalar_subquery()
    return list(connection.execute(select(customers.c.id).where(customers.c.canonical_id == whole)).scalars())


def is_known(connection: Connection, profile: str) -> bool:
    """Whether any profile joined to this one belongs to a record of the business's systems."""
    joined = select(customers.c.id).where(customers.c.canonical_id == canonical(connection, profile))
    return (
        connection.execute(select(records.c.source).where(records.c.customer_id.in_(joined)).limit(1)).first()
        is not None
    )


def customer_of_record(
    connection: Connection, source: str, source_id: str, attributes: dict[str, Any], now: datetime
) -> str:
    """The canonical customer of a record; a record not seen before makes a customer."""
    known = (
        select(customers.c.canonical_id)
        .join(records, records.c.customer_id == customers.c.id)
        .where(records.c.source == source, records.c.source_id == source_id)
    )
    customer: str | None = connection.execute(known).scalar_one_or_none()
    if customer is None:
        one_at_a_time(connection, NEW_CUSTOMER)
        customer = connection.execute(known).scalar_one_or_none()
    if customer:
        return customer
    profile = make_profile(connection, now)
    connection.execute(
        records.insert().values(
            source=source, source_id=source_id, customer_id=profile, attributes=attributes, imported_at=now
        )
    )
    return profile


def join(connection: Connection, profile: str, customer: str, actor: str, now: datetime) -> None:
    """Makes `profile` and all joined to it one with `customer`; nothing happens when they are one already."""
    before, after = canonical(connection, profile), canonical(connection, customer)
    if before == after:
        return
    moved = list(connection.execute(select(customers.c.id).where(customers.c.canonical_id == before)).scalars())
    connection.execute(customers.update().where(customers.c.canonical_id == before).values(canonical_id=after))
    connection.execute(
        journal.insert().values(
            id=new_id(),
            at=now,
            kind="joined",
            customer_id=after,
            actor=actor,
            details={"from": before, "moved": moved},
        )
    )


def given_name(connection: Connection, profiles: list[str]) -> str | None:
    """The first name that the business's own records have for these profiles."""
    for row in connection.execute(
        select(records.c.attributes).where(records.c.customer_id.in_(profiles)).order_by(records.c.source.desc())
    ):
        words = str(row.attributes.get("given_name") or row.attributes.get("name") or "").split()
        if words:
            return words[0]
    return None
