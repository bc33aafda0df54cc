"""How much a customer spends at a time, beside the others: a covariate of how often they buy.

The logarithm of the mean amount, in robust deviations from the median customer's, drawn towards it where there are few purchases.
It is bounded, so that one huge order moves a forecast only so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm_store.differentiate.lifetime.history import History

Floats = NDArray[np.float64]

DRAWN = 1.0
"""Purchases of the median customer that are added to one's own: of 0, 1, 2 and 4 chosen on calibration data (bench.value)."""
FARTHEST = 3.0
NORMAL = 1.4826
"""Of a normal distribution the deviation is this many times the median absolute deviation."""
LEAST = 1e-9


@dataclass(frozen=True)
class Level:
    """Where the middle lies and how wide the spread is, of the logarithm of customers' mean amounts."""

    centre: float
    spread: float
    """0 where everybody spends the same or nothing is known: then every level is 0."""
    drawn: float = DRAWN

    @classmethod
    def learnt(cls, history: History, drawn: float = DRAWN) -> Level:
        amounts = history.mean_amount
        if amounts is None or not np.any(amounts > 0):
            return NO_LEVEL
        logs = np.log(amounts[amounts > 0])
        centre = float(np.median(logs))
        spread = NORMAL * float(np.median(np.abs(logs - centre)))
        return cls(centre, spread if spread > LEAST else 0.0, drawn)

    def of(self, history: History) -> Floats:
        """Each customer's level, shape (n,); 0 where no amount above zero is known."""
        if history.mean_amount is None or self.spread == 0.0:
            return np.zeros(len(history))
        known = history.mean_amount > 0
        logs = np.log(np.where(known, history.mean_amount, 1.0))
        z = np.minimum(np.maximum((logs - self.centre) / self.spread, -FARTHEST), FARTHEST)
        purchases = history.frequency + 1.0
        return np.where(known, z * purchases / (purchases + self.drawn), 0.0)


NO_LEVEL = Level(0.0, 0.0)
