"""What a person has chosen to see in the list, as it stands in the address of the page. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from crm_store.conversations.filters import Filter
from crm_store.conversations.reviews import LONGEST_TAG
from crm_store.conversations.search import LONGEST_QUERY, terms

NAMED = ("state", "channel", "language", "tier", "need")
FLAGS = ("handed_over", "unsure")
ALL = ("q", *NAMED, "tag", "reviewed", *FLAGS)

NAME = re.compile(r"[\w-]{1,64}")
"""What ids, channels and states are made of; PostgreSQL would choke on some of what else a link may carry."""
_TAG = re.compile(rf"[^\x00-\x1f\x7f]{{1,{LONGEST_TAG}}}")


@dataclass(frozen=True)
class Choices:
    """By name, what is chosen; a choice that no page of ours offers is none."""

    given: dict[str, str]

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choices:
        given = {name: value for name in ALL if (value := _kept(name, query.get(name, "")))}
        return cls(given)

    @property
    def typed(self) -> str:
        """What is searched for, as it was typed."""
        return self.given.get("q", "")

    @property
    def filter(self) -> Filter:
        reviewed = self.given.get("reviewed")
        return Filter(
            **{name: self.given.get(name) for name in (*NAMED, "tag")},
            reviewed=None if reviewed is None else reviewed == "yes",
            handed_over="handed_over" in self.given,
            unsure="unsure" in self.given,
            terms=terms(self.typed),
        )

    @property
    def narrowing(self) -> list[tuple[str, str]]:
        """All but the search and the state, which have places of their own on the page."""
        return [(name, value) for name, value in self.given.items() if name not in {"q", "state"}]

    def but(self, **changes: str | None) -> dict[str, str | None]:
        """The same with some chosen otherwise: what a link leads to."""
        return {**self.given, **changes}


def _kept(name: str, value: str) -> str:
    if name == "q":
        return value.replace("\0", "").strip()[:LONGEST_QUERY]
    if name == "tag":
        return value if _TAG.fullmatch(value) else ""
    if name in FLAGS:
        return value if value == "yes" else ""
    if name == "reviewed":
        return value if value in {"yes", "no"} else ""
    return value if NAME.fullmatch(value) else ""
