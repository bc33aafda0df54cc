"""The spending model finds parameters again, is not carried away by one huge order, and says when it could not learn."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import check_grad

from crm_store.differentiate.lifetime import History, SpendingModel, fit_spending
from crm_store.differentiate.lifetime.spending import Paid

TRUE = (4.0, 3.0, 20.0)


def shop(customers: int, seed: int, p: float, q: float, gamma: float) -> tuple[History, np.ndarray]:
    """A history of such customers, and each one's true mean amount."""
    draw = np.random.default_rng(seed)
    nu = draw.gamma(q, 1 / gamma, customers)
    purchases = draw.geometric(0.4, customers)
    who = np.repeat(np.arange(customers), purchases)
    amounts = draw.gamma(p, 1 / nu[who])
    mean = np.bincount(who, amounts) / purchases
    logs = np.bincount(who, np.log(amounts)) / purchases
    ages = np.full(customers, 300.0)
    return History(purchases - 1.0, np.where(purchases > 1, 200.0, 0.0), ages, mean, logs), p / nu


def customer(purchases: int, mean: float) -> History:
    return History([purchases - 1], [100.0 * (purchases > 1)], [200.0], [mean])


@pytest.mark.parametrize("single", [True, False])
def test_parameters_of_invented_customers_are_found_again_within_three_standard_errors(single: bool) -> None:
    history, _ = shop(4000, 1, *TRUE)
    model = fit_spending(history if single else replace(history, mean_log_amount=None))
    found = np.log([model.p, model.q - 1, model.gamma])
    deviation = np.sqrt(np.diag(np.array(model.covariance)))
    assert model.converged and model.basis == "fit"
    assert np.all(np.abs(found - np.log([TRUE[0], TRUE[1] - 1, TRUE[2]])) < 3 * deviation)
    assert np.all(deviation < 0.5)


@pytest.mark.parametrize("single", [True, False])
def test_the_gradient_is_that_of_the_likelihood(single: bool) -> None:
    history, _ = shop(200, 2, *TRUE)
    seen = Paid.of(history if single else replace(history, mean_log_amount=None), 25.0, 1e9)
    theta = np.array([0.7, 0.4, 0.2])
    assert check_grad(lambda t: seen.log_likelihood(t)[0], lambda t: seen.log_likelihood(t)[1], theta) < 1e-2


def test_the_likelihood_of_means_is_the_sum_of_their_densities() -> None:
    history, _ = shop(300, 3, *TRUE)
    model = fit_spending(replace(history, mean_log_amount=None), prior=False)
    assert history.mean_amount is not None
    apart = model.log_density(history.frequency + 1, history.mean_amount)
    assert apart.sum() == pytest.approx(model.log_likelihood)


def test_a_density_integrates_to_one() -> None:
    history, _ = shop(300, 3, *TRUE)
    model = fit_spending(history)
    past = customer(3, 30.0)

    def density(amount: float) -> float:
        return float(np.exp(model.log_density(np.array([2.0]), np.array([amount]), past))[0])

    assert quad(density, 0, 2000, limit=400)[0] == pytest.approx(1.0, abs=1e-3)


def test_of_invented_customers_nine_in_ten_true_means_lie_in_the_interval_and_the_expectation_is_right_in_the_sum() -> (
    None
):
    history, true = shop(8000, 4, *TRUE)
    model = fit_spending(history)
    told = model.forecast(history, level=0.9)
    assert np.mean((told.low <= true) & (true <= told.high)) == pytest.approx(0.9, abs=0.015)
    assert told.expected.mean() == pytest.approx(true.mean(), rel=0.03)


def test_the_more_is_known_of_somebody_the_nearer_is_what_is_expected_to_what_they_spent() -> None:
    model = fit_spending(shop(2000, 5, *TRUE)[0])
    told = [model.expected_amount(customer(n, 90.0))[0] for n in (1, 2, 5, 50)]
    assert told == sorted(told)
    assert model.mean < told[0] and told[-1] == pytest.approx(90.0, rel=0.03)


def test_somebody_of_whom_nothing_is_known_is_expected_to_spend_as_all_do() -> None:
    model = fit_spending(shop(2000, 5, *TRUE)[0])
    unknown = History([-1, 2], [0, 10], [0, 20], [0.0, 0.0])
    assert model.expected_amount(unknown) == pytest.approx([model.mean] * 2)
    assert model.expected_amount(History([1], [5], [10])) == pytest.approx([model.mean])


def test_one_huge_order_neither_bends_the_fit_nor_is_expected_again() -> None:
    history, _ = shop(500, 6, *TRUE)
    assert history.mean_amount is not None and history.mean_log_amount is not None
    usual = fit_spending(history)
    amounts, logs = history.mean_amount.copy(), history.mean_log_amount.copy()
    amounts[0], logs[0] = 1e9, np.log(1e9)
    struck = fit_spending(replace(history, mean_amount=amounts, mean_log_amount=logs))
    assert struck.mean == pytest.approx(usual.mean, rel=0.1)
    assert struck.expected_amount(customer(1, 1e9))[0] <= struck.fence < 1e4


@pytest.mark.parametrize("p", [0.3, 0.9])
@pytest.mark.parametrize("q", [0.4, 1.0])
def test_where_true_parameters_are_below_one_expectations_stay_finite(p: float, q: float) -> None:
    history, _ = shop(800, 7, p, q, 20.0)
    model = fit_spending(history)
    told = model.forecast(history)
    assert model.q > 1
    for values in vars(told).values():
        assert np.all(np.isfinite(values)) and np.all(values >= 0)
    assert told.expected.max() <= max(model.fence, model.mean)


ODD = {
    "nobody": History([], [], [], []),
    "only returns": History([-1] * 20, [0] * 20, [0] * 20, [0] * 20),
    "all for nothing": History([1] * 20, [5] * 20, [9] * 20, [0] * 20, [-np.inf] * 20),
    "one customer": customer(1, 30.0),
    "one price": History([1] * 200, [5] * 200, [9] * 200, [20.0] * 200, np.log([20.0] * 200)),
    "nobody came again": History(
        [0] * 200, [0] * 200, [9] * 200, np.linspace(5, 90, 200), np.log(np.linspace(5, 90, 200))
    ),
    "no amounts": History([1] * 20, [5] * 20, [9] * 20),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("prior", [True, False])
def test_an_odd_shop_has_a_model_too_that_says_what_it_rests_on(name: str, prior: bool) -> None:
    model = fit_spending(ODD[name], prior=prior)
    assert model.converged == (model.message == "")
    if not model.converged or model.repeaters < 10:
        assert model.basis == "prior"
    for values in vars(model.forecast(customer(2, 20.0))).values():
        assert np.all(np.isfinite(values))


def test_where_nobody_has_paid_anything_nothing_is_expected() -> None:
    told = fit_spending(ODD["all for nothing"]).forecast(customer(1, 0.0))
    assert (told.expected[0], told.low[0], told.high[0]) == (0, 0, 0)


def test_where_there_is_one_price_it_is_expected() -> None:
    assert fit_spending(ODD["one price"]).expected_amount(customer(2, 20.0))[0] == pytest.approx(20.0, rel=0.02)


def test_a_part_of_many_customers_gives_the_model_of_all() -> None:
    history, _ = shop(8000, 8, *TRUE)
    part, whole = fit_spending(history, most=2000), fit_spending(history)
    assert (part.fitted, part.customers) == (2000, 8000)
    assert part.mean == pytest.approx(whole.mean, rel=0.08)


@given(unit=st.sampled_from([0.01, 15_000.0]))
def test_in_another_currency_the_same_is_expected(unit: float) -> None:
    history, _ = shop(500, 9, *TRUE)
    assert history.mean_amount is not None and history.mean_log_amount is not None
    other = replace(
        history, mean_amount=history.mean_amount * unit, mean_log_amount=history.mean_log_amount + np.log(unit)
    )
    told = fit_spending(other).expected_amount(other) / unit
    assert told == pytest.approx(fit_spending(history).expected_amount(history), rel=1e-3)


def test_a_model_is_the_same_after_it_was_stored() -> None:
    model = fit_spending(shop(300, 9, *TRUE)[0])
    assert SpendingModel.from_dict(json.loads(json.dumps(model.as_dict()))) == model
