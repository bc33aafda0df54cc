"""Days, numbers and lists as readers of English and Indonesian write them. Pure; knows no business and no store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "id": ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"),
}
_MONTHS = {
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    "id": [
        "Januari",
        "Februari",
        "Maret",
        "April",
        "Mei",
        "Juni",
        "Juli",
        "Agustus",
        "September",
        "Oktober",
        "November",
        "Desember",
    ],
}
_NEAR = {
    "en": {-1: "yesterday", 0: "today", 1: "tomorrow"},
    "id": {-1: "kemarin", 0: "hari ini", 1: "besok"},
}
_AND = {"en": "and", "id": "dan"}
_NEAR_YEAR = 300
"""Days from which on a date is told with its year."""
_SWAPPED = str.maketrans(",.", ".,")


def on_day(day: date, today: date, language: str) -> str:
    """`today`, `on Monday 2 March`, `on 5 November 2024`; in Indonesian `hari ini`, `hari Senin 2 Maret`, `5 November 2024`."""
    away = (day - today).days
    if away in _NEAR[language]:
        return _NEAR[language][away]
    month = _MONTHS[language][day.month - 1]
    if abs(away) >= _NEAR_YEAR:
        return f"{'on ' if language == 'en' else ''}{day.day} {month} {day.year}"
    weekday = WEEKDAYS[language][day.weekday()]
    return f"{'on' if language == 'en' else 'hari'} {weekday} {day.day} {month}"


def by_day(day: date, today: date, language: str) -> str:
    """The same as the last day of a span: without `on`."""
    return on_day(day, today, language).removeprefix("on ")


def at_time(at: datetime, now: datetime, zone: ZoneInfo, language: str) -> str:
    """`today at 9:05`, `hari ini pukul 09.05`, in this zone."""
    local = at.astimezone(zone)
    day = on_day(local.date(), now.astimezone(zone).date(), language)
    return f"{day} pukul {local:%H.%M}" if language == "id" else f"{day} at {local.hour}:{local:%M}"


def figure(number: float, language: str) -> str:
    """`1,080` or `1.080`; a fraction to one place."""
    text = f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"
    return text.translate(_SWAPPED) if language == "id" else text


def listed(things: Sequence[str], language: str) -> str:
    """`a, b and c`."""
    if len(things) < 2:
        return "".join(things)
    return f"{', '.join(things[:-1])} {_AND[language]} {things[-1]}"
