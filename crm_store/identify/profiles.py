"""Profiles: queries on customers and records. A customer is all profiles that share a canonical id.

How profiles come to share one is `merging`. Knows no tokens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from crm_store.database import one_at_a_time
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.tables import customers, records

WHO_IS_WHO = "who is who"
"""What changes one at a time: which known customers there are, and which profiles are one. Of two that look and then change
at the same moment, one would make a second customer of somebody, or undo the other's join. Whoever takes rows of messages
too takes them before it."""

PORTION = 1000
"""Values in one IN list; SQLite takes 32,766 parameters, some builds of it fewer."""


def new_id() -> str:
    return uuid4().hex


def portions(values: Collection[str]) -> Iterator[list[str]]:
    """The values in lists that fit into a query."""
    listed = list(values)
    for start in range(0, len(listed), PORTION):
        yield listed[start : start + PORTION]


def make_profile(connection: Connection, now: datetime) -> str:
    """A new profile, of nobody known. Returns its id."""
    profile = new_id()
    connection.execute(customers.insert().values(id=profile, canonical_id=profile, created_at=now))
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


def profile_of_record(
    connection: Connection, source: str, source_id: str, attributes: dict[str, Any], now: datetime
) -> str:
    """The record's own profile, whoever it is joined to; a record not seen before makes a customer."""
    known = select(records.c.customer_id).where(records.c.source == source, records.c.source_id == source_id)
    profile: str | None = connection.execute(known).scalar_one_or_none()
    if profile is None:
        one_at_a_time(connection, WHO_IS_WHO)
        profile = connection.execute(known).scalar_one_or_none()
    if profile:
        return profile
    profile = make_profile(connection, now)
    connection.execute(
        records.insert().values(
            source=source, source_id=source_id, customer_id=profile, attributes=attributes, imported_at=now
        )
    )
    return profile


def given_name(connection: Connection, profiles: list[str]) -> str | None:
    """The first name that the business's own records have for these profiles."""
    for row in connection.execute(
        select(records.c.attributes).where(records.c.customer_id.in_(profiles)).order_by(records.c.source.desc())
    ):
        words = str(row.attributes.get("given_name") or row.attributes.get("name") or "").split()
        if words:
            return words[0]
    return None
