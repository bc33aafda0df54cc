"""How the console says things: times, money and shares for people, titles for ids. Pure; knows no database."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.business import Business, Words

LANGUAGE = "en"
"""The console speaks English; where the business has no English text, its default language."""

STATES = {"waiting": "Waiting for a person", "staff": "With staff", "bot": "With the bot"}
"""In the order in which they want a look."""
_CHANNELS = {"web": "Web chat", "widget": "Web chat", "telegram": "Telegram"}
_AUTHORS = {"customer": "Customer", "bot": "Bot", "staff": "Staff"}
_GUESTS = {"anonymous": "Guest", "recognised": "Returning guest", "verified": "Verified customer"}
_ASSURANCES = {
    "anonymous": "A new device. Nothing proves who this is, so only what was said here is shown.",
    "recognised": "A device or account we have met before. Who holds it is not proven: no name, no orders, no points.",
    "verified": "Proven to be this customer.",
}
_WHY = {
    "asked": "asked for a person",
    "misunderstood": "was not understood twice",
    "complaint": "complained",
    "return_request": "asked for a return",
    "delivery_request": "asked for a delivery",
    "repair": "asked for a repair",
}
_ASKED = {
    "person_request": "A person",
    "return_request": "A return",
    "delivery_request": "A delivery",
    "repair": "A repair",
    "complaint": "A complaint",
    "return": "A return",
    "order_status": "An order",
    "question": "A question",
    "call": "A call",
}
_WANTED = {
    "questions": "This customer does not want to be asked anything, so nothing is asked.",
    "offers": "This customer wants no offers, so none is made.",
    "profile": "This customer wants no profile: nothing known of them is used, and nothing is learnt.",
}
_NO_MORE = {"questions": "no questions", "offers": "no offers", "profile": "no profile"}
_CHOICES = {
    ("reviewed", "yes"): "Reviewed",
    ("reviewed", "no"): "Not reviewed",
    ("handed_over", "yes"): "Handed over",
    ("unsure", "yes"): "Hardly understood",
}
_INSTEAD = {
    "household": "two of one household",
    "twins": "twins",
    "named after": "one named after the other",
    "namesakes": "namesakes",
    "chance": "two people with one mistyped or handed-on number",
    "mistaken": "two people, one of whom gave the other's number",
    "claim": "somebody who typed what is another's",
    "alike": "two people with similar addresses",
    "strangers": "two people who have this in common by chance",
}
_VERDICTS = {"same": "Same person", "different": "Different people"}
_JOINED_BY = {
    "import": "an import",
    "resolution": "the batch",
    "user_token": "proven",
    "telegram": "proven on Telegram",
    "email_code": "proven by e-mail",
    "link": "a link between channels",
    "erasure": "an erasure",
}
_LANGUAGES = {"en": "English", "id": "Bahasa Indonesia"}


@dataclass(frozen=True)
class Wording:
    """The words for one page view: those of this business at this moment."""

    business: Business
    now: datetime

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.business.business.timezone)

    # Times --------------------------------------------------------------------------------------------------

    def when(self, at: datetime) -> str:
        """As near as a person would say it: "5 min ago", "14:05", "yesterday 14:05", "3 Nov 2025"."""
        here, today = at.astimezone(self.zone), self.now.astimezone(self.zone).date()
        gone = self.now - at
        if timedelta(0) <= gone < timedelta(minutes=1):
            return "just now"
        if timedelta(0) <= gone < timedelta(hours=1):
            return f"{int(gone.total_seconds() // 60)} min ago"
        days = (today - here.date()).days
        if days == 0:
            return f"{here:%H:%M}"
        if days == 1:
            return f"yesterday {here:%H:%M}"
        if 1 < days < 7:
            return f"{here:%a %H:%M}"
        return f"{here.day} {here:%b}" if here.year == today.year else f"{here.day} {here:%b %Y}"

    def span(self, since: datetime) -> str:
        """How long ago that was, as a length: "for 12 min"."""
        minutes = max(0, int((self.now - since).total_seconds() // 60))
        if minutes < 1:
            return "for less than a minute"
        if minutes < 120:
            return f"for {minutes} min"
        return f"for {minutes // 60} h" if minutes < 48 * 60 else f"for {minutes // (24 * 60)} days"

    def due(self, at: datetime) -> str:
        """Until then, or how long it is overdue: "due in 12 min", "overdue for 3 h"."""
        if self.now > at:
            return f"overdue {self.span(at)}"
        return f"due {self.span(self.now - (at - self.now)).replace('for', 'in', 1)}"

    def day(self, at: datetime) -> str:
        """The day as a heading."""
        here, today = at.astimezone(self.zone).date(), self.now.astimezone(self.zone).date()
        if here == today:
            return "Today"
        if here == today - timedelta(days=1):
            return "Yesterday"
        return f"{here:%A} {here.day} {here:%B}" + ("" if here.year == today.year else f" {here.year}")

    def on(self, at: datetime) -> str:
        """The day in a sentence, whatever today is."""
        here = at.astimezone(self.zone)
        return f"on {here.day} {here:%B %Y}"

    def clock(self, at: datetime) -> str:
        return f"{at.astimezone(self.zone):%H:%M}"

    def in_full(self, at: datetime) -> str:
        here = at.astimezone(self.zone)
        return f"{here:%A} {here.day} {here:%B %Y}, {here:%H:%M:%S} ({self.zone.key})"

    # Figures ------------------------------------------------------------------------------------------------

    def money(self, amount: float) -> str:
        sign = "\N{MINUS SIGN}" if amount < 0 else ""
        return f"{sign}{self.business.business.currency} {abs(amount):,.0f}"

    def percent(self, share: float) -> str:
        """Never 0 or 100 for what is only nearly so."""
        figure = f"{share * 100:.0f}"
        if figure == "0" and share > 0:
            figure = "<1"
        if figure == "100" and share < 1:
            figure = ">99"
        return f"{figure}\N{NO-BREAK SPACE}%"

    def surety(self, confidence: float) -> str:
        """How sure the bot was, in one word; also the name of its colour."""
        if confidence >= 0.75:
            return "sure"
        return "fair" if confidence >= 0.5 else "unsure"

    # Titles -------------------------------------------------------------------------------------------------

    def words(self, words: Words) -> str:
        return words.get(LANGUAGE) or words[self.business.business.default_language]

    def id(self, name: str) -> str:
        """An id that has no title of its own."""
        return name.replace("_", " ")

    def short(self, unreadable: str) -> str:
        """The end of an id of ours: the beginnings of those that were made at one time are alike."""
        return unreadable[-6:]

    def verdict(self, verdict: str) -> str:
        """What staff have said of two."""
        return _VERDICTS[verdict]

    def channel(self, channel: str) -> str:
        return _CHANNELS.get(channel, self.id(channel).capitalize())

    def state(self, state: str) -> str:
        return STATES.get(state, self.id(state).capitalize())

    def author(self, author: str) -> str:
        return _AUTHORS.get(author, author.capitalize())

    def guest(self, assurance: str) -> str:
        """What to call somebody without a name."""
        return _GUESTS[assurance]

    def assurance(self, assurance: str) -> str:
        return _ASSURANCES[assurance]

    def language(self, code: str) -> str:
        return _LANGUAGES.get(code, code)

    def tier(self, tier_id: str) -> str:
        found = next((t for t in self.business.tiers if t.id == tier_id), None)
        return self.words(found.title) if found else self.id(tier_id)

    def segment(self, segment_id: str) -> str:
        found = self.business.segment(segment_id)
        return self.words(found.title) if found else self.id(segment_id)

    def question(self, question_id: str) -> str:
        found = self.business.question(question_id)
        return self.words(found.text) if found else self.id(question_id)

    def option(self, question_id: str, option_id: str) -> str:
        question = self.business.question(question_id)
        found = question.option(option_id) if question else None
        return self.words(found.title) if found else self.id(option_id)

    def offer(self, offer_id: str) -> str:
        found = self.business.offer(offer_id)
        return self.words(found.title) if found else self.id(offer_id)

    def treatment_note(self, treatment_id: str) -> str | None:
        return next((t.note for t in self.business.treatments if t.id == treatment_id), None)

    # Choices ------------------------------------------------------------------------------------------------

    def why(self, why: str | None) -> str:
        """Why a person is waited for."""
        return _WHY.get(why or "", "")

    def wanted(self, purpose: str) -> str:
        """What it means that a customer has withdrawn from this."""
        return _WANTED[purpose]

    def no_more(self, purpose: str) -> str:
        """The same in two words."""
        return _NO_MORE[purpose]

    def joined_by(self, actor: str) -> str:
        """What joined two profiles, where no person did."""
        return _JOINED_BY.get(actor, self.id(actor))

    def instead(self, kind: str) -> str:
        """What two who are not one person are most likely to be."""
        return _INSTEAD.get(kind, "two people")

    def asked(self, kind: str) -> str:
        """What somebody of the business was asked for."""
        return _ASKED.get(kind, self.id(kind).capitalize())

    def urgent_first(self, counts: Mapping[str, int]) -> list[tuple[str, int]]:
        return sorted(counts.items(), key=lambda found: (*STATES, found[0]).index(found[0]))

    def options(
        self, counts: Mapping[str, int], chosen: str | None, title: Callable[[str], str]
    ) -> list[tuple[str, str, int]]:
        """Value, title and count of what may be chosen; what is chosen is among it, though nothing else fits it."""
        return [
            (value, title(value), counts.get(value, 0)) for value in sorted({*counts, *([chosen] if chosen else [])})
        ]

    def tier_options(self) -> list[tuple[str, str, None]]:
        return [(tier.id, self.words(tier.title), None) for tier in self.business.tiers]

    def need_options(self) -> list[tuple[str, str, None]]:
        return [(segment.id, self.words(segment.title), None) for segment in self.business.needs.segments]

    def choice(self, name: str, value: str) -> str:
        """What a filter chooses."""
        titles: dict[str, Callable[[str], str]] = {
            "state": self.state,
            "channel": self.channel,
            "language": self.language,
            "tier": self.tier,
            "need": self.segment,
        }
        if name in titles:
            return titles[name](value)
        return _CHOICES.get((name, value), f"{name.capitalize()}: {value}")

    def as_it_is(self, name: str) -> str:
        return name

    def wider(self, typed: str) -> str:
        """A search that finds more: each word with any ending."""
        return " ".join(f"{word}*" for word in re.findall(r"\w+", typed))

    # What was stored as JSON --------------------------------------------------------------------------------

    def entities(self, stored: Any) -> list[tuple[str, str]]:
        """(kind, value) of each entity that was found; the language is told elsewhere."""
        found = [(str(entity.get("entity")), entity.get("value")) for entity in stored or []]
        return [(self.id(kind), self._entity(kind, value)) for kind, value in found if kind != "language"]

    def _entity(self, kind: str, value: Any) -> str:
        if kind == "need":
            return self.segment(str(value))
        if kind == "answer" and "." in str(value):
            return self.option(*str(value).split(".", 1))
        return _plain(value)

    def facts(self, stored: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The figures behind a decision, one line each, nested ones by their path."""
        lines: list[tuple[str, str]] = []
        for key, value in stored.items():
            if isinstance(value, Mapping):
                lines.extend((f"{self.id(key)}: {name}", text) for name, text in self.facts(value))
            else:
                lines.append((self.id(key), _plain(value)))
        return lines


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items() if inner is not None)
    if isinstance(value, list):
        return "; ".join(_plain(inner) for inner in value) or "none"
    return json.dumps(value, ensure_ascii=False)
