"""What handing a conversation over has left behind: since when a customer waits for a person and why, who took over when.

`interact.handover` calls for a person, `desk` is where they come in; both write down what is read here. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from crm_store.conversations.presence import staff_names
from crm_store.interact.handover import REQUEST
from crm_store.interact.requests import SOURCE
from crm_store.tables import interactions, journal

KINDS = ("taken_over", "handed_back")


@dataclass(frozen=True)
class Waits:
    """Since when a customer waits for a person, and why: `asked`, `misunderstood`, or None where nobody wrote it down."""

    since: datetime
    why: str | None


@dataclass(frozen=True)
class Change:
    """A conversation changed hands. `kind`: `taken_over` or `handed_back`; `name`: of the member of staff."""

    kind: str
    at: datetime
    name: str


def waits_of(connection: Connection, conversation_ids: Iterable[str]) -> dict[str, Waits]:
    """The first call for a person that is still open, by conversation."""
    query = (
        select(interactions.c.source_id, interactions.c.at, interactions.c.attributes)
        .where(
            interactions.c.source == SOURCE,
            interactions.c.kind == REQUEST,
            interactions.c.status == "open",
            interactions.c.source_id.in_(list(conversation_ids)),
        )
        .order_by(interactions.c.at.desc())
    )
    return {row.source_id: Waits(row.at, (row.attributes or {}).get("why")) for row in connection.execute(query)}


def changes(connection: Connection, conversation_id: str, profile_ids: Iterable[str]) -> list[Change]:
    """Each time this conversation changed hands, in order. `profile_ids`: under which it ran."""
    query = select(journal).where(journal.c.customer_id.in_(list(profile_ids)), journal.c.kind.in_(KINDS))
    rows = [
        row
        for row in connection.execute(query.order_by(journal.c.at))
        if row.details.get("conversation") == conversation_id
    ]
    names = staff_names(connection, [row.actor for row in rows])
    return [Change(row.kind, row.at, names.get(row.actor, "A former colleague")) for row in rows]
