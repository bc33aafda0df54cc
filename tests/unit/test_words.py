"""Days, times, numbers and lists in words, as readers of either language write them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.interact.service.words import at_time, by_day, figure, listed, on_day

TODAY = date(2026, 3, 2)
"""A Monday."""
JAKARTA = ZoneInfo("Asia/Jakarta")


@pytest.mark.parametrize(
    ("day", "english", "indonesian"),
    [
        (date(2026, 3, 2), "today", "hari ini"),
        (date(2026, 3, 1), "yesterday", "kemarin"),
        (date(2026, 3, 3), "tomorrow", "besok"),
        (date(2026, 2, 20), "on Friday 20 February", "hari Jumat 20 Februari"),
        (date(2026, 8, 17), "on Monday 17 August", "hari Senin 17 Agustus"),
        (date(2024, 12, 25), "on 25 December 2024", "25 Desember 2024"),
    ],
)
def test_a_day_is_told_as_one_says_it(day: date, english: str, indonesian: str) -> None:
    assert on_day(day, TODAY, "en") == english
    assert on_day(day, TODAY, "id") == indonesian
    assert by_day(day, TODAY, "en") == english.removeprefix("on ")


@given(st.dates(date(2020, 1, 1), date(2035, 12, 31)), st.sampled_from(["en", "id"]))
def test_no_two_days_within_a_year_are_told_alike(day: date, language: str) -> None:
    other = date.fromordinal(day.toordinal() + 1)
    assert on_day(day, TODAY, language) != on_day(other, TODAY, language)


def test_a_time_is_that_of_the_zone() -> None:
    at = datetime(2026, 3, 1, 18, 5, tzinfo=UTC)
    now = datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert at_time(at, now, JAKARTA, "en") == "today at 1:05"
    assert at_time(at, now, JAKARTA, "id") == "hari ini pukul 01.05"


@pytest.mark.parametrize(
    ("number", "english", "indonesian"),
    [(0, "0", "0"), (1080, "1,080", "1.080"), (12.5, "12.5", "12,5"), (1234567.25, "1,234,567.2", "1.234.567,2")],
)
def test_a_number_has_the_separators_of_the_language(number: float, english: str, indonesian: str) -> None:
    assert (figure(number, "en"), figure(number, "id")) == (english, indonesian)


def test_things_are_listed_with_an_and_before_the_last() -> None:
    assert [listed(things, "en") for things in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        *("", "a", "a and b", "a, b and c"),
    ]
    assert listed(["a", "b"], "id") == "a dan b"
