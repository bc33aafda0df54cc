"""The list of conversations for staff: the newest first, a page at a time, each with what tells whether to
look inside.

Begins at `transcripts.readable`, as every query for staff does. Knows no HTTP and no wording.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from crm_store.access.staff import Staff
from crm_store.conversations.participants import labels
from crm_store.conversations.transcripts import readable
from crm_store.identify.assurance import Assurance
from crm_store.tables import conversations, messages

PAGE = 30
SNIPPET = 160


@dataclass(frozen=True)
class Summary:
    """A conversation in the list. `lowest_confidence`: of all that was understood in it; none if nothing
    was.
    """

    id: str
    channel: str
    language: str
    state: str
    assurance: Assurance
    last_at: datetime
    last_author: str
    snippet: str
    message_count: int
    lowest_confidence: float | None
    name: str | None
    tier: str | None


@dataclass(frozen=True)
class Page:
    """Summaries, newest first. `older`: what to pass as `before` for the next page; none on the last."""

    summaries: list[Summary]
    older: str | None


def counts(connection: Connection, reader: Staff) -> Counter[tuple[str, str]]:
    """How many conversations there are by (channel, state)."""
    seen = readable(reader).subquery()
    query = select(seen.c.channel, seen.c.state, func.count()).group_by(seen.c.channel, seen.c.state)
    return Counter({(channel, state): n for channel, state, n in connection.execute(query)})


def how_many_wait(connection: Connection) -> int:
    """How many conversations wait for a person."""
    waits = select(func.count()).select_from(conversations).where(conversations.c.state == "waiting")
    return connection.execute(waits).scalar_one()


def newest(
    connection: Connection,
    reader: Staff,
    *,
    channel: str | None = None,
    state: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> Page:
    """Conversations by their last message. `before`: id of a conversation; the page begins after it."""
    query = readable(reader).order_by(conversations.c.last_at.desc(), conversations.c.id.desc())
    if channel:
        query = query.where(conversations.c.channel == channel)
    if state:
        query = query.where(conversations.c.state == state)
    if before:
        query = _older_than(connection, query, reader, before)
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    return Page(_summaries(connection, shown), shown[-1].id if len(rows) > limit else None)


def _older_than(connection: Connection, query: Select[Any], reader: Staff, before: str) -> Select[Any]:
    edge = connection.execute(readable(reader).where(conversations.c.id == before)).one_or_none()
    if edge is None:
        return query
    last_at, row_id = conversations.c.last_at, conversations.c.id
    return query.where(or_(last_at < edge.last_at, and_(last_at == edge.last_at, row_id < edge.id)))


def _summaries(connection: Connection, rows: Sequence[Row[Any]]) -> list[Summary]:
    ids = [row.id for row in rows]
    tally = (
        select(
            messages.c.conversation_id,
            func.max(messages.c.seq).label("last"),
            func.count().label("said"),
            func.min(messages.c.confidence).label("lowest"),
        )
        .where(messages.c.conversation_id.in_(ids))
        .group_by(messages.c.conversation_id)
        .subquery()
    )
    same = and_(messages.c.conversation_id == tally.c.conversation_id, messages.c.seq == tally.c.last)
    text = func.substr(messages.c.text, 1, SNIPPET).label("snippet")
    last = {
        row.conversation_id: row
        for row in connection.execute(select(tally, messages.c.author, text).join(messages, same))
    }
    known = labels(connection, [(row.customer_id, Assurance.of(row.assurance)) for row in rows])
    return [
        Summary(
            id=row.id,
            channel=row.channel,
            language=row.language,
            state=row.state,
            assurance=Assurance.of(row.assurance),
            last_at=row.last_at,
            last_author=last[row.id].author,
            snippet=last[row.id].snippet,
            message_count=last[row.id].said,
            lowest_confidence=last[row.id].lowest,
            name=known[row.customer_id, Assurance.of(row.assurance)].name,
            tier=known[row.customer_id, Assurance.of(row.assurance)].tier,
        )
        for row in rows
        if row.id in last
    ]
