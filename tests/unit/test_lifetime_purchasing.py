"""The purchasing model finds parameters again, keeps its word in odd shops, and says when it could not learn."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

sys.path.insert(0, str(Path(__file__).parents[2]))  # what measures is no part of the installed project

from bench._lifetimes import cdnow, day_number, invented
from bench.value import PUBLISHED_CUT
from crm_store.differentiate.lifetime import History, PurchasingModel, fit_purchasing
from crm_store.differentiate.lifetime.levels import Level
from crm_store.differentiate.lifetime.likelihood import Observed

TRUE = {"r": 0.6, "alpha": 40.0, "a": 0.8, "b": 2.5}
NAMES = {"mbg/nbd": 1, "bg/nbd": 0}


def a_model(name: str = "mbg/nbd", **changed: float) -> PurchasingModel:
    covariance = tuple(tuple(0.01 * (m == n) for m in range(5)) for n in range(5))
    given = TRUE | {"beta": 0.5} | changed
    return PurchasingModel(
        name, **given, level=Level(3.0, 0.8), log_likelihood=-1.0, covariance=covariance, customers=1, fitted=1,
        repeats=99, basis="fit", converged=True, message="",
    )  # fmt: skip


def customer(frequency: float, recency: float, age: float, amount: float = 20.0) -> History:
    return History([frequency], [recency], [age], [amount])


@pytest.mark.parametrize(("name", "chances"), NAMES.items())
def test_parameters_of_invented_customers_are_found_again_within_three_standard_errors(name: str, chances: int) -> None:
    data = invented(6000, **TRUE, age=700.0, ahead=365.0, chances=chances, seed=11)
    model = fit_purchasing(data.history, name)
    assert model.converged and model.basis == "fit"
    for place, (key, value) in enumerate(TRUE.items()):
        deviation = np.sqrt(model.covariance[place][place])
        assert deviation < 0.5
        assert abs(np.log(getattr(model, key) / value)) < 3 * deviation


@pytest.mark.parametrize(("name", "chances"), NAMES.items())
def test_what_is_told_of_the_future_is_what_invented_customers_then_do(name: str, chances: int) -> None:
    data = invented(40_000, **TRUE, age=700.0, ahead=365.0, chances=chances, seed=12)
    model = a_model(name, beta=0.0)
    table = model.distribution(data.history, data.horizon, 60)
    seen = np.bincount(data.counts.astype(int), minlength=61)[:61]
    told = table.sum(axis=0)
    assert np.all(np.abs(seen - told)[told > 20] < 4.5 * np.sqrt(told[told > 20]))
    ahead = model.forecast(data.history, data.horizon, level=0.9)
    for few in range(4):
        group = data.history.frequency == few
        assert ahead.expected[group].mean() == pytest.approx(data.counts[group].mean(), abs=0.06)
    low, high = model.counts(data.history, data.horizon, level=0.9)
    assert np.mean((data.counts >= low) & (data.counts <= high)) >= 0.9


def test_the_interval_of_a_forecast_is_as_wide_as_fits_of_other_customers_of_the_same_kind_differ() -> None:
    somebody = customer(3, 300, 400)
    models = [
        fit_purchasing(invented(800, **TRUE, age=700.0, ahead=0.0, chances=1, seed=seed).history, prior=False)
        for seed in range(40)
    ]
    assert all(model.converged for model in models)
    forecasts = [model.forecast(somebody, 365.0, level=0.8) for model in models]
    true = a_model(beta=0.0)
    expected, alive = true.expected_purchases(somebody, 365.0)[0], true.p_alive(somebody)[0]
    assert 25 <= sum(f.expected_low[0] <= expected <= f.expected_high[0] for f in forecasts) <= 39
    assert 25 <= sum(f.p_alive_low[0] <= alive <= f.p_alive_high[0] for f in forecasts) <= 39


def test_the_published_fit_of_cdnow_is_reproduced() -> None:
    purchases = cdnow("sample")
    if purchases is None:
        pytest.skip("CDNOW's purchases are not here: python -m bench.value says where to get them")
    _, history = purchases.until(PUBLISHED_CUT)
    assert len(history) == 2357
    model = fit_purchasing(history, "bg/nbd", drawn=None, prior=False)
    assert model.log_likelihood == pytest.approx(-9582.4, abs=0.1)
    told = model.r, model.alpha / 7, model.a, model.b
    assert told == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=6e-4)
    assert day_number(PUBLISHED_CUT) == 10134


@pytest.mark.parametrize("chances", [0, 1])
def test_the_gradient_is_that_of_the_likelihood(chances: int) -> None:
    history = invented(300, **TRUE, age=700.0, ahead=0.0, chances=chances, seed=3).history
    z = np.random.default_rng(1).normal(size=300)
    for covariate, theta in ((None, np.array([-0.3, 0.2, -0.5, 0.4])), (z, np.array([-0.3, 0.2, -0.5, 0.4, 0.3]))):
        seen = Observed.of(history.frequency, history.recency / 90, history.age / 90, covariate, chances)
        off = check_grad(lambda t, s=seen: s.log_likelihood(t)[0], lambda t, s=seen: s.log_likelihood(t)[1], theta)
        assert off < 1e-3


def test_customers_who_are_counted_together_weigh_as_much_as_one_by_one() -> None:
    history = invented(300, **TRUE, age=700.0, ahead=0.0, chances=1, seed=3).history
    theta = np.array([-0.3, 3.0, -0.5, 0.4])
    grouped = Observed.of(history.frequency, history.recency, history.age, None, 1).log_likelihood(theta)
    single = Observed.of(history.frequency, history.recency, history.age, np.zeros(300), 1)
    value, gradient = single.log_likelihood(np.append(theta, 0.0))
    assert grouped[0] == pytest.approx(value)
    assert grouped[1] == pytest.approx(gradient[:4])


def test_who_bought_once_is_not_active_for_ever() -> None:
    told = [a_model().p_alive(customer(0, 0, age))[0] for age in (1, 30, 365, 3650)]
    assert told == sorted(told, reverse=True)
    assert told[0] < 0.9 and told[-1] < 0.35


@given(
    age=st.floats(30, 2000), share=st.floats(0.5, 1.0), r=st.floats(0.1, 2), alpha=st.floats(5, 200),
    a=st.floats(0.2, 3), b=st.floats(0.2, 6),
)  # fmt: skip
def test_who_bought_once_is_not_worth_more_than_who_came_again_lately(
    age: float, share: float, r: float, alpha: float, a: float, b: float
) -> None:
    model = a_model(r=r, alpha=alpha, a=a, b=b)
    once = model.expected_purchases(customer(0, 0, age), 365.0)[0]
    assert once <= model.expected_purchases(customer(1, share * age, age), 365.0)[0]


def test_who_buys_every_year_is_not_forecast_nothing() -> None:
    weekly = invented(2000, r=1.0, alpha=20.0, a=0.5, b=4.0, age=1800.0, ahead=0.0, chances=1, seed=7).history
    yearly = customer(5, 5 * 365.0, 5 * 365.0 + 200.0)
    model = fit_purchasing(weekly)
    assert model.p_alive(yearly)[0] > 0.5
    assert 0.3 < model.expected_purchases(yearly, 365.0)[0] < 1.5


@pytest.mark.parametrize(("a", "b"), [(0.3, 0.3), (0.5, 0.5), (0.01, 0.01), (1.0, 0.5)])
@pytest.mark.parametrize("name", NAMES)
def test_where_a_and_b_are_small_forecasts_stay_finite(name: str, a: float, b: float) -> None:
    model = a_model(name, a=a, b=b)
    several = History([0, 0, 1, 9, 400], [0, 0, 50, 800, 999], [0, 900, 900, 900, 1000], [5, 5, 5, 5, 5])
    for values in vars(model.forecast(several, 365.0)).values():
        assert np.all(np.isfinite(values)) and np.all(values >= 0)


def test_who_has_only_returned_is_forecast_nothing_at_all() -> None:
    ahead = a_model().forecast(History([-1, 3], [0, 200], [0, 300], [0.0, 9.0]), 365.0)
    assert all(values[0] == 0 for values in vars(ahead).values())
    assert ahead.expected[1] > 0
    rows = a_model().distribution(History([-1], [0], [0], [0]), 365.0, 3)
    assert rows.tolist() == [[1, 0, 0, 0]]


def test_on_the_day_of_the_first_purchase_there_is_a_forecast_already() -> None:
    ahead = a_model().forecast(customer(0, 0, 0), 365.0)
    assert ahead.p_alive[0] == pytest.approx(TRUE["b"] / (TRUE["a"] + TRUE["b"]))
    assert ahead.expected[0] > 0


ODD = {
    "nobody": History([], [], [], []),
    "only returns": History([-1] * 50, [0] * 50, [0] * 50, [0] * 50),
    "one customer": customer(2, 30, 90),
    "nobody came again": History([0] * 500, [0] * 500, np.linspace(1, 900, 500), [9.0] * 500),
    "all on one day": History([0] * 500, [0] * 500, [30.0] * 500, [9.0] * 500),
    "all today": History([0] * 500, [0] * 500, [0] * 500, [9.0] * 500),
    "everybody alike": History([4] * 500, [80.0] * 500, [90.0] * 500, [9.0] * 500),
    "every day": History([99] * 500, [99.0] * 500, [99.0] * 500, [9.0] * 500),
    "one huge": History([0] * 99 + [5000], [0] * 99 + [5000], [5000] * 100, [9.0] * 99 + [1e9]),
}


@pytest.mark.parametrize("shop", ODD)
@pytest.mark.parametrize("prior", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_shop_has_a_model_too_that_says_what_it_rests_on(shop: str, prior: bool, name: str) -> None:
    model = fit_purchasing(ODD[shop], name, prior=prior)
    assert model.converged == (model.message == "")
    if model.repeats < 10 or not model.converged:
        assert model.basis == "prior"
    several = History([0, 1, 9], [0, 50, 800], [900, 900, 900], [5, 5, 5e6])
    for values in vars(model.forecast(several, 365.0)).values():
        assert np.all(np.isfinite(values))


def test_a_fit_that_does_not_converge_says_so_and_why() -> None:
    model = fit_purchasing(ODD["nobody came again"], prior=False)
    assert not model.converged and model.basis == "prior"
    assert "the data do not" in model.message


def test_the_prior_makes_too_few_customers_enough_and_says_that_it_did() -> None:
    few = History([0, 0, 1, 0, 2], [0, 0, 20, 0, 70], [50, 90, 60, 10, 90], [9, 8, 7, 9, 9])
    model = fit_purchasing(few)
    assert model.basis == "prior" and model.converged
    ahead = model.forecast(few, 90.0)
    assert np.all(ahead.expected_high > 2 * ahead.expected_low)


def test_the_prior_is_not_felt_where_there_are_many() -> None:
    history = invented(6000, **TRUE, age=700.0, ahead=0.0, chances=1, seed=11).history
    with_prior, without = fit_purchasing(history), fit_purchasing(history, prior=False)
    ratio = with_prior.expected_purchases(history, 365.0).sum() / without.expected_purchases(history, 365.0).sum()
    assert ratio == pytest.approx(1.0, abs=0.005)


def test_whoever_spends_more_at_a_time_is_expected_as_often_as_such_customers_came() -> None:
    data = invented(4000, **TRUE, age=700.0, ahead=0.0, chances=1, seed=5)
    amounts = np.random.default_rng(1).lognormal(3, 0.5, 4000) * (1 + data.history.frequency) ** 0.5
    model = fit_purchasing(replace(data.history, mean_amount=amounts))
    assert model.beta > 0.2
    small, large = (model.expected_purchases(customer(2, 300, 400, amount), 365.0)[0] for amount in (10.0, 90.0))
    assert large > small
    assert model.expected_purchases(customer(2, 300, 400, 1e12), 365.0)[0] < 20 * large


def test_a_part_of_many_customers_gives_the_model_of_all() -> None:
    history = invented(20_000, **TRUE, age=700.0, ahead=0.0, chances=1, seed=8).history
    part, whole = fit_purchasing(history, most=5000), fit_purchasing(history)
    assert (part.fitted, part.customers, whole.fitted) == (5000, 20_000, 20_000)
    deviation = np.sqrt(np.diag(np.array(part.covariance)))[:4]
    apart = np.log([part.r / whole.r, part.alpha / whole.alpha, part.a / whole.a, part.b / whole.b])
    assert np.all(np.abs(apart) < 3 * deviation)


@settings(max_examples=15, deadline=None)
@given(unit=st.floats(0.05, 50.0))
def test_in_another_unit_of_time_the_same_is_forecast(unit: float) -> None:
    history = invented(400, **TRUE, age=700.0, ahead=0.0, chances=1, seed=4).history
    model = fit_purchasing(history)
    scaled = History(history.frequency, history.recency * unit, history.age * unit)
    other = fit_purchasing(scaled)
    assert other.alpha == pytest.approx(model.alpha * unit, rel=1e-3)
    ahead, there = model.expected_purchases(history, 100.0), other.expected_purchases(scaled, 100.0 * unit)
    assert there == pytest.approx(ahead, rel=1e-3)


@given(
    frequency=st.integers(0, 60), share=st.floats(0, 1), age=st.floats(1, 3000), later=st.floats(0, 1000),
    name=st.sampled_from(sorted(NAMES)), amount=st.floats(0, 1e7),
)  # fmt: skip
def test_probabilities_lie_between_nothing_and_certainty_and_fall_with_silence(
    frequency: int, share: float, age: float, later: float, name: str, amount: float
) -> None:
    model, recency = a_model(name), share * age if frequency else 0.0
    now = model.forecast(customer(frequency, recency, age, amount), 90.0)
    after = model.forecast(customer(frequency, recency, age + later, amount), 90.0)
    assert 0 <= now.p_alive_low[0] <= now.p_alive[0] <= now.p_alive_high[0] <= 1
    assert 0 <= now.expected_low[0] <= now.expected[0] <= now.expected_high[0]
    low, high = model.counts(customer(frequency, recency, age, amount), 90.0)
    assert low[0] <= high[0]
    assert after.p_alive[0] <= now.p_alive[0] + 1e-12
    assert after.expected[0] <= now.expected[0] * (1 + 1e-9) + 1e-12
    longer = model.expected_purchases(customer(frequency, recency, age, amount), 180.0)[0]
    assert longer >= now.expected[0]


def test_a_model_is_the_same_after_it_was_stored() -> None:
    model = fit_purchasing(invented(400, **TRUE, age=700.0, ahead=0.0, chances=1, seed=4).history)
    assert PurchasingModel.from_dict(json.loads(json.dumps(model.as_dict()))) == model


def test_everybody_is_told_what_each_would_be_told_alone() -> None:
    history = invented(500, **TRUE, age=700.0, ahead=0.0, chances=1, seed=4).history
    model = a_model(beta=0.0)
    together = model.forecast(history, 365.0)
    for place in range(0, 500, 37):
        alone = model.forecast(history.take(slice(place, place + 1)), 365.0)
        for name, values in vars(alone).items():
            assert values[0] == pytest.approx(getattr(together, name)[place], rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("horizon", [-1.0, float("nan"), float("inf")])
def test_a_horizon_that_is_none_is_refused(horizon: float) -> None:
    with pytest.raises(ValueError, match="horizon"):
        a_model().expected_purchases(customer(1, 5, 10), horizon)


def test_a_model_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="mbg/nbd, bg/nbd"):
        fit_purchasing(customer(1, 5, 10), "pareto/nbd")
