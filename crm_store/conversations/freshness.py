"""Whether a page of staff still shows what is: a mark that changes when what the page shows does.

Cheap to make, so that it can be made after every message. Knows no HTTP.
"""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import Connection, func, select

from crm_store.access.staff import Staff
from crm_store.conversations.open_requests import open_keys
from crm_store.conversations.overview import PAGE
from crm_store.conversations.transcripts import readable
from crm_store.tables import conversation_tags, conversations, messages, notes, outbox


def mark_of_list(connection: Connection, reader: Staff) -> str:
    """Of the list: somebody said something, waits, asked for something, is taken over or was erased."""
    newest = readable(reader).order_by(conversations.c.last_at.desc(), conversations.c.id.desc()).limit(PAGE)
    said = [(row.id, row.last_at) for row in connection.execute(newest)]
    held = readable(reader).where(conversations.c.state.in_(("waiting", "staff"))).order_by(conversations.c.id)
    asked = [tuple(key) for key in open_keys(connection)]
    return _mark(*said, *((row.id, row.state, row.held_by) for row in connection.execute(held)), *asked)


def mark_of_requests(connection: Connection) -> str:
    """Of what customers ask people for: something was asked, taken back or done."""
    return _mark(*(tuple(key) for key in open_keys(connection)))


def mark_of_conversation(connection: Connection, reader: Staff, conversation_id: str) -> str:
    """Of a transcript with what staff wrote on it; empty where there is none of this id that they may read."""
    row = connection.execute(readable(reader).where(conversations.c.id == conversation_id)).one_or_none()
    if row is None:
        return ""
    facts: list[object] = [(row.last_seq, row.state, row.held_by, row.assurance, row.reviewed_at, row.reviewed_by)]
    for table, columns in (
        (messages, (messages.c.state,)),
        (outbox, (outbox.c.state,)),
        (conversation_tags, (conversation_tags.c.tag,)),
        (notes, (notes.c.id,)),
    ):
        here = table.c.conversation_id == conversation_id
        query = select(*columns, func.count()).where(here).group_by(*columns).order_by(*columns)
        facts += [tuple(found) for found in connection.execute(query)]
    return _mark(*facts)


def _mark(*facts: object) -> str:
    return sha256(repr(facts).encode()).hexdigest()[:16]
