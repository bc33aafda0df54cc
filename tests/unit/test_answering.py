"""By when a person answers: as the treatment says, never later than the service floor, in hours in which staff answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.business import Business, ServiceFloor, Treatment
from crm_store.customize.answering import due_at
from crm_store.identify.assurance import Assurance

MORNING = datetime(2026, 3, 2, 2, tzinfo=UTC)
"""A Monday, nine o'clock in Jakarta: an hour after staff began."""
TIERS = ("most_valuable", "growable", "migrator", "below_zero", None, "gone")


def waits(business: Business, tier: str | None, assurance: Assurance = Assurance.VERIFIED) -> float:
    """Hours until somebody has to have answered what is asked in the morning."""
    return (due_at(business, tier, assurance, MORNING) - MORNING) / timedelta(hours=1)


def treating(business: Business, hours: float | None, floor: float) -> Business:
    """Everybody alike."""
    treatments = [
        Treatment(id="all", tiers=list(filter(None, TIERS)), tone="plain", note="", answer_within_hours=hours)
    ]
    return business.model_copy(
        update={"treatments": treatments, "service_floor": ServiceFloor(answer_within_hours=floor)}
    )


def test_the_treatment_of_the_tier_says_how_fast(business: Business) -> None:
    assert [waits(business, tier) for tier in ("most_valuable", "growable")] == [2, 6]


@pytest.mark.parametrize("tier", ["below_zero", "migrator", None, "gone"])
def test_whoever_is_promised_nothing_faster_is_answered_by_the_floor(business: Business, tier: str | None) -> None:
    # Twelve hours: eleven that Monday, until eight in the evening, and the first of Tuesday.
    assert waits(business, tier) == 24


@pytest.mark.parametrize("assurance", [Assurance.ANONYMOUS, Assurance.RECOGNISED])
def test_the_tier_of_who_is_not_verified_is_not_used(business: Business, assurance: Assurance) -> None:
    assert waits(business, "most_valuable", assurance) == waits(business, None)


@given(
    st.sampled_from(TIERS), st.sampled_from(list(Assurance)), st.floats(0.1, 48), st.one_of(st.none(), st.floats(0, 1))
)
def test_nobody_is_answered_later_than_the_floor(
    business: Business, tier: str | None, assurance: Assurance, floor: float, share: float | None
) -> None:
    hours = max(0.01, floor * share) if share is not None else None
    asked = treating(business, hours, floor)
    assert due_at(asked, tier, assurance, MORNING) <= due_at(asked, None, Assurance.ANONYMOUS, MORNING)
