"""What is said to customers: replies of the assistant and words of staff, written down in order, and where they have to go.

The widget fetches what was said; a conversation with an `address` has each of its messages in `outbox` too, from where its
channel delivers them (`deliveries`). Knows no HTTP and no channel.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update

from crm_store.identify.profiles import new_id
from crm_store.tables import conversations, messages, outbox

NOTICE = "notice"
"""The action of what is said of the processing itself, such as that an answer takes longer."""


class ConversationGoneError(LookupError):
    """The conversation was erased in the very moment in which something was to be written into it."""


@dataclass(frozen=True)
class Outgoing:
    """A reply on its way out. `buttons`: titles with the meaning that Rasa gave them; `offer`: the card."""

    text: str
    action: str | None = None
    buttons: Sequence[dict[str, str]] = ()
    offer: dict[str, Any] | None = None


@dataclass(frozen=True)
class Place:
    """The next number of a conversation. `held`: a person of the business holds it."""

    seq: int
    held: bool
    address: str | None


_NEXT_SEQ = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"))
    .values(last_seq=conversations.c.last_seq + bindparam("count"), last_at=bindparam("now"))
    .returning(conversations.c.last_seq, conversations.c.state, conversations.c.address)
)


def next_place(connection: Connection, conversation_id: str, count: int, now: datetime) -> Place:
    """Reserves `count` numbers; the row lock that this takes orders all writers of one conversation.

    Raises ConversationGoneError.
    """
    row = connection.execute(_NEXT_SEQ, {"conversation": conversation_id, "count": count, "now": now}).one_or_none()
    if row is None:
        raise ConversationGoneError(conversation_id)
    return Place(row.last_seq - count + 1, row.state == "staff", row.address)


def say(
    connection: Connection,
    conversation_id: str,
    replies: Sequence[Outgoing],
    now: datetime,
    *,
    in_reply_to: str | None = None,
    staff_id: str | None = None,
    client_id: str | None = None,
) -> list[str]:
    """Says something in a conversation. Returns the messages' ids. `client_id`: of a single reply, unique in it.

    Nothing is said, and the list is empty, where a person holds the conversation and it is not they who speak.
    """
    place = next_place(connection, conversation_id, len(replies), now)
    if place.held and staff_id is None:
        return []
    rows = [
        {
            "id": new_id(),
            "conversation_id": conversation_id,
            "seq": place.seq + i,
            "author": "staff" if staff_id else "bot",
            "staff_id": staff_id,
            "client_id": client_id,
            "state": "ready",
            "text": reply.text,
            "at": now,
            "attempts": 0,
            "in_reply_to": in_reply_to,
            "action": reply.action,
            "buttons": _opaque(reply.buttons),
            "offer": reply.offer,
        }
        for i, reply in enumerate(replies)
    ]
    connection.execute(messages.insert(), rows)
    if place.address:
        connection.execute(
            outbox.insert(),
            [
                {
                    "message_id": row["id"],
                    "conversation_id": conversation_id,
                    "address": place.address,
                    "position": row["seq"],
                    "state": "due",
                    "attempts": 0,
                    "due_at": now,
                }
                for row in rows
            ],
        )
    return [str(row["id"]) for row in rows]


def notify(connection: Connection, message_id: str, conversation_id: str, text: str, now: datetime) -> None:
    """Tells the customer something of the processing itself, such as that the answer will take longer."""
    say(connection, conversation_id, [Outgoing(text, NOTICE)], now, in_reply_to=message_id)


def _opaque(buttons: Sequence[dict[str, str]]) -> list[dict[str, Any]] | None:
    """Payloads are ours and opaque, so that a customer can press only what was shown to them."""
    return [
        {"title": b["title"], "payload": secrets.token_urlsafe(12), "meaning": b["payload"]} for b in buttons
    ] or None
