"""What became of a decision that no message carries: at a till or on the phone somebody says it and tells what came of it.

What was shown rests, what was asked counts for the caps, an answer teaches; exactly as in the chat, whose own turns keep
their outcomes. Knows no HTTP.

OutcomeError
+-- NoSuchDecisionError   none of this id, or one of the chat's
+-- NotOfThisError        the decision made no such offer or asked no such question
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select

from crm_store.access.consent import PROFILE, withdrawn
from crm_store.business import Business
from crm_store.differentiate.live import revalue
from crm_store.identify.profiles import new_id
from crm_store.tables import decisions, evidence, exposures, questions_asked

Told = Literal["shown", "accepted", "declined", "answered"]


class OutcomeError(LookupError):
    """Nothing is kept; the text says what can be told instead."""


class NoSuchDecisionError(OutcomeError):
    def __init__(self) -> None:
        super().__init__("No decision of a till or a call has this id. Ask for a new one: the customer may be erased.")


class NotOfThisError(OutcomeError):
    """An outcome that this decision cannot have."""


@dataclass(frozen=True)
class Standing:
    """How a decision stands. `shown_at`: when its offer or question was first said to the customer, None while it was not."""

    decision_id: str
    shown_at: datetime | None = None
    outcome: str | None = None
    outcome_at: datetime | None = None
    answer: str | None = None
    """Id of the option."""


def keep_told(
    connection: Connection,
    business: Business,
    decision_id: str,
    told: Told,
    now: datetime,
    *,
    option_id: str | None = None,
    staff_id: str | None = None,
) -> Standing:
    """Keeps what came of a decision and returns how it stands now; telling the same again changes nothing.

    The first acceptance or refusal stands; of two answers the newer counts; from whoever wants no profile nothing is learnt.
    `option_id`: what was answered. `staff_id`: who
    wrote it down, None for a till. Raises NoSuchDecisionError and NotOfThisError.
    """
    decision = _decision(connection, decision_id)
    if told == "answered":
        _keep_answer(connection, business, decision, option_id, staff_id, now)
    elif decision.offer_id:
        _keep_exposure(connection, decision, None if told == "shown" else told, now)
    elif decision.question_id and told == "shown":
        _keep_asked(connection, decision, now)
    else:
        raise NotOfThisError(f"This decision made no offer{_instead(decision)}.")
    return standing(connection, decision_id)


def standing(connection: Connection, decision_id: str) -> Standing:
    """How a decision stands, whatever it was."""
    shown = connection.execute(select(exposures).where(exposures.c.decision_id == decision_id)).one_or_none()
    if shown:
        return Standing(decision_id, shown.shown_at, shown.outcome, shown.outcome_at)
    asked = connection.execute(
        select(questions_asked.c.at, evidence.c.value, evidence.c.at.label("answered_at"))
        .outerjoin(evidence, evidence.c.decision_id == questions_asked.c.decision_id)
        .where(questions_asked.c.decision_id == decision_id)
    ).one_or_none()
    if asked is None:
        return Standing(decision_id)
    return Standing(decision_id, asked.at, "answered" if asked.value else None, asked.answered_at, asked.value)


def _decision(connection: Connection, decision_id: str) -> Row[Any]:
    """The decision, held until the transaction ends: of two who tell at once the second sees the first's word."""
    found = connection.execute(
        select(decisions).where(decisions.c.id == decision_id, decisions.c.message_id.is_(None)).with_for_update()
    ).one_or_none()
    if found is None:
        raise NoSuchDecisionError
    return found


def _instead(decision: Row[Any]) -> str:
    return "; tell `shown` or `answered` of its question" if decision.question_id else ", and asked nothing"


def _keep_exposure(connection: Connection, decision: Row[Any], outcome: str | None, now: datetime) -> None:
    mine = exposures.c.decision_id == decision.id
    if connection.execute(select(exposures.c.id).where(mine)).first() is None:
        connection.execute(
            exposures.insert().values(
                id=new_id(),
                customer_id=decision.customer_id,
                offer_id=decision.offer_id,
                decision_id=decision.id,
                shown_at=now,
            )
        )
    if outcome:
        connection.execute(
            exposures.update().where(mine, exposures.c.outcome.is_(None)).values(outcome=outcome, outcome_at=now)
        )


def _keep_asked(connection: Connection, decision: Row[Any], now: datetime) -> None:
    mine = questions_asked.c.decision_id == decision.id
    if connection.execute(select(questions_asked.c.id).where(mine)).first():
        return
    connection.execute(
        questions_asked.insert().values(
            id=new_id(),
            customer_id=decision.customer_id,
            conversation_id=decision.conversation_id,
            question_id=decision.question_id,
            decision_id=decision.id,
            at=now,
            information=decision.facts.get("information", 0.0),
        )
    )


def _keep_answer(
    connection: Connection,
    business: Business,
    decision: Row[Any],
    option_id: str | None,
    staff_id: str | None,
    now: datetime,
) -> None:
    question = business.question(decision.question_id or "")
    option = question.option(option_id or "") if question else None
    if question is None:
        raise NotOfThisError("This decision asked no question that there still is.")
    if option is None:
        raise NotOfThisError(f"`option` is one of: {', '.join(o.id for o in question.options)}.")
    _keep_asked(connection, decision, now)
    if PROFILE in withdrawn(connection, [decision.customer_id]):
        return
    said = {"value": option.id, "staff_id": staff_id, "at": now}
    mine = evidence.c.decision_id == decision.id
    before = connection.execute(select(evidence.c.value).where(mine)).scalar_one_or_none()
    if before is None:
        connection.execute(
            evidence.insert().values(
                id=new_id(),
                customer_id=decision.customer_id,
                decision_id=decision.id,
                kind="answered",
                key=question.id,
                strength=1.0,
                **said,
            )
        )
    elif before != option.id:
        connection.execute(evidence.update().where(mine).values(**said))
    if question.tells_of_share and before != option.id:
        revalue(connection, business, decision.customer_id, now)
