"""Profiles: queries on customers and records. A customer is all profiles that share a canonical id.

How profiles come to share one is `merging`. Knows no tokens.
"""

from __future__ import annotations

from datetime import datetime
from secrets import token_hex
from time import time_ns
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, bindparam, select

from crm_store.database import one_at_a_time
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.tables import customers, identifiers, records

WHO_IS_WHO = "who is who"
"""What changes one at a time: which known customers there are, and which profiles are one. Of two that look and then change
at the same moment, one would make a second customer of somebody, or undo the other's join. It is taken before any row that an
erasure takes too, such as a message or a conversation: else each of the two could wait for what the other holds."""


def new_id() -> str:
    return uuid4().hex


def new_ids(count: int) -> list[str]:
    """Ids of things that come by the thousand, in the order in which they come, whatever comes at the same time.

    They begin with the time: an index takes them in at one place, where random ones would touch nearly each of its pages.
    """
    begin = f"{time_ns() // 1_000_000:012x}"
    by_chance = token_hex(7 * count)
    return [f"{begin}{place:06x}{by_chance[14 * place : 14 * place + 14]}" for place in range(count)]


def make_profile(connection: Connection, now: datetime) -> str:
    """A new profile, of nobody known. Returns its id."""
    profile = new_id()
    connection.execute(customers.insert().values(id=profile, canonical_id=profile, created_at=now))
    return profile


# Written once: these are asked whenever somebody comes, and to write a statement takes longer than to carry it out.
_CANONICAL = select(customers.c.canonical_id).where(customers.c.id == bindparam("profile"))
_WHOLE = select(customers.c.id).where(customers.c.canonical_id == _CANONICAL.scalar_subquery())
_JOINED = select(customers.c.id).where(customers.c.canonical_id == bindparam("canonical"))
_THEIR_RECORD = select(records.c.source).where(records.c.customer_id.in_(_JOINED)).limit(1)
# Nothing of the types that are wanted: SQLite would go through all identifiers that there are of them.
_THEIR_IDENTIFIERS = select(identifiers.c.type, identifiers.c.assurance).where(identifiers.c.customer_id.in_(_JOINED))
_OF_RECORD = select(records.c.customer_id).where(
    records.c.source == bindparam("source"), records.c.source_id == bindparam("source_id")
)


def canonical(connection: Connection, profile: str) -> str:
    found: str = connection.execute(_CANONICAL, {"profile": profile}).scalar_one()
    return found


def scope(connection: Connection, profile: str, assurance: Assurance) -> list[str]:
    """The profiles whose facts a person of this assurance may use and teach: all joined ones, or this one alone."""
    if not may(assurance, Act.USE_CUSTOMER_PROFILE):
        return [profile]
    return list(connection.execute(_WHOLE, {"profile": profile}).scalars())


def is_known(connection: Connection, profile: str) -> bool:
    """Whether any profile joined to this one belongs to a record of the business's systems."""
    return connection.execute(_THEIR_RECORD, {"canonical": canonical(connection, profile)}).first() is not None


def is_somebody(connection: Connection, profile: str) -> bool:
    """Whether a person was proven on this profile or one joined to it: a known customer, or the holder of a phone number."""
    theirs = {"canonical": canonical(connection, profile)}
    if connection.execute(_THEIR_RECORD, theirs).first():
        return True
    had = connection.execute(_THEIR_IDENTIFIERS, theirs)
    return any((row.type, row.assurance) == ("phone", "proven") for row in had.all())


def profile_of_record(
    connection: Connection, source: str, source_id: str, attributes: dict[str, Any], now: datetime
) -> str:
    """The record's own profile, whoever it is joined to; a record not seen before makes a customer."""
    key = {"source": source, "source_id": source_id}
    profile: str | None = connection.execute(_OF_RECORD, key).scalar_one_or_none()
    if profile is None:
        one_at_a_time(connection, WHO_IS_WHO)
        profile = connection.execute(_OF_RECORD, key).scalar_one_or_none()
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
