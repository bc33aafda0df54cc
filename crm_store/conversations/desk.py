"""The desk: a person of the business takes a conversation over, speaks in it and hands it back.

While somebody holds it the assistant takes no turn there and nothing that it still says is written. Knows no HTTP.

DeskError
+-- NoSuchConversationError  none of this id that this person may read, or it was erased meanwhile
+-- HeldByAnotherError       a colleague holds it
+-- NotHeldError             whoever speaks does not hold it
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from crm_store.access.staff import Staff
from crm_store.conversations.handovers import FOR_STAFF
from crm_store.conversations.open_requests import finish_in
from crm_store.conversations.outbox import ConversationGoneError, Outgoing, say
from crm_store.conversations.transcripts import readable
from crm_store.identify.profiles import new_id
from crm_store.interact.handover import REQUEST
from crm_store.tables import conversations, journal, messages, outbox, staff


class DeskError(Exception):
    """This person cannot do this in this conversation; the text says what to do instead."""


class NoSuchConversationError(DeskError):
    def __init__(self) -> None:
        super().__init__("No conversation is kept under this address. It may have been erased.")


class HeldByAnotherError(DeskError):
    """`name`: the colleague's."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} holds this conversation. Ask them, or take it over from them.")
        self.name = name


class NotHeldError(DeskError):
    def __init__(self) -> None:
        super().__init__("You do not hold this conversation. Take it over first.")


def take(
    connection: Connection, person: Staff, conversation_id: str, now: datetime, *, from_colleague: str | None = None
) -> None:
    """Takes a conversation over; the assistant is silent from now on. Nothing happens when they hold it already.

    `from_colleague`: id of the one colleague from whom it may be taken. Raises NoSuchConversationError and HeldByAnotherError.
    """
    row = _conversation(connection, person, conversation_id)
    if row.held_by == person.id:
        return
    if row.held_by and row.held_by != from_colleague:
        raise HeldByAnotherError(_name(connection, row.held_by))
    _leave_to_staff(connection, conversation_id)
    # A yes from now on is a yes to the person, not to what the assistant asked before.
    _change(connection, conversation_id, state="staff", held_by=person.id, pending=None)
    finish_in(connection, person, conversation_id, now, kinds=(REQUEST,))
    _tell_journal(connection, row, person, "taken_over", now)


def reply(
    connection: Connection,
    person: Staff,
    conversation_id: str,
    text: str,
    now: datetime,
    *,
    client_id: str | None = None,
) -> str:
    """Says something as this person. Returns the message's id. Raises NoSuchConversationError and NotHeldError.

    `client_id`: the same text with the same one again, as of a form that is sent twice, is said once.
    """
    if _conversation(connection, person, conversation_id).held_by != person.id:
        raise NotHeldError
    before = _said_before(connection, conversation_id, client_id) if client_id else None
    if before and before[1] == text:
        return before[0]
    if before:  # an old form with other words in it
        client_id = None
    try:
        (message_id,) = say(connection, conversation_id, [Outgoing(text)], now, staff_id=person.id, client_id=client_id)
    except ConversationGoneError:
        raise NoSuchConversationError from None
    return message_id


def send_again(connection: Connection, person: Staff, conversation_id: str, message_id: str, now: datetime) -> bool:
    """Sends what may not have arrived, or did not, once more. False where it waits or has arrived.

    On purpose only: what is ambiguous may then arrive twice. Raises NoSuchConversationError.
    """
    _conversation(connection, person, conversation_id)
    settled = (outbox.c.message_id == message_id) & (outbox.c.conversation_id == conversation_id)
    sent = connection.execute(
        update(outbox)
        .where(settled, outbox.c.state.in_(("ambiguous", "failed")))
        .values(state="due", due_at=now, settled_at=None)
    )
    return sent.rowcount > 0


def hand_back(
    connection: Connection,
    person: Staff,
    conversation_id: str,
    now: datetime,
    *,
    notice: Mapping[str, str] | None = None,
) -> None:
    """Lets the assistant speak again, from the customer's next message on.

    `notice`: by language, what tells a customer so whom a person has spoken to; whom nobody has spoken to need not know.
    Raises NoSuchConversationError and NotHeldError.
    """
    row = _conversation(connection, person, conversation_id)
    if row.held_by != person.id:
        raise NotHeldError
    _leave_to_staff(connection, conversation_id)
    _change(connection, conversation_id, state="bot", held_by=None, pending=None)
    # They have dealt with what was complained of here, and asked for.
    finish_in(connection, person, conversation_id, now, kinds=FOR_STAFF)
    _tell_journal(connection, row, person, "handed_back", now)
    if notice and _spoke_last(connection, conversation_id) == "staff":
        text = notice.get(row.language, notice["en"])
        say(connection, conversation_id, [Outgoing(text, "notice")], now)


def _conversation(connection: Connection, person: Staff, conversation_id: str) -> Row[Any]:
    row = connection.execute(readable(person).where(conversations.c.id == conversation_id)).one_or_none()
    if row is None:
        raise NoSuchConversationError
    return row


def _said_before(connection: Connection, conversation_id: str, client_id: str) -> tuple[str, str] | None:
    """Id and text of what came with this `client_id`."""
    # A form that comes again while its first arrival is being written waits here for it.
    connection.execute(select(conversations.c.id).where(conversations.c.id == conversation_id).with_for_update())
    same = (messages.c.conversation_id == conversation_id) & (messages.c.client_id == client_id)
    row = connection.execute(select(messages.c.id, messages.c.text).where(same)).one_or_none()
    return (row.id, row.text) if row else None


def _leave_to_staff(connection: Connection, conversation_id: str) -> None:
    """What waits for an answer of the assistant's is for the person who reads it.

    Before the conversation itself is written to: a turn locks its message first too, so neither waits for the other.
    """
    waits = (messages.c.conversation_id == conversation_id) & (messages.c.state == "received")
    waiting = connection.execute(select(messages.c.id).where(waits).with_for_update()).scalars().all()
    connection.execute(update(messages).where(messages.c.id.in_(waiting)).values(state="for_staff"))


def _change(connection: Connection, conversation_id: str, **values: Any) -> None:
    here = update(conversations).where(conversations.c.id == conversation_id)
    if not connection.execute(here.values(**values)).rowcount:
        raise NoSuchConversationError  # an erasure came in between


def _spoke_last(connection: Connection, conversation_id: str) -> str | None:
    """The author of what the customer was told last."""
    told = (messages.c.conversation_id == conversation_id) & (messages.c.author != "customer")
    return connection.execute(
        select(messages.c.author).where(told).order_by(messages.c.seq.desc()).limit(1)
    ).scalar_one_or_none()


def _name(connection: Connection, staff_id: str) -> str:
    name: str = connection.execute(select(staff.c.name).where(staff.c.id == staff_id)).scalar_one()
    return name


def _tell_journal(connection: Connection, row: Row[Any], person: Staff, kind: str, now: datetime) -> None:
    connection.execute(
        journal.insert().values(
            id=new_id(),
            at=now,
            kind=kind,
            customer_id=row.customer_id,
            actor=person.id,
            details={"conversation": row.id},
        )
    )
