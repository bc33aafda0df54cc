"""Events of the other touchpoints, each kept once: a purchase becomes a transaction, anything else an interaction.

Page events stay events: they are many, cost nothing to serve and are no interaction with anybody.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, String, Table, select

from crm_store.database import one_at_a_time
from crm_store.tables import events, interactions, transactions

PURCHASES = ("purchase", "return")
PAGE = "page:"
"""How the source of a page event begins."""


class EventError(ValueError):
    """An event that cannot be kept as what it says it is. The text says what is missing."""


@dataclass(frozen=True)
class Event:
    source: str
    event_id: str
    at: datetime
    touchpoint: str
    kind: str
    body: dict[str, Any] = field(default_factory=dict)


def keep_event(connection: Connection, event: Event, customer_id: str) -> bool:
    """Keeps an event and what follows from it; False when it is there already.

    Raises EventError for a purchase or return without an amount, which as anything else would count as a cost, and for
    numbers that are none (NaN, Infinity).
    """
    one_at_a_time(connection, f"event {event.source}/{event.event_id}")
    key = (events.c.source == event.source) & (events.c.event_id == event.event_id)
    if connection.execute(select(events.c.event_id).where(key)).first():
        return False
    _check_numbers(event)
    connection.execute(
        events.insert().values(
            source=event.source,
            event_id=event.event_id,
            customer_id=customer_id,
            at=event.at,
            touchpoint=event.touchpoint,
            kind=event.kind,
            body=event.body,
        )
    )
    if event.source.startswith(PAGE):
        return True
    if event.kind in PURCHASES:
        _keep_transaction(connection, event, customer_id)
    else:
        _keep_interaction(connection, event, customer_id)
    return True


def check_currency(event: Event, currency: str) -> None:
    """Raises EventError for a purchase or return that names another currency than the business's: their sum would be of none."""
    given = event.body.get("currency")
    if event.kind in PURCHASES and given not in (None, "") and str(given).upper() != currency:
        raise EventError(f"`currency` {given} is not the business's, {currency}; convert the amounts to {currency}")


def _check_numbers(event: Event) -> None:
    try:
        json.dumps(event.body, allow_nan=False)
    except ValueError:
        raise EventError("NaN and Infinity are no numbers; leave out what is not known") from None


def _keep_transaction(connection: Connection, event: Event, customer_id: str) -> None:
    known, rest = _sorted_out(
        event.body,
        transactions,
        numbers=("amount", "margin", "quantity"),
        words=("product", "currency", "category", "order_id", "status"),
    )
    if not known.get("currency"):
        known.pop("currency", None)
    if "amount" not in known:
        raise EventError(f"a {event.kind} needs an `amount`, a number; found {event.body.get('amount')!r:.60}")
    known["amount"] = abs(known["amount"]) * (-1 if event.kind == "return" else 1)
    connection.execute(
        transactions.insert().values(
            source=event.source,
            transaction_id=event.event_id,
            source_id=customer_id,
            customer_id=customer_id,
            at=event.at,
            touchpoint=event.touchpoint,
            attributes=rest,
            **{"product": "", **known},
        )
    )


def _keep_interaction(connection: Connection, event: Event, customer_id: str) -> None:
    known, rest = _sorted_out(
        event.body,
        interactions,
        numbers=("cost", "points"),
        words=("text", "outcome", "order_id", "product", "status"),
    )
    connection.execute(
        interactions.insert().values(
            source=event.source,
            interaction_id=event.event_id,
            source_id=customer_id,
            customer_id=customer_id,
            at=event.at,
            touchpoint=event.touchpoint,
            kind=event.kind,
            attributes=rest,
            **known,
        )
    )


def _sorted_out(
    body: dict[str, Any], table: Table, *, numbers: Sequence[str], words: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values that fit a column of theirs, and all others, which stay beside them as they were sent."""
    known: dict[str, Any] = {}
    for name in numbers:
        value = body.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            known[name] = float(value)
    for name in words:
        value = body.get(name)
        word = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
        kind = table.c[name].type
        longest = kind.length if isinstance(kind, String) and kind.length else math.inf
        # PostgreSQL keeps no NUL in a text; in JSON it is written as an escape.
        if word is not None and len(word) <= longest and "\0" not in word:
            known[name] = word
    return known, {k: v for k, v in body.items() if k not in known}
