"""Decisions and exposures as they are kept, and what was shown lately. Queries only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from crm_store.business import Business
from crm_store.identify.profiles import new_id
from crm_store.tables import decisions, exposures


@dataclass(frozen=True)
class Decision:
    """What a customer gets now, and why."""

    treatment: str
    reason: str
    facts: dict[str, Any] = field(default_factory=dict)
    offer_id: str | None = None
    question_id: str | None = None
    response: str | None = None
    propensity: float | None = None


def keep_decision(
    connection: Connection,
    decision: Decision,
    *,
    profile: str,
    conversation_id: str | None,
    message_id: str | None,
    touchpoint: str,
    now: datetime,
) -> str:
    """Writes the decision, and the exposure when an offer is shown in a message. Returns the decision's id."""
    decision_id = new_id()
    connection.execute(
        decisions.insert().values(
            id=decision_id,
            customer_id=profile,
            conversation_id=conversation_id,
            message_id=message_id,
            touchpoint=touchpoint,
            at=now,
            treatment=decision.treatment,
            offer_id=decision.offer_id,
            question_id=decision.question_id,
            response=decision.response,
            propensity=decision.propensity,
            reason=decision.reason,
            facts=decision.facts,
        )
    )
    if decision.offer_id and message_id:
        connection.execute(
            exposures.insert().values(
                id=new_id(),
                customer_id=profile,
                offer_id=decision.offer_id,
                decision_id=decision_id,
                message_id=message_id,
                shown_at=now,
            )
        )
    return decision_id


def shown_lately(
    connection: Connection, business: Business, profiles: Sequence[str], now: datetime
) -> tuple[set[str], set[str]]:
    """Offers still in their rest after being shown to these profiles, and those of them that were declined."""
    rows = connection.execute(
        select(exposures.c.offer_id, exposures.c.shown_at, exposures.c.outcome).where(
            exposures.c.customer_id.in_(profiles)
        )
    )
    resting, declined = set(), set()
    for offer_id, shown_at, outcome in rows:
        offer = business.offer(offer_id)
        if offer and now - shown_at < timedelta(days=offer.cooldown_days):
            resting.add(offer_id)
            if outcome == "declined":
                declined.add(offer_id)
    return resting, declined


def keep_outcome(connection: Connection, message_id: str, outcome: str, now: datetime) -> None:
    """What became of the offer that was shown in answer to this message; the first outcome stands."""
    connection.execute(
        exposures.update()
        .where(exposures.c.message_id == message_id, exposures.c.outcome.is_(None))
        .values(outcome=outcome, outcome_at=now)
    )


def told_of_matter(connection: Connection, conversation_id: str) -> bool:
    """Whether this conversation has already begun with something that is open."""
    return (
        connection.execute(
            select(decisions.c.id)
            .where(decisions.c.conversation_id == conversation_id, decisions.c.treatment == "service_first")
            .limit(1)
        ).first()
        is not None
    )
