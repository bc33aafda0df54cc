"""What is open between the customer and the business: while something of theirs is broken nothing is asked or pushed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

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
    """Repairs and complaints without an end, those that only wait for the customer first."""
    met = interactions.c
    rows = connection.execute(
        select(interactions).where(met.customer_id.in_(customer_ids), met.kind.in_(SERIOUS), met.at <= now)
    )
    found = [
        OpenMatter(
            row.kind,
            row.status or "open",
            row.product or "",
            row.attributes.get("place") or "",
            row.source,
            row.interaction_id,
            row.at,
        )
        for row in rows
        if (row.status or "open") not in CLOSED
    ]
    return sorted(found, key=lambda m: (not m.is_ready, m.since))
