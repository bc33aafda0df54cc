"""One customer is forecast in plain numbers as among many in arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.differentiate.lifetime import History, PurchasingModel, SpendingModel, fit_purchasing, fit_spending
from crm_store.differentiate.lifetime import alone as one

LEVEL = 0.9
ENOUGH = 1e12
"""Purchases in an interval so wide that it says nothing: further up rounding is all there is."""


def crowd() -> History:
    rng = np.random.default_rng(5)
    age = rng.integers(20, 700, 400).astype(float)
    frequency = rng.poisson(rng.gamma(0.7, 2.0, 400)).astype(float)
    recency = np.where(frequency > 0, np.floor(age * rng.random(400)), 0.0)
    return History(frequency, recency, age, rng.gamma(4.0, 20.0, 400))


@pytest.fixture(scope="module", params=["mbg/nbd", "bg/nbd"])
def purchasing(request: pytest.FixtureRequest) -> PurchasingModel:
    return fit_purchasing(crowd(), request.param)


@pytest.fixture(scope="module")
def spending() -> SpendingModel:
    return fit_spending(crowd())


@st.composite
def buyers(draw: st.DrawFn) -> one.Buyer:
    frequency = draw(st.one_of(st.integers(-1, 4), st.integers(0, 800)))
    since_first = max(frequency, 0)  # a day for each purchase
    recency = since_first + draw(st.floats(0, 2000)) if frequency > 0 else 0.0
    age = recency + draw(st.floats(0, 2000))
    return one.Buyer(float(frequency), recency, age, draw(st.one_of(st.just(0.0), st.floats(1e-3, 1e8))))


def history(buyer: one.Buyer) -> History:
    return History(*(np.array([figure]) for figure in buyer))


def same(one: float, other: float) -> bool:
    return min(one, ENOUGH) == pytest.approx(min(other, ENOUGH), rel=1e-6, abs=1e-9)


@settings(max_examples=300)
@given(buyer=buyers(), horizon=st.floats(0, 2000), unsure=st.floats(0, 30))
def test_purchases_are_those_of_the_arrays(
    purchasing: PurchasingModel, buyer: one.Buyer, horizon: float, unsure: float
) -> None:
    covariance = tuple(tuple(value * unsure for value in row) for row in purchasing.covariance)
    model = replace(purchasing, covariance=covariance)
    many = model.forecast(history(buyer), horizon, LEVEL)
    found = one.purchases(model, buyer, horizon, LEVEL)
    for name in ("p_alive", "expected"):
        for end in ("", "_low", "_high"):
            assert same(getattr(getattr(found, name), end[1:] or "value"), getattr(many, name + end)[0]), name + end


@settings(max_examples=300)
@given(buyer=buyers(), level=st.sampled_from([0.5, 0.9, 0.99]))
def test_amounts_are_those_of_the_arrays(spending: SpendingModel, buyer: one.Buyer, level: float) -> None:
    many = spending.forecast(history(buyer), level)
    found = one.amount(spending, buyer, level)
    assert same(found.value, many.expected[0]) and same(found.low, many.low[0]) and same(found.high, many.high[0])


def test_where_everybody_spends_the_same_there_is_no_level() -> None:
    alike = fit_purchasing(replace(crowd(), mean_amount=np.full(400, 30.0)))
    buyer = one.Buyer(3.0, 40.0, 100.0, 9_000.0)
    assert one.purchases(alike, buyer, 365.0, LEVEL).expected.value == pytest.approx(
        alike.expected_purchases(history(buyer), 365.0)[0]
    )
