"""Actual value is margin less cost to serve, and the tier is the highest whose threshold it reaches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.business import Business, Tier
from crm_store.differentiate.value import ValueFacts, tier_of


def a_tier(name: str, at_least: float | None = None) -> Tier:
    return Tier(id=name, title={"en": name}, at_least=at_least)


TIERS = [a_tier("keep", 1500.0), a_tier("grow", 400.0), a_tier("serve", 0.0), a_tier("lower")]


def test_value_is_margin_less_cost_to_serve() -> None:
    assert ValueFacts(margin=1200.0, cost_to_serve=450.5).actual_value == 749.5


def test_a_customer_may_cost_more_than_they_bring() -> None:
    assert ValueFacts(margin=100.0, cost_to_serve=450.0).actual_value == -350.0


def test_of_somebody_who_did_nothing_the_value_is_nothing() -> None:
    assert ValueFacts().actual_value == 0.0


def test_value_is_kept_to_the_hundredth() -> None:
    assert ValueFacts(margin=0.1 + 0.2).actual_value == 0.3


def test_the_facts_are_kept_with_the_value_they_come_to() -> None:
    assert ValueFacts(100.0, 25.0, 3, 1, 2).as_dict() == {
        "margin": 100.0,
        "cost_to_serve": 25.0,
        "purchases": 3,
        "returns": 1,
        "contacts": 2,
        "actual_value": 75.0,
    }


@pytest.mark.parametrize(
    ("value", "tier"),
    [
        (9999, "keep"),
        (1500, "keep"),
        (1499.99, "grow"),
        (400, "grow"),
        (0, "serve"),
        (-0.01, "lower"),
        (-9999, "lower"),
    ],
)
def test_the_tier_is_the_highest_whose_threshold_is_reached(value: float, tier: str) -> None:
    assert tier_of(value, TIERS).id == tier


def test_the_order_of_the_tiers_in_the_file_does_not_matter() -> None:
    assert tier_of(500, TIERS[::-1]).id == "grow"


def test_a_threshold_may_be_below_zero() -> None:
    tiers = [a_tier("patience", -100.0), a_tier("enough")]
    assert tier_of(-50, tiers).id == "patience"
    assert tier_of(-101, tiers).id == "enough"


def test_a_business_of_one_tier_has_everybody_in_it(business: Business) -> None:
    assert tier_of(-1e9, [a_tier("all")]).id == "all"


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_whoever_is_worth_more_is_never_of_a_lower_tier(one: float, other: float) -> None:
    rank = {tier.id: -i for i, tier in enumerate(TIERS)}
    less, more = sorted((one, other))
    assert rank[tier_of(less, TIERS).id] <= rank[tier_of(more, TIERS).id]
