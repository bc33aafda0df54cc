"""How long things are kept: what is over goes by itself, conversations after the time that the operator sets.

What was learnt of a customer in a conversation stays when its words go: evidence, decisions, offers, consents. Of a stranger, of
whom nothing else is known and who has not come back since, nothing stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, select
from sqlalchemy.orm import aliased

from crm_store.access.erasure import remove, remove_from
from crm_store.database import UnitOfWork
from crm_store.identify import codes
from crm_store.identify.devices import GRACE
from crm_store.identify.profiles import new_id
from crm_store.interact.call_log import SOURCE as CALLS
from crm_store.interact.requests import SOURCE as CHAT
from crm_store.tables import (
    claims,
    codes_asked,
    conversations,
    customers,
    decisions,
    device_tokens,
    erasures,
    events,
    evidence,
    identifiers,
    interactions,
    links,
    messages,
    one_time_codes,
    records,
    sessions,
    staff_sessions,
    transactions,
)

AT_A_TIME = 500
"""Conversations or profiles in one transaction, so that customers need not wait for it."""
OURS = (CHAT, CALLS)
UNUSED = timedelta(days=1)
"""After which a chat that was opened, and in which nobody said anything, is removed."""


@dataclass(frozen=True)
class Pruned:
    conversations: int = 0
    strangers: int = 0

    def __bool__(self) -> bool:
        return bool(self.conversations or self.strangers)

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(self.conversations + other.conversations, self.strangers + other.strangers)


def tidy(connection: Connection, now: datetime) -> int:
    """Removes what can never count again: sessions, codes and links that are over, device tokens that were replaced, chats
    never used.

    Returns how many rows went; of chats `AT_A_TIME` at most.
    """
    over = (
        delete(sessions).where(sessions.c.expires_at <= now),
        delete(staff_sessions).where(staff_sessions.c.expires_at <= now),
        delete(device_tokens).where(device_tokens.c.superseded_at < now - GRACE),
        delete(one_time_codes).where(one_time_codes.c.asked_at < now - codes.DAY),
        delete(codes_asked).where(codes_asked.c.at < now - codes.DAY),
        delete(links).where(links.c.expires_at < now - codes.DAY),
    )
    gone = sum(connection.execute(statement).rowcount for statement in over)
    can_still_be_used = exists().where(sessions.c.conversation_id == conversations.c.id)
    silent = (conversations.c.last_seq == 0) & (conversations.c.started_at < now - UNUSED) & ~can_still_be_used
    unused = connection.execute(select(conversations.c.id).where(silent).limit(AT_A_TIME)).scalars().all()
    return gone + _remove_conversations(connection, unused)


def prune(connection: Connection, before: datetime, now: datetime) -> Pruned:
    """Removes conversations without a word since `before`, then strangers who have not come back since.

    `AT_A_TIME` of either at most: call it again until nothing was removed. What the assistant remembers of the conversations
    goes as after an erasure.
    """
    old = select(conversations.c.id).where(conversations.c.last_at < before).limit(AT_A_TIME)
    talks = connection.execute(old).scalars().all()
    said = select(messages.c.id).where(messages.c.conversation_id.in_(talks))
    connection.execute(delete(claims).where(claims.c.message_id.in_(said)))
    _remove_conversations(connection, talks)
    if talks:
        connection.execute(erasures.insert().values(id=new_id(), at=now, trackers=list(talks)))
    strangers = connection.execute(select(customers.c.id).where(_is_forgotten_stranger(before)).limit(AT_A_TIME))
    profiles = strangers.scalars().all()
    if profiles:
        remove(connection, profiles, ())
    return Pruned(len(talks), len(profiles))


def prune_all(engine: Engine, days: int, now: datetime, advance: Callable[[int], None]) -> Pruned:
    """Removes all conversations and strangers of more than so many days ago, a piece at a time."""
    gone = Pruned()
    while True:
        with UnitOfWork(engine) as work:
            piece = prune(work.connection, now - timedelta(days=days), now)
            work.commit()
        if not piece:
            return gone
        gone += piece
        advance(piece.conversations + piece.strangers)


def _remove_conversations(connection: Connection, talks: Sequence[str]) -> int:
    if not talks:
        return 0
    gone = remove_from(connection, talks)
    return gone + connection.execute(delete(conversations).where(conversations.c.id.in_(talks))).rowcount


def _is_forgotten_stranger(before: datetime) -> ColumnElement[bool]:
    """Nobody whom a system of the business knows, joined to nobody, without a conversation, and not seen since."""
    other = aliased(customers)
    joined = exists().where(other.c.canonical_id == customers.c.canonical_id, other.c.id != customers.c.id)
    known = [
        exists().where(table.c.customer_id == customers.c.id)
        for table in (records, identifiers, transactions, conversations)
    ]
    # What was asked of people in a chat and what was noted in a call is ours, and no system's of the business.
    elsewhere = (interactions.c.customer_id == customers.c.id) & interactions.c.source.not_in(OURS)
    known.append(exists().where(elsewhere))
    seen_since = [
        exists().where(column.table.c.customer_id == customers.c.id, column >= before)
        for column in (device_tokens.c.issued_at, events.c.at, evidence.c.at, decisions.c.at, interactions.c.at)
    ]
    stranger = customers.c.created_at < before
    for reason in (joined, *known, *seen_since):
        stranger &= ~reason
    return stranger
