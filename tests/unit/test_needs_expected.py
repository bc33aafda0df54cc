"""Likelihoods from customers of whom nobody knows the segment: near the truth with many, near `business.yml` with few."""

from __future__ import annotations

import math
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # what measures is no part of the installed project

from bench._worlds import make, truth_near
from crm_store.business_file import load_business
from crm_store.differentiate import expected
from crm_store.differentiate.expected import fitted, learnt
from crm_store.differentiate.filtering import Mixing
from crm_store.differentiate.forward import Parameters, log_posteriors
from crm_store.differentiate.gamma import digamma, log_gamma
from crm_store.differentiate.learning import parameters
from crm_store.differentiate.likelihoods import Model
from crm_store.differentiate.needs import PERIOD, Evidence, fresh, observed, posterior, tempered
from crm_store.differentiate.observations import Bought, Observations

ROOT = Path(__file__).resolve().parents[2]
DEMO = load_business(ROOT / "demo" / "business.yml")
GIVEN = parameters(Model(DEMO))


def off(found: Parameters, true: Parameters) -> float:
    return float(np.mean([np.abs(found.answers[q] - true.answers[q]).mean() for q in true.answers]))


def joined(one: Observations, other: Observations) -> Observations:
    answers = {
        q: tuple(np.concatenate(both) for both in zip(one.answers[q], other.answers[q], strict=True))
        for q in one.answers
    }
    bought = [one.bought, replace(other.bought, row=other.bought.row + one.count)]
    return Observations(
        answers,
        np.vstack([one.stated, other.stated]),
        np.vstack([one.stated_ago, other.stated_ago]),
        np.vstack([one.denied, other.denied]),
        Bought(*(np.concatenate([getattr(each, f.name) for each in bought]) for f in fields(Bought))),
    )


def noisy(days: float) -> Observations:
    """One customer who says and buys what nobody does, and much of it."""
    return Observations(
        {q: (np.array([len(table) - 1]), np.ones(1), np.zeros(1)) for q, table in GIVEN.answers.items()},
        np.ones((1, 4)),
        np.zeros((1, 4)),
        np.array([[True, True, True, False]]),
        Bought(np.zeros(5, np.int64), np.arange(5), np.zeros(5), np.full(5, days)),
    )


def moved(before: Parameters, after: Parameters) -> float:
    tables = [np.abs(after.answers[q] - before.answers[q]).max() for q in before.answers]
    return float(max(*tables, np.abs(after.shares - before.shares).max(), np.abs(after.prior - before.prior).max()))


def test_the_gamma_function_is_the_standard_library_s() -> None:
    x = np.array([0.01, 0.3, 1.0, 2.5, 17.0, 900.0])
    assert log_gamma(x) == pytest.approx([math.lgamma(v) for v in x], abs=1e-9)
    step = 1e-5
    slopes = [(math.lgamma(v + step) - math.lgamma(v - step)) / 2 / step for v in x[1:]]
    assert digamma(x[1:]) == pytest.approx(slopes, rel=1e-5)


@pytest.mark.parametrize("world", ["as assumed", "drifting behaviour"])
@pytest.mark.parametrize("mixing", [Mixing(), Mixing(0.2, 0.1)], ids=["one need", "second needs"])
def test_all_customers_at_once_are_told_as_one_by_one(world: str, mixing: Mixing) -> None:
    known = make(world, 60, GIVEN, np.random.default_rng(3)).known
    refused = np.random.default_rng(4).random(known.denied.shape) < 0.1
    dependence = {frozenset(("cups", "matters")): 0.4, frozenset(("brewing", "need")): 0.2}
    by = replace(GIVEN, dependence=dependence, second=mixing.second, other=mixing.other, half_life=200.0)
    together = np.exp(log_posteriors(replace(known, denied=refused), by))
    for row in range(known.count):
        said = [
            Evidence("answered", q.id, q.options[chosen[row]].id, freshness=fresh(ago[row], 200.0))
            for q in DEMO.questions
            if q.id in known.answers
            and (chosen := known.answers[q.id][0])[row] >= 0
            and (ago := known.answers[q.id][2]) is not None
        ]
        for place, segment in enumerate(DEMO.segment_ids):
            if known.stated[row, place]:
                freshness = fresh(known.stated_ago[row, place], 200.0)
                said.append(Evidence("stated", "need", segment, freshness=freshness))
            if refused[row, place]:
                said.append(Evidence("denied", "need", segment))
        periods: dict[str, dict[int, int]] = {b.category: {} for b in DEMO.needs.behaviours}
        for at in np.flatnonzero(known.bought.row == row):
            theirs = periods[DEMO.needs.behaviours[known.bought.behaviour[at]].category]
            period = round(known.bought.age[at] / PERIOD)
            theirs[period] = theirs.get(period, 0) + int(known.bought.days[at])
        pieces = tempered([*said, *observed(DEMO, periods, half_life=200.0)], dependence)
        alone = posterior(DEMO, pieces, mixing)
        assert together[row] == pytest.approx([alone[s] for s in DEMO.segment_ids], abs=1e-9)


def test_steps_that_go_by_a_straight_rule_lead_to_their_rest_at_once() -> None:
    rest, rule = np.array([0.02, -0.01]), np.array([[0.9, 0.05], [0.0, 0.8]])
    places, steps = [np.zeros(2)], [(np.eye(2) - rule) @ rest]
    for _ in range(2):
        places.append(places[-1] + steps[-1])
        steps.append(rule @ (places[-1] - rest) + rest - places[-1])
    assert places[-1] + steps[-1] + expected._leap(places, steps) == pytest.approx(rest, abs=1e-9)


@pytest.mark.parametrize("world", ["as assumed", "mixed needs", "careless answers"])
def test_what_is_learnt_is_where_plain_steps_would_stay(world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = make(world, 1500, GIVEN, np.random.default_rng(8)).known
    found = fitted(known, GIVEN, 100)
    assert expected._moved(found, expected._step(known, GIVEN, found, 100)) < expected.CLOSE
    monkeypatch.setattr(expected, "MOST_STEPS", 4)
    short = fitted(known, GIVEN, 100)
    assert expected.CLOSE < expected._moved(short, expected._step(known, GIVEN, short, 100)) < 0.1


def test_who_all_contradict_business_yml_are_learnt_where_plain_steps_lead() -> None:
    """Who all state one need, answer as nobody of it was thought to and buy the same: long steps do not lead straight on."""
    many, office = 60, DEMO.segment_ids.index("office")
    nobody = (np.full(many, -1, np.int64), np.zeros(many), np.zeros(many))
    few_cups = (np.zeros(many, np.int64), np.ones(many), np.zeros(many))
    stated = np.eye(len(DEMO.segment_ids))[np.full(many, office)]
    beans = [b.id for b in DEMO.needs.behaviours].index("buys_office_beans")
    bought = Bought(np.arange(many), np.full(many, beans), np.zeros(many), np.ones(many))
    answers = dict.fromkeys(GIVEN.answers, nobody) | {"cups": few_cups}
    known = Observations(answers, stated, np.zeros_like(stated), np.zeros_like(stated, bool), bought)
    plain = GIVEN
    for _ in range(300):
        plain = expected._step(known, GIVEN, plain, 100)
    found = fitted(known, GIVEN, 100)
    assert moved(found, plain) < 1e-3
    assert found.second == pytest.approx(plain.second, abs=1e-3)


def answering(many: int, given: Parameters, rng: np.random.Generator) -> Observations:
    """Customers who answer the first question and buy nothing."""
    (name, table), *others = given.answers.items()
    segment = rng.choice(len(given.prior), many, p=given.prior)
    chosen = np.array([rng.choice(len(table), p=table[:, s] / table[:, s].sum()) for s in segment])
    nobody = (np.full(many, -1, np.int64), np.zeros(many), np.zeros(many))
    answers = {name: (chosen, np.ones(many), np.zeros(many))} | {other: nobody for other, _ in others}
    stated = np.zeros((many, len(given.prior)))
    return Observations(answers, stated, stated, stated > 0)


@pytest.mark.parametrize("behaviours", [0, 1])
def test_of_a_lone_behaviour_nothing_is_learnt_and_none_is_no_obstacle(behaviours: int) -> None:
    given = replace(GIVEN, shares=GIVEN.shares[:behaviours])
    for seed in range(3):
        found = fitted(answering(200, given, np.random.default_rng(seed)), given, 100)
        assert np.array_equal(found.shares, given.shares)
        assert np.abs(found.prior - given.prior).max() < 0.1


def test_needs_that_hardly_ever_change_are_learnt_too() -> None:
    given = replace(GIVEN, half_life=30_000.0)
    known = make("as assumed", 300, given, np.random.default_rng(5)).known
    found = fitted(known, given, 100)
    assert expected._moved(found, expected._step(known, given, found, 100)) < 2 * expected.CLOSE


def test_from_nobody_what_business_yml_says_is_learnt() -> None:
    empty = make("as assumed", 0, GIVEN, np.random.default_rng(0)).known
    assert moved(GIVEN, learnt(empty, GIVEN, 100)) < 1e-9


def test_the_more_customers_the_nearer_to_the_truth() -> None:
    errors = []
    for count in (300, 1500, 8000):
        rng = np.random.default_rng(11)
        true = truth_near(GIVEN, rng)
        errors.append(off(fitted(make("as assumed", count, true, rng).known, GIVEN, 100), true))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.025 < off(GIVEN, true)


def test_no_segment_takes_the_name_of_another() -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        true = truth_near(GIVEN, rng)
        found = learnt(make("as assumed", 1000, true, rng).known, GIVEN, 100)
        apart = np.array([[np.abs(found.shares[:, a] - true.shares[:, b]).sum() for b in range(4)] for a in range(4)])
        assert list(apart.argmin(axis=1)) == [0, 1, 2, 3]


@pytest.mark.parametrize("others", [0, 300, 1000])
@pytest.mark.parametrize("days", [1.0, 1000.0])
def test_one_noisy_customer_never_moves_a_likelihood_by_more_than_a_thirtieth(others: int, days: float) -> None:
    known = make("as assumed", others, GIVEN, np.random.default_rng(5)).known
    assert moved(learnt(known, GIVEN, 100), learnt(joined(known, noisy(days)), GIVEN, 100)) < 1 / 30


def test_answers_that_go_together_are_measured_and_independent_ones_are_not() -> None:
    rng = np.random.default_rng(2)
    apart = make("as assumed", 3000, GIVEN, rng).known
    chosen, sure, ago = apart.answers["matters"]
    alike = np.array([1, 0, 2, -1])[chosen]  # quick: with a machine; taste: by hand; a good price: hot water
    same = replace(apart, answers={**apart.answers, "brewing": (alike, sure, ago)})
    pair = frozenset(("brewing", "matters"))
    assert learnt(apart, GIVEN, 100).dependence[pair] < 0.05
    assert learnt(same, GIVEN, 1e6).dependence[pair] > 0.3


def test_what_customers_buy_again_and_again_tells_less_where_they_differ_within_a_segment() -> None:
    rng = np.random.default_rng(8)
    alike = fitted(make("as assumed", 1500, replace(GIVEN, repeats=1.0), rng).known, GIVEN, 100)
    apart = fitted(make("as assumed", 1500, replace(GIVEN, repeats=20.0), rng).known, GIVEN, 100)
    assert alike.repeats < 1.5 < 6 < apart.repeats


def test_one_who_stands_for_three_counts_as_three_alike() -> None:
    some = make("as assumed", 400, truth_near(GIVEN, np.random.default_rng(5)), np.random.default_rng(6)).known
    thrice = fitted(joined(some, joined(some, some)), GIVEN, 20.0)
    once = fitted(replace(some, stands_for=np.full(some.count, 3.0)), GIVEN, 20.0)
    assert moved(thrice, once) < 1e-6
    assert once.repeats == pytest.approx(thrice.repeats)
    assert moved(fitted(some, GIVEN, 20.0), once) > 1e-3


@pytest.mark.parametrize(("world", "days"), [("slow drift", (290, 440)), ("drifting behaviour", (140, 240))])
def test_how_fast_needs_change_is_learnt(world: str, days: tuple[float, float]) -> None:
    known = make(world, 1500, GIVEN, np.random.default_rng(1)).known
    least, most = days
    assert least < fitted(known, GIVEN, 100).half_life < most


def test_second_needs_and_answering_as_somebody_else_are_learnt_where_they_are_and_not_where_they_are_not() -> None:
    found = {
        world: fitted(make(world, 1500, GIVEN, np.random.default_rng(1)).known, GIVEN, 100)
        for world in ("as assumed", "correlated answers", "mixed needs")
    }
    assert found["as assumed"].mixing.own > 0.93
    assert found["correlated answers"].other > 0.1 > found["as assumed"].other
    assert found["mixed needs"].second > 0.1 > found["as assumed"].second


def test_from_words_of_one_time_nothing_is_learnt_of_change() -> None:
    known = make("as assumed", 500, GIVEN, np.random.default_rng(1)).known
    assert fitted(known, GIVEN, 100).half_life == pytest.approx(GIVEN.half_life)
