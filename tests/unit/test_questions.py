"""The best next question: the one that tells most, and only when its answer changes what the customer gets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.business import Asking, Business, Option, Question
from crm_store.differentiate.needs import NOW, Evidence, Posterior, posterior
from crm_store.interact.questions import (
    LIKELY,
    after_answer,
    answer_probabilities,
    best_question,
    expected_information,
    may_ask,
)

SEGMENTS = ("a", "b", "c")


def a_question(*likelihoods: Mapping[str, float], question_id: str = "q", segments: tuple[str, ...] = ()) -> Question:
    words = {"en": "so"}
    options = [
        Option(id=f"o{i}", title=words, likelihood=dict(likelihood), because=words)
        for i, likelihood in enumerate(likelihoods)
    ]
    return Question(id=question_id, text=words, why=words, segments=list(segments), options=options)


def by_brute_force(question: Question, needs: Mapping[str, float], outcomes: Mapping[str, str | None]) -> float:
    """I(answer; (segment, outcome)) from the joint table, by the definition: the sum of p log p(x, y) / p(x) p(y)."""
    joint = {
        (option.id, (segment, outcomes[option.id])): needs[segment] * option.likelihood[segment]
        for option, segment in itertools.product(question.options, needs)
    }
    of_answer: dict[str, float] = {}
    of_rest: dict[tuple[str, str | None], float] = {}
    for (answer, rest), p in joint.items():
        of_answer[answer] = of_answer.get(answer, 0.0) + p
        of_rest[rest] = of_rest.get(rest, 0.0) + p
    return sum(p * math.log2(p / (of_answer[a] * of_rest[r])) for (a, r), p in joint.items() if p > 0)


def shares(count: int) -> st.SearchStrategy[list[float]]:
    parts = st.lists(st.floats(0.02, 1), min_size=count, max_size=count)
    return parts.map(lambda some: [part / sum(some) for part in some])


@st.composite
def questions_with_needs(draw: st.DrawFn) -> tuple[Question, dict[str, float], dict[str, str | None]]:
    options = draw(st.integers(2, 4))
    columns = {segment: draw(shares(options)) for segment in SEGMENTS}
    question = a_question(*({s: columns[s][i] for s in SEGMENTS} for i in range(options)))
    needs = dict(zip(SEGMENTS, draw(shares(len(SEGMENTS))), strict=True))
    outcomes = {o.id: draw(st.sampled_from(["x", "y", None])) for o in question.options}
    return question, needs, outcomes


def always_another(question: Question, option_id: str, _: Posterior) -> str | None:
    return f"{question.id}.{option_id}"


# What an answer would tell -------------------------------------------------------------------------------------------


def test_expected_information_of_a_small_example_computed_by_hand() -> None:
    """Two segments, even; the answer is right 3 times of 4. I(A; S) = 1 - H(1/4) = 0.1887 bits; where each answer brings
    another offer, H(D | S) = H(1/4) = 0.8113 bits come on top, which makes exactly 1.
    """
    question = a_question({"a": 0.75, "b": 0.25}, {"a": 0.25, "b": 0.75})
    even = {"a": 0.5, "b": 0.5}
    about_need = expected_information(question, even, {"o0": "same", "o1": "same"})
    assert about_need == pytest.approx(0.188722, abs=1e-6)
    assert expected_information(question, even, {"o0": "this", "o1": "that"}) == pytest.approx(1.0)


def test_an_answer_that_is_certain_tells_one_bit_of_two_even_segments() -> None:
    question = a_question({"a": 1 - 1e-12, "b": 1e-12}, {"a": 1e-12, "b": 1 - 1e-12})
    told = expected_information(question, {"a": 0.5, "b": 0.5}, {"o0": "same", "o1": "same"})
    assert told == pytest.approx(1.0, abs=1e-9)


def test_an_answer_that_is_as_likely_from_everybody_tells_nothing_of_the_need() -> None:
    question = a_question({"a": 0.3, "b": 0.3}, {"a": 0.7, "b": 0.7})
    assert expected_information(question, {"a": 0.4, "b": 0.6}, {"o0": "same", "o1": "same"}) == pytest.approx(0)


@given(questions_with_needs())
def test_expected_information_is_that_of_the_definition(
    case: tuple[Question, dict[str, float], dict[str, str | None]],
) -> None:
    assert expected_information(*case) == pytest.approx(by_brute_force(*case), abs=1e-9)


@given(questions_with_needs())
def test_it_is_never_negative_and_never_more_than_the_answer_holds(
    case: tuple[Question, dict[str, float], dict[str, str | None]],
) -> None:
    assert 0 <= expected_information(*case) <= math.log2(len(case[0].options)) + 1e-9


@given(questions_with_needs())
def test_the_answers_share_all_probability_and_on_average_leave_the_needs_as_they_are(
    case: tuple[Question, dict[str, float], dict[str, str | None]],
) -> None:
    question, needs, _ = case
    chances = answer_probabilities(question, needs)
    assert sum(chances.values()) == pytest.approx(1)
    for segment in needs:
        expected = sum(p * after_answer(question, option, needs)[segment] for option, p in chances.items())
        assert expected == pytest.approx(needs[segment])


def test_likelihoods_that_add_up_only_nearly_still_share_all_probability() -> None:
    question = a_question({"a": 0.76, "b": 0.25}, {"a": 0.26, "b": 0.74})
    assert sum(answer_probabilities(question, {"a": 0.5, "b": 0.5}).values()) == pytest.approx(1)


@pytest.mark.parametrize("weight", [1.0, NOW])
def test_what_an_answer_would_lead_to_is_what_it_leads_to(business: Business, weight: float) -> None:
    cups = business.question("cups")
    assert cups is not None
    for option in cups.options:
        told = posterior(business, [Evidence("answered", "cups", option.id, weight=weight)])
        assert after_answer(cups, option.id, business.prior, weight) == pytest.approx(told)


# Which question is asked ---------------------------------------------------------------------------------------------


def test_the_question_that_tells_most_is_asked(business: Business) -> None:
    asked = best_question(business, business.prior, (), always_another)
    assert asked is not None
    told = {
        q.id: expected_information(q, business.prior, {o.id: o.id for o in q.options})
        for q in business.questions
        if not q.segments
    }
    assert asked.question.id == max(told, key=lambda q: told[q])
    assert asked.information == pytest.approx(told[asked.question.id])


def test_what_is_answered_is_never_asked(business: Business) -> None:
    everything = {q.id for q in business.questions}
    assert best_question(business, business.prior, everything, always_another) is None
    for left in everything:
        asked = best_question(business, business.prior, everything - {left}, always_another)
        assert asked is None or asked.question.id == left


def test_a_question_is_not_asked_when_all_answers_lead_to_the_same_outcome(business: Business) -> None:
    assert best_question(business, business.prior, (), lambda *_: "the same") is None
    assert best_question(business, business.prior, (), lambda *_: None) is None


def test_a_question_is_asked_when_one_answer_leads_elsewhere(business: Business) -> None:
    def outcome(question: Question, option_id: str, _: Posterior) -> str | None:
        return "elsewhere" if (question.id, option_id) == ("matters", "price") else "the same"

    asked = best_question(business, business.prior, (), outcome)
    assert asked is not None
    assert asked.question.id == "matters"


def test_the_outcome_is_asked_for_with_the_posterior_that_the_answer_leads_to(business: Business) -> None:
    seen: dict[tuple[str, str], Posterior] = {}

    def outcome(question: Question, option_id: str, needs: Posterior) -> str | None:
        seen[question.id, option_id] = needs
        return option_id

    best_question(business, business.prior, (), outcome, weight=NOW)
    told = posterior(business, [Evidence("answered", "matters", "taste", weight=NOW)])
    assert seen["matters", "taste"] == pytest.approx(told)


def test_the_question_for_the_share_tells_of_what_is_given_and_of_no_need(business: Business) -> None:
    """Four answers, all as likely; one brings something else: H(1/4) = 0.8113 bits."""
    share = business.share_question
    assert share is not None
    outcomes = {option.id: "other" if option.id == "little" else "as now" for option in share.options}
    assert after_answer(share, "little", business.prior, NOW) == business.prior
    assert set(answer_probabilities(share, business.prior).values()) == {0.25}
    assert expected_information(share, business.prior, outcomes) == pytest.approx(0.811278, abs=1e-6)
    alone = business.model_copy(update={"questions": [share]})
    asked = best_question(alone, business.prior, (), lambda _, option, __: outcomes[option])
    assert asked is not None
    assert asked.question is share
    assert best_question(alone, business.prior, (), lambda *_: "as now") is None


def test_a_question_for_some_segments_waits_until_one_of_them_is_likely(business: Business) -> None:
    others = {q.id for q in business.questions} - {"cups"}
    unlikely = {"quick": 0.3, "explorer": 0.2, "thrifty": 0.5 - LIKELY + 0.01, "office": LIKELY - 0.01}
    likely = {"quick": 0.3, "explorer": 0.2, "thrifty": 0.5 - LIKELY, "office": LIKELY}
    assert best_question(business, unlikely, others, always_another) is None
    asked = best_question(business, likely, others, always_another)
    assert asked is not None
    assert asked.question.id == "cups"


def test_a_question_that_tells_too_little_is_not_worth_the_customer_s_time(business: Business) -> None:
    patient = business.model_copy(update={"asking": Asking(least_information=0.0)})
    strict = business.model_copy(update={"asking": Asking(least_information=3.0)})
    assert best_question(patient, business.prior, (), always_another) is not None
    assert best_question(strict, business.prior, (), always_another) is None


# Whether to ask at all -----------------------------------------------------------------------------------------------


def allowed(business: Business, **circumstances: object) -> bool:
    usual = {"in_conversation": 0, "in_30_days": 0, "told_to_stop": False, "open_matter": False}
    return may_ask(business, **(usual | circumstances))  # type: ignore[arg-type]


def test_somebody_who_was_not_asked_lately_may_be_asked(business: Business) -> None:
    assert allowed(business)
    assert allowed(business, in_conversation=1, in_30_days=5)


def test_the_cap_of_a_conversation_holds(business: Business) -> None:
    assert not allowed(business, in_conversation=business.asking.per_conversation)
    assert not allowed(business, in_conversation=business.asking.per_conversation + 1)


def test_the_cap_of_30_days_holds(business: Business) -> None:
    assert not allowed(business, in_30_days=business.asking.per_30_days)


def test_whoever_said_stop_asking_is_not_asked(business: Business) -> None:
    assert not allowed(business, told_to_stop=True)


def test_nobody_is_asked_while_something_of_theirs_is_broken(business: Business) -> None:
    assert not allowed(business, open_matter=True)


def test_a_business_may_choose_never_to_ask(business: Business) -> None:
    silent = business.model_copy(update={"asking": Asking(per_conversation=0)})
    assert not allowed(silent)
