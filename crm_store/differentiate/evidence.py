"""Evidence as it is kept: one row for each thing that was told, unique on the message, or on the decision of a till or call
that asked. Rows belong to profiles and are never moved or changed by what comes later: what stands is worked out when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select

from crm_store.bulk import is_one_of
from crm_store.business import Business
from crm_store.differentiate.needs import NEED, NOW, PERIOD, STATED, Evidence, Periods, fresh
from crm_store.differentiate.statements import utc_day
from crm_store.identify.profiles import new_id
from crm_store.prepared import Prepared
from crm_store.tables import decisions, messages, staff, transactions
from crm_store.tables import evidence as table

DAY = 86400.0


class Kept(Protocol):
    """What `standing` reads of a row of evidence."""

    kind: Any
    key: Any
    value: Any
    strength: Any
    at: Any


def keep(connection: Connection, profile: str, pieces: Sequence[Evidence], message_id: str, now: datetime) -> None:
    """Writes what a message told. The turn is stored in the same transaction, so a retry never comes here twice."""
    if pieces:
        connection.execute(
            table.insert(),
            [
                {
                    "id": new_id(),
                    "customer_id": profile,
                    "kind": piece.kind,
                    "key": piece.key,
                    "value": piece.value,
                    "words": piece.words,
                    "strength": piece.strength,
                    "message_id": message_id,
                    "at": now,
                }
                for piece in pieces
            ],
        )


def keep_refusal(connection: Connection, profile: str, segment: str, staff_id: str, now: datetime) -> None:
    """Writes that the customer told staff that this need is not theirs."""
    connection.execute(
        table.insert().values(
            id=new_id(),
            customer_id=profile,
            kind="denied",
            key=NEED,
            value=segment,
            strength=1.0,
            staff_id=staff_id,
            at=now,
        )
    )


_SAID = Prepared(
    lambda connection: (
        select(
            table,
            func.coalesce(messages.c.conversation_id, decisions.c.conversation_id).label("conversation_id"),
            decisions.c.touchpoint,
            staff.c.name.label("told_by"),
        )
        .outerjoin(messages, messages.c.id == table.c.message_id)
        .outerjoin(decisions, decisions.c.id == table.c.decision_id)
        .outerjoin(staff, staff.c.id == table.c.staff_id)
        .where(is_one_of(connection, table.c.customer_id, "profiles"), table.c.at <= bindparam("now"))
        .order_by(table.c.at, table.c.id)
    )
)


def told(
    connection: Connection,
    customer_ids: Sequence[str],
    now: datetime,
    conversation_id: str | None = None,
    *,
    half_life: float,
    trust: float = STATED,
) -> list[Evidence]:
    """What these profiles have said until now, the newest word on each matter only.

    `conversation_id`: the conversation under way, whose evidence counts more. `half_life`: of a need, in days. `trust`: of a need
    that is stated.
    """
    rows = _SAID.rows(connection, profiles=customer_ids, now=now)
    return standing(rows, half_life, now, conversation_id, trust)


def standing(
    rows: Iterable[Kept],
    half_life: float,
    now: datetime,
    conversation_id: str | None = None,
    trust: float = STATED,
) -> list[Evidence]:
    """What stands of these rows, which come in the order in which they were told.

    A later answer to a question replaces the one before. A need that is refused is no longer stated, and one that is stated
    anew no longer refused. Needs that contradict each other both stand, each as fresh as it is: so each takes from the other.
    """
    newest: dict[tuple[str, str], Evidence] = {}
    wish: tuple[str, str] | None = None
    for row in rows:
        matter = (row.kind, row.key if row.kind == "answered" else row.value)
        here = bool(conversation_id) and getattr(row, "conversation_id", None) == conversation_id
        newest.pop(matter, None)
        if row.kind in _AGAINST:
            newest.pop((_AGAINST[row.kind], row.value), None)
        newest[matter] = Evidence(
            row.kind,
            row.key,
            row.value,
            row.strength,
            NOW if here else 1.0,
            getattr(row, "words", None),
            getattr(row, "message_id", None),
            getattr(row, "touchpoint", None),
            getattr(row, "told_by", None),
            at=row.at,
            freshness=1.0 if row.kind == "denied" else fresh(days_since(row.at, now), half_life),
            trust=trust,
        )
        if here and row.kind == "stated":
            # Who wishes for something else has changed their mind: the wish before counts as one of earlier.
            if wish and wish != matter and wish in newest:
                newest[wish] = replace(newest[wish], weight=1.0)
            wish = matter
    return list(newest.values())


_AGAINST = {"denied": "stated", "stated": "denied"}


def days_since(at: datetime | None, now: datetime) -> float:
    """0 of what is dated ahead, or not at all."""
    return max((now - at).total_seconds() / DAY, 0.0) if at else 0.0


def bought_on(connection: Connection, *columns: ColumnElement[Any]) -> Select[Any]:
    """The categories that were bought until `:now`, with each day (UTC) on which they were; returns left out.

    `columns`: what else to tell them apart by.
    """
    sold = transactions.c
    day = utc_day(connection, sold.at).label("day")
    return (
        select(*columns, sold.category, day)
        .where(sold.at <= bindparam("now"), sold.amount > 0, sold.category.is_not(None))
        .group_by(*columns, sold.category, day)
    )


def purchases(
    connection: Connection, business: Business, customer_ids: Sequence[str], now: datetime
) -> tuple[Periods, dict[str, datetime]]:
    """By category: how many periods ago these profiles bought it, on how many days, and the last of them."""
    if not customer_ids or not business.needs.behaviours:
        return {}, {}
    rows = _BOUGHT.rows(connection, profiles=customer_ids, now=now)
    return by_period(((row.category, row.day) for row in rows), now)


_BOUGHT = Prepared(
    lambda connection: bought_on(connection).where(is_one_of(connection, transactions.c.customer_id, "profiles"))
)


def by_period(bought: Iterable[tuple[str, Any]], now: datetime) -> tuple[Periods, dict[str, datetime]]:
    """The same from categories and days."""
    periods: Periods = {}
    last: dict[str, Any] = {}
    periods_ago = PeriodsSince(now)
    for category, day in bought:
        theirs, period = periods.setdefault(category, {}), periods_ago[day]
        theirs[period] = theirs.get(period, 0) + 1
        last[category] = max(day, last.get(category, day))
    return periods, {category: datetime.combine(_date(day), time(), UTC) for category, day in last.items()}


class PeriodsSince(dict[Any, int]):
    """By day, how many whole periods ago it was; 0 of what is dated ahead."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._today = now.astimezone(UTC).date()

    def __missing__(self, day: date | str) -> int:
        self[day] = max((self._today - _date(day)).days, 0) // PERIOD
        return self[day]


def _date(day: date | str) -> date:
    return day if isinstance(day, date) else date.fromisoformat(day)
