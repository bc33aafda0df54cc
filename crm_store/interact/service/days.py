"""Which days a message speaks of: `tomorrow`, `hari Minggu`, `25 December`, `Christmas`. Pure; knows no business and no store."""

from __future__ import annotations

import re
from datetime import date, timedelta

_NEAR = (
    (r"day after tomorrow|lusa", 2),
    (r"tomorrow|tmrw|tomorow|besok\w*|bsk", 1),
    (r"today|tonight|this (?:morning|afternoon|evening)|hari ini|(?:pagi|siang|sore|malam) ini|nanti malam", 0),
)
_WEEKDAYS = (
    "mondays?|senin",
    "tuesdays?|selasa",
    "wednesdays?|rabu",
    "thursdays?|kamis",
    "fridays?|jum'?at",
    "saturdays?|sabtu",
    # By itself `minggu` is a week as well.
    r"sundays?|(?:hari|hr) minggu|(?<!tiap )(?<!setiap )(?<!\d )minggu(?! (?:ini|depan|lalu|kemarin))",
)
_WEEKEND = r"week-?ends?|akhir pekan"
_FEASTS = (
    (r"christmas eve|xmas eve|malam natal", 12, 24),
    (r"christmas(?: day)?|xmas|natal", 12, 25),
    (r"new year'?s? eve|malam tahun baru", 12, 31),
    (
        r"(?<!chinese )(?<!lunar )(?<!islamic )new year(?:'?s)?(?: day)?|tahun baru(?! (?:imlek|islam|cina|china|hijriah))",
        1,
        1,
    ),
)
"""Feasts that fall on the same day everywhere and each year; of others the date is not known here."""
_HOLIDAY = re.compile(
    r"\b(holidays?|easter|ramadh?an|eid|lunar|chinese new year|national day|independence day|public day off|tanggal merah"
    r"|(?:hari )?libur (?:nasional|lebaran)|hari (?:libur|raya|kemerdekaan|besar)|lebaran|idul|puasa|imlek|nyepi|waisak"
    r"|paskah|cuti bersama)\b"
)
_MONTHS = (
    "jan(?:uary|uari)?",
    "feb(?:ruary|ruari)?",
    "mar(?:ch|et)?",
    "apr(?:il)?",
    "may|mei",
    "june?|juni",
    "july?|juli",
    "aug(?:ust)?|agu(?:stus)?",
    "sep(?:t(?:ember)?)?",
    "oct(?:ober)?|okt(?:ober)?",
    "nov(?:ember)?",
    "dec(?:ember)?|des(?:ember)?",
)


def days_in(text: str, today: date, *, is_over: bool = False) -> list[date]:
    """The days that the text names, in order: the next of that weekday or date, which may be today.

    `is_over`: today is over as far as it matters, so that its weekday means the one in a week.
    """
    said, found = text.casefold().replace("\u2019", "'"), set()
    for pattern, month, day in _FEASTS:
        said, here = _taken(pattern, said)
        if here:
            found.add(_next(month, day, today))
    for month, name in enumerate(_MONTHS, 1):
        for pattern in (rf"(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?:{name})", rf"(?:{name}) (\d{{1,2}})(?:st|nd|rd|th)?"):
            for number in re.findall(rf"\b{pattern}\b", said):
                found.add(_next(month, int(number), today))
    for pattern, away in _NEAR:
        said, here = _taken(pattern, said)
        if here:
            found.add(today + timedelta(days=away))
    said, weekend = _taken(_WEEKEND, said)
    for weekday, name in enumerate(_WEEKDAYS):
        if re.search(rf"\b(?:{name})\b", said) or (weekend and weekday >= 5):
            away = (weekday - today.weekday()) % 7
            found.add(today + timedelta(days=away or (7 if is_over else 0)))
    return sorted(day for day in found if day is not None)


def names_holiday(text: str) -> bool:
    """Whether the text speaks of a holiday whose date is not known here."""
    return bool(_HOLIDAY.search(text.casefold()))


def _taken(pattern: str, said: str) -> tuple[str, bool]:
    """The text without what the pattern found in it, and whether it found anything."""
    rest = re.sub(rf"\b(?:{pattern})\b", " ", said)
    return rest, rest != said


def _next(month: int, day: int, today: date) -> date | None:
    """The next date of this name; None where there is none, such as 31 June."""
    for year in range(today.year, today.year + 9):
        try:
            there = date(year, month, day)
        except ValueError:
            continue
        if there >= today:
            return there
    return None
