"""What handing a conversation over has left behind: since when a customer waits for a person and why, who took over when.

`interact.handover` calls for a person, `desk` is where they come in; both write down what is read here. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, or_, select

from crm_store.conversations.presence import staff_names
from crm_store.interact.handover import REQUEST
from crm_store.interact.matters import ASKED, COMPLAINT, asked_in_chat
from crm_store.tables import conversations, interactions, journal

KINDS = ("taken_over", "handed_back")
FOR_STAFF = (COMPLAINT, *ASKED)
"""What somebody of the business has to see to, though the assistant goes on answering."""


@dataclass(frozen=True)
class Waits:
    """Since when a customer waits for a person, and why: `asked`, `misunderstood`, the kind of what else they asked for or
    complained of, or None where nobody wrote it down.
    """

    since: datetime
    why: str | None


@dataclass(frozen=True)
class Change:
    """A conversation changed hands. `kind`: `taken_over` or `handed_back`; `name`: of the member of staff."""

    kind: str
    at: datetime
    name: str


def waits_for_staff() -> ColumnElement[bool]:
    """Whether a person is waited for, or was asked for something else; the assistant goes on answering then as before."""
    asked = select(interactions.c.source_id).where(asked_in_chat(*FOR_STAFF))
    here = conversations.c
    return or_(here.state == "waiting", and_(here.state == "bot", here.id.in_(asked)))


def state_for_staff() -> ColumnElement[str]:
    """The state of a conversation as staff see it."""
    return case((waits_for_staff(), "waiting"), else_=conversations.c.state)


def waits_of(connection: Connection, conversation_ids: Iterable[str]) -> dict[str, Waits]:
    """By conversation the first call for a person that is still open, else the first thing else that was asked for."""
    met = interactions.c
    query = (
        select(met.source_id, met.at, met.kind, met.attributes)
        .where(asked_in_chat(REQUEST, *FOR_STAFF), met.source_id.in_(list(conversation_ids)))
        .order_by(case((met.kind == REQUEST, 1), else_=0), met.at.desc())
    )
    # What comes last stays: calls after the rest, the first after the later ones.
    return {
        row.source_id: Waits(row.at, (row.attributes or {}).get("why") if row.kind == REQUEST else row.kind)
        for row in connection.execute(query)
    }


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
