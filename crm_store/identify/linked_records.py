"""Queries behind the linking of records: which are known, whose they are, and who their customers may be.

Reads customers, records and identifiers, and makes the customer of a record that nobody has described yet. The rule
itself is in `linking`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from crm_store.bulk import among, put
from crm_store.database import one_at_a_time
from crm_store.identify.linking import LINKING_TYPES, Identifier, KnownPeople, Rules, named
from crm_store.identify.profiles import WHO_IS_WHO, new_ids
from crm_store.tables import customers, identifiers, records

RecordKey = tuple[str, str]
"""Source and the id there."""


@dataclass(frozen=True)
class StoredRecord:
    customer_id: str
    """The profile under which the record's facts are kept."""
    canonical_id: str
    attributes: dict[str, str]


def stored_records(connection: Connection, keys: Collection[RecordKey]) -> dict[RecordKey, StoredRecord]:
    """The records among `keys` that the store has."""
    found = {}
    for source, ids in _by_first(keys):
        rows = connection.execute(
            select(records.c.source_id, records.c.customer_id, customers.c.canonical_id, records.c.attributes)
            .join(customers, customers.c.id == records.c.customer_id)
            .where(records.c.source == source, among(connection, records.c.source_id, ids))
        )
        found.update({(source, row[0]): StoredRecord(row[1], row[2], row[3]) for row in rows.all()})
    return found


def add_owners(connection: Connection, known: KnownPeople, wanted: Collection[Identifier], rules: Rules) -> None:
    """Tells `known` who has the linking identifiers among `wanted`."""
    for kind, values in _by_first(identifier for identifier in wanted if identifier[0] in LINKING_TYPES):
        rows = connection.execute(
            select(
                customers.c.canonical_id,
                customers.c.id,
                identifiers.c.value,
                identifiers.c.source,
                identifiers.c.assurance,
            )
            .join(customers, customers.c.id == identifiers.c.customer_id)
            .where(identifiers.c.type == kind, among(connection, identifiers.c.value, values))
            .order_by(customers.c.created_at, customers.c.id)
        )
        for canonical_id, profile, value, source, assurance in rows.all():
            if rules.links(source, kind):
                read = assurance == "proven" or rules.reads(source, kind)
                known.own(canonical_id, profile, (kind, value), read=read)


def add_people(connection: Connection, known: KnownPeople, canonical_ids: Collection[str]) -> None:
    """Tells `known` what the records of these customers say of who they are, and what identifiers they have."""
    theirs = among(connection, customers.c.canonical_id, canonical_ids)
    told = connection.execute(
        select(customers.c.canonical_id, records.c.attributes)
        .join(records, records.c.customer_id == customers.c.id)
        .where(theirs)
    )
    for canonical_id, said in told.all():
        known.describe(canonical_id, named(said))
    had = connection.execute(
        select(customers.c.canonical_id, identifiers.c.type, identifiers.c.value, identifiers.c.first_seen_at)
        .join(identifiers, identifiers.c.customer_id == customers.c.id)
        # Nothing of their types: SQLite would go through all that there are of a type.
        .where(theirs)
    )
    for canonical_id, kind, value, since in had.all():
        if kind in LINKING_TYPES:
            known.have(canonical_id, (kind, value), since)


def has_linking_identifier(connection: Connection, profile: str) -> bool:
    """Whether the customer could be found by an identifier; if not, nothing but its records' keys is known of it."""
    whole = select(customers.c.canonical_id).where(customers.c.id == profile).scalar_subquery()
    kinds = connection.execute(
        select(identifiers.c.type)
        .join(customers, customers.c.id == identifiers.c.customer_id)
        .where(customers.c.canonical_id == whole)
    ).scalars()
    return not LINKING_TYPES.isdisjoint(kinds)


def ensure_records(connection: Connection, keys: Collection[RecordKey], now: datetime) -> dict[RecordKey, str]:
    """The profile of each record; one not seen before makes a customer of whom nothing else is known."""
    profiles = _profiles(connection, keys)
    if len(profiles) < len(set(keys)):
        one_at_a_time(connection, WHO_IS_WHO)
        profiles = _profiles(connection, keys)
    wanted = [key for key in dict.fromkeys(keys) if key not in profiles]
    made = dict(zip(wanted, new_ids(len(wanted)), strict=True))
    put(connection, customers, [{"id": i, "canonical_id": i, "created_at": now} for i in made.values()])
    put(
        connection,
        records,
        [
            {"source": source, "source_id": source_id, "customer_id": i, "attributes": {}, "imported_at": now}
            for (source, source_id), i in made.items()
        ],
    )
    return profiles | made


def _profiles(connection: Connection, keys: Collection[RecordKey]) -> dict[RecordKey, str]:
    return {key: record.customer_id for key, record in stored_records(connection, keys).items()}


def _by_first(pairs: Collection[tuple[str, str]] | Iterator[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """The second parts of each first part: one equality and one list let both databases use the key."""
    grouped: dict[str, dict[str, None]] = defaultdict(dict)
    for first, second in pairs:
        grouped[first][second] = None
    for first, seconds in grouped.items():
        yield first, list(seconds)
