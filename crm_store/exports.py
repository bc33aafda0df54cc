"""What leaves the store as CSV files: header row, UTF-8, a line at a time. Queries only.

identities     which customer each source record is taken for
values         what each customer is worth, as the last run of `rapport score` found it
transcripts    what was said, what was understood and why it was answered so
offers         what was decided to be offered, whether it was shown and what became of it
needs          how likely each need of each customer is now
shares         which part of their spending customers told that they spend here, and what they so spend elsewhere
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Engine, Select, false, func, select

from crm_store.business import Business
from crm_store.database import reading
from crm_store.differentiate.everybody import all_needs
from crm_store.differentiate.told_shares import every_share
from crm_store.tables import conversations, customers, decisions, exposures, messages, records, value_scores

AT_A_TIME = 5000
Advance = Callable[[int], None]
"""Called with how many more lines are written."""

_WHO = customers.c.canonical_id.label("customer_id")
"""The canonical customer, so that joined profiles are one."""

IDENTITIES = (
    select(records.c.source, records.c.source_id, _WHO)
    .join(customers, customers.c.id == records.c.customer_id)
    .order_by(records.c.source, records.c.source_id)
)
_WORTH = value_scores.c
VALUES = (
    select(
        _WHO,
        records.c.source,
        records.c.source_id,
        func.coalesce(_WORTH.purchases, 0).label("purchases"),
        _WORTH.last_at,
        *(
            func.coalesce(column, 0).label(column.name)
            for column in (_WORTH.p_alive, _WORTH.expected_purchases, _WORTH.expected_amount)
        ),
        *(
            func.coalesce(column, 0).label(column.name)
            for column in (_WORTH.actual_value, _WORTH.future_value, _WORTH.potential_value)
        ),
        _WORTH.tier,
    )
    .join(customers, customers.c.id == records.c.customer_id)
    .outerjoin(value_scores, _WORTH.customer_id == customers.c.canonical_id)
    .order_by(records.c.source, records.c.source_id)
)
TRANSCRIPTS = (
    select(
        messages.c.conversation_id,
        messages.c.seq,
        _WHO,
        conversations.c.channel,
        messages.c.at,
        messages.c.author,
        messages.c.text,
        messages.c.intent,
        messages.c.confidence,
        messages.c.action,
        decisions.c.reason,
    )
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .join(customers, customers.c.id == conversations.c.customer_id)
    # The decision stands at the customer's message that it was taken upon.
    .outerjoin(decisions, decisions.c.message_id == messages.c.id)
    .order_by(messages.c.conversation_id, messages.c.seq)
)
OFFERS = (
    select(
        _WHO,
        decisions.c.offer_id,
        decisions.c.at.label("decided_at"),
        decisions.c.touchpoint,
        decisions.c.propensity,
        false().label("holdout"),  # nobody is kept from an offer to measure what it does
        exposures.c.shown_at,
        exposures.c.outcome,
        exposures.c.outcome_at,
        decisions.c.reason,
    )
    .join(customers, customers.c.id == decisions.c.customer_id)
    .outerjoin(exposures, exposures.c.decision_id == decisions.c.id)
    .where(decisions.c.offer_id.is_not(None))
    .order_by(decisions.c.at, decisions.c.id)
)


def how_many(engine: Engine, query: Select[Any]) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one()


def export(engine: Engine, query: Select[Any], path: Path, advance: Advance) -> int:
    """Writes the rows of one of the queries above. Returns how many."""
    with reading(engine) as connection:
        rows = connection.execution_options(yield_per=AT_A_TIME).execute(query)
        return _write(path, list(rows.keys()), rows, advance)


def how_many_customers(engine: Engine) -> int:
    return how_many(engine, select(customers.c.canonical_id).distinct())


def export_needs(engine: Engine, business: Business, path: Path, now: datetime, advance: Advance) -> int:
    """Each need of each customer with its probability, from what was known at `now`. Returns how many lines.

    `advance` counts customers. Three streams in the same order are read side by side, so that nothing is held in memory.
    """

    def lines() -> Iterator[tuple[str, str, float]]:
        with reading(engine) as connection:
            for customer, needs in all_needs(connection, business, now):
                yield from ((customer, segment, needs[segment]) for segment in business.segment_ids)
                advance(1)

    return _write(path, ["customer_id", "segment", "probability"], lines(), lambda _: None)


SHARES = (
    *("customer_id", "told_at", "answer", "share", "share_low", "share_high", "holds"),
    *("spent", "elsewhere", "elsewhere_low", "elsewhere_high", "place", "told_by"),
)


def export_shares(engine: Engine, business: Business, path: Path, now: datetime) -> int:
    """The share of customer of each who told one and bought here, as it stood at `now`. Returns how many lines."""

    def lines() -> Iterator[tuple[Any, ...]]:
        with reading(engine) as connection:
            for customer, origin, found in every_share(connection, business, now):
                facts = found.as_dict()
                figures = (facts[name] for name in ("spent", "elsewhere", "elsewhere_low", "elsewhere_high"))
                band = (found.band.share, round(found.band.low, 4), round(found.band.high, 4), facts["holds"])
                yield (customer, facts["told_at"], found.told.value, *band, *figures, *origin)

    return _write(path, list(SHARES), lines(), lambda _: None)


def _write(path: Path, header: list[str], rows: Iterable[Any], advance: Advance) -> int:
    written = 0
    with private_file(path) as file:
        lines = csv.writer(file)
        lines.writerow(header)
        for row in rows:
            lines.writerow(map(_plain, row))
            written += 1
            if written % AT_A_TIME == 0:
                advance(AT_A_TIME)
    advance(written % AT_A_TIME)
    return written


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else value


@contextmanager
def private_file(path: Path) -> Iterator[TextIO]:
    """A file to write what customers said and are called; one that is made here is for its owner's eyes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
        yield file
