"""Where a row belongs: which kind of touchpoint, and whether it is in the period. Pure, but for the places of sources."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Column, ColumnElement, Connection, func, select

from crm_store.business import Business
from crm_store.tables import conversations, interactions, transactions

KINDS = ("web_site", "loyalty_programme", "contact_centre", "point_of_purchase", "after_sales")
"""The five kinds of touchpoints, in the order of the report."""
ELSEWHERE = "elsewhere"
"""What names no touchpoint of `business.yml`."""
ALL = "all"
"""Everything together; a customer who was at two touchpoints is one here."""

DAYS = 90
"""Of the period when nobody says since when."""


@dataclass(frozen=True)
class Period:
    """From `since` on, up to but not with `until`."""

    since: datetime
    until: datetime

    @classmethod
    def of_days(cls, since: date | None, until: date | None, now: datetime, zone: ZoneInfo) -> Period:
        """From the first moment of a day to the last of another, in the business's zone.

        Without `until` up to now; without `since` so many DAYS. Raises ValueError when it ends before it begins.
        """
        end = _midnight(until + timedelta(days=1), zone) if until else now
        begin = _midnight(since, zone) if since else end - timedelta(days=DAYS)
        if begin >= end:
            raise ValueError("The period ends before it begins.")
        return cls(begin, end)

    def holds(self, at: Column[datetime]) -> ColumnElement[bool]:
        return (at >= self.since) & (at < self.until)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


@dataclass(frozen=True)
class Places:
    """The kind of a touchpoint by its id, of a source by where most of what it reports happened."""

    business: Business
    sources: dict[str, str]
    channels: frozenset[str] = frozenset()
    """Those of the chat."""

    @property
    def chat(self) -> str:
        return self.of(self.business.chat_touchpoint)

    def of(self, touchpoint: str | None) -> str:
        found = self.business.touchpoints.get(touchpoint or "")
        return found.kind if found else ELSEWHERE

    def of_source(self, source: str) -> str:
        return self.sources.get(source) or (self.chat if source in self.channels else self.of(source))

    @classmethod
    def find(cls, connection: Connection, business: Business) -> Places:
        places = cls(business, {})
        told: dict[str, Counter[str]] = defaultdict(Counter)
        for table in (transactions, interactions):
            query = select(table.c.source, table.c.touchpoint, func.count()).group_by(
                table.c.source, table.c.touchpoint
            )
            for source, touchpoint, n in connection.execute(query):
                told[source][places.of(touchpoint)] += n
        # Of two places with as much the first of the report, so that the same store always gives the same report.
        order = (*KINDS, ELSEWHERE)
        mostly = {source: max(order, key=lambda kind: found[kind]) for source, found in told.items()}
        channels = connection.execute(select(conversations.c.channel).distinct()).scalars()
        return cls(business, mostly, frozenset(channels))
