"""The list of conversations for staff: the newest first, a page at a time, each with what tells whether to
look inside; and those in which a customer waits for a person, what is due first at the top.

Begins at `transcripts.readable`, as every query for staff does. Knows no HTTP and no wording.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.conversations.filters import Filter, chosen
from crm_store.conversations.handovers import Waits, state_for_staff, waits_for_staff, waits_of
from crm_store.conversations.participants import Label, labels
from crm_store.conversations.presence import staff_names
from crm_store.conversations.reviews import is_reviewed, tags_of
from crm_store.conversations.transcripts import readable
from crm_store.customize.answering import due_at
from crm_store.identify.assurance import Assurance
from crm_store.tables import conversation_tags, conversations, messages

PAGE = 30
MOST_WAITING = 50
"""Waiting conversations that are shown at a time."""
SNIPPET = 160


@dataclass(frozen=True)
class Summary:
    """A conversation in the list. `lowest_confidence`: of all that was understood in it; none if nothing was.

    `holder`: name of the member of staff who holds it; `waits`: while it waits for one.
    `state`: as staff see it.
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
    holder: str | None
    waits: Waits | None
    tags: list[str]
    is_reviewed: bool
    due_at: datetime | None = None
    """By when a person has to have answered, while it waits for one."""

    @property
    def wants_reply(self) -> bool:
        """Whether it is the turn of the person who holds it."""
        return self.state == "staff" and self.last_author == "customer"


@dataclass(frozen=True)
class Page:
    """Summaries, newest first. `older`: what to pass as `before` for the next page; none on the last."""

    summaries: list[Summary]
    older: str | None


@dataclass(frozen=True)
class Counts:
    """How many conversations each choice would show, given all the others. `total`: with all of them."""

    total: int
    states: Counter[str]
    channels: Counter[str]
    languages: Counter[str]
    tags: Counter[str]


def counts(connection: Connection, reader: Staff, wanted: Filter) -> Counts:
    """Counts of what is cheap to count: by state, channel, language and tag."""
    names = ("state", "channel", "language")
    shown = (
        chosen(connection, reader, wanted.without(*names))
        .with_only_columns(state_for_staff().label("state"), conversations.c.channel, conversations.c.language)
        .subquery()
    )
    columns = [shown.c[name] for name in names]
    found = connection.execute(select(*columns, func.count().label("n")).group_by(*columns)).all()
    by: dict[str, Counter[str]] = {name: Counter() for name in names}
    total = 0
    for row in found:
        differs = [name for name in names if getattr(wanted, name) not in {None, row._mapping[name]}]
        total += 0 if differs else row.n
        for name in names:
            if not set(differs) - {name}:
                by[name][row._mapping[name]] += row.n
    tagged = chosen(connection, reader, wanted.without("tag")).subquery()
    tag = conversation_tags.c.tag
    of_tags = (
        select(tag, func.count().label("n"))
        .join(tagged, tagged.c.id == conversation_tags.c.conversation_id)
        .group_by(tag)
    )
    tags = Counter({row.tag: row.n for row in connection.execute(of_tags)})
    return Counts(total, by["state"], by["channel"], by["language"], tags)


def how_many_wait(connection: Connection) -> int:
    """How many conversations wait for a person, or for what one was asked for."""
    waits = select(func.count()).select_from(conversations).where(waits_for_staff())
    return connection.execute(waits).scalar_one()


def waiting(connection: Connection, business: Business, reader: Staff) -> list[Summary]:
    """Conversations that wait for a person, or for what one was asked for; of the longest waiting what is due first at the top."""
    query = _listed(connection, reader, Filter(state="waiting")).order_by(conversations.c.last_at).limit(MOST_WAITING)
    # What the customer said last tells what it is about; what the assistant said to that does not.
    found = _summaries(connection, connection.execute(query).all(), author="customer")
    due = [replace(one, due_at=_due(business, one)) for one in found]
    return sorted(due, key=lambda one: one.due_at or one.last_at)


def _due(business: Business, one: Summary) -> datetime:
    return due_at(business, one.tier, one.assurance, one.waits.since if one.waits else one.last_at)


def newest(
    connection: Connection,
    reader: Staff,
    wanted: Filter = Filter(),  # noqa: B008  frozen
    *,
    before: str | None = None,
    limit: int = PAGE,
) -> Page:
    """Conversations by their last message. `before`: id of a conversation; the page begins after it."""
    query = _listed(connection, reader, wanted).order_by(conversations.c.last_at.desc(), conversations.c.id.desc())
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


def _listed(connection: Connection, reader: Staff, wanted: Filter) -> Select[Any]:
    return chosen(connection, reader, wanted).add_columns(
        is_reviewed().label("is_reviewed"), state_for_staff().label("shown_as")
    )


def _summaries(connection: Connection, rows: Sequence[Row[Any]], author: str | None = None) -> list[Summary]:
    """`author`: whose last message is shown, where anything of theirs is there; None for the last of all."""
    ids = [row.id for row in rows]
    last = _last_said(connection, ids)
    if author:
        last |= _last_said(connection, ids, messages.c.author == author)
    known = labels(connection, [(row.customer_id, Assurance.of(row.assurance)) for row in rows])
    holders = staff_names(connection, [row.held_by for row in rows])
    tags, waits = tags_of(connection, ids), waits_of(connection, ids)
    return [
        _summary(
            row,
            last[row.id],
            known[row.customer_id, Assurance.of(row.assurance)],
            holder=holders.get(row.held_by),
            waits=waits.get(row.id, Waits(row.last_at, None)) if row.shown_as == "waiting" else None,
            tags=tags.get(row.id, []),
        )
        for row in rows
        if row.id in last
    ]


def _summary(row: Row[Any], last: Row[Any], label: Label, **more: Any) -> Summary:
    return Summary(
        id=row.id,
        channel=row.channel,
        language=row.language,
        state=row.shown_as,
        assurance=Assurance.of(row.assurance),
        last_at=row.last_at,
        last_author=last.author,
        snippet=last.snippet,
        message_count=last.said,
        lowest_confidence=last.lowest,
        name=label.name,
        tier=label.tier,
        is_reviewed=bool(row.is_reviewed),
        **more,
    )


def _last_said(connection: Connection, ids: list[str], *which: ColumnElement[bool]) -> dict[str, Row[Any]]:
    """The last message of each conversation, with how many there are and the lowest confidence."""
    tally = (
        select(
            messages.c.conversation_id,
            func.max(messages.c.seq).label("last"),
            func.count().label("said"),
            func.min(messages.c.confidence).label("lowest"),
        )
        .where(messages.c.conversation_id.in_(ids), *which)
        .group_by(messages.c.conversation_id)
        .subquery()
    )
    same = and_(messages.c.conversation_id == tally.c.conversation_id, messages.c.seq == tally.c.last)
    text = func.substr(messages.c.text, 1, SNIPPET).label("snippet")
    rows = connection.execute(select(tally, messages.c.author, text).join(messages, same))
    return {row.conversation_id: row for row in rows}
