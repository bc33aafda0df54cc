"""What this customer gets now: help with what is broken, one question that pays, or the offer that fits.

The one place where the four steps meet: who it is bounds what may be used, worth and needs choose, interaction decides
whether to ask first. `decide` reads and thinks and writes nothing; a chat turn and the till call it alike.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection

from crm_store.access.consent import OFFERS, QUESTIONS
from crm_store.business import Business, Question, Treatment
from crm_store.customize.answering import treatment_of
from crm_store.customize.decisions import Decision, shown_lately, told_of_matter
from crm_store.customize.offers import Choice, Circumstances, answers_of, best_offer
from crm_store.customize.reasons import customer_reason
from crm_store.differentiate.live import tiers_by_answer
from crm_store.differentiate.needs import NOW, Evidence, Posterior
from crm_store.differentiate.picture import Picture, picture
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.interact.asked import asked_before
from crm_store.interact.matters import OpenMatter, open_matters
from crm_store.interact.questions import Asked, best_question, may_ask

GUEST = Treatment(
    id="guest", tiers=[], tone="standard", note="guest: value is not used for somebody who is not verified"
)
NO_PROFILE = GUEST.model_copy(
    update={"note": "guest: this customer wants no profile, so nothing known of them is used"}
)


@dataclass(frozen=True)
class Customer:
    """Whom to decide for, as far as identification goes."""

    profiles: Sequence[str]
    assurance: Assurance
    channel: str
    conversation_id: str | None = None


@dataclass(frozen=True)
class Advice:
    decision: Decision
    evidence: Sequence[Evidence]
    tone: str
    matter: OpenMatter | None = None
    asked: Asked | None = None
    choice: Choice | None = None

    def reason(self, business: Business, language: str) -> str:
        """The reason of the offer as the customer reads it."""
        assert self.choice is not None
        return customer_reason(business, self.choice.offer, self.evidence, language)


def decide(
    connection: Connection,
    business: Business,
    customer: Customer,
    now: datetime,
    *,
    asks_for_it: bool = False,
    may_question: bool = True,
) -> Advice:
    """The decision for this customer at this moment.

    What the message under way told is kept before this is called. `asks_for_it`: the customer asked to be advised, so an
    offer that rests may be named again. `may_question`: whether this place can ask a question at all.
    """
    verified = may(customer.assurance, Act.GET_SERVICE)
    seen = picture(
        connection,
        business,
        customer.profiles,
        now,
        conversation_id=customer.conversation_id,
        from_elsewhere=verified,
    )
    business = seen.model.business  # with the likelihoods that were learnt since
    by_worth = verified and seen.is_profiled
    facts = _facts(seen, by_worth)
    treatment = (treatment_of(business, seen.tier if by_worth else None) or GUEST) if seen.is_profiled else NO_PROFILE
    matters = open_matters(connection, customer.profiles, now, said_here=not verified)
    told = (
        bool(matters) and bool(customer.conversation_id) and told_of_matter(connection, customer.conversation_id or "")
    )
    if matters and not told:
        return _service_first(matters[0], treatment, seen, by_worth)
    if (matters or OFFERS in seen.withdrawn) and not asks_for_it:
        # No question either: its answer could change nothing of what they get.
        why = "something of theirs is open" if matters else "this customer wants none unasked"
        reason = _reason(treatment, seen, by_worth, f"no offer: {why}")
        return Advice(Decision(treatment.id, reason, facts), seen.evidence, treatment.tone)
    resting, declined = shown_lately(connection, business, customer.profiles, now)
    at = Circumstances(
        customer.assurance,
        seen.tier if by_worth else None,
        customer.channel,
        answers_of(seen.evidence),
        declined if asks_for_it else resting,
    )
    asked = None
    if may_question:
        asked = _question(connection, business, customer, seen, at, now, bool(matters))
    if asked:
        reason = _reason(treatment, seen, by_worth, f"question {asked.question.id}: {asked.information:.2f} bits")
        bits = {"information": round(asked.information, 4)}
        decision = Decision(treatment.id, reason, facts | bits, question_id=asked.question.id)
        return Advice(decision, seen.evidence, treatment.tone, asked=asked)
    choice = best_offer(business, seen.needs, at)
    if choice is None:
        reason = _reason(treatment, seen, by_worth, "no offer is open: all that fit rest or are not for this customer")
        return Advice(Decision(treatment.id, reason, facts), seen.evidence, treatment.tone)
    reason = _reason(treatment, seen, by_worth, f"offer {choice.offer.id}: fits {choice.propensity:.2f}")
    decision = Decision(treatment.id, reason, facts, offer_id=choice.offer.id, propensity=round(choice.propensity, 4))
    return Advice(decision, seen.evidence, treatment.tone, choice=choice)


def _facts(seen: Picture, by_worth: bool) -> dict[str, Any]:
    return seen.facts if by_worth else {k: v for k, v in seen.facts.items() if k not in ("value", "tier")}


def _service_first(matter: OpenMatter, treatment: Treatment, seen: Picture, by_worth: bool) -> Advice:
    what = f"{matter.kind} of {matter.product or 'a product'} is {matter.status} since {matter.since:%Y-%m-%d}"
    facts = _facts(seen, by_worth) | {"open_matter": {"source": matter.source, "interaction_id": matter.interaction_id}}
    reason = _reason(treatment, seen, by_worth, f"service first: {what}; no question asked, no offer pushed")
    return Advice(Decision("service_first", reason, facts), seen.evidence, treatment.tone, matter=matter)


def _question(
    connection: Connection,
    business: Business,
    customer: Customer,
    seen: Picture,
    at: Circumstances,
    now: datetime,
    open_matter: bool,
) -> Asked | None:
    before = asked_before(connection, customer.profiles, customer.conversation_id, now)
    if not may_ask(
        business,
        in_conversation=before.in_conversation,
        in_30_days=before.in_30_days,
        told_to_stop=QUESTIONS in seen.withdrawn or not seen.is_profiled,
        open_matter=open_matter,
    ):
        return None
    answered: Collection[str] = before.question_ids | {e.key for e in seen.evidence if e.kind == "answered"}

    by_answer = cache(lambda: tiers_by_answer(connection, business, customer.profiles, now))

    def outcome(question: Question, option_id: str, needs: Posterior) -> str:
        """Treatment and offer: a share of customer moves the tier, and with it both."""
        tier = by_answer().get(option_id, at.tier) if question.tells_of_share and at.tier else at.tier
        choice = best_offer(
            business, needs, replace(at, tier=tier, answers=at.answers | {f"{question.id}.{option_id}"})
        )
        treatment = treatment_of(business, tier) or GUEST
        return f"{treatment.id}: {choice.outcome if choice else 'none'}"

    # The answer will count as everything does that is said in the conversation under way, as far as it is of their own need.
    weight = seen.model.mixing.own * (NOW if customer.conversation_id else 1.0)
    return best_question(business, seen.needs, answered, outcome, weight)


def _reason(treatment: Treatment, seen: Picture, by_worth: bool, what: str) -> str:
    """Every fact that was used, in one line for staff."""
    parts = [treatment.note]
    if by_worth:
        v = seen.value
        parts.append(
            f"tier {seen.tier}: value {v.actual_value:.0f} from {v.purchases} purchases, {v.returns} returns, {v.contacts} contacts"
            + _ahead(seen)
        )
    parts.append(f"need {seen.likeliest} {seen.needs[seen.likeliest]:.2f} {_from(seen.evidence)}")
    return "; ".join([*parts, what])


def _ahead(seen: Picture) -> str:
    known = seen.figures
    if known.future is None or known.unrealised is None:
        return ""
    told = f" (buys {seen.share.band.share:.0%} here, as told)" if seen.share else ""
    return f", {known.future:.0f} expected, {known.unrealised:.0f} unrealised{told}"


def _from(evidence: Sequence[Evidence]) -> str:
    if not evidence:
        return "from the prior alone"
    said = ("stated", "denied")
    named = (f"{e.kind} {e.value if e.kind in said else f'{e.key}={e.words or e.value}'}" for e in evidence)
    return f"from {', '.join(named)}"
