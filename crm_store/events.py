"""Events of the other touchpoints, each kept once: a purchase becomes a transaction, anything else an interaction.

Page events stay events: they are many, cost nothing to serve and are no interaction with anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from crm_store.tables import events, interactions, transactions

PURCHASES = ("purchase", "return")


@dataclass(frozen=True)
class Event:
    source: str
    event_id: str
    at: datetime
    touchpoint: str
    kind: str
    body: dict[str, Any] = field(default_factory=dict)


def keep_event(connection: Connection, event: Event, customer_id: str) -> bool:
    """Keeps an event and what follows from it; False when it is there already."""
    key = (events.c.source == event.source) & (events.c.event_id == event.event_id)
    if connection.execute(select(events.c.event_id).where(key)).first():
        return False
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
    if event.source.startswith("page:"):
        return True
    if event.kind in PURCHASES and isinstance(event.body.get("amount"), int | float):
        _keep_transaction(connection, event, customer_id)
    else:
        _keep_interaction(connection, event, customer_id)
    return True


def _keep_transaction(connection: Connection, event: Event, customer_id: str) -> None:
    body = dict(event.body)
    amount = abs(float(body.pop("amount")))
    known = {k: body.pop(k) for k in ("margin", "currency", "category", "quantity", "order_id", "status") if k in body}
    connection.execute(
        transactions.insert().values(
            source=event.source,
            transaction_id=event.event_id,
            product=str(body.pop("product", "")),
            source_id=customer_id,
            customer_id=customer_id,
            at=event.at,
            amount=-amount if event.kind == "return" else amount,
            touchpoint=event.touchpoint,
            attributes=body,
            **known,
        )
    )


def _keep_interaction(connection: Connection, event: Event, customer_id: str) -> None:
    body = dict(event.body)
    names = ("text", "cost", "outcome", "order_id", "product", "status", "points")
    known = {k: body.pop(k) for k in names if k in body}
    connection.execute(
        interactions.insert().values(
            source=event.source,
            interaction_id=event.event_id,
            source_id=customer_id,
            customer_id=customer_id,
            at=event.at,
            touchpoint=event.touchpoint,
            kind=event.kind,
            attributes=body,
            **known,
        )
    )
