"""What is open between the customer and the business: while something of theirs is broken nothing is asked or pushed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from crm_store.tables import interactions

SERIOUS = ("repair", "complaint")
CLOSED = ("closed", "done", "resolved", "collected", "delivered", "cancelled")


@dataclass(frozen=True)
class OpenMatter:
    kind: str
    status: str
    product: str
    place: str
    source: str
    interaction_id: str
    since: datetime

    @property
    def is_ready(self) -> bool:
        return self.kind == "repair" and self.status == "ready"


def open_matters(connection: Connection, customer_ids: Sequence[str], now: datetime) -> list[OpenMatter]:
    """Repairs and complaints without an end, those that only wait for the customer first.

    Each word on a matter may come as an interaction of its own: of those that name the same order, or the same product,
    the newest counts. One that names neither is a matter by itself.
    """
    met = interactions.c
    rows = connection.execute(
        select(interactions)
        .where(met.customer_id.in_(customer_ids), met.kind.in_(SERIOUS), met.at <= now)
        .order_by(met.at, met.interaction_id)
    )
    newest = {(row.source, row.kind, row.order_id or row.product or row.interaction_id): row for row in rows}
    found = [
        OpenMatter(
            row.kind,
            _status(row),
            row.product or "",
            row.attributes.get("place") or "",
            row.source,
            row.interaction_id,
            row.at,
        )
        for row in newest.values()
        if _status(row) not in CLOSED
    ]
    return sorted(found, key=lambda m: (not m.is_ready, m.since))


def _status(row: Row[Any]) -> str:
    return (row.status or "open").strip().casefold()
