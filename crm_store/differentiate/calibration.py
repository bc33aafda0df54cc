"""Whether forecasts come true: what was expected beside what happened, in bins, for values and for needs.

Pure: arrays in, plain values out. Money is in the business's currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FREQUENCIES = (1, 2, 3, 4, 7, 13)
"""Purchases from which a bin begins."""
BINS = 10
Z = 1.645
"""Of an interval at 90 %."""


@dataclass(frozen=True)
class TooFew:
    """Too little to judge by. `of`: customers, days or answers."""

    of: str
    found: int
    needed: int


@dataclass(frozen=True)
class Group:
    """Some customers: what was expected of them, and what came. Totals."""

    name: str
    customers: int
    expected_purchases: float
    purchases: int
    expected_value: float
    value: float


@dataclass(frozen=True)
class ValueCheck:
    """Forecasts made with nothing but what was known at `cut`, beside what came until `until`."""

    cut: datetime
    until: datetime
    days: int
    together: Group
    by_frequency: list[Group]
    tenths: list[Group]
    """By the value that was expected, the greatest first."""
    covered: float
    """Share of customers whose purchases lay within the interval, which is at `level`."""
    level: float
    error: float
    """Of one customer's value, on average, whatever its sign."""
    naive_error: float
    """The same had it been expected that each brings as much as in as many days before."""
    naive_value: float
    """Of all, expected so."""
    newcomers: int
    """Customers who came after the cut, of whom nothing could be forecast."""


@dataclass(frozen=True)
class Bin:
    """Predictions whose probability lies between `low` and `high`."""

    low: float
    high: float
    predictions: int
    expected: float
    """Their mean probability."""
    happened: int

    @property
    def share(self) -> float:
        return self.happened / self.predictions

    def interval(self) -> tuple[float, float]:
        """Of the share that comes true, at 90 % (Wilson 1927)."""
        n, p = self.predictions, self.share
        middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
        off = Z / (1 + Z**2 / n) * sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
        return max(0.0, middle - off), min(1.0, middle + off)


@dataclass(frozen=True)
class NeedsCheck:
    """What customers told, beside what had been expected of them before they did. Each answer is as many predictions as there
    were ways to answer.
    """

    answers: int
    customers: int
    unknown: int
    """Answers of whom nothing was known before: nothing was predicted."""
    bins: list[Bin]
    error: float
    """Expected calibration error: by how much the share that came true differs from its probability, on average."""
    likeliest_right: int
    """Answers that were those thought likeliest."""
    likeliest_expected: float
    """How many of them were expected to be."""


@dataclass(frozen=True)
class Outcomes:
    """Of n customers, arrays of shape (n,). `purchases_before`: until the cut."""

    purchases_before: Floats
    expected_purchases: Floats
    low: Floats
    high: Floats
    """Of the number of purchases, both included."""
    purchases: Floats
    expected_value: Floats
    value: Floats
    naive_value: Floats


def check_values(
    found: Outcomes, *, cut: datetime, until: datetime, days: int, level: float, newcomers: int
) -> ValueCheck:
    """Compares. There has to be a customer."""
    every = np.arange(len(found.value))
    ranked = np.argsort(-found.expected_value, kind="stable")
    inside = (found.low <= found.purchases) & (found.purchases <= found.high)
    return ValueCheck(
        cut,
        until,
        days,
        _group("all", every, found),
        by_frequency=_by_frequency(found),
        tenths=[_group(str(n), part, found) for n, part in enumerate(np.array_split(ranked, BINS), 1) if len(part)],
        covered=round(float(inside.mean()), 4),
        level=level,
        error=round(float(np.abs(found.expected_value - found.value).mean()), 2),
        naive_error=round(float(np.abs(found.naive_value - found.value).mean()), 2),
        naive_value=round(float(found.naive_value.sum()), 2),
        newcomers=newcomers,
    )


def _by_frequency(found: Outcomes) -> list[Group]:
    bounds = [*FREQUENCIES, np.inf]
    groups = []
    for low, high in pairwise(bounds):
        places = np.flatnonzero((found.purchases_before >= low) & (found.purchases_before < high))
        name = f"{low}+" if high == np.inf else f"{low}" if high == low + 1 else f"{low}-{high - 1:g}"
        if len(places):
            groups.append(_group(name, places, found))
    return groups


def _group(name: str, places: NDArray[np.intp], found: Outcomes) -> Group:
    def total(figures: Floats) -> float:
        return round(float(figures[places].sum()), 2)

    return Group(
        name,
        len(places),
        total(found.expected_purchases),
        round(total(found.purchases)),
        total(found.expected_value),
        total(found.value),
    )


def bins_of(probabilities: Sequence[float], came_true: Sequence[bool]) -> list[Bin]:
    """Ten bins of equal width; those without a prediction are left out."""
    p, true = np.asarray(probabilities, float), np.asarray(came_true, bool)
    which = np.minimum((p * BINS).astype(int), BINS - 1)
    return [
        Bin(at / BINS, (at + 1) / BINS, int(here.sum()), round(float(p[here].mean()), 4), int(true[here].sum()))
        for at in range(BINS)
        if (here := which == at).any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Naeini, Cooper & Hauskrecht 2015: mean distance of share and probability, each bin by its predictions."""
    every = sum(each.predictions for each in bins)
    return round(sum(each.predictions * abs(each.share - each.expected) for each in bins) / every, 4)
