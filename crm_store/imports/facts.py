"""Importing what customers did: transactions and interactions. One row is one line of a purchase, or one contact."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, select

from crm_store.bulk import among, put
from crm_store.identify.linked_records import ensure_records
from crm_store.imports.fields import Reading, check_lengths, lengths_of, money, number, only_currency, require, time
from crm_store.imports.loading import ImportReport, Layout, Progress, load
from crm_store.tables import interactions, transactions

Values = dict[str, Any]
Key = tuple[str, ...]

MOST_UNKNOWN = 1000
"""Touchpoints that are told apart in a report, so that a column of something else does not fill the memory."""


@dataclass(frozen=True)
class Kind:
    """One kind of fact: where it is kept, what names it in its source, and how its columns are read."""

    table: Table
    name: str
    required: tuple[str, ...]
    read: Mapping[str, Reading]
    """How the columns are read that are more than words."""
    words: tuple[str, ...]
    empty: Mapping[str, Any]
    """What stands for each column that a row may leave empty."""
    told: tuple[str, ...] = ()
    """Columns without a place of their own in the table that the chat reads."""

    @property
    def key(self) -> list[str]:
        return [column.name for column in self.table.primary_key]


def _nothing(*names: str) -> Values:
    return dict.fromkeys(names)


TRANSACTIONS = Kind(
    transactions,
    "transaction_id",
    ("source", "transaction_id", "source_id", "at", "amount"),
    {"at": time, "amount": money, "margin": money, "quantity": number},
    ("product", "category", "touchpoint", "order_id", "status"),
    _nothing("margin", "quantity", "currency", "category", "touchpoint", "order_id", "status") | {"product": ""},
)
INTERACTIONS = Kind(
    interactions,
    "interaction_id",
    ("source", "interaction_id", "source_id", "at", "touchpoint"),
    {"at": time, "cost": money, "points": number},
    ("kind", "text", "outcome", "order_id", "product", "status"),
    _nothing("cost", "points", "kind", "text", "outcome", "order_id", "product", "status"),
    told=("place", "expected"),
)


@dataclass(frozen=True)
class Touchpoints:
    """Counts the rows at touchpoints that `business.yml` does not know; none where nobody says what it `knows`."""

    knows: Collection[str] | None
    unknown: Counter[str] = field(default_factory=Counter)

    def count(self, name: str | None) -> None:
        if not name or self.knows is None or name in self.knows:
            return
        if name in self.unknown or len(self.unknown) < MOST_UNKNOWN:
            self.unknown[name] += 1


def import_transactions(
    engine: Engine,
    path: Path,
    *,
    currency: str,
    now: datetime,
    touchpoints: Collection[str] | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Loads transactions; unique on (source, transaction_id, product).

    `currency`: the business's, in which all amounts are. `now`: when customers that only these rows speak of come into being.
    `touchpoints`: those of `business.yml`; rows at others are taken too, and counted in the report.
    Raises ImportRefusedError and RejectsUnwritableError.
    """
    kind = replace(TRANSACTIONS, read={**TRANSACTIONS.read, "currency": partial(only_currency, currency)})
    return _load(engine, path, kind, now, touchpoints, progress)


def import_interactions(
    engine: Engine,
    path: Path,
    *,
    now: datetime,
    touchpoints: Collection[str] | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Loads interactions; unique on (source, interaction_id). `touchpoints`: as for transactions.

    Raises ImportRefusedError and RejectsUnwritableError.
    """
    return _load(engine, path, INTERACTIONS, now, touchpoints, progress)


def _load(
    engine: Engine, path: Path, kind: Kind, now: datetime, known: Collection[str] | None, progress: Progress | None
) -> ImportReport:
    touchpoints = Touchpoints(known)
    report = load(engine, path, _layout(kind, touchpoints, now), progress)
    return replace(report, unknown_touchpoints=dict(touchpoints.unknown.most_common()))


def _layout(kind: Kind, touchpoints: Touchpoints, now: datetime) -> Layout[Values]:
    columns = [*kind.required, *kind.read, *kind.words]
    parse = partial(_parse, kind, frozenset(columns), lengths_of(kind.table), touchpoints)
    return Layout(kind.required, [*columns, *kind.told], parse, partial(_store, kind, now))


def _parse(
    kind: Kind, known: frozenset[str], lengths: Mapping[str, int], touchpoints: Touchpoints, row: dict[str, str]
) -> Values:
    require(row, kind.required)
    check_lengths(row, lengths)
    values = dict(kind.empty)
    unknown = {}
    for name, text in row.items():
        reading = kind.read.get(name)
        if reading:
            values[name] = reading(text, name)
        elif name in known:
            values[name] = text
        else:
            unknown[name] = text
    values["attributes"] = unknown
    touchpoints.count(values["touchpoint"])
    return values


def _store(kind: Kind, now: datetime, connection: Connection, batch: Sequence[Values]) -> int:
    there = _already_there(kind, connection, batch)
    changed: dict[Key, Values] = {}
    loaded = 0
    for values in batch:
        key = tuple(values[name] for name in kind.key)
        if there.get(key) != values:
            there[key] = changed[key] = values
            loaded += 1
    profiles = ensure_records(connection, [(v["source"], v["source_id"]) for v in changed.values()], now)
    rows = [v | {"customer_id": profiles[v["source"], v["source_id"]]} for v in changed.values()]
    key_names = kind.key
    put(connection, kind.table, rows, key_names, [c.name for c in kind.table.columns if c.name not in key_names])
    return loaded


def _already_there(kind: Kind, connection: Connection, batch: Sequence[Values]) -> dict[Key, Values]:
    """The stored rows that share source and id with one of the batch, by their whole key."""
    ids: dict[str, set[str]] = defaultdict(set)
    for values in batch:
        ids[values["source"]].add(values[kind.name])
    found: dict[Key, Values] = {}
    columns = [column for column in kind.table.columns if column.name != "customer_id"]
    for source, names in ids.items():
        rows = connection.execute(
            select(*columns).where(kind.table.c.source == source, among(connection, kind.table.c[kind.name], names))
        )
        found.update({tuple(row[name] for name in kind.key): dict(row) for row in rows.mappings()})
    return found
