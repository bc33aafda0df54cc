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
from crm_store.differentiate.needs import (
    FULL_AFTER,
    MOST_OBSERVED,
    NOW,
    STATED,
    Evidence,
    likelihood,
    observed,
    posterior,
)

DEMO = load_business(Path(__file__).resolve().parents[2] / "demo" / "business.yml")
PRIOR = pytest.approx({"quick": 0.30, "explorer": 0.22, "thrifty": 0.28, "office": 0.20})

ANSWERS = [("answered", q.id, o.id) for q in DEMO.questions for o in q.options]
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
    (piece,) = observed(DEMO, {"capsules": 1, "umbrellas": 5, "blend_beans": 0})
    assert (piece.kind, piece.key, piece.value) == ("observed", "buys_capsules", "capsules")


def test_buying_the_same_again_tells_less_each_time_and_at_last_nothing_more() -> None:
    weights = [observed(DEMO, {"capsules": days})[0].weight for days in range(1, 80)]
    steps = [later - earlier for earlier, later in itertools.pairwise(weights)]
    assert weights[0] == pytest.approx(1 / 3)
    assert weights[FULL_AFTER - 1] == pytest.approx(1)
    assert set(weights[62:]) == {MOST_OBSERVED}
    assert all(earlier >= later for earlier, later in itertools.pairwise(steps))


def test_an_explorer_who_needs_something_for_the_office_today_is_served_for_the_office() -> None:
    known = observed(DEMO, {"single_origin": 20})
    assert max(posterior(DEMO, known).items(), key=lambda need: need[1])[0] == "explorer"
    needs = posterior(DEMO, [*known, stated("office", weight=NOW)])
    assert max(needs.items(), key=lambda need: need[1])[0] == "office"
