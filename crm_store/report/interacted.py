"""Interact: how much was talked, what it cost, what was asked and learnt, and how often a person was needed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, select

from crm_store.conversations.outbox import NOTICE
from crm_store.interact.handover import REQUEST
from crm_store.interact.requests import SOURCE as CHAT
from crm_store.report.contacts import Contacts
from crm_store.report.placing import ALL, Period, Places
from crm_store.tables import decisions, evidence, interactions, journal, messages, questions_asked


@dataclass(frozen=True)
class Interacted:
    conversations: int
    interactions: int
    """Without those that were noted in a conversation."""
    purchases: int
    cost: float
    """Of the interactions, in the business's currency."""
    cost_per_interaction: float | None
    questions_asked: int
    questions_answered: int
    """Of those asked in the period, answered by now."""
    bits_gained: float
    """Expected information of the questions that were answered."""
    handed_over: int
    """Conversations in which a person was asked for, or called because the assistant did not understand, or took over."""
    assistant_alone: int
    """Conversations with an answer of the assistant's in which no person was needed or spoke."""


@dataclass
class _Asked:
    asked: Counter[str]
    answered: Counter[str]
    bits: Counter[str]


def interacted(connection: Connection, places: Places, period: Period, contacts: Contacts) -> dict[str, Interacted]:
    """By kind of touchpoint, ELSEWHERE and ALL."""
    questions = _questions(connection, places, period)
    with_person = _with_person(connection, period)
    spoke = {author: _spoke_in(connection, period, author) for author in ("bot", "staff")}
    alone = spoke["bot"] - spoke["staff"] - with_person
    return {kind: _of(kind, seen, questions, with_person, alone) for kind, seen in contacts.each()}


def _of(kind: str, seen: Contacts, questions: _Asked, with_person: set[str], alone: set[str]) -> Interacted:
    talks = {talk.id for talk in seen.talks}
    n, cost = sum(m.n for m in seen.met), sum(m.cost for m in seen.met)
    return Interacted(
        conversations=len(talks),
        interactions=n,
        purchases=sum(m.n for m in seen.bought),
        cost=round(cost, 2),
        cost_per_interaction=round(cost / n, 2) if n else None,
        questions_asked=int(questions.asked[kind]),
        questions_answered=int(questions.answered[kind]),
        bits_gained=round(float(questions.bits[kind]), 2),
        handed_over=len(talks & with_person),
        assistant_alone=len(talks & alone),
    )


def _questions(connection: Connection, places: Places, period: Period) -> _Asked:
    asked = questions_asked.c
    answered = exists().where(
        evidence.c.customer_id == asked.customer_id,
        evidence.c.kind == "answered",
        evidence.c.key == asked.question_id,
        evidence.c.at >= asked.at,
    )
    rows = connection.execute(
        select(decisions.c.touchpoint, answered.label("answered"), func.count(), func.sum(asked.information))
        .select_from(questions_asked)
        # Where no message carries the question, the decision says where it was asked.
        .outerjoin(decisions, decisions.c.id == asked.decision_id)
        .where(period.holds(asked.at))
        .group_by(decisions.c.touchpoint, "answered")
    )
    found = _Asked(Counter(), Counter(), Counter())
    for touchpoint, was_answered, n, bits in rows:
        for kind in (places.of(touchpoint) if touchpoint else places.chat, ALL):
            found.asked[kind] += n
            if was_answered:
                found.answered[kind] += n
                found.bits[kind] += bits
    return found


def _with_person(connection: Connection, period: Period) -> set[str]:
    met = interactions.c
    asked_for = connection.execute(
        select(met.source_id).where(met.source == CHAT, met.kind == REQUEST, period.holds(met.at))
    ).scalars()
    taken_over = connection.execute(
        select(journal.c.details).where(journal.c.kind == "taken_over", period.holds(journal.c.at))
    ).scalars()
    return {*asked_for, *(str(details.get("conversation")) for details in taken_over)}


def _spoke_in(connection: Connection, period: Period, author: str) -> set[str]:
    """Conversations in which this author said something; that an answer takes longer is no answer."""
    said = messages.c
    mine = (said.author == author) & said.action.is_distinct_from(NOTICE)
    return set(connection.execute(select(said.conversation_id).where(mine, period.holds(said.at)).distinct()).scalars())
