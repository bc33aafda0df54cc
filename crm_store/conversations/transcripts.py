"""Transcripts for staff: who said what, what was understood, what was decided upon it and why.

Every query for staff begins at `readable`, the one place that says whose eyes may see which conversation.
Knows no HTTP and no wording: times, ids and numbers leave as they are stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from crm_store.access.staff import NotAllowedError, Staff
from crm_store.conversations.deliveries import DeliveryState, delivery_states
from crm_store.conversations.handovers import Change, Waits, changes, waits_of
from crm_store.conversations.participants import Participant, participant
from crm_store.conversations.presence import staff_names
from crm_store.identify.assurance import Assurance
from crm_store.tables import conversations, decisions, exposures, messages


@dataclass(frozen=True)
class Exposure:
    """An offer that was shown and what became of it: accepted, declined or nothing yet."""

    offer_id: str
    shown_at: datetime
    outcome: str | None
    outcome_at: datetime | None


@dataclass(frozen=True)
class Decision:
    """What customize chose upon one message of the customer, and why."""

    treatment: str
    question_id: str | None
    offer_id: str | None
    reason: str
    propensity: float | None
    facts: dict[str, Any]
    exposures: list[Exposure]


@dataclass(frozen=True)
class Button:
    title: str
    pressed: bool


@dataclass(frozen=True)
class Message:
    """One message; what was understood is there for the customer's own, buttons and offer card for answers.

    `decision` stands at the last message of the answer that it led to, or at the customer's message while
    that is unanswered.
    """

    id: str
    seq: int
    author: str
    state: str
    text: str
    at: datetime
    language: str | None
    intent: str | None
    confidence: float | None
    entities: Any
    pressed: str | None
    """Title of the button that the customer pressed instead of typing."""
    buttons: list[Button]
    offer: dict[str, Any] | None
    decision: Decision | None
    staff_name: str | None
    delivery: DeliveryState | None
    """Where the channel is sent to; none where the customer fetches what is said."""


@dataclass(frozen=True)
class Said:
    """Where and when a message was said."""

    conversation_id: str
    channel: str
    seq: int
    at: datetime


@dataclass(frozen=True)
class Transcript:
    id: str
    channel: str
    language: str
    state: str
    page: str | None
    started_at: datetime
    last_at: datetime
    last_seq: int
    participant: Participant
    messages: list[Message]
    held_by: str | None
    holder: str | None
    """Name of the member of staff who holds it."""
    waits: Waits | None
    """While the customer waits for a person."""
    changes: list[Change]


def readable(reader: Staff) -> Select[Any]:
    """The conversations that this person may read. Raises NotAllowedError.

    A role that may read only some of them narrows the query here and nowhere else. Conversations in which
    nobody has said anything yet (the chat was only opened) are no transcripts.
    """
    if not reader.is_active or reader.role not in {"agent", "administrator"}:
        raise NotAllowedError("read transcripts")
    return select(conversations).where(conversations.c.last_seq > 0)


def transcript(connection: Connection, reader: Staff, conversation_id: str) -> Transcript | None:
    """All of one conversation, or None when there is none of this id that this person may read."""
    row = connection.execute(readable(reader).where(conversations.c.id == conversation_id)).one_or_none()
    if row is None:
        return None
    who = participant(connection, row.customer_id, Assurance.of(row.assurance))
    return Transcript(
        id=row.id,
        channel=row.channel,
        language=row.language,
        state=row.state,
        page=row.page,
        started_at=row.started_at,
        last_at=row.last_at,
        last_seq=row.last_seq,
        participant=who,
        messages=_messages(connection, row.id),
        held_by=row.held_by,
        holder=staff_names(connection, [row.held_by]).get(row.held_by),
        waits=_waits(connection, row),
        changes=changes(connection, row.id, {row.customer_id, *who.profile_ids}),
    )


def said_in(connection: Connection, reader: Staff, message_ids: Iterable[str]) -> dict[str, Said]:
    """Where these messages stand, by id; those that this person may not read are left out."""
    seen = readable(reader).subquery()
    query = (
        select(messages.c.id, messages.c.conversation_id, seen.c.channel, messages.c.seq, messages.c.at)
        .join(seen, seen.c.id == messages.c.conversation_id)
        .where(messages.c.id.in_(list(message_ids)))
    )
    return {row.id: Said(row.conversation_id, row.channel, row.seq, row.at) for row in connection.execute(query)}


def _waits(connection: Connection, row: Row[Any]) -> Waits | None:
    if row.state == "staff":
        return None
    return waits_of(connection, [row.id]).get(row.id, Waits(row.last_at, None) if row.state == "waiting" else None)


def _messages(connection: Connection, conversation_id: str) -> list[Message]:
    said = messages.c.conversation_id == conversation_id
    rows = connection.execute(select(messages).where(said).order_by(messages.c.seq)).all()
    decided = _decisions(connection, conversation_id)
    # An answer may be several messages; what was decided is told once, under the last.
    place = {row.in_reply_to or row.id: row.id for row in rows}
    by_place = {place.get(message_id, message_id): decision for message_id, decision in decided.items()}
    pressed = _pressed(rows)
    titles = {b["payload"]: b["title"] for row in rows for b in row.buttons or []}
    names = staff_names(connection, [row.staff_id for row in rows])
    deliveries = delivery_states(connection, [row.id for row in rows if row.author != "customer"])
    return [
        Message(
            id=row.id,
            seq=row.seq,
            author=row.author,
            state=row.state,
            text=row.text,
            at=row.at,
            language=row.language,
            intent=row.intent,
            confidence=row.confidence,
            entities=row.entities,
            pressed=titles.get(row.payload, row.text) if row.payload else None,
            buttons=[Button(b["title"], (row.id, b["payload"]) in pressed) for b in row.buttons or []],
            offer=row.offer,
            decision=by_place.get(row.id),
            staff_name=names.get(row.staff_id),
            delivery=deliveries.get(row.id),
        )
        for row in rows
    ]


def _pressed(rows: Sequence[Row[Any]]) -> set[tuple[str, str]]:
    """(message, payload) of each button that was pressed: the latest one with that payload before the press."""
    latest: dict[str, str] = {}
    pressed = set()
    for row in rows:
        for button in row.buttons or []:
            latest[button["payload"]] = row.id
        if row.payload in latest:
            pressed.add((latest[row.payload], row.payload))
    return pressed


def _decisions(connection: Connection, conversation_id: str) -> dict[str, Decision]:
    """Decisions by the id of the customer's message that they were taken upon."""
    here = decisions.c.conversation_id == conversation_id
    shown: dict[str, list[Exposure]] = {}
    joined = select(exposures).join(decisions, decisions.c.id == exposures.c.decision_id).where(here)
    for row in connection.execute(joined.order_by(exposures.c.shown_at)):
        exposure = Exposure(row.offer_id, row.shown_at, row.outcome, row.outcome_at)
        shown.setdefault(row.decision_id, []).append(exposure)
    return {
        row.message_id: Decision(
            treatment=row.treatment,
            question_id=row.question_id,
            offer_id=row.offer_id,
            reason=row.reason,
            propensity=row.propensity,
            facts=row.facts or {},
            exposures=shown.get(row.id, []),
        )
        for row in connection.execute(select(decisions).where(here, decisions.c.message_id.is_not(None)))
    }
