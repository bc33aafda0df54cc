"""What one customer is worth, in plain numbers: as `worth` values many by arrays, which take ten times as long for one. Tests hold
both equal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crm_store.differentiate.histories import Sums
from crm_store.differentiate.lifetime import alone as lifetime
from crm_store.differentiate.lifetime.alone import Figure
from crm_store.differentiate.share_of_customer import Told, blended, with_all
from crm_store.differentiate.worth import LEVEL, OWN_SHARE_AFTER, Models


class WorthOfOne(NamedTuple):
    """See `Worth`."""

    p_alive: float
    purchases: float
    purchases_low: float
    purchases_high: float
    amount: float
    actual: float
    future: float
    future_low: float
    future_high: float
    potential: float
    potential_low: float
    potential_high: float


def worth_of_one(known: Sums, models: Models, told: Told | None = None) -> WorthOfOne:
    """Values a customer by models that were learnt before. `told`: of this customer alone."""
    buyer = known.buyer
    ahead = lifetime.purchases(models.purchasing, buyer, models.horizon, LEVEL)
    amount = lifetime.amount(models.spending, buyer, LEVEL)
    share = _margin_share(known, models.margin_share)
    cost = ahead.p_alive.value * known.cost * models.horizon / models.window_days
    future, *ends = (n * paid * share - cost for n, paid in zip(ahead.expected, amount, strict=True))
    return WorthOfOne(
        ahead.p_alive.value,
        *ahead.expected,
        amount.value,
        known.actual_value,
        *(future, min(ends), max(ends)),
        *potential_of_one(known, models, future, told),
    )


def potential_of_one(known: Sums, models: Models, future: float, told: Told | None) -> Figure:
    """As `with_potential`."""
    near, reached = models.neighbours, lifetime.NONE
    if near is not None:
        at = min(int(near.up_to.searchsorted(known.buyer.mean_amount)), len(near.up_to) - 1)
        reached = Figure(float(near.reached[at]), float(near.low[at]), float(near.high[at]))
    if told is not None:
        margin, cost = np.array([_margin_share(known, models.margin_share)]), np.array([known.cost])
        own = with_all(told, margin, cost, models.horizon / models.window_days)
        value, low, high = (np.array([figure]) for figure in reached)
        reached = Figure(*(float(figure[0]) for figure in blended(told.sure, own, (value, low, high))))
    return Figure(*(max(future, figure) for figure in reached))


def _margin_share(known: Sums, everybodys: float) -> float:
    own = known.earned / known.sold if known.sold > 0 else everybodys
    weight = known.purchases / (known.purchases + OWN_SHARE_AFTER)
    return weight * own + (1.0 - weight) * everybodys
