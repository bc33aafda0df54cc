"""How many purchases an active customer makes: the counts agree with their mean, with other formulas and with simulation."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta as beta_distribution

from crm_store.differentiate.lifetime import counting

shapes = st.floats(0.05, 8.0)
times = st.floats(0.01, 400.0)


def one(value: float) -> counting.Floats:
    return np.full(1, value)


def expected(time: float, r: float, alpha: float, a: float, b: float) -> float:
    return float(counting.expected(time, *(np.full((1, 1), value) for value in (r, alpha, a, b)))[0, 0])


def probabilities(time: float, r: float, alpha: float, a: float, b: float, most: int) -> list[float]:
    return [float(p[0]) for p in islice(counting.probabilities(time, one(r), one(alpha), a, one(b)), most)]


@given(time=times, r=shapes, alpha=st.floats(0.5, 60.0), a=st.floats(1.05, 4.0), b=shapes)
def test_the_mean_is_that_of_the_closed_form_wherever_that_has_one(
    time: float, r: float, alpha: float, a: float, b: float
) -> None:
    form = hyp2f1(r, b, a + b - 1, time / (alpha + time)) * (alpha / (alpha + time)) ** r
    assert expected(time, r, alpha, a, b) == pytest.approx((a + b - 1) / (a - 1) * (1 - form), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [(1.0, 2.0), (0.5, 0.5), (0.3, 0.2), (0.9, 0.1), (0.6, 0.400001), (1.0, 1e-3)])
def test_where_the_closed_form_has_a_gap_or_a_pole_the_mean_is_that_of_its_integral(a: float, b: float) -> None:
    r, reach = 0.7, 8.0

    def bought(quantile: float) -> float:
        p = max(float(beta_distribution.ppf(quantile, a, b)), 1e-300)
        return float(-np.expm1(-r * np.log1p(p * reach)) / p)

    assert expected(reach, r, 1.0, a, b) == pytest.approx(quad(bought, 0, 1, limit=400)[0], rel=1e-5)


@given(time=times, r=shapes, alpha=st.floats(0.01, 1e4), a=shapes, b=shapes)
def test_the_mean_is_finite_and_between_nothing_and_what_one_would_buy_who_never_left(
    time: float, r: float, alpha: float, a: float, b: float
) -> None:
    assert 0 < expected(time, r, alpha, a, b) <= r * time / alpha * (1 + 1e-9)


@given(r=shapes, a=shapes, b=shapes, time=st.floats(0.1, 30.0))
def test_probabilities_are_none_below_zero_sum_to_one_and_have_the_mean(
    r: float, a: float, b: float, time: float
) -> None:
    chances = probabilities(time, r, 10.0, a, b, 600)
    assert min(chances) >= 0
    assert sum(chances) == pytest.approx(1.0, abs=1e-6)
    mean = sum(n * chance for n, chance in enumerate(chances))
    assert mean == pytest.approx(expected(time, r, 10.0, a, b), rel=1e-5, abs=1e-8)


def test_counts_of_who_buys_daily_are_told_though_the_chance_of_none_is_below_the_smallest_number() -> None:
    chances = probabilities(700.0, 3000.0, 1000.0, 0.5, 3000.0, 4000)
    assert chances[0] < 1e-300
    assert sum(chances) == pytest.approx(1.0, abs=1e-6)


def test_within_no_time_nothing_is_bought() -> None:
    assert expected(0.0, 0.5, 10.0, 0.8, 2.0) == 0
    assert probabilities(0.0, 0.5, 10.0, 0.8, 2.0, 3) == [1, 0, 0]


def test_a_rule_integrates_polynomials_exactly() -> None:
    chance, weight = counting.rule(0.4, 1.7, 6)
    for power in range(12):
        moment = math.exp(sum(math.log((0.4 + k) / (2.1 + k)) for k in range(power)))
        assert float(weight @ chance**power) == pytest.approx(moment, rel=1e-10)


def test_many_customers_are_told_what_each_would_be_told_alone() -> None:
    draw = np.random.default_rng(1)
    r, alpha, b = 0.5 + draw.integers(0, 3, 2000), draw.uniform(1, 90, 2000), 1.5 + draw.integers(0, 3, 2000)
    together = counting.expected(30.0, r[None], alpha[None], np.full((1, 1), 0.8), b[None])[0]
    alone = [expected(30.0, r[n], alpha[n], 0.8, b[n]) for n in range(0, 2000, 97)]
    assert together[::97] == pytest.approx(alone, rel=1e-8)


def test_quantiles_are_the_least_counts_that_are_not_exceeded() -> None:
    draw = np.random.default_rng(2)
    r, alpha, b, active = (
        draw.uniform(0.3, 30, 300),
        draw.uniform(1, 90, 300),
        draw.uniform(1, 9, 300),
        draw.random(300),
    )
    low, high = counting.quantiles((0.05, 0.95), active, 40.0, r, alpha, 0.8, b)
    table = np.array(list(islice(counting.probabilities(40.0, r, alpha, 0.8, b), 3000))).T * active[:, None]
    table[:, 0] += 1 - active
    below = np.cumsum(table, axis=1)
    assert np.array_equal(low, np.argmax(below >= 0.05, axis=1))
    assert np.array_equal(high, np.argmax(below >= 0.95, axis=1))
