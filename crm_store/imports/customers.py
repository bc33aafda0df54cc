"""Importing who the customers are: one row is what one source knows of one of them.

Each record has a profile of its own, joined to a customer by the exact rule of `crm_store.identify.linking`, in which days of
birth are read as batch resolution reads them; each identifier that it gives is kept as `imported`: good for finding a
customer, proof of nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select

from crm_store.bulk import put
from crm_store.business import Identity
from crm_store.database import one_at_a_time
from crm_store.identify.linked_records import (
    RecordKey,
    StoredRecord,
    add_owners,
    add_people,
    has_linking_identifier,
    stored_records,
)
from crm_store.identify.linking import TYPES, KnownPeople, Match, Person, Rules, person_of
from crm_store.identify.merging import Wanted, merge_all
from crm_store.identify.profiles import WHO_IS_WHO, new_ids
from crm_store.identify.resolution.described import day_of_birth
from crm_store.imports.fields import check_lengths, lengths_of, require
from crm_store.imports.loading import ImportReport, Layout, Progress, load
from crm_store.tables import customers, identifiers, records

REQUIRED = ("source", "source_id")
KNOWN = (
    *("given_name", "family_name", "date_of_birth", "street", "city", "postcode", "country", "language"),
    *TYPES,
)
_LENGTHS = lengths_of(records)
_LONGEST_DAY = 64
"""Characters beyond which nothing is read as a day of birth."""


ACTOR = "import"
"""What joins records to customers, in the journal."""


def import_customers(
    engine: Engine,
    path: Path,
    *,
    now: datetime,
    rules: Rules | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Loads records of customers; unique on (source, source_id). Raises ImportRefusedError, RejectsUnwritableError.

    `rules`: what links, as `business.yml` has it; the usual where left out.
    """
    by = rules or Rules(Identity())
    return load(engine, path, Layout(REQUIRED, KNOWN, partial(_parse, by), partial(_store, by, now)), progress)


@dataclass(frozen=True)
class Described:
    """One row: a record and who it says it is."""

    key: RecordKey
    attributes: dict[str, str]
    rules: Rules

    @cached_property
    def person(self) -> Person:
        return _born_as_read(person_of(self.attributes, self.key[0], self.rules))


class _KnownPeople(KnownPeople):
    """Everybody by the day of birth that is meant, however it is written."""

    def describe(self, customer_id: str, person: Person) -> None:
        super().describe(customer_id, _born_as_read(person))


def _born_as_read(person: Person) -> Person:
    born = person.date_of_birth
    day = born and _told(born[:_LONGEST_DAY])
    return person if day == born else replace(person, date_of_birth=day)


@lru_cache(maxsize=1 << 16)
def _told(text: str) -> str:
    """ISO 8601 of the day that batch resolution reads; empty, as if not told, where it reads none or one that is none."""
    read = day_of_birth(text)
    try:
        return date.fromisoformat(read).isoformat() if read else ""
    except ValueError:
        return ""


def _parse(rules: Rules, row: dict[str, str]) -> Described:
    require(row, REQUIRED)
    check_lengths(row, _LENGTHS)
    attributes = {name: text for name, text in row.items() if name not in REQUIRED}
    return Described((row["source"], row["source_id"]), attributes, rules)


def _store(rules: Rules, now: datetime, connection: Connection, batch: Sequence[Described]) -> int:
    one_at_a_time(connection, WHO_IS_WHO)
    return _Batch(connection, rules, batch, now).store()


@dataclass
class _Changes:
    """What a batch comes to, written in one go at its end."""

    customers: list[str] = field(default_factory=list)
    new: set[RecordKey] = field(default_factory=set)
    records: dict[RecordKey, tuple[str, Described]] = field(default_factory=dict)
    """The profile of each record, and what it says."""
    joins: list[Wanted] = field(default_factory=list)
    given_up: set[str] = field(default_factory=set)
    """Profiles of which a record no longer gives an identifier that it gave."""


class _Batch:
    """Decides row by row, each in the light of those before it, whether a record is new, changed, and whose."""

    def __init__(self, connection: Connection, rules: Rules, batch: Sequence[Described], now: datetime) -> None:
        self._connection, self._rules, self._batch, self._now = connection, rules, batch, now
        self._stored = stored_records(connection, [row.key for row in batch])
        self._known = self._people_in_question()
        self._changes = _Changes()
        self._ids = iter(new_ids(len(batch)))

    def store(self) -> int:
        loaded = sum(self._take(row) for row in self._batch)
        self._write()
        return loaded

    def _people_in_question(self) -> KnownPeople:
        known = _KnownPeople(self._rules)
        wanted = {i for row in self._batch if self._is_news(row) for i in row.person.linking}
        add_owners(self._connection, known, wanted, self._rules)
        # What a hundred customers share (a switchboard) links nobody, so their names are not needed.
        few = {owner for identifier in wanted for owner in known.may_identify(identifier)}
        there = [
            self._stored[row.key].canonical_id for row in self._batch if row.key in self._stored and self._is_news(row)
        ]
        add_people(self._connection, known, few.union(there))
        return known

    def _is_news(self, row: Described) -> bool:
        stored = self._stored.get(row.key)
        return stored is None or stored.attributes != row.attributes

    def _take(self, row: Described) -> bool:
        """Whether the row says something new."""
        if not self._is_news(row):
            return False
        stored = self._stored.get(row.key)
        profile, customer = self._changed(stored, row) if stored else self._new(row)
        self._known.add(customer, profile, row.person, self._now)
        self._stored[row.key] = StoredRecord(profile, customer, row.attributes)
        self._changes.records[row.key] = (profile, row)
        return True

    def _new(self, row: Described) -> tuple[str, str]:
        profile = next(self._ids)
        self._changes.customers.append(profile)
        self._changes.new.add(row.key)
        match = self._known.match(row.person, self._now)
        if match is None:
            return profile, profile
        self._changes.joins += _wanted(profile, match)
        return profile, match.customer_id

    def _changed(self, stored: StoredRecord, row: Described) -> tuple[str, str]:
        profile, customer = stored.customer_id, stored.canonical_id
        before = person_of(stored.attributes, row.key[0], self._rules)
        if before.identifiers - row.person.identifiers:
            self._changes.given_up.add(profile)
        if before.linking or has_linking_identifier(self._connection, profile):
            return profile, customer
        # Known so far by its key alone, from a transaction or a sign-in: only now can it be linked.
        match = self._known.match(row.person, self._now)
        if match is None:
            return profile, customer
        self._write()
        # Staff may have said that they are different people.
        agreed = merge_all(self._connection, _wanted(profile, match), ACTOR, self._now)
        return profile, match.customer_id if agreed else customer

    def _write(self) -> None:
        self._write_customers()
        self._write_records()
        self._write_identifiers()
        for profile in self._changes.given_up:
            _drop_stale(self._connection, profile, self._rules)
        merge_all(self._connection, self._changes.joins, ACTOR, self._now)
        self._changes = _Changes()

    def _write_customers(self) -> None:
        made = [{"id": i, "canonical_id": i, "created_at": self._now} for i in self._changes.customers]
        put(self._connection, customers, made)

    def _write_records(self) -> None:
        new, changed = self._new_and_changed(
            (
                key,
                {
                    "source": key[0],
                    "source_id": key[1],
                    "customer_id": profile,
                    "attributes": row.attributes,
                    "imported_at": self._now,
                },
            )
            for key, (profile, row) in self._changes.records.items()
        )
        # New ones are not upserted: a record that somebody else has made meanwhile belongs to their customer, not to ours.
        put(self._connection, records, new)
        put(self._connection, records, changed, ("source", "source_id"), ("attributes", "imported_at"))

    def _write_identifiers(self) -> None:
        told = [
            (row, profile, identifier)
            for profile, row in self._changes.records.values()
            for identifier in row.person.identifiers
        ]
        new, changed = self._new_and_changed(
            (
                row.key,
                {
                    "id": own,
                    "type": kind,
                    "value": value,
                    "raw": row.attributes[kind][:255],
                    "customer_id": profile,
                    "source": row.key[0],
                    "assurance": "imported",
                    "first_seen_at": self._now,
                    "last_seen_at": self._now,
                },
            )
            for own, (row, profile, (kind, value)) in zip(new_ids(len(told)), told, strict=True)
        )
        put(self._connection, identifiers, new)
        put(self._connection, identifiers, changed, ("type", "value", "customer_id"), ("last_seen_at",))

    def _new_and_changed(
        self, rows: Iterable[tuple[RecordKey, dict[str, Any]]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows apart that are of a new record, among which nothing can be there already."""
        new: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        for key, values in rows:
            (new if key in self._changes.new else changed).append(values)
        return new, changed


def _wanted(profile: str, match: Match) -> list[Wanted]:
    return [
        Wanted(profile, other, f"the same {' and '.join(sorted(kinds)).replace('_', ' ')}")
        for other, kinds in match.shared.items()
    ]


def _drop_stale(connection: Connection, profile: str, rules: Rules) -> None:
    """Removes the imported identifiers that the profile's record does not give any more."""
    told = connection.execute(select(records.c.source, records.c.attributes).where(records.c.customer_id == profile))
    given = {identifier for source, said in told for identifier in person_of(said, source, rules).identifiers}
    mine = identifiers.c
    rows = connection.execute(
        select(mine.id, mine.type, mine.value).where(mine.customer_id == profile, mine.assurance == "imported")
    ).all()
    stale = [row.id for row in rows if (row.type, row.value) not in given]
    if stale:
        connection.execute(identifiers.delete().where(mine.id.in_(stale)))
