"""Share of customer: the part of what a customer spends in this field that is spent here, as they told it.

After Peppers & Rogers, Managing Customer Relationships, ch. 5: who buys little here and much elsewhere is the one who can grow.
From the share and what was bought here follows what is spent in all, so what the customer could bring. Pure: plain arrays in,
plain arrays out; money in the business's currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from crm_store.business import Question

Floats = NDArray[np.float64]
Figures = tuple[Floats, Floats, Floats]
"""A figure and the interval at 90 % around it, each of shape (m,)."""
TAIL = 0.05
"""Of an interval, on either side."""


class Band(NamedTuple):
    """An option's share, and from where to where an answer that picks it may mean."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Told:
    """Of m customers who told their share, arrays of shape (m,)."""

    places: NDArray[np.intp]
    """Where each stands among the customers who are valued."""
    spent: Floats
    """What they had bought here within the window that ended when they told it, returns not taken off; above 0."""
    share: Floats
    low: Floats
    high: Floats
    """See `Band`."""
    sure: Floats
    """Probability that it was so understood and still holds."""

    @classmethod
    def of(cls, spent: float, band: Band | None) -> Self | None:
        """One customer who tells it now, and has bought so much within the window; None where they leave it open."""
        if band is None:
            return None
        spent_here, share, low, high = (np.array([figure]) for figure in (spent, *band))
        return cls(np.zeros(1, np.intp), spent_here, share, low, high, np.ones(1))


def bands(question: Question) -> dict[str, Band]:
    """By id of each option with a share. Whoever picks one of a few answers means about that: any share that is, as a ratio, nearer
    to it than to the others, up to all of it; the least goes as far below itself as above.
    """
    shares = sorted({option.share for option in question.options if option.share is not None})
    between = [sqrt(one * other) for one, other in pairwise(shares)]
    edges = [shares[0] ** 2 / between[0], *between, 1.0]
    found = {share: Band(share, *edges[place : place + 2]) for place, share in enumerate(shares)}
    return {option.id: found[option.share] for option in question.options if option.share is not None}


def elsewhere(spent: float, band: Band) -> tuple[float, float, float]:
    """What is spent elsewhere by who spends so much here, and its interval."""
    return (spent / band.share - spent, spent / band.high - spent, spent / band.low - spent)


def with_all(told: Told, margin: Floats, cost: Floats, windows: float) -> Figures:
    """What each would bring if they bought here all that they then spent in the field.

    `margin`: share of the amount. `cost`: to serve, over the window. `windows`: horizon by window. Shapes: (m,).
    """
    whole, low, high = ((told.spent / share * margin - cost) * windows for share in (told.share, told.high, told.low))
    return whole, np.minimum(low, high), np.maximum(low, high)


def blended(sure: Floats, one: Figures, other: Figures) -> Figures:
    """What is expected where `one` holds with probability `sure` and `other` else.

    The interval is that of the mixture of the two, each spread evenly: where they are far apart and either may hold, it has both.
    """
    value = sure * one[0] + (1.0 - sure) * other[0]
    low, high = (_quantile(tail, sure, one, other) for tail in (TAIL, 1.0 - TAIL))
    return value, np.minimum(low, value), np.maximum(high, value)


def _quantile(tail: float, sure: Floats, one: Figures, other: Figures) -> Floats:
    """Where the distribution function of the mixture, which is linear between the ends of its parts, comes to `tail`."""
    (a, b), (c, d) = _ends(one), _ends(other)
    ends = np.sort(np.stack([a, b, c, d]), axis=0)
    reached = sure * _spread(ends, a, b) + (1.0 - sure) * _spread(ends, c, d)
    at = np.clip((reached < tail).sum(axis=0), 1, 3)
    columns = np.arange(ends.shape[1])
    x, y = (ends[at - 1, columns], ends[at, columns]), (reached[at - 1, columns], reached[at, columns])
    rise = np.where(y[1] > y[0], y[1] - y[0], 1.0)
    found: Floats = x[0] + (x[1] - x[0]) * (tail - y[0]) / rise
    return found


def _ends(figures: Figures) -> tuple[Floats, Floats]:
    """From where to where a part is spread of which all but its tails lies in the interval; never in one point alone."""
    _, low, high = figures
    off = np.maximum((high - low) * TAIL / (1.0 - 2 * TAIL), 1e-6)
    return low - off, high + off


def _spread(points: Floats, low: Floats, high: Floats) -> Floats:
    return np.clip((points - low) / (high - low), 0.0, 1.0)
