"""Which conversations staff want to see: a condition for each thing to choose by, all of them together.

Begins at `transcripts.readable`, as every query for staff does. Knows no HTTP and no wording.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, or_, select

from crm_store.access.staff import Staff
from crm_store.conversations.handovers import state_for_staff
from crm_store.conversations.reviews import is_reviewed
from crm_store.conversations.search import Term, has_words
from crm_store.conversations.transcripts import readable
from crm_store.identify.assurance import Assurance
from crm_store.interact.handover import REQUEST
from crm_store.interact.requests import SOURCE
from crm_store.tables import (
    conversation_tags,
    conversations,
    customers,
    decisions,
    interactions,
    messages,
    value_scores,
)

UNSURE = 0.5
"""Below this confidence the bot was guessing."""
LIKELY = 0.5
"""From this probability on a need was more likely than all others together."""


@dataclass(frozen=True)
class Filter:
    """What is chosen; what is empty chooses nothing. `need`: more likely than not when a decision was taken in it.

    `handed_over`: a person was asked for or has spoken. `unsure`: something in it was hardly understood. `terms`: one of its
    messages or notes has all of these words.
    """

    channel: str | None = None
    state: str | None = None
    language: str | None = None
    tier: str | None = None
    need: str | None = None
    tag: str | None = None
    reviewed: bool | None = None
    handed_over: bool = False
    unsure: bool = False
    terms: tuple[Term, ...] = ()

    def without(self, *names: str) -> Filter:
        """The same with these not chosen."""
        nothing = Filter()
        return replace(self, **{name: getattr(nothing, name) for name in names})


def chosen(connection: Connection, reader: Staff, wanted: Filter) -> Select[Any]:
    """The conversations that this person may read and wants to see. Raises NotAllowedError."""
    return readable(reader).where(*_conditions(connection, wanted))


def _conditions(connection: Connection, wanted: Filter) -> Iterator[ColumnElement[bool]]:
    if wanted.state:
        yield state_for_staff() == wanted.state
    for name in ("channel", "language"):
        if getattr(wanted, name):
            yield conversations.c[name] == getattr(wanted, name)
    if wanted.tier:
        yield _tier() == wanted.tier
    if wanted.need:
        likely = decisions.c.facts["needs"][wanted.need].as_float() >= LIKELY
        yield exists().where(decisions.c.conversation_id == conversations.c.id, likely)
    if wanted.tag:
        tagged = select(conversation_tags.c.conversation_id).where(conversation_tags.c.tag == wanted.tag)
        yield conversations.c.id.in_(tagged)
    if wanted.reviewed is not None:
        yield is_reviewed() if wanted.reviewed else ~is_reviewed()
    if wanted.handed_over:
        yield _handed_over()
    if wanted.unsure:
        yield _says(messages.c.confidence < UNSURE)
    if wanted.terms:
        yield has_words(connection, wanted.terms)


def _says(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(messages.c.conversation_id == conversations.c.id, condition)


def _handed_over() -> ColumnElement[bool]:
    asked = select(interactions.c.source_id).where(interactions.c.source == SOURCE, interactions.c.kind == REQUEST)
    return or_(conversations.c.state != "bot", conversations.c.id.in_(asked), _says(messages.c.author == "staff"))


def _tier() -> ColumnElement[Any]:
    """The tier that the list shows: of whoever is verified their newest on any profile, else this profile's own."""
    own, member = customers.alias("own"), customers.alias("member")
    joined = and_(conversations.c.assurance == Assurance.VERIFIED.word, member.c.canonical_id == own.c.canonical_id)
    return (
        select(value_scores.c.tier)
        .join(member, member.c.id == value_scores.c.customer_id)
        .join(own, or_(joined, own.c.id == member.c.id))
        .where(own.c.id == conversations.c.customer_id)
        .order_by(value_scores.c.computed_at.desc(), value_scores.c.tier.desc())
        .limit(1)
        .correlate(conversations)
        .scalar_subquery()
    )
