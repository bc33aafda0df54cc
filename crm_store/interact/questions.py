"""The best next question: the one whose answer tells most, and only when it changes what the customer gets. Pure.

An answer may tell of needs, of the customer's share, or of both: what it changes says the `outcome` that is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from crm_store.business import Business, Question
from crm_store.differentiate.needs import Posterior

LIKELY = 0.4
"""Probability from which a segment counts as likely enough for the questions that are only for it."""


CHANGES = 0.2
"""Probability of another outcome than the likeliest, below which a question is not worth the customer's time."""


@dataclass(frozen=True)
class Asked:
    question: Question
    information: float
    """Expected information of the answer, in bits."""


def _entropy(probabilities: Collection[float]) -> float:
    return -sum(p * math.log2(p) for p in probabilities if p > 0)


def answers_given(question: Question, segment: str) -> dict[str, float]:
    """P(option | segment); all as likely where the question is not of needs."""
    if not question.tells_of_needs:
        return {o.id: 1 / len(question.options) for o in question.options}
    return {option: chances[segment] for option, chances in question.chances.items()}


def answer_probabilities(question: Question, needs: Mapping[str, float]) -> dict[str, float]:
    """P(option) for a customer of these needs."""
    given = {s: answers_given(question, s) for s in needs}
    return {o.id: sum(needs[s] * given[s][o.id] for s in needs) for o in question.options}


def after_answer(question: Question, option_id: str, needs: Mapping[str, float], weight: float = 1.0) -> Posterior:
    """The posterior that this answer would lead to. `weight`: the exponent with which it would count."""
    if not question.tells_of_needs:
        return dict(needs)
    chances = question.chances[option_id]
    raised = {s: needs[s] * chances[s] ** weight for s in needs}
    total = sum(raised.values())
    return {s: v / total for s, v in raised.items()}


def expected_information(question: Question, needs: Mapping[str, float], outcomes: Mapping[str, str | None]) -> float:
    """I(answer; segment, outcome) in bits: what the answer tells of the need and of what will be given.

    By the chain rule I(A; S, D) = I(A; S) + I(A; D | S) (Cover & Thomas, Elements of Information Theory, eq. 2.62); D, the
    outcome, is a function of the answer, so that the second term is H(D | S).
    """
    of_answer = answer_probabilities(question, needs)
    about_need = _entropy(of_answer.values())
    about_outcome = 0.0
    for segment, p in needs.items():
        given = answers_given(question, segment)
        about_need -= p * _entropy(given.values())
        by_outcome: dict[str | None, float] = {}
        for option, v in given.items():
            by_outcome[outcomes[option]] = by_outcome.get(outcomes[option], 0.0) + v
        about_outcome += p * _entropy(by_outcome.values())
    return max(0.0, about_need) + about_outcome


def best_question(
    business: Business,
    needs: Mapping[str, float],
    answered: Collection[str],
    outcome: Callable[[Question, str, Posterior], str | None],
    weight: float = 1.0,
) -> Asked | None:
    """The question that tells most, or None when none is worth the customer's time.

    `answered`: ids of questions already answered or asked, never asked again. `outcome(question, option, posterior)`: what the
    customer would get after that answer; a question whose answers lead, almost surely, to one outcome is not asked. `weight`:
    the exponent with which the answer will count.
    """
    candidates: list[Asked] = []
    for question in business.questions:
        if question.id in answered or not _is_for(question, needs):
            continue
        outcomes = {
            o.id: outcome(question, o.id, after_answer(question, o.id, needs, weight)) for o in question.options
        }
        if _may_differ(question, needs, outcomes):
            candidates.append(Asked(question, expected_information(question, needs, outcomes)))
    worth = [c for c in candidates if c.information >= business.asking.least_information]
    return max(worth, key=lambda c: c.information, default=None)


def _may_differ(question: Question, needs: Mapping[str, float], outcomes: Mapping[str, str | None]) -> bool:
    """Whether another outcome than the likeliest has a fair chance."""
    by_outcome: dict[str | None, float] = {}
    for option, p in answer_probabilities(question, needs).items():
        by_outcome[outcomes[option]] = by_outcome.get(outcomes[option], 0.0) + p
    return 1 - max(by_outcome.values()) >= CHANGES


def _is_for(question: Question, needs: Mapping[str, float]) -> bool:
    return not question.segments or any(needs.get(s, 0.0) >= LIKELY for s in question.segments)


def may_ask(
    business: Business, *, in_conversation: int, in_30_days: int, told_to_stop: bool, open_matter: bool
) -> bool:
    """Whether any question may be asked: within the caps, never after "stop asking", never while something is broken."""
    return (
        not told_to_stop
        and not open_matter
        and in_conversation < business.asking.per_conversation
        and in_30_days < business.asking.per_30_days
    )
