"""Who is on the customer's side of a conversation, as staff may see them: name, tier, the profiles joined
to theirs.

A conversation shows no more than its own assurance allows: whoever is not verified in it may be another
person at the same device, so the name, the worth and the other profiles stay closed to staff too, who might
otherwise tell them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from crm_store.identify.assurance import Act, Assurance, may
from crm_store.identify.profiles import scope
from crm_store.tables import conversations, customers, identifiers, records, value_scores


@dataclass(frozen=True)
class Talks:
    """The conversations of a profile on one channel: how many, and when something was last said in one."""

    channel: str
    number: int
    last_at: datetime


@dataclass(frozen=True)
class Profile:
    """One profile of a customer: its records in the business's systems, and the kinds of identifiers seen."""

    id: str
    created_at: datetime
    records: list[tuple[str, str]]
    """Source and the source's own id."""
    identifier_types: list[str]
    talks: list[Talks]
    is_here: bool
    """Whether the conversation in question runs under this profile."""


@dataclass(frozen=True)
class Participant:
    """The customer of one conversation. `profile_ids`: those whose facts may be used in it."""

    customer_id: str
    assurance: Assurance
    name: str | None
    profile_ids: list[str]
    profiles: list[Profile]


@dataclass(frozen=True)
class Label:
    """What a list says of a customer; empty where the assurance does not allow it or nothing is known."""

    name: str | None = None
    tier: str | None = None


def participant(connection: Connection, customer_id: str, assurance: Assurance) -> Participant:
    """The customer of a conversation that runs under this profile with this assurance."""
    profile_ids = scope(connection, customer_id, assurance)
    found = _records(connection, profile_ids)
    kinds, talks = _identifier_types(connection, profile_ids), _talks(connection, profile_ids)
    own = select(customers).where(customers.c.id.in_(profile_ids))
    rows = connection.execute(own.order_by(customers.c.created_at, customers.c.id))
    return Participant(
        customer_id=customer_id,
        assurance=assurance,
        name=_name(found[i] for i in profile_ids) if may(assurance, Act.BE_GREETED_BY_NAME) else None,
        profile_ids=profile_ids,
        profiles=[
            Profile(
                id=row.id,
                created_at=row.created_at,
                records=[(r.source, r.source_id) for r in found[row.id]],
                identifier_types=kinds[row.id],
                talks=talks[row.id],
                is_here=row.id == customer_id,
            )
            for row in rows
        ],
    )


Talking = tuple[str, Assurance]
"""The profile under which a conversation runs, and its assurance."""


def labels(connection: Connection, talking: Sequence[Talking]) -> dict[Talking, Label]:
    """Name and tier for many conversations at once."""
    known = {customer for customer, assurance in talking if may(assurance, Act.USE_CUSTOMER_PROFILE)}
    members = _members(connection, known)
    everyone = {customer for customer, _ in talking} | {m for group in members.values() for m in group}
    found = _records(connection, everyone)
    tiers = _tiers(connection, everyone)
    made = {}
    for customer, assurance in talking:
        group = members[customer] if may(assurance, Act.USE_CUSTOMER_PROFILE) else [customer]
        made[customer, assurance] = Label(
            name=_name(found[m] for m in group) if may(assurance, Act.BE_GREETED_BY_NAME) else None,
            tier=max((tiers[m] for m in group if m in tiers), default=(None, None))[1],
        )
    return made


def _members(connection: Connection, profile_ids: Iterable[str]) -> dict[str, list[str]]:
    """For each profile all that are joined to it, the canonical one first."""
    joined = select(customers.c.id, customers.c.canonical_id)
    own = {row.id: row.canonical_id for row in connection.execute(joined.where(customers.c.id.in_(profile_ids)))}
    groups: dict[str, list[str]] = defaultdict(list)
    for member, first in connection.execute(joined.where(customers.c.canonical_id.in_(set(own.values())))):
        groups[first].append(member)
    return {profile: _with_first(groups[first], first) for profile, first in own.items()}


def _with_first(members: list[str], first: str) -> list[str]:
    return [first, *sorted(member for member in members if member != first)]


def _records(connection: Connection, profile_ids: Iterable[str]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    query = select(records).where(records.c.customer_id.in_(profile_ids))
    for row in connection.execute(query.order_by(records.c.source, records.c.source_id)):
        found[row.customer_id].append(row)
    return found


def _identifier_types(connection: Connection, profile_ids: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    query = select(identifiers.c.customer_id, identifiers.c.type).distinct().order_by(identifiers.c.type)
    for customer, kind in connection.execute(query.where(identifiers.c.customer_id.in_(profile_ids))):
        found[customer].append(kind)
    return found


def _talks(connection: Connection, profile_ids: Iterable[str]) -> dict[str, list[Talks]]:
    found: dict[str, list[Talks]] = defaultdict(list)
    here = conversations.c
    query = select(
        here.customer_id, here.channel, func.count().label("number"), func.max(here.last_at).label("last_at")
    )
    said = query.where(here.customer_id.in_(profile_ids), here.last_seq > 0).group_by(here.customer_id, here.channel)
    for row in connection.execute(said.order_by(here.channel)):
        found[row.customer_id].append(Talks(row.channel, row.number, row.last_at))
    return found


def _tiers(connection: Connection, profile_ids: Iterable[str]) -> dict[str, tuple[datetime, str]]:
    """When each profile was last scored, and the tier then; of joined profiles the newest score is right."""
    query = select(value_scores.c.customer_id, value_scores.c.tier, value_scores.c.computed_at)
    rows = connection.execute(query.where(value_scores.c.customer_id.in_(profile_ids)))
    return {row.customer_id: (row.computed_at, row.tier) for row in rows}


def _name(groups: Iterable[Iterable[Row[Any]]]) -> str | None:
    """The first full name that the business's own records have; where none is full, the first of any kind."""
    names = [name for rows in groups for row in rows if (name := _name_parts(row.attributes))]
    fullest = max(names, key=len, default=None)
    return " ".join(fullest) if fullest else None


def _name_parts(attributes: dict[str, Any]) -> list[str]:
    parts = [str(attributes[k]) for k in ("given_name", "family_name") if attributes.get(k)]
    return parts or str(attributes.get("name") or "").split()
