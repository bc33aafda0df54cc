"""What customers are worth, by models learnt from everybody's histories: actual, future and potential value."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from crm_store.differentiate.alone import worth_of_one
from crm_store.differentiate.histories import Histories, Sums
from crm_store.differentiate.share_of_customer import Told
from crm_store.differentiate.worth import QUANTILE, Models, learn, worth

UNTIL = 20_000
TOLD = ("spent", "share", "low", "high", "sure")


def crowd(count: int = 3_000, *, cost: float = 0.0) -> Histories:
    """Customers who buy at rates of their own, spend amounts of their own and may have left."""
    rng = np.random.default_rng(3)
    age = rng.integers(50, 700, count).astype(float)
    active = np.minimum(age, rng.exponential(400, count))
    purchases = 1.0 + rng.poisson(rng.gamma(0.8, 0.02, count) * active)
    last = np.where(purchases > 1, np.floor(active * rng.beta(purchases, 1.0)), 0.0)
    mean = rng.gamma(6.0, 20.0, count)
    sold = mean * purchases
    return Histories(
        [f"{number:05}" for number in range(count)],
        *(purchases, UNTIL - age, UNTIL - age + last, sold, 0.3 * sold, 0.2 * sold),
        np.full(count, cost),
        np.zeros(count),
        UNTIL,
    )


def models(known: Histories, horizon: float = 365.0) -> Models:
    return learn(known, known.history, horizon=horizon, window_days=365, margin_rate=0.3)[0]


@pytest.fixture(scope="module")
def known() -> Histories:
    return crowd()


@pytest.fixture(scope="module")
def learnt(known: Histories) -> Models:
    return models(known)


def one(known: Histories, place: int) -> Sums:
    return Sums(*(float(getattr(known, name)[place]) for name in Sums._fields[:-1]), until=known.until)


def test_who_is_learnt_from_is_valued_by_what_was_learnt(known: Histories) -> None:
    learnt, found = learn(known, known.history, horizon=365.0, window_days=365, margin_rate=0.3)
    for name, values in vars(worth(known, learnt)).items():
        np.testing.assert_array_equal(values, getattr(found, name))


def test_one_customer_alone_is_worth_what_they_are_among_all(known: Histories, learnt: Models) -> None:
    places = range(0, len(known), 31)
    tellers = np.arange(0, len(known), 93)
    share = np.resize([0.95, 0.5, 0.2], len(tellers))
    sure = np.resize([1.0, 0.4], len(tellers))
    spent = np.maximum(known.sold[tellers], 1.0)
    told = Told(tellers, spent, share, 0.7 * share, np.minimum(1.0, 1.4 * share), sure)
    everybody = worth(known, learnt, told)
    for place in places:
        at = np.flatnonzero(tellers == place)
        theirs = replace(told, places=at * 0, **{n: getattr(told, n)[at] for n in TOLD}) if len(at) else None
        for name, figure in worth_of_one(one(known, place), learnt, theirs)._asdict().items():
            assert figure == pytest.approx(getattr(everybody, name)[place], rel=1e-9), name


def test_who_never_bought_is_worth_alone_what_they_are_among_all(known: Histories, learnt: Models) -> None:
    nothing = np.zeros(1)
    missing, margin, cost = np.full(1, np.nan), np.full(1, -20.0), np.full(1, 30.0)
    only = Histories(["-"], nothing, missing, missing, nothing, margin, margin, cost, nothing, UNTIL)
    many = worth(only, learnt)
    for name, figure in worth_of_one(one(only, 0), learnt)._asdict().items():
        assert figure == pytest.approx(getattr(many, name)[0]), name


def test_models_come_back_from_json_as_they_were(known: Histories, learnt: Models) -> None:
    again = Models.from_dict(json.loads(json.dumps(learnt.as_dict())))
    np.testing.assert_array_equal(worth(known, again).future, worth(known, learnt).future)
    np.testing.assert_array_equal(worth(known, again).potential, worth(known, learnt).potential)


def test_potential_is_what_the_upper_tenth_of_the_comparable_reach(known: Histories, learnt: Models) -> None:
    found = worth(known, learnt)
    mean = known.history.mean_amount
    assert mean is not None and learnt.neighbours is not None
    begin = 0.0
    for edge, reached in zip(learnt.neighbours.up_to, learnt.neighbours.reached, strict=True):
        group = (mean > begin) & (mean <= edge)
        assert reached == pytest.approx(np.quantile(found.future[group], QUANTILE))
        assert np.mean(found.unrealised[group] > 0) == pytest.approx(QUANTILE, abs=0.01)
        begin = edge
    assert int(learnt.neighbours.sizes.sum()) == len(known)


def test_what_it_costs_to_serve_is_taken_off_over_the_horizon(known: Histories, learnt: Models) -> None:
    dear = replace(known, cost=np.full(len(known), 10.0))
    less = worth(known, learnt).future - worth(dear, learnt).future
    np.testing.assert_allclose(less, 10.0 * worth(known, learnt).p_alive)
    half = models(known, 182.5)
    np.testing.assert_allclose(worth(known, half).future - worth(dear, half).future, less / 2)


def test_cost_lowers_what_the_comparable_reach(known: Histories, learnt: Models) -> None:
    dear = models(crowd(cost=10.0))
    assert learnt.neighbours is not None and dear.neighbours is not None
    off = learnt.neighbours.reached - dear.neighbours.reached
    assert np.all((off > 0) & (off <= 10.0))


def test_a_margin_of_one_s_own_counts_the_more_the_more_was_bought(known: Histories, learnt: Models) -> None:
    poor = replace(known, earned=known.earned * 0.5)
    ratio = worth(poor, learnt).future / worth(known, learnt).future
    often, seldom = known.purchases >= 10, known.purchases == 1
    assert ratio[often].max() < ratio[seldom].min() < 1


def test_a_shop_of_one_price_and_of_few_customers_is_valued(known: Histories) -> None:
    few = Histories(
        ["a", "b"],
        *(np.array(c, dtype=float) for c in ([1, 0], [19_990, np.nan], [19_990, np.nan])),
        *(np.array(c, dtype=float) for c in ([50, 0], [15, -3], [15, -3], [0, 4], [0, 0])),
        UNTIL,
    )
    _, found = learn(few, few.history, horizon=365.0, window_days=365, margin_rate=0.3)
    assert np.all(np.isfinite(found.future)) and np.all(np.isfinite(found.potential))
    assert (found.purchases[1], found.actual.tolist()) == (0, [15, -7])
    assert found.potential[0] >= found.future[0]
