"""Who is meant by identifiers that another system of the business sends. Exact, and only when they mean one customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from crm_store.database import one_at_a_time
from crm_store.identify.linking import Rules
from crm_store.identify.normalise import ALSO_CALLED, LONGEST, TYPES, normalise
from crm_store.identify.profiles import WHO_IS_WHO, make_profile, new_id
from crm_store.tables import customers, identifiers, records

RECORD = "record"
"""The type whose value is "source/source_id"."""

# Written once: to write a statement takes longer than to carry it out.
_OWNER = select(customers.c.id, customers.c.canonical_id).order_by(customers.c.created_at, customers.c.id)
_OF_RECORD = _OWNER.join(records, records.c.customer_id == customers.c.id).where(
    records.c.source == bindparam("source"), records.c.source_id == bindparam("source_id")
)
_OF_IDENTIFIER = _OWNER.join(identifiers, identifiers.c.customer_id == customers.c.id).where(
    identifiers.c.type == bindparam("type"), identifiers.c.value == bindparam("value")
)

Given = tuple[str, str]
"""Type and value, as the other system writes them."""


class AmbiguousIdentifiersError(LookupError):
    """The identifiers belong to more than one customer; nothing is guessed."""


class UnusableIdentifiersError(LookupError):
    """None of the identifiers is one: "n/a" for an email would make one customer of everybody without an email."""


@dataclass(frozen=True)
class Known:
    """Somebody who is known by what was given. `profile`: the one that it belongs to, under which new facts are kept."""

    profile: str
    customer: str
    """The canonical customer."""


def customer_of(connection: Connection, given: Sequence[Given], rules: Rules | None = None) -> Known | None:
    """The customer whom all of these that are known belong to; None when none is known.

    Of several profiles it is that of the first identifier given. A value that is no identifier of its type is passed over, and
    so is what the `rules` of `business.yml` block. Raises AmbiguousIdentifiersError.
    """
    found = [known for kind, value in _usable(given, rules) for known in _owners(connection, kind, value)]
    if len({known.customer for known in found}) > 1:
        raise AmbiguousIdentifiersError
    return found[0] if found else None


def profile_for(
    connection: Connection, source: str, given: Sequence[Given], now: datetime, rules: Rules | None = None
) -> str:
    """The profile that these belong to, and a new customer with these identifiers when nobody is known by them.

    Raises AmbiguousIdentifiersError and UnusableIdentifiersError.
    """
    usable = _usable(given, rules)
    if not usable:
        raise UnusableIdentifiersError
    known = customer_of(connection, given, rules)
    if known is None:
        one_at_a_time(connection, WHO_IS_WHO)
        known = customer_of(connection, given, rules)
    if known:
        return known.profile
    profile = make_profile(connection, now)
    for (kind, value), raw in usable.items():
        if kind == RECORD:
            _keep_record(connection, value, profile, now)
        else:
            _keep_identifier(connection, source, kind, value, raw, profile, now)
    return profile


def _usable(given: Sequence[Given], rules: Rules | None) -> dict[Given, str]:
    """Each identifier once, in its one spelling, with how it was written."""
    found: dict[Given, str] = {}
    for named, raw in given:
        kind = ALSO_CALLED.get(named, named)
        value = _spelled(kind, raw)
        if value and not (rules and (kind, value) in rules.blocked):
            found.setdefault((kind, value), raw)
    return found


def _spelled(kind: str, raw: str) -> str | None:
    if kind == RECORD:
        source, _, source_id = raw.partition("/")
        return raw if source.strip() and source_id.strip() else None
    if kind in TYPES:
        return normalise(kind, raw)
    return raw.strip() if len(raw) <= LONGEST else None


def _owners(connection: Connection, kind: str, value: str) -> list[Known]:
    """Those who have this, the oldest first."""
    if kind == RECORD:
        source, _, source_id = value.partition("/")
        rows = connection.execute(_OF_RECORD, {"source": source, "source_id": source_id})
    else:
        rows = connection.execute(_OF_IDENTIFIER, {"type": kind, "value": value})
    return [Known(row.id, row.canonical_id) for row in rows]


def _keep_record(connection: Connection, value: str, profile: str, now: datetime) -> None:
    source, _, source_id = value.partition("/")
    connection.execute(
        records.insert().values(source=source, source_id=source_id, customer_id=profile, attributes={}, imported_at=now)
    )


def _keep_identifier(
    connection: Connection, source: str, kind: str, value: str, raw: str, profile: str, now: datetime
) -> None:
    connection.execute(
        identifiers.insert().values(
            id=new_id(),
            type=kind,
            value=value,
            raw=raw,
            customer_id=profile,
            source=source,
            assurance="imported",
            first_seen_at=now,
            last_seen_at=now,
        )
    )
