"""The posterior over the segments: what was said and done moves it, the right way and no further."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.business_file import load_business
from crm_store.differentiate.filtering import Mixing
from crm_store.differentiate.needs import (
    NOW,
    STATED,
    Evidence,
    fresh,
    likelihood,
    observed,
    posterior,
    speaking,
    tempered,
)

DEMO = load_business(Path(__file__).resolve().parents[2] / "demo" / "business.yml")
PRIOR = pytest.approx({"quick": 0.30, "explorer": 0.22, "thrifty": 0.28, "office": 0.20})

ANSWERS = [("answered", q.id, o.id) for q in DEMO.questions if q.tells_of_needs for o in q.options]
STATEMENTS = [("stated", "need", s) for s in DEMO.segment_ids]
BEHAVIOURS = [("observed", b.id, b.category) for b in DEMO.needs.behaviours]

pieces = st.builds(
    lambda what, strength, weight: Evidence(what[0], what[1], what[2], strength, weight),
    st.sampled_from(ANSWERS + STATEMENTS + BEHAVIOURS),
    st.floats(0, 1),
    st.floats(0, NOW),
)


def stated(segment: str, **more: float) -> Evidence:
    return Evidence("stated", "need", segment, **more)


def answered(question: str, option: str, **more: float) -> Evidence:
    return Evidence("answered", question, option, **more)


def test_of_somebody_unknown_the_prior_is_known() -> None:
    assert posterior(DEMO, []) == PRIOR


def test_a_stated_need_weighs_as_bayes_says() -> None:
    rest = (1 - STATED) / 3
    total = 0.20 * STATED + 0.80 * rest
    assert posterior(DEMO, [stated("office")])["office"] == pytest.approx(0.20 * STATED / total)


def test_an_answer_weighs_as_bayes_says() -> None:
    raised = {"quick": 0.30 * 0.11, "explorer": 0.22 * 0.08, "thrifty": 0.28 * 0.15, "office": 0.20 * 0.60}
    total = sum(raised.values())
    assert posterior(DEMO, [answered("cups", "10_to_40")]) == pytest.approx({s: v / total for s, v in raised.items()})


@pytest.mark.parametrize("segment", DEMO.segment_ids)
def test_whoever_states_a_need_is_likelier_to_have_it_and_nobody_else_is(segment: str) -> None:
    before, after = posterior(DEMO, []), posterior(DEMO, [stated(segment)])
    assert after[segment] > before[segment]
    assert all(after[other] < before[other] for other in DEMO.segment_ids if other != segment)


@pytest.mark.parametrize(
    ("evidence", "segment"),
    [
        (answered("matters", "taste"), "explorer"),
        (answered("matters", "price"), "thrifty"),
        (answered("brewing", "hot_water"), "quick"),
        (answered("cups", "over_40"), "office"),
        (Evidence("observed", "buys_capsules", "capsules"), "quick"),
    ],
)
def test_evidence_moves_the_segment_it_speaks_for(evidence: Evidence, segment: str) -> None:
    assert posterior(DEMO, [evidence])[segment] > posterior(DEMO, [])[segment]


def test_the_surer_the_reading_the_further_it_moves() -> None:
    shares = [posterior(DEMO, [stated("office", strength=s)])["office"] for s in (0.0, 0.3, 0.6, 1.0)]
    assert shares == sorted(shares)
    assert len(set(shares)) == 4


@pytest.mark.parametrize("piece", ANSWERS + STATEMENTS + BEHAVIOURS, ids=str)
def test_a_reading_of_strength_0_tells_nothing(piece: tuple[str, str, str]) -> None:
    kind, key, value = piece
    assert posterior(DEMO, [Evidence(kind, key, value, strength=0.0)]) == PRIOR


def test_a_piece_of_weight_0_tells_nothing() -> None:
    assert posterior(DEMO, [stated("office", weight=0.0)]) == PRIOR


def test_what_is_said_now_outranks_what_was_said_before() -> None:
    needs = posterior(DEMO, [stated("explorer"), stated("office", weight=NOW)])
    assert needs["office"] > needs["explorer"]


@pytest.mark.parametrize(
    "forgotten",
    [
        answered("shoe_size", "large"),
        answered("cups", "a_thousand"),
        stated("sailors"),
        Evidence("observed", "buys_rope", "rope"),
    ],
    ids=["a question that is gone", "an option that is gone", "a segment that is gone", "a behaviour that is gone"],
)
def test_what_the_business_no_longer_knows_tells_nothing(forgotten: Evidence) -> None:
    assert likelihood(DEMO, forgotten) is None
    assert posterior(DEMO, [forgotten]) == PRIOR
    assert posterior(DEMO, [forgotten, stated("office")]) == posterior(DEMO, [stated("office")])


@given(st.lists(pieces, max_size=30))
def test_it_sums_to_1_whatever_is_known(evidence: list[Evidence]) -> None:
    needs = posterior(DEMO, evidence)
    assert set(needs) == set(DEMO.segment_ids)
    assert sum(needs.values()) == pytest.approx(1)
    assert all(0 <= p <= 1 for p in needs.values())


@given(st.lists(pieces, max_size=12).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_in_which_things_were_learnt_does_not_matter(both: tuple[list[Evidence], list[Evidence]]) -> None:
    assert posterior(DEMO, both[0]) == pytest.approx(posterior(DEMO, both[1]))


@given(st.lists(pieces, max_size=8), pieces)
def test_evidence_twice_as_heavy_is_the_same_evidence_twice(known: list[Evidence], piece: Evidence) -> None:
    double = replace(piece, weight=2 * piece.weight)
    assert posterior(DEMO, [*known, double]) == pytest.approx(posterior(DEMO, [*known, piece, piece]))


@given(pieces)
def test_a_piece_favours_no_segment_over_one_to_which_it_is_likelier(piece: Evidence) -> None:
    told, before, after = likelihood(DEMO, piece), posterior(DEMO, []), posterior(DEMO, [piece])
    assert told is not None
    by_likelihood = sorted(DEMO.segment_ids, key=lambda s: told[s])
    gains = [after[s] / before[s] for s in by_likelihood]
    assert all(low <= high * (1 + 1e-9) for low, high in itertools.pairwise(gains))


@settings(max_examples=20)
@given(st.sampled_from(ANSWERS), st.integers(200, 2000))
def test_a_life_of_evidence_ends_in_certainty_and_in_no_error(piece: tuple[str, str, str], times: int) -> None:
    needs = posterior(DEMO, [Evidence(piece[0], piece[1], piece[2])] * times)
    assert sum(needs.values()) == pytest.approx(1)
    assert not any(math.isnan(p) for p in needs.values())


def test_purchases_of_a_category_are_evidence_of_the_behaviour() -> None:
    (piece,) = observed(DEMO, {"capsules": {0: 1}, "umbrellas": {0: 5}, "blend_beans": {}})
    assert (piece.kind, piece.key, piece.value) == ("observed", "buys_capsules", "capsules")


def test_buying_the_same_again_tells_less_each_time() -> None:
    def odds(days: int) -> float:
        needs = posterior(DEMO, observed(DEMO, {"capsules": {0: days}}))
        return math.log(needs["quick"] / needs["office"])

    steps = [odds(days + 1) - odds(days) for days in range(80)]
    assert all(earlier > later > 0 for earlier, later in itertools.pairwise(steps))
    assert steps[10] < 0.3 * steps[0]


def test_the_first_purchase_weighs_as_bayes_says() -> None:
    raised = {s: DEMO.prior[s] * p for s, p in DEMO.needs.shares["buys_capsules"].items()}
    total = sum(raised.values())
    assert posterior(DEMO, observed(DEMO, {"capsules": {0: 1}})) == pytest.approx(
        {s: v / total for s, v in raised.items()}
    )


def test_of_a_lone_behaviour_its_likelihood_counts_as_it_stands() -> None:
    lone = DEMO.needs.behaviours[:1]
    business = DEMO.model_copy(update={"needs": DEMO.needs.model_copy(update={"behaviours": lone})})
    assert posterior(business, observed(business, {"office_beans": {0: 1}}))["office"] > DEMO.prior["office"]


def test_in_which_order_a_lone_behaviour_names_the_segments_does_not_matter() -> None:
    def told(likelihood: dict[str, float]) -> dict[str, float]:
        lone = DEMO.needs.behaviours[0].model_copy(update={"likelihood": likelihood})
        business = DEMO.model_copy(update={"needs": DEMO.needs.model_copy(update={"behaviours": [lone]})})
        return posterior(business, observed(business, {lone.category: {0: 1, 3: 2}}))

    likelihood = DEMO.needs.behaviours[0].likelihood
    assert told(dict(reversed(likelihood.items()))) == told(likelihood)


def test_what_is_old_fades_by_half_in_a_half_life_and_what_is_dated_ahead_is_fresh() -> None:
    assert fresh(0, 365) == 1
    assert fresh(365, 365) == pytest.approx(0.5)
    assert fresh(730, 365) == pytest.approx(0.25)
    assert fresh(-3, 365) == 1


def test_the_older_a_word_the_less_it_moves() -> None:
    shares = [posterior(DEMO, [stated("office", freshness=f)])["office"] for f in (1.0, 0.5, 0.25, 0.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(0.20)


def test_needs_that_contradict_each_other_take_from_each_other() -> None:
    alone = posterior(DEMO, [stated("explorer")])["explorer"]
    both = posterior(DEMO, [stated("explorer", freshness=0.9), stated("office")])
    assert both["explorer"] < alone
    assert both["office"] > both["thrifty"]


@given(st.lists(pieces, max_size=8), st.sampled_from(DEMO.segment_ids))
def test_a_need_that_was_refused_outranks_whatever_else_is_known(known: list[Evidence], segment: str) -> None:
    needs = posterior(DEMO, [*known, Evidence("denied", "need", segment)])
    assert needs[segment] == 0
    assert sum(needs.values()) == pytest.approx(1)
    free = posterior(DEMO, known)
    others = [s for s in DEMO.segment_ids if s != segment]
    kept = sum(free[s] for s in others)
    if kept > 1e-9:
        assert [needs[s] for s in others] == pytest.approx([free[s] / kept for s in others], abs=1e-6)


def test_of_somebody_who_refuses_every_need_the_prior_is_known() -> None:
    refusals = [Evidence("denied", "need", segment) for segment in DEMO.segment_ids]
    assert posterior(DEMO, [stated("office"), *refusals]) == PRIOR


def test_two_things_that_always_go_together_count_as_one() -> None:
    said = [answered("matters", "taste"), answered("brewing", "by_hand"), *observed(DEMO, {"capsules": {0: 2}})]
    one_thing = tempered(said, {frozenset(("matters", "brewing")): 1.0})
    assert [piece.weight for piece in one_thing] == pytest.approx([1 / 2, 1 / 2, 1])
    apart = tempered(said, {frozenset(("matters", "cups")): 1.0})
    assert [piece.weight for piece in apart] == pytest.approx([1] * 3)


def test_an_explorer_who_needs_something_for_the_office_today_is_served_for_the_office() -> None:
    known = observed(DEMO, {"single_origin": {0: 20}})
    assert max(posterior(DEMO, known).items(), key=lambda need: need[1])[0] == "explorer"
    needs = posterior(DEMO, tempered([*known, stated("office", weight=NOW)], {}))
    assert max(needs.items(), key=lambda need: need[1])[0] == "office"


def test_what_was_said_before_a_change_of_need_counts_less_when_what_came_since_speaks_against_it() -> None:
    old = [answered("matters", "taste", freshness=0.5), stated("explorer", freshness=0.5)]
    before = posterior(DEMO, old)["explorer"]
    after = posterior(DEMO, [*old, stated("office")])
    apart = posterior(DEMO, [replace(piece, freshness=1.0) for piece in old] + [stated("office")])
    assert before > 0.4
    assert after["office"] > 2 * after["explorer"]
    assert apart["explorer"] > after["explorer"]


def test_what_agrees_over_a_long_time_has_hardly_changed_meanwhile() -> None:
    once = posterior(DEMO, [stated("office", freshness=0.5)])["office"]
    bought = observed(DEMO, {"office_beans": {0: 1, 13: 1}}, half_life=365)
    assert (
        posterior(DEMO, [stated("office", freshness=0.5), *bought])["office"] > posterior(DEMO, bought)["office"] > once
    )


def test_nobody_is_sure_of_somebody_who_may_have_a_second_need() -> None:
    said = [answered("cups", "more"), stated("office"), answered("brewing", "machine")]
    sure = posterior(DEMO, said)["office"]
    assert sure > posterior(DEMO, said, Mixing(second=0.2))["office"] > DEMO.prior["office"]


def test_words_of_one_piece_that_purchases_contradict_may_be_somebody_else_s() -> None:
    said = [stated("office"), answered("cups", "10_to_40"), answered("matters", "price")]
    bought = observed(DEMO, {"single_origin": {0: 4}})
    alone, both = posterior(DEMO, said, Mixing(other=0.3)), posterior(DEMO, [*said, *bought], Mixing(other=0.3))
    assert alone["office"] > 0.6
    assert both["explorer"] > posterior(DEMO, [*said, *bought])["explorer"]


def test_the_next_word_may_be_of_the_second_need() -> None:
    mixing = Mixing(second=0.2, other=0.1)
    needs, next_word = posterior(DEMO, [stated("office")], mixing), speaking(DEMO, [stated("office")], mixing)
    assert sum(next_word.values()) == pytest.approx(1)
    assert speaking(DEMO, [stated("office")]) == pytest.approx(posterior(DEMO, [stated("office")]))
    assert next_word["office"] != pytest.approx(needs["office"], abs=1e-3)


@given(st.lists(pieces, max_size=8), st.floats(0, 0.5), st.floats(0, 0.5))
def test_mixed_or_not_it_sums_to_1_and_knows_nothing_of_a_stranger(
    known: list[Evidence], second: float, other: float
) -> None:
    mixing = Mixing(second, other)
    assert sum(posterior(DEMO, known, mixing).values()) == pytest.approx(1)
    assert posterior(DEMO, [], mixing) == PRIOR
