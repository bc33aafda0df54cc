"""What staff write on a conversation for each other: that they have reviewed it, tags, notes. Customers never see any of it.

Knows no HTTP. A review holds until the customer says something new.

ReviewError
+-- UnseenMessagesError   the customer has said more than whoever reviews has seen
+-- UnusableTextError     nothing is left of a tag or note, or it is too long
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select, update

from crm_store.access.staff import Staff
from crm_store.conversations.desk import NoSuchConversationError
from crm_store.conversations.presence import staff_names
from crm_store.conversations.transcripts import readable
from crm_store.identify.profiles import new_id
from crm_store.tables import conversation_tags, conversations, messages, notes, staff

LONGEST_TAG = 40
LONGEST_NOTE = 4000
TAGS_SUGGESTED = 50


class ReviewError(Exception):
    """The text says what to do instead."""


class UnseenMessagesError(ReviewError):
    def __init__(self) -> None:
        super().__init__("The customer has said more since you opened this page. Read it, then mark it reviewed.")


class UnusableTextError(ReviewError):
    pass


@dataclass(frozen=True)
class Note:
    id: str
    text: str
    at: datetime
    author: str
    is_mine: bool


@dataclass(frozen=True)
class Review:
    """What staff have written on one conversation. `is_current`: nothing new was said since it was reviewed."""

    reviewed_at: datetime | None
    reviewed_by: str | None
    is_current: bool
    tags: list[str]
    notes: list[Note]


def is_reviewed() -> ColumnElement[bool]:
    """Whether a row of `conversations` was reviewed, and the customer has said nothing since."""
    newer = exists().where(
        messages.c.conversation_id == conversations.c.id,
        messages.c.author == "customer",
        messages.c.at > conversations.c.reviewed_at,
    )
    return conversations.c.reviewed_at.is_not(None) & ~newer


def review(connection: Connection, reader: Staff, conversation_id: str) -> Review:
    """Raises NoSuchConversationError."""
    row = connection.execute(
        readable(reader).add_columns(is_reviewed().label("is_current")).where(conversations.c.id == conversation_id)
    ).one_or_none()
    if row is None:
        raise NoSuchConversationError
    written = select(notes, staff.c.name).join(staff, staff.c.id == notes.c.staff_id)
    return Review(
        reviewed_at=row.reviewed_at,
        reviewed_by=staff_names(connection, [row.reviewed_by]).get(row.reviewed_by),
        is_current=bool(row.is_current),
        tags=tags_of(connection, [conversation_id]).get(conversation_id, []),
        notes=[
            Note(note.id, note.text, note.at, note.name, note.staff_id == reader.id)
            for note in connection.execute(
                written.where(notes.c.conversation_id == conversation_id).order_by(notes.c.at, notes.c.id)
            )
        ],
    )


def mark_reviewed(connection: Connection, person: Staff, conversation_id: str, seen: int, now: datetime) -> None:
    """Marks a conversation reviewed. `seen`: number of the last message that this person has seen.

    Raises NoSuchConversationError and UnseenMessagesError.
    """
    _check(connection, person, conversation_id)
    unseen = (
        (messages.c.conversation_id == conversation_id) & (messages.c.author == "customer") & (messages.c.seq > seen)
    )
    if connection.execute(select(messages.c.id).where(unseen).limit(1)).first():
        raise UnseenMessagesError
    _change(connection, conversation_id, now, person.id)


def mark_unreviewed(connection: Connection, person: Staff, conversation_id: str) -> None:
    """Raises NoSuchConversationError."""
    _check(connection, person, conversation_id)
    _change(connection, conversation_id, None, None)


def add_tags(connection: Connection, person: Staff, conversation_id: str, typed: str, now: datetime) -> list[str]:
    """Adds tags, several parted by commas; those that are there already stay as they are. Returns them as they are kept.

    Raises NoSuchConversationError and UnusableTextError.
    """
    _check(connection, person, conversation_id)
    wanted = list(dict.fromkeys(tag for tag in map(_tag, typed.split(",")) if tag))
    if not wanted:
        raise UnusableTextError("A tag has at least one letter or digit.")
    there = tags_of(connection, [conversation_id]).get(conversation_id, [])
    for tag in wanted:
        if tag not in there:
            row = {"conversation_id": conversation_id, "tag": tag, "staff_id": person.id, "at": now}
            connection.execute(insert(conversation_tags).values(row))
    return wanted


def remove_tag(connection: Connection, person: Staff, conversation_id: str, tag: str) -> None:
    """Raises NoSuchConversationError."""
    _check(connection, person, conversation_id)
    named = (conversation_tags.c.conversation_id == conversation_id) & (conversation_tags.c.tag == tag)
    connection.execute(delete(conversation_tags).where(named))


def tags_of(connection: Connection, conversation_ids: list[str]) -> dict[str, list[str]]:
    """Tags by conversation, in alphabetical order."""
    found: dict[str, list[str]] = {}
    query = select(conversation_tags).where(conversation_tags.c.conversation_id.in_(conversation_ids))
    for row in connection.execute(query.order_by(conversation_tags.c.tag)):
        found.setdefault(row.conversation_id, []).append(row.tag)
    return found


def tags_in_use(connection: Connection) -> list[str]:
    """To suggest: the most used first."""
    tag = conversation_tags.c.tag
    query = select(tag).group_by(tag).order_by(func.count().desc(), tag).limit(TAGS_SUGGESTED)
    return list(connection.execute(query).scalars())


def add_note(connection: Connection, person: Staff, conversation_id: str, typed: str, now: datetime) -> None:
    """Raises NoSuchConversationError and UnusableTextError."""
    _check(connection, person, conversation_id)
    written = typed.replace("\0", "").replace("\r\n", "\n").strip()
    if not 0 < len(written) <= LONGEST_NOTE:
        raise UnusableTextError(f"A note has 1 to {LONGEST_NOTE} characters.")
    row = {"id": new_id(), "conversation_id": conversation_id, "staff_id": person.id, "text": written, "at": now}
    connection.execute(insert(notes).values(row))


def remove_note(connection: Connection, person: Staff, conversation_id: str, note_id: str) -> None:
    """Takes back a note of this person's own. Raises NoSuchConversationError."""
    _check(connection, person, conversation_id)
    own = (notes.c.id == note_id) & (notes.c.conversation_id == conversation_id) & (notes.c.staff_id == person.id)
    connection.execute(delete(notes).where(own))


def _check(connection: Connection, person: Staff, conversation_id: str) -> None:
    """Keeps the conversation from being erased until what is written on it is committed."""
    here = readable(person).where(conversations.c.id == conversation_id)
    if connection.execute(here.with_for_update(read=True, key_share=True)).one_or_none() is None:
        raise NoSuchConversationError


def _change(connection: Connection, conversation_id: str, at: datetime | None, by: str | None) -> None:
    here = conversations.c.id == conversation_id
    connection.execute(update(conversations).where(here).values(reviewed_at=at, reviewed_by=by))


def _tag(typed: str) -> str:
    """As it is kept: small letters, single spaces, nothing that cannot be seen; empty where no letter or digit is left."""
    seen = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in typed.lower())
    tag = " ".join(seen.split())
    if len(tag) > LONGEST_TAG:
        raise UnusableTextError(f"A tag has at most {LONGEST_TAG} characters.")
    return tag if any(c.isalnum() for c in tag) else ""
