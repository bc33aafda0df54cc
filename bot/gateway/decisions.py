"""Decisions for the till, the phone and the web shop, and what came of them: the same rules, caps and memory as the chat."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from bot.gateway.chat import ONE_LINE, TheStack
from bot.gateway.events import Identifier, ambiguous, api_key, known_touchpoint
from bot.gateway.problems import ProblemError
from crm_store.business import Business
from crm_store.customize.advice import Advice, Customer, decide
from crm_store.customize.decisions import keep_decision
from crm_store.customize.offers import pitch_text
from crm_store.customize.outcomes import NoSuchDecisionError, NotOfThisError, Told, keep_told
from crm_store.database import UnitOfWork
from crm_store.identify.assurance import Assurance
from crm_store.identify.lookup import AmbiguousIdentifiersError, customer_of
from crm_store.identify.profiles import scope

router = APIRouter(prefix="/v1", tags=["decisions"], dependencies=[Depends(api_key)])


DecisionId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class DecisionIn(BaseModel):
    identifiers: Annotated[list[Identifier], Field(min_length=1, max_length=20)]
    touchpoint: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
    language: Literal["en", "id"] | None = None


class OutcomeIn(BaseModel):
    """`shown`: the offer or question was said. `answered`: the question, with the id of the `option`."""

    outcome: Told
    option: Annotated[str, Field(min_length=1, max_length=64, pattern=ONE_LINE)] | None = None


@router.post("/decisions")
def take_decision(body: DecisionIn, stack: TheStack) -> dict[str, Any]:
    """The treatment, offer and question for this customer now, with the reasons."""
    known_touchpoint(stack, body.touchpoint)
    with UnitOfWork(stack.engine) as work:
        try:
            known = customer_of(work.connection, [(i.type, i.value) for i in body.identifiers], stack.business.linking)
        except AmbiguousIdentifiersError:
            raise ambiguous() from None
        if known is None:
            raise ProblemError(404, "unknown-customer", "Nobody is known by these", "Send an event first, or import.")
        whom = Customer(scope(work.connection, known.profile, Assurance.VERIFIED), Assurance.VERIFIED, body.touchpoint)
        now = stack.clock()
        advice = decide(work.connection, stack.business, whom, now)
        decision_id = keep_decision(
            work.connection,
            advice.decision,
            profile=known.profile,
            conversation_id=None,
            message_id=None,
            touchpoint=body.touchpoint,
            now=now,
        )
        work.commit()
    return {
        "decision_id": decision_id,
        "customer_id": known.customer,
        **_in_words(advice, stack.business, stack.business.language(body.language)),
    }


@router.post("/decisions/{decision_id}/outcome")
def take_outcome(decision_id: DecisionId, body: OutcomeIn, stack: TheStack) -> dict[str, Any]:
    """Takes what came of a decision: shown, accepted, declined or answered. Telling it again changes nothing."""
    with UnitOfWork(stack.engine) as work:
        try:
            stands = keep_told(
                work.connection, stack.business, decision_id, body.outcome, stack.clock(), option_id=body.option
            )
        except NoSuchDecisionError as error:
            raise ProblemError(404, "unknown-decision", "No such decision", str(error)) from None
        except NotOfThisError as error:
            raise ProblemError(422, "not-of-this-decision", "It cannot come to that", str(error)) from None
        work.commit()
    return {
        "decision_id": stands.decision_id,
        "shown_at": stands.shown_at,
        "outcome": stands.outcome,
        "outcome_at": stands.outcome_at,
        "option": stands.answer,
    }


def _in_words(advice: Advice, business: Business, language: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "treatment": advice.decision.treatment,
        "reason": advice.decision.reason,
        "offer": None,
        "question": None,
    }
    if advice.choice:
        offer = advice.choice.offer
        answer["offer"] = {
            "id": offer.id,
            "title": offer.title[language],
            "text": pitch_text(business, advice.choice, advice.evidence, language),
            "reason": advice.reason(business, language),
        }
    if advice.asked:
        question = advice.asked.question
        answer["question"] = {
            "id": question.id,
            "text": question.text[language],
            "options": [{"id": o.id, "title": o.title[language]} for o in question.options],
        }
    return answer
