"""What an agent says and asks on the phone: a stored decision in words, in the customer's language, with what came of it.

The words are made as in the chat, from the same offers, pitches and reasons. Knows no HTTP and no database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.console.wording import Wording
from crm_store.business import Question
from crm_store.customize.offers import Choice, answers_of, pitch_for, pitch_text
from crm_store.customize.reasons import customer_reason
from crm_store.interact.caller import Caller
from crm_store.interact.calls import Step
from crm_store.interact.matters import OpenMatter

_TOLD = {"accepted": "Accepted", "declined": "Declined", "answered": "Answered"}


@dataclass(frozen=True)
class Saying:
    """One thing to say. `kind`: matter, question, offer or nothing."""

    kind: str
    decision_id: str
    treatment: str
    reason: list[str]
    """Why, for staff, a line each."""
    title: str = ""
    text: str = ""
    """What to say, in the customer's language."""
    because: str = ""
    """The reason that the customer may hear."""
    code: str | None = None
    why: str = ""
    """What to answer to "why do you ask?"."""
    options: list[tuple[str, str]] = field(default_factory=list)
    """Id and title of each answer."""
    matter: OpenMatter | None = None
    told: str | None = None
    """What came of it, in a word; None while nothing has."""
    told_at: datetime | None = None
    is_open: bool = True
    """Whether something can still come of it."""


def saying(step: Step, caller: Caller, wording: Wording) -> Saying:
    """What this decision has the agent say."""
    row, stands = step.decision, step.standing
    answer = wording.option(row.question_id, stands.answer) if row.question_id and stands.answer else None
    word = _TOLD.get(stands.outcome or "", "Said, no answer yet" if stands.shown_at else None)
    said: dict[str, Any] = {
        "decision_id": row.id,
        "treatment": row.treatment,
        "reason": row.reason.split("; "),
        "told": f"{word}: {answer}" if answer else word,
        "told_at": stands.outcome_at or stands.shown_at,
        "is_open": stands.outcome is None,
    }
    language = caller.language
    if row.treatment == "service_first":
        return Saying("matter", matter=_matter(row.facts, caller), **said)
    question = wording.business.question(row.question_id or "")
    if question:
        return Saying("question", **_asked(question, language), **said)
    if row.offer_id:
        return Saying("offer", **_offered(row.offer_id, row.propensity or 0.0, caller, wording), **said)
    return Saying("nothing", **said)


def _matter(facts: dict[str, dict[str, str]], caller: Caller) -> OpenMatter | None:
    """What is spoken of first; None where it has ended since."""
    named = facts["open_matter"]
    key = (named["source"], named["interaction_id"])
    return next((m for m in caller.matters if (m.source, m.interaction_id) == key), None)


def _asked(question: Question, language: str) -> dict[str, Any]:
    return {
        "title": question.text[language],
        "text": question.text[language],
        "why": question.why[language],
        "options": [(option.id, option.title[language]) for option in question.options],
    }


def _offered(offer_id: str, propensity: float, caller: Caller, wording: Wording) -> dict[str, Any]:
    business, drawn, language = wording.business, caller.picture, caller.language
    offer = business.offer(offer_id)
    if offer is None:
        return {"title": wording.id(offer_id), "text": "business.yml has this offer no more."}
    choice = Choice(offer, propensity, pitch_for(offer, drawn.needs, answers_of(drawn.evidence)))
    return {
        "title": offer.title[language],
        "text": pitch_text(business, choice, drawn.evidence, language),
        "because": customer_reason(business, offer, drawn.evidence, language),
        "code": offer.code,
    }
