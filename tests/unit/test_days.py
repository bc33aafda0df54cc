"""Which days a message speaks of, in both languages."""

from __future__ import annotations

from datetime import date

import pytest

from crm_store.interact.service.days import days_in, names_holiday

MONDAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("are you open today?", [date(2026, 3, 2)]),
        ("open tomorrow?", [date(2026, 3, 3)]),
        ("the day after tomorrow", [date(2026, 3, 4)]),
        ("are you open on Monday", [date(2026, 3, 2)]),
        ("open on Sundays?", [date(2026, 3, 8)]),
        ("this weekend", [date(2026, 3, 7), date(2026, 3, 8)]),
        ("on Christmas", [date(2026, 12, 25)]),
        ("on Christmas Eve", [date(2026, 12, 24)]),
        ("on New Year\u2019s Day", [date(2027, 1, 1)]),
        ("on 25 december", [date(2026, 12, 25)]),
        ("on the 17th of August", [date(2026, 8, 17)]),
        ("on january 1st", [date(2027, 1, 1)]),
        ("on 31 june", []),
        ("besok buka?", [date(2026, 3, 3)]),
        ("lusa buka gak", [date(2026, 3, 4)]),
        ("hari ini tutup?", [date(2026, 3, 2)]),
        ("hari minggu buka kak?", [date(2026, 3, 8)]),
        ("minggu buka gak", [date(2026, 3, 8)]),
        ("hari minggu ini buka?", [date(2026, 3, 8)]),
        ("minggu depan buka gak", []),
        ("sabtu minggu buka?", [date(2026, 3, 7), date(2026, 3, 8)]),
        ("jum'at buka?", [date(2026, 3, 6)]),
        ("pas natal buka?", [date(2026, 12, 25)]),
        ("malam tahun baru", [date(2026, 12, 31)]),
        ("tahun baru imlek buka?", []),
        ("tanggal 25 desember", [date(2026, 12, 25)]),
        ("are you open?", []),
    ],
)
def test_the_next_day_of_that_name_is_meant(text: str, days: list[date]) -> None:
    assert days_in(text, MONDAY) == days


@pytest.mark.parametrize("text", ["open on Easter?", "on public holidays", "lebaran buka gak", "tanggal merah buka?"])
def test_a_holiday_whose_date_is_not_known_is_noticed(text: str) -> None:
    assert names_holiday(text)
    assert days_in(text, MONDAY) == []
