"""All customers as a portfolio: value by needs, where value is concentrated, and who moved since the run before.

Sums, in which nobody stands: what is told here of one customer is in `value_scores`. Pure: arrays in, plain values out. Money
is in the business's currency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from crm_store.differentiate.calibration import NeedsCheck, TooFew, ValueCheck

Floats = NDArray[np.float64]

FORM = 1
"""Of what is kept. A portfolio of another form is of another version and passed over."""
CLEAR = 0.5
"""A need is clear when it is more likely than all others together."""
TENTHS = 10


@dataclass(frozen=True)
class Sums:
    """What some customers are worth together. `unrealised`: potential less future value."""

    customers: int = 0
    actual: float = 0.0
    future: float = 0.0
    unrealised: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.customers + other.customers,
            self.actual + other.actual,
            self.future + other.future,
            self.unrealised + other.unrealised,
        )


@dataclass(frozen=True)
class Cell:
    """The customers of a tier with one clear need; `segment` is None where none is clear."""

    tier: str
    segment: str | None
    sums: Sums


@dataclass(frozen=True)
class Shares:
    """Of the customers who told which part of their spending is spent here: what they spent, over the window until they told it."""

    customers: int
    here: float
    elsewhere: float


@dataclass(frozen=True)
class Move:
    """How many went from one tier to another; from None who was not there, to None who is not any more."""

    before: str | None
    after: str | None
    customers: int


@dataclass(frozen=True)
class Before:
    """The run before, and what became of its customers; value is actual and future value."""

    as_of: datetime
    computed_at: datetime
    customers: int
    value: float
    stayed_before: float
    stayed_after: float
    """Of those whom both runs valued, as either found them."""
    came: float
    """Of those whom only this run valued."""


@dataclass(frozen=True)
class Portfolio:
    """What one run came to. `horizon`: days ahead; `window_days`: days back that actual value counts."""

    as_of: datetime
    computed_at: datetime
    horizon: float
    window_days: int
    purchases: int
    """On how many days customers bought in all."""
    last_purchase: date | None
    segments: list[str]
    """Columns, in the order of `business.yml`; empty where needs were not looked at."""
    cells: list[Cell]
    tenths: list[Sums]
    """The customers in ten equal parts, those of the greatest actual value first; empty where there are fewer than ten."""
    before: Before | None = None
    moves: list[Move] = field(default_factory=list)
    values: ValueCheck | TooFew | None = None
    needs: NeedsCheck | TooFew | None = None
    shares: Shares | None = None
    """None where nobody told theirs."""
    form: int = FORM

    @property
    def together(self) -> Sums:
        return sum((cell.sums for cell in self.cells), Sums())

    def by_tier(self) -> dict[str, Sums]:
        """Of each tier that has customers."""
        found: dict[str, Sums] = {}
        for cell in self.cells:
            found[cell.tier] = found.get(cell.tier, Sums()) + cell.sums
        return found

    @property
    def ranks(self) -> list[str]:
        """The tiers that have customers, those first whose customers are worth most each, actual and future."""
        found = self.by_tier()
        return sorted(found, key=lambda tier: -(found[tier].actual + found[tier].future) / found[tier].customers)

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        plain: dict[str, Any] = _TYPE.dump_python(self, mode="json")
        return plain

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self | None:
        """None for one of another form."""
        return _TYPE.validate_python(stored) if stored.get("form") == FORM else None


_TYPE: TypeAdapter[Any] = TypeAdapter(Portfolio)


def clear_need(needs: Mapping[str, float]) -> str | None:
    """The segment that is more likely than all others together."""
    likeliest = max(needs, key=needs.__getitem__)
    return likeliest if needs[likeliest] >= CLEAR else None


def cells_of(
    tiers: Sequence[str], segments: Sequence[str | None], actual: Floats, future: Floats, potential: Floats
) -> list[Cell]:
    """Sums by tier and need of n customers. Shapes: (n,)."""
    kinds = {kind: place for place, kind in enumerate(dict.fromkeys(zip(tiers, segments, strict=True)))}
    which = np.fromiter((kinds[kind] for kind in zip(tiers, segments, strict=True)), np.intp, len(tiers))
    count = np.bincount(which, minlength=len(kinds))
    sums = [np.bincount(which, figures, len(kinds)) for figures in (actual, future, potential - future)]
    return [
        Cell(tier, segment, Sums(int(count[at]), *(round(float(each[at]), 2) for each in sums)))
        for (tier, segment), at in kinds.items()
    ]


def tenths_of(actual: Floats, future: Floats, potential: Floats) -> list[Sums]:
    """Sums of n customers by actual value, the greatest first; nothing of fewer than ten. Shapes: (n,)."""
    if len(actual) < TENTHS:
        return []
    every = np.stack([actual, future, potential - future])[:, np.lexsort((future, -actual))]
    return [
        Sums(part.shape[1], *(round(float(figure), 2) for figure in part.sum(axis=1)))
        for part in np.array_split(every, TENTHS, axis=1)
    ]


def moves_of(moves: Sequence[Move], had: Mapping[str, int]) -> list[Move]:
    """The moves of those who are there, and of those who are not: `had` tells how many the run before had in each tier.

    Who is missing is gone: erased, joined with another, or unwilling to be profiled.
    """
    stayed: Counter[str | None] = Counter()
    for move in moves:
        stayed[move.before] += move.customers
    gone = [Move(tier, None, number - stayed[tier]) for tier, number in had.items() if number > stayed[tier]]
    return [*moves, *gone]
