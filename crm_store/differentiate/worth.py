"""What customers are worth: actual, future and potential value of each, from their histories and models fitted to everybody's.

Pure: plain arrays in, plain arrays out, one customer or a million alike, so that a batch and the chat come to the same figures.
Money is in the business's currency, a horizon in days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from crm_store.differentiate.histories import Histories
from crm_store.differentiate.lifetime import History, PurchasingModel, SpendingModel, fit_purchasing, fit_spending
from crm_store.differentiate.share_of_customer import Told, blended, with_all

Floats = NDArray[np.float64]

LEVEL = 0.9
"""Of every interval."""
QUANTILE = 0.9
"""Of what comparable customers reach: potential value."""
NEIGHBOURS = 200
"""As many customers are comparable at least, where there are as many."""
OWN_SHARE_AFTER = 5.0
"""Purchases after which a customer's own share of margin counts as much as everybody's."""


@dataclass(frozen=True)
class Neighbours:
    """Groups of customers whose purchases amount to about the same, and what the upper ones of each reach."""

    up_to: Floats
    """Mean amount of a purchase up to which a group goes, ascending; the last is infinite. Shape (k,)."""
    reached: Floats
    low: Floats
    high: Floats
    """Future value at the quantile, and its interval by order statistics. Shape (k,)."""
    sizes: NDArray[np.int64]


@dataclass(frozen=True)
class Models:
    """All that is learnt from everybody and needed to value one customer."""

    purchasing: PurchasingModel
    spending: SpendingModel
    margin_share: float
    """Margin by amount sold, returns taken off."""
    horizon: float
    window_days: int
    """Of what a history's margin and cost are."""
    neighbours: Neighbours | None = None

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        found = self.neighbours
        return {
            "purchasing": self.purchasing.as_dict(),
            "spending": self.spending.as_dict(),
            "margin_share": self.margin_share,
            "horizon": self.horizon,
            "window_days": self.window_days,
            "neighbours": None
            if found is None
            else {
                "up_to": [None if np.isinf(edge) else float(edge) for edge in found.up_to],
                **{name: getattr(found, name).tolist() for name in ("reached", "low", "high", "sizes")},
            },
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        found = stored["neighbours"]
        near = found and Neighbours(
            np.array([np.inf if edge is None else edge for edge in found["up_to"]]),
            *(np.array(found[name]) for name in ("reached", "low", "high", "sizes")),
        )
        return cls(
            PurchasingModel.from_dict(stored["purchasing"]),
            SpendingModel.from_dict(stored["spending"]),
            stored["margin_share"],
            stored["horizon"],
            stored["window_days"],
            near or None,
        )


@dataclass(frozen=True)
class Worth:
    """Of n customers, arrays of shape (n,); `low` and `high` are the interval at LEVEL."""

    p_alive: Floats
    purchases: Floats
    purchases_low: Floats
    purchases_high: Floats
    """Expected within the horizon."""
    amount: Floats
    """Expected of one purchase."""
    actual: Floats
    future: Floats
    future_low: Floats
    future_high: Floats
    """Expected margin within the horizon less the expected cost to serve."""
    potential: Floats
    potential_low: Floats
    potential_high: Floats

    @property
    def unrealised(self) -> Floats:
        """What lies between what is expected and what could be."""
        return self.potential - self.future


def learn(
    known: Histories,
    paid: History,
    *,
    horizon: float,
    window_days: int,
    margin_rate: float,
    told: Told | None = None,
) -> tuple[Models, Worth]:
    """Fits the models to everybody, those of amounts to `paid`, and values everybody by them. `margin_rate`: where nothing has
    been sold. `told`: by some of them, of what they buy elsewhere.
    """
    sold = float(known.sold.sum())
    share = float(known.earned.sum()) / sold if sold > 0 else margin_rate
    models = Models(fit_purchasing(known.history), fit_spending(paid), share, horizon, window_days)
    found = worth(known, models)
    models = replace(models, neighbours=_neighbours(known, found.future))
    return models, with_potential(known, models, found, told)


def worth(known: Histories, models: Models, told: Told | None = None) -> Worth:
    """Values customers by models that were learnt before, of these or of others."""
    history = known.history
    ahead = models.purchasing.forecast(history, models.horizon, LEVEL)
    amounts = models.spending.forecast(history, LEVEL)
    share = _margin_shares(known, models.margin_share)
    cost = ahead.p_alive * known.cost * models.horizon / models.window_days
    future, low, high = (
        purchases * amount * share - cost
        for purchases, amount in (
            (ahead.expected, amounts.expected),
            (ahead.expected_low, amounts.low),
            (ahead.expected_high, amounts.high),
        )
    )
    nothing = np.zeros(len(known))
    found = Worth(
        ahead.p_alive,
        ahead.expected,
        ahead.expected_low,
        ahead.expected_high,
        amounts.expected,
        known.actual_value,
        future,
        np.minimum(low, high),
        np.maximum(low, high),
        *(nothing, nothing, nothing),
    )
    return with_potential(known, models, found, told)


def _margin_shares(known: Histories, everybodys: float) -> Floats:
    """Of each their own share of margin, drawn towards everybody's as long as they have bought little."""
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(known.sold > 0, known.earned / known.sold, everybodys)
    weight = known.purchases / (known.purchases + OWN_SHARE_AFTER)
    return weight * own + (1.0 - weight) * everybodys


def _neighbours(known: Histories, future: Floats) -> Neighbours | None:
    """Groups by the mean amount of a purchase: it tells who a customer is (an office, a household), while how often they come and
    how long they stay is what treatment can move. None where nobody bought.
    """
    bought = known.purchases > 0
    if not bought.any():
        return None
    means, values = known.history.mean_amount[bought], future[bought]  # type: ignore[index]
    groups = int(np.clip(len(values) // NEIGHBOURS, 1, 10))
    edges = np.quantile(means, np.arange(1, groups) / groups)
    places = np.searchsorted(edges, means, side="left")
    taken = np.unique(places)
    found = [_upper(values[places == place]) for place in taken]
    reached, low, high = (np.array(column) for column in zip(*found, strict=True))
    return Neighbours(_edges(edges, taken), reached, low, high, np.bincount(places)[taken])


def _edges(edges: Floats, taken: NDArray[np.int64]) -> Floats:
    """Up to where each group goes, the last one without end."""
    return np.append(np.append(edges, np.inf)[taken[:-1]], np.inf)


def _upper(values: Floats) -> tuple[float, float, float]:
    """The quantile with the interval that order statistics give it (normal approximation of the binomial)."""
    n = len(values)
    off = 1.645 * np.sqrt(n * QUANTILE * (1.0 - QUANTILE))
    ranks = np.clip([n * QUANTILE - off, n * QUANTILE + off], 0, n - 1).round().astype(int)
    least, most = np.sort(values)[ranks]
    return float(np.quantile(values, QUANTILE)), float(least), float(most)


def with_potential(known: Histories, models: Models, found: Worth, told: Told | None) -> Worth:
    """The same customers with what they could bring: what the upper ones of those like them reach, or what follows from the share
    they told, as far as that holds; or what they are expected to bring where that is more.
    """
    near, names = models.neighbours, ("potential", "potential_low", "potential_high")
    if near is None:
        reached = [np.zeros(len(known))] * 3
    else:
        means = known.history.mean_amount
        assert means is not None
        at = np.minimum(np.searchsorted(near.up_to, means, side="left"), len(near.up_to) - 1)
        reached = [near.reached[at], near.low[at], near.high[at]]
    if told is not None:
        reached = _as_told(known, models, reached, told)
    most = (np.maximum(found.future, values) for values in reached)
    return replace(found, **dict(zip(names, most, strict=True)))


def _as_told(known: Histories, models: Models, reached: list[Floats], told: Told) -> list[Floats]:
    at = told.places
    margin = _margin_shares(known, models.margin_share)[at]
    own = with_all(told, margin, known.cost[at], models.horizon / models.window_days)
    value, low, high = (values[at] for values in reached)
    reached = [values.copy() for values in reached]
    for values, theirs in zip(reached, blended(told.sure, own, (value, low, high)), strict=True):
        values[at] = theirs
    return reached
