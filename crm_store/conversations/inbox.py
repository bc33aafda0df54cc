"""The inbox: customers' messages, each taken in once and answered once. The states are drawn in docs/messages.md.

A customer's message is `received`, then `answered` or `failed`; where a person of the business holds the conversation it is
`for_staff`. Knows no HTTP and no Rasa.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from crm_store.conversations.outbox import NOTICE, Outgoing, next_place, say
from crm_store.identify.profiles import new_id
from crm_store.tables import conversations, messages

MOST_WAITING = 20
"""Unanswered messages of one conversation from which on no more are taken."""
BUTTONS_KEPT = 50
"""Of the newest messages with buttons, how many may still be pressed."""


class InboxError(Exception):
    """A message that cannot be taken."""


class TooManyWaitingError(InboxError):
    """So many messages of this conversation are unanswered that another would only make it wait longer."""


class UnknownButtonError(InboxError):
    """A payload that was never offered in this conversation."""


@dataclass(frozen=True)
class Accepted:
    """A message that was taken. `alone`: no other message of the conversation waits; `meaning`: of its button or command."""

    message_id: str
    seq: int
    is_new: bool
    text: str = ""
    meaning: str | None = None
    alone: bool = False
    for_staff: bool = False
    """A person holds the conversation: no turn is to be taken."""

    def waiting(self, conversation_id: str, channel: str, language: str) -> Waiting:
        """What the worker needs of a message that was just committed; it need not read it again."""
        return Waiting(
            self.message_id, conversation_id, channel, language, self.text, self.meaning, attempts=0, was_told=False
        )


@dataclass(frozen=True)
class Waiting:
    """An unanswered message, with all that the turn needs."""

    message_id: str
    conversation_id: str
    channel: str
    language: str
    text: str
    meaning: str | None
    """Of the button that was pressed or the command that was given; none for words."""
    attempts: int
    was_told: bool
    """Whether the customer has already been told that the answer will take longer."""


@dataclass(frozen=True)
class Understood:
    intent: str | None = None
    confidence: float | None = None
    language: str | None = None
    action: str | None = None
    entities: list[dict[str, Any]] = field(default_factory=list)


# Statements of every turn, made once: building one costs as much as running it.
_BY_CLIENT_ID = select(messages.c.id, messages.c.seq).where(
    messages.c.conversation_id == bindparam("conversation"), messages.c.client_id == bindparam("client")
)
_HOW_MANY_WAIT = (
    select(func.count())
    .select_from(messages)
    .where(messages.c.state == "received", messages.c.conversation_id == bindparam("conversation"))
)
_SETTLE = (
    update(messages)
    .where(messages.c.id == bindparam("message"), messages.c.state == "received")
    .values(
        {name: bindparam(f"new_{name}") for name in ("state", "intent", "confidence", "language", "entities", "action")}
    )
)
_SPEAKS = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"), conversations.c.language != bindparam("speaks"))
    .values(language=bindparam("speaks"))
)
_AFTER = (
    select(messages)
    .where(messages.c.conversation_id == bindparam("conversation"), messages.c.seq > bindparam("after"))
    .order_by(messages.c.seq)
)


def accept(
    connection: Connection,
    conversation_id: str,
    client_id: str,
    text: str | None,
    payload: str | None,
    now: datetime,
    *,
    meaning: str | None = None,
) -> Accepted:
    """Takes a message in, once for each `client_id`. The caller commits before it acknowledges, and rolls back on an error.

    `payload`: of a button that was shown; `meaning`: what a command of the channel's own means, as Rasa reads it.
    Raises UnknownButtonError, TooManyWaitingError, ConcurrentDuplicateError and ConversationGoneError.
    """
    known = connection.execute(_BY_CLIENT_ID, {"conversation": conversation_id, "client": client_id}).first()
    if known:
        return Accepted(known.id, known.seq, is_new=False)
    if payload is not None:
        button = _button(connection, conversation_id, payload)
        if button is None:
            raise UnknownButtonError
        text, meaning = button["title"], button["meaning"]
    place = next_place(connection, conversation_id, 1, now)
    # Looked for again behind the lock: an insert that meets its double would wait for whoever answers that one, and they
    # for this lock.
    if connection.execute(_BY_CLIENT_ID, {"conversation": conversation_id, "client": client_id}).first():
        raise ConcurrentDuplicateError
    # Counted behind the lock: of two that come at once only the first is alone, and the cap is never passed.
    waiting: int = connection.execute(_HOW_MANY_WAIT, {"conversation": conversation_id}).scalar_one()
    if waiting >= MOST_WAITING:
        raise TooManyWaitingError
    message_id = new_id()
    row = {
        "id": message_id,
        "conversation_id": conversation_id,
        "seq": place.seq,
        "author": "customer",
        "state": "for_staff" if place.held else "received",
        "text": text,
        "payload": payload,
        "meaning": meaning,
        "client_id": client_id,
        "at": now,
        "attempts": 0,
    }
    try:
        connection.execute(messages.insert(), row)
    except IntegrityError:
        # Somebody with the same client_id was faster; the caller's transaction is spent.
        raise ConcurrentDuplicateError from None
    return Accepted(
        message_id,
        place.seq,
        is_new=True,
        text=text or "",
        meaning=meaning,
        alone=waiting == 0,
        for_staff=place.held,
    )


class ConcurrentDuplicateError(InboxError):
    """The same message came twice at the same moment: try again, the first one is there now."""


def _button(connection: Connection, conversation_id: str, payload: str) -> dict[str, str] | None:
    """The button of this conversation that carries this payload, among those that may still be pressed."""
    rows = connection.execute(
        select(messages.c.buttons)
        .where(messages.c.conversation_id == conversation_id, messages.c.buttons.is_not(None))
        .order_by(messages.c.seq.desc())
        .limit(BUTTONS_KEPT)
    ).scalars()
    for buttons in rows:
        for button in buttons or ():
            if secrets.compare_digest(button["payload"].encode(), payload.encode()):
                found: dict[str, str] = button
                return found
    return None


def conversations_waiting(connection: Connection) -> list[str]:
    """Conversations with an unanswered message, longest waiting first."""
    rows = connection.execute(
        select(messages.c.conversation_id)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(messages.c.state == "received", conversations.c.state != "staff")
        .order_by(messages.c.at, messages.c.seq)
    ).scalars()
    return list(dict.fromkeys(rows))


def next_waiting(connection: Connection, conversation_id: str) -> Waiting | None:
    """The oldest unanswered message of a conversation that the assistant holds."""
    row = connection.execute(
        select(messages, conversations.c.channel, conversations.c.language.label("speaks"))
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(
            messages.c.conversation_id == conversation_id,
            messages.c.state == "received",
            conversations.c.state != "staff",
        )
        .order_by(messages.c.seq)
        .limit(1)
    ).first()
    if row is None:
        return None
    return Waiting(
        row.id,
        conversation_id,
        row.channel,
        row.speaks,
        row.text,
        row.meaning,
        row.attempts,
        row.attempts > 0 and _was_told(connection, row.id),
    )


def _was_told(connection: Connection, message_id: str) -> bool:
    told = select(messages.c.id).where(messages.c.in_reply_to == message_id, messages.c.action == NOTICE)
    return connection.execute(told.limit(1)).first() is not None


def count_attempt(connection: Connection, message_id: str) -> bool:
    """One more try at a waiting message; False when it waits no more."""
    tried = connection.execute(
        update(messages)
        .where(messages.c.id == bindparam("wanted"), messages.c.state == "received")
        .values(attempts=messages.c.attempts + 1),
        {"wanted": message_id},
    )
    return tried.rowcount > 0


def answer(
    connection: Connection,
    message_id: str,
    conversation_id: str,
    replies: Sequence[Outgoing],
    understood: Understood,
    now: datetime,
    *,
    state: str = "answered",
    speaks: str | None = None,
) -> bool:
    """Marks a message answered and writes its replies, once. False when it was answered already: nothing is written then.

    `speaks`: the language in which the conversation goes on, where it is not that of the message.

    Nothing is said either when a person has taken the conversation over meanwhile: the message is theirs then.
    """
    done = connection.execute(
        _SETTLE,
        {
            "message": message_id,
            "new_state": state,
            "new_intent": understood.intent,
            "new_confidence": understood.confidence,
            "new_language": understood.language,
            "new_entities": understood.entities or None,
            "new_action": understood.action,
        },
    )
    if done.rowcount == 0:
        return False
    if replies and not say(connection, conversation_id, replies, now, in_reply_to=message_id):
        connection.execute(update(messages).where(messages.c.id == message_id).values(state="for_staff"))
    if speaks or understood.language:
        connection.execute(_SPEAKS, {"conversation": conversation_id, "speaks": speaks or understood.language})
    return True


def said_after(connection: Connection, conversation_id: str, after: int) -> Sequence[Row[Any]]:
    """What was said in a conversation after a number, in order."""
    return connection.execute(_AFTER, {"conversation": conversation_id, "after": after}).all()


def backlog(connection: Connection) -> int:
    """How many messages wait for an answer."""
    waiting = select(func.count()).select_from(messages).where(messages.c.state == "received")
    return connection.execute(waiting).scalar_one()
