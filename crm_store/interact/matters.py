"""What is open between the customer and the business: while something of theirs is broken nothing is asked or pushed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select, true

from crm_store.interact.requests import DELIVERY_REQUEST, RETURN_REQUEST, SOURCE
from crm_store.tables import interactions

REPAIR = "repair"
COMPLAINT = "complaint"
SERIOUS = (REPAIR, COMPLAINT)
ASKED = (RETURN_REQUEST, DELIVERY_REQUEST, REPAIR)
"""What customers ask of people in the chat, and may take back there."""
REPORTED = "reported"
"""The status of a defect that a customer told the assistant of, until the workshop says something of it."""
TOLD_SOLVED = "told_solved"
"""The status of a complaint that is solved as the customer says; staff have still to see it."""
CLOSED = ("closed", "done", "resolved", "collected", "delivered", "cancelled", TOLD_SOLVED)


@dataclass(frozen=True)
class OpenMatter:
    kind: str
    status: str
    product: str
    place: str
    source: str
    interaction_id: str
    since: datetime
    """When it came to this status."""
    began: datetime

    @property
    def is_ready(self) -> bool:
        return self.kind == "repair" and self.status == "ready"


def open_matters(
    connection: Connection, customer_ids: Sequence[str], now: datetime, *, said_here: bool = False
) -> list[OpenMatter]:
    """Repairs and complaints without an end, those that only wait for the customer first.

    Each word on a matter may come as an interaction of its own: of those that name the same order, or the same product,
    the newest counts. One that names neither is a matter by itself. `said_here`: only what was said to the assistant.
    """
    met = interactions.c
    rows = connection.execute(
        select(interactions)
        .where(
            met.customer_id.in_(customer_ids),
            met.kind.in_(SERIOUS),
            met.at <= now,
            met.source == SOURCE if said_here else true(),
        )
        .order_by(met.at, met.interaction_id)
    ).all()
    matters: dict[tuple[str, str, str], list[Row[Any]]] = {}
    for row in rows:
        matters.setdefault((row.source, row.kind, row.order_id or row.product or row.interaction_id), []).append(row)
    found = [_matter(words) for words in matters.values() if _is_open(words, rows)]
    return sorted(found, key=lambda m: (not m.is_ready, m.since))


def asked_in_chat(*kinds: str) -> ColumnElement[bool]:
    """Interactions of these kinds in which somebody was asked for something in a chat, and nobody has settled it."""
    met = interactions.c
    return and_(met.source == SOURCE, met.kind.in_(kinds), met.status.in_(("open", REPORTED, TOLD_SOLVED)))


def _matter(words: Sequence[Row[Any]]) -> OpenMatter:
    """The matter that these words, the oldest first, come to."""
    row = words[-1]
    ended = [i for i, word in enumerate(words) if _status(word) in CLOSED]
    return OpenMatter(
        row.kind,
        _status(row),
        row.product or "",
        row.attributes.get("place") or "",
        row.source,
        row.interaction_id,
        row.at,
        words[ended[-1] + 1 if ended else 0].at,
    )


def _is_open(words: Sequence[Row[Any]], everything: Sequence[Row[Any]]) -> bool:
    newest = words[-1]
    if _status(newest) == REPORTED:
        # The workshop has taken it up: what it says goes on from there.
        return not any(
            row.kind == newest.kind
            and row.product == newest.product
            and row.source != newest.source
            and row.at > newest.at
            for row in everything
        )
    return _status(newest) not in CLOSED


def _status(row: Row[Any]) -> str:
    return (row.status or "open").strip().casefold()
