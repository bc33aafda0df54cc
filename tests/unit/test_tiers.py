"""A customer is of the first tier whose conditions hold, of what is known of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.business import Business, Tier
from crm_store.contradictions import of_tiers
from crm_store.differentiate.tiers import Figures, tier_of, tiers_of, to_hundredth


def a_tier(name: str, **conditions: Any) -> Tier:
    return Tier.model_validate({"id": name, "title": {"en": name}, **conditions})


TIERS = [
    a_tier("most_valuable", actual={"at_least": 1500}, future={"at_least": 1000}),
    a_tier("growable", unrealised={"at_least": 800}),
    a_tier("below_zero", actual={"below": 0}, future={"below": 0}),
    a_tier("migrator"),
]
"""After Peppers & Rogers."""


@pytest.mark.parametrize(
    ("figures", "tier"),
    [
        (Figures(1500, 1000, 0), "most_valuable"),
        (Figures(1500, 999.99, 0), "migrator"),
        (Figures(1499.99, 5000, 0), "migrator"),
        (Figures(1500, 999, 800), "growable"),
        (Figures(-100, -100, 800), "growable"),
        (Figures(-0.01, -0.01, 799.99), "below_zero"),
        (Figures(-0.01, 0, 0), "migrator"),
        (Figures(0, -0.01, 0), "migrator"),
    ],
)
def test_all_conditions_of_a_tier_have_to_hold_and_the_first_tier_counts(figures: Figures, tier: str) -> None:
    assert tier_of(figures, TIERS).id == tier


@pytest.mark.parametrize(
    ("figures", "tier"),
    [
        (Figures(1500), "most_valuable"),
        (Figures(1499), "migrator"),
        (Figures(-1), "below_zero"),
        (Figures(0), "migrator"),
    ],
)
def test_what_is_not_known_is_left_out_of_account(figures: Figures, tier: str) -> None:
    assert tier_of(figures, TIERS).id == tier


def test_a_tier_of_which_nothing_that_it_asks_for_is_known_is_nobodys() -> None:
    tiers = [a_tier("asleep", future={"below": 0}), a_tier("awake")]
    assert tier_of(Figures(-100), tiers).id == "awake"
    assert tier_of(Figures(-100, -1), tiers).id == "asleep"


def test_a_band_takes_its_lower_end_and_not_its_upper() -> None:
    tiers = [a_tier("middle", actual={"at_least": -10, "below": 10}), a_tier("rest")]
    found = [tier_of(Figures(value), tiers).id for value in (-10.01, -10, 9.99, 10)]
    assert found == ["rest", "middle", "middle", "rest"]


def test_figures_are_of_the_hundredth_so_that_a_border_is_the_same_for_all_who_compute_them() -> None:
    assert Figures.of(0.1 + 0.2, 99.999, 300.004) == Figures(0.3, 100.0, 200.0)
    assert Figures.of(1, 5, None) == Figures(1.0, 5.0, None)


@given(st.lists(st.one_of(st.floats(-1e13, 1e13), st.integers(-(10**7), 10**7).map(lambda n: n / 1000)), min_size=2))
def test_a_batch_rounds_as_one_customer_s_figures_are_rounded(figures: list[float]) -> None:
    assert to_hundredth(np.array(figures)).tolist() == [round(figure, 2) for figure in figures]


def test_a_business_of_one_tier_has_everybody_in_it() -> None:
    assert tier_of(Figures(-1e9), [a_tier("all")]).id == "all"


MONEY = st.one_of(st.none(), st.floats(-1e6, 1e6))


@given(st.floats(-1e6, 1e6), MONEY, MONEY)
def test_everybody_is_of_a_tier_whose_known_conditions_hold(
    actual: float, future: float | None, unrealised: float | None
) -> None:
    figures = Figures(actual, future, unrealised)
    for name, bounds in tier_of(figures, TIERS).conditions:
        assert getattr(figures, name) is None or bounds.hold(getattr(figures, name))


FIGURE = st.floats(-5, 5).map(round)
BOUNDS = st.fixed_dictionaries({}, optional={"at_least": FIGURE, "below": FIGURE}).filter(bool)
CONDITIONS = st.fixed_dictionaries({}, optional=dict.fromkeys(("actual", "future", "unrealised"), BOUNDS))


@given(st.lists(CONDITIONS, max_size=3), FIGURE, FIGURE, st.integers(0, 5))
def test_a_tier_that_is_refused_as_nobodys_has_nobody_of_whom_all_is_known(
    conditions: list[dict[str, Any]], actual: float, future: float, unrealised: int
) -> None:
    tiers = [*(a_tier(f"t{i}", **asked) for i, asked in enumerate(conditions)), a_tier("rest")]
    refused = {place[1] for place, _ in of_tiers(tiers)}
    assert tiers.index(tier_of(Figures(actual, future, unrealised), tiers)) not in refused


COLUMN = st.one_of(FIGURE, st.floats(-5, 5))


@given(st.lists(CONDITIONS, max_size=3), st.lists(st.tuples(COLUMN, COLUMN, COLUMN), min_size=1))
def test_a_column_of_customers_is_of_the_tiers_that_each_is_of_alone(
    conditions: list[dict[str, Any]], rows: list[tuple[float, float, float]]
) -> None:
    tiers = [*(a_tier(f"t{i}", **asked) for i, asked in enumerate(conditions)), a_tier("rest")]
    actual, future, potential = np.array(rows, float).T
    assert tiers_of(actual, future, potential, tiers) == [tier_of(Figures.of(*row), tiers).id for row in rows]


def test_the_demo_tells_tiers_apart_before_and_after_the_first_run(business: Business) -> None:
    found = [
        tier_of(Figures(*figures), business.tiers).id for figures in ((2e6,), (3e5,), (-1,), (-1, 5, 0), (3e5, 3e5, 0))
    ]
    assert found == ["most_valuable", "growable", "below_zero", "migrator", "migrator"]
