"""When somebody answers: opening hours as they are written, and what they mean at a moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from crm_store.interact.handover import opening_words
from crm_store.opening import is_open, opens_next, passed, week_of

JAKARTA = ZoneInfo("Asia/Jakarta")
WEEK = week_of({"mon-fri": "08:00-12:00, 13:00-17:00", "sat": "9:00-13:00", "sun": "closed"})


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """In March 2026, whose second is a Monday, as it is on the clock in Jakarta."""
    return datetime(2026, 3, day, hour, minute, tzinfo=JAKARTA).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "open_then"),
    [
        (at(2, 8), True),
        (at(2, 7, 59), False),
        (at(2, 12, 30), False),
        (at(2, 16, 59), True),
        (at(2, 17), False),
        (at(7, 9), True),
        (at(8, 10), False),
    ],
)
def test_hours_begin_with_their_first_minute_and_end_before_their_last(moment: datetime, open_then: bool) -> None:
    assert is_open(WEEK, [], JAKARTA, moment) == open_then


def test_a_holiday_is_closed_and_passed_over() -> None:
    holidays = [date(2026, 3, 2), date(2026, 3, 3)]
    assert not is_open(WEEK, holidays, JAKARTA, at(2, 9))
    assert opens_next(WEEK, holidays, JAKARTA, at(2, 9)) == at(4, 8)


def test_the_next_opening_may_be_later_the_same_day_or_after_the_week_end() -> None:
    assert opens_next(WEEK, [], JAKARTA, at(2, 12, 30)) == at(2, 13)
    assert opens_next(WEEK, [], JAKARTA, at(7, 20)) == at(9, 8)


def test_without_hours_somebody_always_answers_and_with_closed_days_only_nobody_does() -> None:
    assert is_open({}, [], JAKARTA, at(8, 3))
    closed = week_of({"mon-sun": "closed"})
    assert not is_open(closed, [], JAKARTA, at(2, 9))
    assert opens_next(closed, [], JAKARTA, at(2, 9)) is None


def test_midnight_may_end_a_day_and_a_span_of_days_may_go_around_the_week() -> None:
    week = week_of({"sat-mon": "18:00-24:00"})
    assert sorted(week) == [0, 5, 6]
    assert week[0] == [(time(18), time.max)]
    assert is_open(week, [], JAKARTA, at(2, 23, 59))


@pytest.mark.parametrize(
    ("opening", "mend"),
    [
        ({"monday": "08:00-17:00"}, "mon, tue"),
        ({"mon": "8-17"}, "like 08:00-20:00"),
        ({"mon": "20:00-02:00"}, "two days"),
        ({"mon-fri": "08:00-17:00", "wed": "closed"}, "wed twice"),
    ],
)
def test_what_is_no_opening_says_what_to_write(opening: dict[str, str], mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        week_of(opening)


@pytest.mark.parametrize(
    ("opens", "english", "indonesian"),
    [
        (at(2, 13), "today at 13:00", "hari ini pukul 13.00"),
        (at(3, 8), "tomorrow at 8:00", "besok pukul 08.00"),
        (at(5, 8, 30), "Thursday at 8:30", "Kamis pukul 08.30"),
        (at(16, 8), "Monday 16/3 at 8:00", "Senin 16/3 pukul 08.00"),
    ],
)
def test_the_next_opening_is_told_as_people_say_it(opens: datetime, english: str, indonesian: str) -> None:
    said = [opening_words(opens.astimezone(JAKARTA), at(2, 9).astimezone(JAKARTA), code) for code in ("en", "id")]
    assert said == [english, indonesian]


@pytest.mark.parametrize(
    ("since", "hours", "until"),
    [
        (at(2, 9), 2, at(2, 11)),
        (at(2, 9), 3, at(2, 12)),
        (at(2, 9), 4, at(2, 14)),
        (at(2, 6), 1, at(2, 9)),
        (at(2, 12, 30), 0.5, at(2, 13, 30)),
        (at(2, 20), 1, at(3, 9)),
        (at(6, 16), 2, at(7, 10)),
        (at(7, 12), 2, at(9, 9)),
        (at(2, 8), 8 + 8, at(3, 17)),
    ],
)
def test_only_hours_in_which_somebody_answers_pass(since: datetime, hours: float, until: datetime) -> None:
    assert passed(WEEK, [], JAKARTA, since, hours) == until


def test_no_hour_of_a_holiday_passes() -> None:
    assert passed(WEEK, [date(2026, 3, 3)], JAKARTA, at(2, 16), 2) == at(4, 9)


def test_where_somebody_always_answers_or_never_does_every_hour_passes() -> None:
    for week in ({}, week_of({"sun": "closed"})):
        assert passed(week, [], JAKARTA, at(2, 16), 30) == at(3, 22)


def test_midnight_ends_a_day_that_is_open_until_then() -> None:
    assert passed(week_of({"mon-sun": "00:00-24:00"}), [], JAKARTA, at(2, 16), 30) == at(3, 22)


def test_a_night_in_which_the_clock_goes_forward_is_an_hour_shorter() -> None:
    berlin, week = ZoneInfo("Europe/Berlin"), week_of({"mon-sun": "00:00-06:00"})
    evening = datetime(2026, 3, 28, 20, tzinfo=berlin)
    assert passed(week, [], berlin, evening, 5) == datetime(2026, 3, 29, 6, tzinfo=berlin).astimezone(UTC)
