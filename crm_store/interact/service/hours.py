"""When the business is open: a yes or no first to whoever asks for one, from the days and hours of `business.yml`.

Where the stores' hours are known in words only, they are told as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from crm_store.interact.service.days import days_in, names_holiday
from crm_store.interact.service.proof import not_known
from crm_store.interact.service.topics import HOURS_TOLD, told
from crm_store.interact.service.words import at_time, by_day, listed, on_day
from crm_store.moment import Moment, Reply
from crm_store.opening import Span, Week, opens_next

_ALL = Reply("utter_hours")
_OTHERWISE = re.compile(
    r"\b(phone\w*|whatsapp|wa|number|hotline|call|telepon\w*|telp|nomor\w*|lunch|istirahat|24 (hours|jam)"
    r"|\d{1,2}([:.]\d\d)? ?(am|pm|o'?clock)|(jam|pukul|jm) \d+\w*|noon|midnight|every ?day|(se)?tiap hari"
    r"|at (six|seven|eight|nine|ten|eleven|\d+)|(this|next) (week|month)|(?<!hari )(?<!hr )minggu (ini|depan)|bulan (ini|depan))\b",
    re.IGNORECASE,
)
"""Asks for a number, for a time of the day or for weeks: told all there is."""
_WHEN = re.compile(
    r"\b(when|what|which|wh?at time|un?till?|how (late|early|long)|hours|times?|jam (berapa|brp|buka|tutup|operasional|kerja)"
    r"|kapan|sampai|sampe|dari jam|hari apa|jadwal\w*|apa aja)\b",
    re.IGNORECASE,
)
_NOW = re.compile(
    r"\b(now|still|already|currently|at the moment|sekarang|skrg|skrang|masih|udah|sudah|udh|sdh|lagi|jam segini)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(r"\b(open\w*|buka\w*|bukak)\b", re.IGNORECASE)
_CLOSED = re.compile(r"\b(close[ds]?|shut|tutup\w*|libur\w*)\b", re.IGNORECASE)
_CLOSED_DAYS = re.compile(
    r"\b((which|what) \w*days?\b.*\b(closed|shut)|(tutup|libur)(nya)? (hari apa|kapan)|hari (tutup|libur)(nya)?)\b",
    re.IGNORECASE,
)
_FEW_WORDS = 4
_HERE = {"en": "my colleagues in this chat", "id": "rekan kami di chat ini"}
_SAID_NOW = {"en": "now", "id": "sekarang"}
_UNTIL = {"en": "{name} until {end}", "id": "{name} sampai {end}"}
_FROM_TO = {"en": "{start} to {end}", "id": "{start} sampai {end}"}
_IS_CLOSED = {"en": "{names} closed", "id": "{names} tutup"}
_OPENS = {"en": "{name} opens again {at}", "id": "{name} buka lagi {at}"}
_MIDNIGHT = {"en": "midnight", "id": "tengah malam"}


@dataclass(frozen=True)
class _Place:
    name: str
    week: Week


def hours(moment: Moment) -> list[Reply]:
    """Yes or no to whoever asks whether it is open then; else the hours."""
    told(moment, HOURS_TOLD)
    if _OTHERWISE.search(moment.text):
        return [_ALL]
    today = moment.now.astimezone(moment.business.business.zone).date()
    places = _places(moment)
    days = days_in(moment.text, today, is_over=_is_over(moment, today, places))
    if not days and names_holiday(moment.text):
        return _closed_days(moment, today) or [not_known(moment)]
    if not places:
        return [_closed(moment, day, places) for day in days if _is_holiday(moment, day)] or [_ALL]
    if days:
        return [_on(moment, day, places) for day in days]
    if _asks_of_now(moment.text):
        return [_now(moment, places)]
    return [_ALL, *_closed_days(moment, today)] if _CLOSED_DAYS.search(moment.text) else [_ALL]


def _asks_of_now(text: str) -> bool:
    if _WHEN.search(text) or not (_OPEN.search(text) or _CLOSED.search(text)):
        return False
    return bool(_NOW.search(text)) or len(text.split()) <= _FEW_WORDS


def _places(moment: Moment) -> list[_Place]:
    """The stores that are asked for, all where none is named; the people in the chat where there is no store.

    Nothing where the hours of one of them are known in words only.
    """
    about, language = moment.business.business, moment.language
    if not moment.business.stores:
        return [_Place(_HERE[language], about.week)] if about.week else []
    named = {value for value, _ in moment.understanding.values("store")}
    stores = [store for store in moment.business.stores if store.id in named] or moment.business.stores
    return [_Place(store.name, store.week) for store in stores] if all(store.week for store in stores) else []


def _now(moment: Moment, places: Sequence[_Place]) -> Reply:
    language, local = moment.language, moment.now.astimezone(moment.business.business.zone)
    until = [(place.name, _ends(moment, place, local)) for place in places]
    said = [_UNTIL[language].format(name=name, end=_clock(end, language)) for name, end in until if end]
    if not said:
        return _closed(moment, None, places)
    shut = [name for name, end in until if end is None]
    return _open(moment, _SAID_NOW[language], said, shut)


def _on(moment: Moment, day: date, places: Sequence[_Place]) -> Reply:
    """How it is on a day; of a day that is almost over, how it is now."""
    language, local = moment.language, moment.now.astimezone(moment.business.business.zone)
    spans = [(place.name, _spans(moment, place, day)) for place in places]
    if not any(there for _, there in spans):
        return _closed(moment, day, places)
    if day == local.date() and _is_over(moment, day, places):
        return _closed(moment, None, places)
    said = [f"{name} {listed([_span(span, language) for span in there], language)}" for name, there in spans if there]
    shut = [name for name, there in spans if not there]
    return _open(moment, on_day(day, local.date(), language), said, shut)


def _open(moment: Moment, when: str, said: Sequence[str], shut: Sequence[str]) -> Reply:
    language = moment.language
    places = ", ".join([*said, *([_IS_CLOSED[language].format(names=listed(shut, language))] if shut else [])])
    return Reply(f"utter_open_{_kind(moment, is_open=True)}", {"when": when, "places": places})


def _closed(moment: Moment, day: date | None, places: Sequence[_Place]) -> Reply:
    """Closed on a day, or now, and when each place opens again."""
    about, language = moment.business.business, moment.language
    local = moment.now.astimezone(about.zone)
    when = on_day(day, local.date(), language) if day else _SAID_NOW[language]
    after = datetime.combine(day, time.max, about.zone) if day else moment.now
    opens = [(place.name, opens_next(place.week, about.closed_on, about.zone, after)) for place in places]
    again = [(name, at_time(at, moment.now, about.zone, language)) for name, at in opens if at]
    kind = _kind(moment, is_open=False)
    if not again:
        return Reply(f"utter_closed_{kind}", {"when": when})
    (name, first), *others = again
    said = ", ".join([_OPENS[language].format(name=name, at=first), *(" ".join(other) for other in others)])
    return Reply(f"utter_closed_{kind}_again", {"when": when, "again": said})


def _kind(moment: Moment, *, is_open: bool) -> str:
    """`yes` or `no` to what was asked, `then` where no yes or no was."""
    if _WHEN.search(moment.text):
        return "then"
    asks_closed = bool(_CLOSED.search(moment.text)) and not _OPEN.search(moment.text)
    return "yes" if is_open is not asks_closed else "no"


def _closed_days(moment: Moment, today: date) -> list[Reply]:
    """The days that are known to be closed, where there are any: of a holiday's date nothing is known here."""
    about, language = moment.business.business, moment.language
    days = [
        by_day(day, today, language).removeprefix("hari ") if (day - today).days else by_day(day, today, language)
        for day in sorted(about.closed_on)
        if day >= today
    ]
    if not days:
        return []
    values = {"days": listed(days, language), "phone": about.phone, "hours": about.hours[language]}
    return [Reply("utter_closed_days", values)]


def _is_over(moment: Moment, today: date, places: Sequence[_Place]) -> bool:
    """Whether some place was open today, and none is any more."""
    ends = [end for place in places for _, end in _spans(moment, place, today)]
    return bool(ends) and max(ends) <= moment.now.astimezone(moment.business.business.zone).time()


def _ends(moment: Moment, place: _Place, local: datetime) -> time | None:
    """When the place closes that is open now; None where it is closed."""
    for start, end in _spans(moment, place, local.date()):
        if start <= local.time() < end or (end == time.max and local.time() >= start):
            return end
    return None


def _spans(moment: Moment, place: _Place, day: date) -> list[Span]:
    return [] if _is_holiday(moment, day) else place.week.get(day.weekday(), [])


def _is_holiday(moment: Moment, day: date) -> bool:
    return day in moment.business.business.closed_on


def _span(span: Span, language: str) -> str:
    start, end = span
    return _FROM_TO[language].format(start=_clock(start, language), end=_clock(end, language))


def _clock(at: time, language: str) -> str:
    if at == time.max:
        return _MIDNIGHT[language]
    return f"{at:%H.%M}" if language == "id" else f"{at.hour}:{at:%M}"
