"""A customer's orders, as the shop's transactions and the words of its couriers tell of them. Queries and plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from crm_store.identify.normalise import normalise
from crm_store.tables import interactions, transactions

DELIVERY = "delivery"
"""The kind of the interactions that tell how an order is getting on."""
LOOKED_AT = 400
"""Lines of a customer's newest orders among which one is looked for."""

STAGES = {
    "received": "new open placed ordered received confirmed paid processing preparing packed",
    "on_the_way": "on_the_way shipped sent dispatched in_transit out_for_delivery with_courier",
    "ready": "ready ready_for_pickup",
    "delivered": "delivered collected completed complete done fulfilled",
    "late": "delayed late failed delivery_failed",
    "cancelled": "cancelled canceled",
    "returned": "returned refunded",
}
_STAGE_OF = {word: stage for stage, words in STAGES.items() for word in words.split()}
ENDED = ("delivered", "cancelled", "returned")


@dataclass
class Order:
    """One order as it stands now."""

    number: str
    at: datetime
    items: list[tuple[str, float]] = field(default_factory=list)
    """Product, as it is written in the shop, and how many of it."""
    status: str = ""
    status_at: datetime | None = None
    expected: date | None = None
    given_back: bool = False

    @property
    def stage(self) -> str:
        """One of STAGES; "" where the status is none that is known here."""
        return _STAGE_OF.get(self.status.strip().casefold().replace(" ", "_").replace("-", "_"), "")

    @property
    def is_under_way(self) -> bool:
        return self.stage not in ENDED


def orders_of(connection: Connection, profiles: Sequence[str], now: datetime, zone: ZoneInfo) -> list[Order]:
    """The orders of these profiles, the newest first, each with the newest word on it."""
    sold, met = transactions.c, interactions.c
    lines = connection.execute(
        select(sold.order_id, sold.at, sold.product, sold.quantity, sold.amount, sold.status, sold.attributes)
        .where(sold.customer_id.in_(profiles), sold.order_id.is_not(None), sold.order_id != "", sold.at <= now)
        .order_by(sold.at.desc(), sold.transaction_id.desc(), sold.product.desc())
        .limit(LOOKED_AT)
    ).all()
    words = connection.execute(
        select(met.order_id, met.at, met.status, met.attributes)
        .where(met.customer_id.in_(profiles), met.kind == DELIVERY, met.order_id.is_not(None), met.at <= now)
        .order_by(met.at.desc(), met.interaction_id.desc())
        .limit(LOOKED_AT)
    ).all()
    found: dict[str, Order] = {}
    for line in reversed(lines):
        order = found.setdefault(spelled(line.order_id), Order(line.order_id, line.at))
        if line.amount < 0:
            order.given_back = True
            continue
        order.items.append((line.product, line.quantity or 1.0))
        _told(order, line.status, line.at, line.attributes, zone)
    for word in reversed(words):
        if order_told := found.get(spelled(word.order_id)):
            _told(order_told, word.status, word.at, word.attributes, zone)
    return sorted((o for o in found.values() if o.items), key=lambda o: o.at, reverse=True)


def named(orders: Iterable[Order], number: str) -> Order | None:
    """The one of this number, however it is written."""
    wanted = spelled(number)
    return next((order for order in orders if spelled(order.number) == wanted), None)


def spelled(number: str) -> str:
    return normalise("order_number", number) or number.strip().upper()


def _told(order: Order, status: str | None, at: datetime, attributes: dict[str, Any], zone: ZoneInfo) -> None:
    if status:
        order.status, order.status_at = status, at
    order.expected = _day(attributes.get("expected"), zone) or order.expected


def _day(text: Any, zone: ZoneInfo) -> date | None:
    """`2026-03-04` or a whole time, as the day it is in the business's zone; None for what is neither."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at.astimezone(zone).date() if at.tzinfo else at.date()
