"""When people of the business answer: opening hours as `business.yml` writes them. Pure.

A key is a day or a span of days (`mon`, `mon-sat`), a value is hours (`08:00-20:00`), several of them (`08:00-12:00,
13:00-17:00`) or `closed`. A day that is not named is closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Span = tuple[time, time]
Week = dict[int, list[Span]]
"""Opening spans by weekday, Monday 0."""

_DAYS = re.compile(rf"({'|'.join(DAYS)})(?:-({'|'.join(DAYS)}))?")
_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)")
SEARCHED_DAYS = 60


def week_of(opening: Mapping[str, str]) -> Week:
    """The spans of each weekday. Raises ValueError with what to write instead."""
    week: Week = {}
    for days, hours in opening.items():
        spans = _spans(hours)
        for day in _weekdays(days):
            if day in week:
                raise ValueError(f"names {DAYS[day]} twice; keep it in one of the lines")
            week[day] = spans
    return week


def is_open(week: Week, closed_on: Sequence[date], zone: ZoneInfo, now: datetime) -> bool:
    """Whether somebody answers now. A business without opening hours always does."""
    local = now.astimezone(zone)
    if not week:
        return True
    if local.date() in closed_on:
        return False
    return any(
        start <= local.time() < end or (end == time.max and local.time() >= start)
        for start, end in week.get(local.weekday(), [])
    )


def opens_next(week: Week, closed_on: Sequence[date], zone: ZoneInfo, now: datetime) -> datetime | None:
    """When somebody answers again, in the business's time zone; None when no day of the next weeks is open."""
    local = now.astimezone(zone)
    for offset in range(SEARCHED_DAYS):
        day = local.date() + timedelta(days=offset)
        if day in closed_on:
            continue
        for start, _ in week.get(day.weekday(), []):
            begins = datetime.combine(day, start, zone)
            if begins > local:
                return begins
    return None


def passed(week: Week, closed_on: Sequence[date], zone: ZoneInfo, since: datetime, hours: float) -> datetime:
    """When somebody will have answered for so many hours since then, in UTC. Every hour counts where there are no opening hours,
    and where too few of the next weeks are open.
    """
    left = timedelta(hours=hours)
    for start, end in _spans_from(week, closed_on, zone, since):
        if end - start >= left:
            return start + left
        left -= end - start
    return since.astimezone(UTC) + timedelta(hours=hours)


def _spans_from(
    week: Week, closed_on: Sequence[date], zone: ZoneInfo, since: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Spans that are open from then on, in UTC, in which a day of 23 hours has as many."""
    first = since.astimezone(zone).date()
    for day in (first + timedelta(days=offset) for offset in range(SEARCHED_DAYS)):
        for start, end in week.get(day.weekday(), []) if day not in closed_on else []:
            until = datetime.combine(day + timedelta(days=1), time.min, zone) if end == time.max else None
            begins = max(datetime.combine(day, start, zone).astimezone(UTC), since.astimezone(UTC))
            ends = (until or datetime.combine(day, end, zone)).astimezone(UTC)
            if begins < ends:
                yield begins, ends


def _weekdays(days: str) -> Iterator[int]:
    found = _DAYS.fullmatch(days.strip().lower())
    if found is None:
        raise ValueError(
            f"has {days!r}, which is no day; write mon, tue, wed, thu, fri, sat, sun or a span such as mon-sat"
        )
    first = DAYS.index(found[1])
    last = DAYS.index(found[2]) if found[2] else first
    return iter(range(first, last + 1) if first <= last else [*range(first, 7), *range(last + 1)])


def _spans(hours: str) -> list[Span]:
    if hours.strip().lower() == "closed":
        return []
    spans = []
    for span in hours.split(","):
        found = _HOURS.fullmatch(span.strip())
        if found is None:
            raise ValueError(f"has {span.strip()!r}, which is no span of hours; write it like 08:00-20:00, or closed")
        start = time(int(found[1]), int(found[2]))
        end = time.max if int(found[3]) == 24 else time(int(found[3]), int(found[4]))
        if end <= start:
            raise ValueError(
                f"has {span.strip()!r}, which ends before it begins; write the evening and the morning as two days"
            )
        spans.append((start, end))
    return sorted(spans)
