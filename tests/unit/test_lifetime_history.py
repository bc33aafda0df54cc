"""A history says how often, until when and for how long, a purchase being one customer's day."""

from __future__ import annotations

import numpy as np
import pytest

from crm_store.differentiate.lifetime import History


def test_what_is_bought_on_one_day_is_one_purchase_of_the_sum() -> None:
    customers, history = History.of_purchases([7, 7, 7], [10, 10, 40], [5.0, 15.0, 10.0], until=100)
    assert customers.tolist() == [7]
    assert (history.frequency[0], history.recency[0], history.age[0]) == (1, 30, 90)
    assert history.mean_amount is not None and history.mean_amount[0] == 15.0
    assert history.mean_log_amount is not None
    assert history.mean_log_amount[0] == pytest.approx(np.log([20.0, 10.0]).mean())


def test_nothing_after_the_day_is_looked_at_and_the_day_itself_is() -> None:
    customers, history = History.of_purchases([1, 1, 2], [10, 20, 21], [1.0, 1.0, 1.0], until=20)
    assert customers.tolist() == [1]
    assert history.frequency.tolist() == [1]


def test_a_return_is_no_purchase_and_who_has_only_returns_never_bought() -> None:
    customers, history = History.of_purchases([1, 1, 2], [10, 20, 15], [30.0, -30.0, -5.0], until=30)
    assert customers.tolist() == [1, 2]
    assert history.frequency.tolist() == [0, -1]
    assert history.bought.tolist() == [True, False]


def test_of_no_purchases_there_is_an_empty_history() -> None:
    customers, history = History.of_purchases([], [], [], until=30)
    assert len(customers) == len(history) == 0


@pytest.mark.parametrize(
    ("frequency", "recency", "age"),
    [
        ([1.0], [20.0], [10.0]),
        ([0.0], [5.0], [10.0]),
        ([1.5], [5.0], [10.0]),
        ([-2.0], [0.0], [0.0]),
        ([1.0], [-1.0], [10.0]),
        ([np.nan], [0.0], [10.0]),
        ([1.0], [5.0], [np.inf]),
        ([1.0, 2.0], [5.0], [10.0]),
    ],
)
def test_what_cannot_be_is_refused(frequency: list[float], recency: list[float], age: list[float]) -> None:
    with pytest.raises(ValueError):
        History(frequency, recency, age)


def test_amounts_that_do_not_go_with_the_customers_are_refused() -> None:
    with pytest.raises(ValueError, match="mean_amount"):
        History([1.0], [5.0], [10.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        History([1.0], [5.0], [10.0], [np.nan])
