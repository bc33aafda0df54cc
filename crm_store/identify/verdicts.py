"""What staff have said of two profiles, as it is kept: that they are the same person, or different ones. Queries only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from crm_store.bulk import among
from crm_store.identify.profiles import new_id
from crm_store.tables import verdicts

SAME, DIFFERENT = "same", "different"
LONGEST_REASON = 255
"""Characters."""

Pair = frozenset[str]


@dataclass(frozen=True)
class Verdict:
    id: str
    pair: Pair
    verdict: str
    staff_id: str
    reason: str
    at: datetime


def keep_verdicts(
    connection: Connection, pairs: Collection[tuple[str, str]], verdict: str, staff_id: str, reason: str, now: datetime
) -> None:
    """Takes down the same word on each of these pairs. What was said of them before stays, and no longer stands."""
    last: int = connection.execute(select(func.coalesce(func.max(verdicts.c.number), 0))).scalar_one()
    rows = [
        {
            "id": new_id(),
            "number": number,
            "customer_id": profile,
            "other_id": other,
            "verdict": verdict,
            "staff_id": staff_id,
            "reason": reason,
            "at": now,
        }
        for number, (profile, other) in enumerate(pairs, start=last + 1)
    ]
    if rows:
        connection.execute(verdicts.insert(), rows)


def told_apart(connection: Connection, profiles: Collection[str] | None = None) -> dict[Pair, Verdict]:
    """The pairs, of which one or both are among these profiles, whose newest word is that they are different."""
    newest: dict[Pair, Row[Any]] = {}
    query = select(verdicts)
    if profiles is not None:
        columns = (verdicts.c.customer_id, verdicts.c.other_id)
        query = query.where(or_(*(among(connection, column, profiles) for column in columns)))
    for row in connection.execute(query.order_by(verdicts.c.number)):
        newest[frozenset((row.customer_id, row.other_id))] = row
    return {
        pair: Verdict(row.id, pair, row.verdict, row.staff_id, row.reason, row.at)
        for pair, row in newest.items()
        if row.verdict == DIFFERENT
    }


def between(apart: dict[Pair, Verdict], one: Collection[str], other: Collection[str]) -> Verdict | None:
    """The word that keeps two customers apart; None where there is none."""
    return next((apart[pair] for pair in apart if pair & set(one) and pair & set(other)), None)
