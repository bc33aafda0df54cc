"""What customers have asked people of the business for and nobody has done yet: a person, a return, a delivery, a repair, what
they complained of, and what was left open in a call. Who does it keeps that they did, and when.

Begins at `transcripts.readable`, as every query for staff does. Knows no HTTP and no wording.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, update

from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.conversations.handovers import FOR_STAFF
from crm_store.conversations.participants import Label, labels
from crm_store.conversations.presence import staff_names
from crm_store.conversations.transcripts import readable
from crm_store.customize.answering import due_at
from crm_store.identify.assurance import Assurance
from crm_store.interact.call_log import SOURCE as CALLS
from crm_store.interact.handover import REQUEST
from crm_store.interact.matters import CLOSED, COMPLAINT, asked_in_chat
from crm_store.interact.requests import SOURCE as CHAT
from crm_store.tables import conversations, interactions, messages

CALL_BACK = "call_back"
MOST_OPEN = 200
MOST_LOOKED_AT = 1000
MOST_DONE = 20
DONE_BY, DONE_AT = "done_by", "done_at"
"""Attributes of an interaction that somebody has seen to."""

Key = tuple[str, str]
"""Source and id of an interaction."""


@dataclass(frozen=True)
class Asked:
    """Something that a customer wants of people. `conversation_id`, `seq`: where they said so, while that is kept."""

    source: str
    id: str
    kind: str
    at: datetime
    due_at: datetime
    """By when somebody has to have answered."""
    customer_id: str
    assurance: Assurance
    label: Label
    conversation_id: str | None
    seq: int | None
    channel: str | None
    language: str | None
    text: str | None
    product: str | None
    order_id: str | None
    status: str | None
    is_call_back: bool
    """Whether they were promised in a call that somebody calls back."""
    done_at: datetime | None
    done_by: str | None
    """Name of the member of staff who has done it."""

    @property
    def is_from_call(self) -> bool:
        return self.source == CALLS


def open_requests(connection: Connection, business: Business, reader: Staff) -> list[Asked]:
    """What is not done, what is due first at the top; `MOST_OPEN` at most, of the `MOST_LOOKED_AT` oldest.

    Raises NotAllowedError.
    """
    rows = connection.execute(
        _asked(reader)
        .where(_is_open())
        .order_by(interactions.c.at, interactions.c.interaction_id)
        .limit(MOST_LOOKED_AT)
    ).all()
    complained = {row.source_id for row in rows if row.source == CHAT and row.kind == COMPLAINT}
    # Who complained is waiting for a person because of that: one thing to do, not two.
    told = _told(
        connection, business, [row for row in rows if not (_is_for_complaint(row) and row.source_id in complained)]
    )
    return sorted(told, key=lambda one: one.due_at)[:MOST_OPEN]


def done_lately(connection: Connection, business: Business, reader: Staff) -> list[Asked]:
    """What was done last, the newest first; `MOST_DONE` at most. Raises NotAllowedError."""
    done_at = interactions.c.attributes[DONE_AT].as_string()
    ours = interactions.c.source.in_((CHAT, CALLS))
    rows = connection.execute(
        _asked(reader)
        .where(ours, done_at.is_not(None), interactions.c.status.in_(CLOSED))
        .order_by(done_at.desc(), interactions.c.interaction_id)
        .limit(MOST_DONE)
    ).all()
    return _told(connection, business, [row for row in rows if not _is_for_complaint(row)])


def finish(connection: Connection, person: Staff, source: str, request_id: str, now: datetime) -> str | None:
    """Keeps that this person has done what was asked for. Returns the id of the conversation in which it was asked.

    None, and nothing happens, where it is no such request or somebody has done it already. Where nobody is waited for in that
    conversation any more, the assistant goes on there as before. Raises NotAllowedError.
    """
    this = and_(interactions.c.source == source, interactions.c.interaction_id == request_id)
    row = connection.execute(_asked(person).where(this, _is_open())).one_or_none()
    if row is None:
        return None
    if row.source == CALLS:
        _close(connection, person, this, now)
        return None
    talk: str = row.source_id
    # First the conversation, as whoever takes it over or speaks in it does.
    connection.execute(select(conversations.c.id).where(conversations.c.id == talk).with_for_update())
    _close(connection, person, this, now)
    if row.kind == COMPLAINT:
        finish_in(connection, person, talk, now, kinds=(REQUEST,), why=COMPLAINT)
    _stop_waiting(connection, talk)
    return talk


def finish_in(
    connection: Connection,
    person: Staff,
    conversation_id: str,
    now: datetime,
    *,
    kinds: Sequence[str],
    why: str | None = None,
) -> None:
    """Keeps that this person has done all of these kinds that were asked for in a conversation. `why`: calls for a person
    because of that alone.
    """
    here = and_(asked_in_chat(*kinds), interactions.c.source_id == conversation_id)
    _close(connection, person, here, now, why)


def open_keys(connection: Connection) -> Sequence[Any]:
    """Key of everything that is open, in a fixed order."""
    met = interactions.c
    return connection.execute(
        select(met.source, met.interaction_id).where(_is_open()).order_by(met.source, met.interaction_id)
    ).all()


def _is_open() -> ColumnElement[bool]:
    met = interactions.c
    left_open = and_(
        met.source == CALLS,
        met.outcome.in_(("open", CALL_BACK)),
        func.coalesce(met.status, "open").not_in(CLOSED),
    )
    return or_(asked_in_chat(REQUEST, *FOR_STAFF), left_open)


def _asked(reader: Staff) -> Any:
    """Rows of `interactions`, each with the conversation in which it was said where this person may read that."""
    seen = readable(reader).subquery()
    return select(
        interactions,
        seen.c.id.label("talk"),
        seen.c.customer_id.label("talking"),
        seen.c.assurance,
        seen.c.channel,
        seen.c.language,
    ).outerjoin(seen, and_(interactions.c.source == CHAT, seen.c.id == interactions.c.source_id))


def _is_for_complaint(row: Row[Any]) -> bool:
    return bool(row.kind == REQUEST and row.attributes.get("why") == COMPLAINT)


def _close(
    connection: Connection, person: Staff, which: ColumnElement[bool], now: datetime, why: str | None = None
) -> None:
    for row in connection.execute(select(interactions).where(which)).all():
        if why is not None and row.attributes.get("why") != why:
            continue
        this = and_(interactions.c.source == row.source, interactions.c.interaction_id == row.interaction_id)
        done = {**row.attributes, DONE_BY: person.id, DONE_AT: now.isoformat()}
        status = "resolved" if row.kind == COMPLAINT else "done"
        connection.execute(update(interactions).where(this).values(status=status, attributes=done))


def _stop_waiting(connection: Connection, conversation_id: str) -> None:
    """Nobody is waited for where nothing calls for a person any more."""
    call = and_(asked_in_chat(REQUEST), interactions.c.source_id == conversation_id)
    if connection.execute(select(interactions.c.interaction_id).where(call).limit(1)).first():
        return
    waits = and_(conversations.c.id == conversation_id, conversations.c.state == "waiting")
    connection.execute(update(conversations).where(waits).values(state="bot", pending=None))


def _told(connection: Connection, business: Business, rows: Sequence[Row[Any]]) -> list[Asked]:
    """The same rows as a person reads them."""
    who = {_key(row): (row.talking or row.customer_id, _assurance(row)) for row in rows}
    named = labels(connection, list(set(who.values())))
    said = _said(connection, [row.interaction_id.partition("/")[0] for row in rows if row.talk])
    staff = staff_names(connection, [row.attributes.get(DONE_BY) for row in rows])
    products = _products(connection, [row.attributes.get("matter") for row in rows])
    return [
        _as_asked(
            row,
            label=(label := named[who[_key(row)]]),
            due_at=due_at(business, label.tier, _assurance(row), row.at),
            said=said.get(row.interaction_id.partition("/")[0]),
            done_by=staff.get(row.attributes.get(DONE_BY, "")),
            product=row.product or products.get(row.attributes.get("matter", "")),
        )
        for row in rows
    ]


def _as_asked(
    row: Row[Any], label: Label, due_at: datetime, said: Row[Any] | None, done_by: str | None, product: str | None
) -> Asked:
    done_at = row.attributes.get(DONE_AT)
    return Asked(
        source=row.source,
        id=row.interaction_id,
        kind=row.kind or "call",
        at=row.at,
        due_at=due_at,
        customer_id=row.customer_id,
        assurance=_assurance(row),
        label=label,
        conversation_id=row.talk,
        seq=said.seq if said else None,
        channel=row.channel,
        language=row.language,
        # Who asks for a person says why in that message; who says yes to a return says nothing of it.
        text=row.text or (said.text if said and row.kind == REQUEST else None),
        product=product,
        order_id=row.order_id,
        status=row.status,
        is_call_back=row.source == CALLS and row.outcome == CALL_BACK,
        done_at=datetime.fromisoformat(done_at) if done_at else None,
        done_by=done_by,
    )


def _key(row: Row[Any]) -> Key:
    return (row.source, row.interaction_id)


def _assurance(row: Row[Any]) -> Assurance:
    """As sure as the conversation in which it was said; who was on the phone was looked up by a colleague."""
    if row.source == CALLS:
        return Assurance.VERIFIED
    return Assurance.of(row.assurance) if row.talk else Assurance.ANONYMOUS


def _said(connection: Connection, message_ids: Iterable[str]) -> dict[str, Any]:
    query = select(messages.c.id, messages.c.seq, messages.c.text).where(messages.c.id.in_(list(message_ids)))
    return {row.id: row for row in connection.execute(query)}


def _products(connection: Connection, matters: Iterable[str | None]) -> dict[str, str]:
    """The product that each matter is about, by the matter's id."""
    wanted = [matter for matter in matters if matter]
    query = select(interactions.c.interaction_id, interactions.c.product)
    rows = connection.execute(query.where(interactions.c.interaction_id.in_(wanted))) if wanted else ()
    return {row.interaction_id: row.product for row in rows if row.product}
