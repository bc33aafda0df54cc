"""Customize: how customers were treated, and what became of the offers."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from crm_store.report.placing import ALL, ELSEWHERE, KINDS, Period, Places
from crm_store.tables import decisions, exposures

Z = 1.959964
"""Quantile of the normal distribution for an interval of 95 %."""


@dataclass(frozen=True)
class Acceptance:
    """Share of the offers shown that were accepted, with its 95 % interval."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Customized:
    decisions: int
    treatments: dict[str, int]
    offers_shown: int
    accepted: int
    declined: int
    unanswered: int
    acceptance: Acceptance | None
    """None while nothing was shown. An offer without an answer counts as not accepted."""


def customized(connection: Connection, places: Places, period: Period) -> dict[str, Customized]:
    """By kind of touchpoint, ELSEWHERE and ALL."""
    treated: dict[str, Counter[str]] = defaultdict(Counter)
    for touchpoint, treatment, n in connection.execute(
        select(decisions.c.touchpoint, decisions.c.treatment, func.count())
        .where(period.holds(decisions.c.at))
        .group_by(decisions.c.touchpoint, decisions.c.treatment)
    ):
        for kind in (places.of(touchpoint), ALL):
            treated[kind][treatment] += n
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for touchpoint, outcome, n in connection.execute(
        select(decisions.c.touchpoint, exposures.c.outcome, func.count())
        .join(exposures, exposures.c.decision_id == decisions.c.id)
        .where(period.holds(exposures.c.shown_at))
        .group_by(decisions.c.touchpoint, exposures.c.outcome)
    ):
        for kind in (places.of(touchpoint), ALL):
            shown[kind][outcome or ""] += n
    return {kind: _of(treated[kind], shown[kind]) for kind in (*KINDS, ELSEWHERE, ALL)}


def _of(treated: Counter[str], shown: Counter[str]) -> Customized:
    return Customized(
        decisions=treated.total(),
        treatments=dict(sorted(treated.items(), key=lambda found: (-found[1], found[0]))),
        offers_shown=shown.total(),
        accepted=shown["accepted"],
        declined=shown["declined"],
        unanswered=shown[""],
        acceptance=acceptance(shown["accepted"], shown.total()),
    )


def acceptance(accepted: int, shown: int) -> Acceptance | None:
    """The share with Wilson's score interval (Wilson 1927, JASA 22), which holds for few offers and near 0 and 1 too."""
    if not shown:
        return None
    share, square = accepted / shown, Z * Z
    middle = (share + square / (2 * shown)) / (1 + square / shown)
    half = Z / (1 + square / shown) * math.sqrt(share * (1 - share) / shown + square / (4 * shown * shown))
    return Acceptance(share, max(0.0, middle - half), min(1.0, middle + half))
