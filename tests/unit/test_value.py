"""Actual value is margin less cost to serve."""

from __future__ import annotations

from crm_store.differentiate.value import ValueFacts


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
