"""What one customer will buy, in plain numbers: the forecasts of `PurchasingModel` and `SpendingModel`, which work on arrays and
take ten times as long for one. Equations are cited there; tests hold both equal.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from math import exp, expm1, inf, log, log1p, sqrt
from typing import NamedTuple

from scipy.special import gammaincinv, ndtri

from crm_store.differentiate.lifetime import counting
from crm_store.differentiate.lifetime.levels import FARTHEST, Level
from crm_store.differentiate.lifetime.purchasing import CHANCES, DIFFERENCE, Five, PurchasingModel
from crm_store.differentiate.lifetime.spending import SpendingModel

MOST = log(sys.float_info.max)
"""Whose exponential is still a double."""


class Buyer(NamedTuple):
    """One customer's history, as `History` has it of many."""

    frequency: float
    recency: float
    age: float
    mean_amount: float

    @property
    def bought(self) -> bool:
        """Whether ever."""
        return self.frequency >= 0


class Figure(NamedTuple):
    """With its interval at the level that was asked for."""

    value: float
    low: float
    high: float


NONE = Figure(0.0, 0.0, 0.0)


class Purchases(NamedTuple):
    """See `Forecast`."""

    p_alive: Figure
    expected: Figure


def purchases(model: PurchasingModel, buyer: Buyer, horizon: float, level: float) -> Purchases:
    """Within `horizon` days, as `PurchasingModel.forecast`."""
    if not buyer.bought:
        return Purchases(NONE, NONE)
    z = _quantile(level)
    (gone, expected), *around = _looks(model, buyer, horizon)
    shifts = [there - gone if gone > -inf else 0.0 for there, _ in around]
    ratios = [_ratio(there, expected) for _, there in around]
    off, spread = _length(shifts) * z / DIFFERENCE, _length(ratios) * z / DIFFERENCE
    factor = exp(spread) if spread < MOST else inf
    return Purchases(
        Figure(_active(gone), _active(gone + off), _active(gone - off)),
        Figure(expected, expected / factor, expected * factor if expected else 0.0),
    )


def _looks(model: PurchasingModel, buyer: Buyer, horizon: float) -> list[tuple[float, float]]:
    """By this model and by each around it: ln of the odds of having left, and the purchases expected."""
    x, recency, age, _ = buyer
    could_leave = x + CHANCES[model.name]
    z = _level(model.level, buyer)
    after = [(r + x, alpha * exp(-beta * z), a, b) for r, alpha, a, b, beta in model.around]
    reach = [horizon / (scale + age) for _, scale, _, _ in after]
    rules = _rules(model.around, could_leave, counting.nodes_for(max(reach)))
    looks = []
    for (shape, scale, a, b), reached, points in zip(after, reach, rules, strict=True):
        times = shape * log((scale + age) / (scale + recency))
        gone = log(a / (b + could_leave - 1.0)) + times if could_leave else -inf
        left = sum(weight * expm1(-shape * log1p(chance * reached)) for chance, weight in points)
        looks.append((gone, _active(gone) * left))
    return looks


@lru_cache(maxsize=2048)
def _rules(models: tuple[Five, ...], could_leave: float, nodes: int) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Of each model the points of its rule, each with -weight / point."""
    found = (counting.rule(a, b + could_leave, nodes) for _, _, a, b, _ in models)
    return tuple(tuple(zip(p.tolist(), (-w / p).tolist(), strict=True)) for p, w in found)


def _level(level: Level, buyer: Buyer) -> float:
    if level.spread == 0.0 or buyer.mean_amount <= 0:
        return 0.0
    z = min(max((log(buyer.mean_amount) - level.centre) / level.spread, -FARTHEST), FARTHEST)
    purchases = buyer.frequency + 1.0
    return z * purchases / (purchases + level.drawn)


def _active(log_odds_gone: float) -> float:
    return 1.0 / (1.0 + exp(log_odds_gone)) if log_odds_gone < MOST else 0.0


def _ratio(one: float, other: float) -> float:
    if other <= 0:
        return 0.0
    return log(one / other) if one > 0 else -inf


def _length(vector: list[float]) -> float:
    return sqrt(sum(each * each for each in vector))


@lru_cache(maxsize=8)
def _quantile(level: float) -> float:
    return float(ndtri(0.5 + level / 2.0))


def amount(model: SpendingModel, buyer: Buyer, level: float) -> Figure:
    """Of one purchase, as `SpendingModel.forecast`."""
    n = buyer.frequency + 1.0 if buyer.bought and buyer.mean_amount > 0 else 0.0
    total = model.p * (model.gamma + n * min(buyer.mean_amount, model.fence))
    shape = model.p * n + model.q
    low, high = (total / float(gammaincinv(shape, tail)) for tail in ((1.0 + level) / 2.0, (1.0 - level) / 2.0))
    return Figure(total / (shape - 1.0), low, high)
