"""Of which tier a customer is: the first of `business.yml` whose conditions hold for what they are worth.

After Peppers & Rogers, Managing Customer Relationships, ch. 5: most valuable, most growable, migrators and below zero are told
apart by actual value and by what is unrealised. Pure; money in the business's currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from crm_store.business import Tier

Floats = NDArray[np.float64]
NEAR = 1e-4
"""Of a hundredth, beyond what rounding a product can be off."""
OFF = 1e-15
"""Of a product: four times as much as its rounding can be off."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a customer is worth, to the hundredth; None is what is not known, as before the first run of `rapport score`."""

    actual: float
    """Margin to date less cost to serve, over the window."""
    future: float | None = None
    """The same as expected within the horizon."""
    unrealised: float | None = None
    """What lies between that and what comparable customers reach."""

    @classmethod
    def of(cls, actual: float, future: float | None = None, potential: float | None = None) -> Self:
        """From the figures as they are kept. Rounds, so that a batch and the chat agree at a border."""
        if future is None or potential is None:
            return cls(round(actual, 2), None if future is None else round(future, 2))
        return cls(round(actual, 2), round(future, 2), round(round(potential, 2) - round(future, 2), 2))


def tier_of(figures: Figures, tiers: Sequence[Tier]) -> Tier:
    """The first tier whose conditions hold; the last of `tiers` has none, so there always is one.

    What is not known is left out of account, but a tier of which nothing that it asks for is known is nobody's.
    """
    return next(tier for tier in tiers if _takes(tier, figures))


def tiers_of(actual: Floats, future: Floats, potential: Floats, tiers: Sequence[Tier]) -> list[str]:
    """The id of each customer's tier, as `tier_of` finds it, from columns of figures of shape (n,), for a million at once."""
    known = {"actual": to_hundredth(actual), "future": to_hundredth(future)}
    known["unrealised"] = to_hundredth(to_hundredth(potential) - known["future"])
    found, left = np.zeros(len(actual), int), np.ones(len(actual), bool)
    for place, tier in enumerate(tiers):
        held = left.copy()
        for name, bounds in tier.conditions:
            held &= (known[name] >= bounds.at_least) & (known[name] < bounds.below)
        found[held] = place
        left &= ~held
    ids = [tier.id for tier in tiers]
    return [ids[place] for place in found.tolist()]


def to_hundredth(figures: Floats) -> Floats:
    """As Python rounds each: numpy is another in the last digit where the next digit is about five."""
    hundredfold = figures * 100.0
    rounded = np.rint(hundredfold) / 100.0
    from_half = np.abs(np.abs(hundredfold - np.trunc(hundredfold)) - 0.5)
    near = np.flatnonzero(from_half < NEAR + OFF * np.abs(hundredfold))
    rounded[near] = [round(figure, 2) for figure in figures[near].tolist()]
    return np.asarray(rounded)


def _takes(tier: Tier, figures: Figures) -> bool:
    asked = tier.conditions
    if not asked:
        return True
    some_known = False
    for name, bounds in asked:
        figure = getattr(figures, name)
        if figure is not None:
            if not bounds.hold(figure):
                return False
            some_known = True
    return some_known
