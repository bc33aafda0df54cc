"""How many purchases are to come from each customer: MBG/NBD with the spending level as covariate; BG/NBD for comparison.

`fit_purchasing` learns a model from everybody's history; the model then tells of any customer, without another fit, how probably
they are still active and how many purchases to expect. Which variant is the default, and why: docs/decisions.md, by `bench.value`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from crm_store.differentiate.lifetime import counting
from crm_store.differentiate.lifetime.fitting import Prior, Summit, climb
from crm_store.differentiate.lifetime.history import History
from crm_store.differentiate.lifetime.levels import DRAWN, NO_LEVEL, Level
from crm_store.differentiate.lifetime.likelihood import Observed, log_odds_gone
from crm_store.differentiate.lifetime.sampling import spacing

Floats = NDArray[np.float64]

Five = tuple[float, float, float, float, float]
CHANCES = {"mbg/nbd": 1, "bg/nbd": 0}
"""How often one may have left before the second purchase, by the model's name."""
WEEK = 7.0
BLOCK = 1 << 16
MOST_FITTED = 100_000
"""Of more customers a part is fitted, evenly spaced: the parameters' error is then far below any use of them."""
FEW = 10
"""With fewer repeat purchases in all, what the model says is the prior's, and `basis` says so."""
DIFFERENCE = 1e-3

SHAPE_PRIOR = Prior(np.log([0.5, 1.0, 0.7, 2.0, np.e]), np.array([1.5, 2.0, 1.5, 1.5, 0.5]))
"""Of ln r, ln(alpha / mean age), ln a, ln b and beta. Weak: within a factor of 4.5 at one deviation, 20 at two; it decides where
a business has few customers, and cannot be seen where it has a thousand. The centre of beta, ln e = 1, is set to 0 below."""
SHAPE_PRIOR.centre[4] = 0.0


@dataclass(frozen=True)
class Forecast:
    """Of n customers, arrays of shape (n,) each; the interval of each figure at the level that was asked for."""

    p_alive: Floats
    p_alive_low: Floats
    p_alive_high: Floats
    """Delta method on the logit: how unsure the model's parameters leave the probability."""
    expected: Floats
    """Purchases within the horizon."""
    expected_low: Floats
    expected_high: Floats
    """Delta method on the logarithm: how unsure the model's parameters leave the expectation."""


class Counts(NamedTuple):
    """Of n customers, arrays of shape (n,): the number of purchases itself will lie between these, both included, with at least the
    level's probability.
    """

    low: Floats
    high: Floats


class Parameters(NamedTuple):
    """Of k models, arrays of shape (k, 1), so that they go together with n customers; alpha in days."""

    r: Floats
    alpha: Floats
    a: Floats
    b: Floats
    beta: Floats

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> Parameters:
        return cls(*(np.array(column)[:, None] for column in zip(*rows, strict=True)))


class Seen(NamedTuple):
    """A history as the model looks at it, arrays of shape (n,)."""

    bought: NDArray[np.bool_]
    frequency: Floats
    """0 for who never bought, too."""
    recency: Floats
    age: Floats
    level: Floats


@dataclass(frozen=True)
class PurchasingModel:
    """Parameters and how they were come by. Times at the interface are in days, and so is alpha."""

    name: str
    """"mbg/nbd" or "bg/nbd"."""
    r: float
    alpha: float
    a: float
    b: float
    beta: float
    """Of the spending level: who spends one deviation more buys exp(beta) times as often."""
    level: Level
    log_likelihood: float
    """With time in weeks, as the papers have it; of the fitted customers."""
    covariance: tuple[tuple[float, ...], ...]
    """Of (ln r, ln alpha, ln a, ln b, beta), shape (5, 5); zero where nothing could be learnt of a parameter or is assumed."""
    customers: int
    """How many bought, all or a sample of whom were fitted."""
    fitted: int
    repeats: int
    """Purchases after the first, of the fitted."""
    basis: str
    """"fit"; "prior" where there were fewer than 10 repeat purchases or the fit failed, so that the figures are rather assumed."""
    converged: bool
    message: str
    """Why it did not converge; empty where it did."""

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return asdict(self) | {"covariance": [list(row) for row in self.covariance]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> PurchasingModel:
        covariance = tuple(tuple(map(float, row)) for row in stored["covariance"])
        return cls(**dict(stored) | {"covariance": covariance, "level": Level(**stored["level"])})

    def p_alive(self, history: History) -> Floats:
        """The probability of being still active, shape (n,). 0 for who never bought."""
        return self._in_blocks(history, lambda seen: _active(self._gone(seen, self._alone)[0], seen))

    def expected_purchases(self, history: History, horizon: float) -> Floats:
        """Expected within `horizon` days from the end of the history, shape (n,)."""
        return self._in_blocks(history, lambda seen: self._look(seen, _checked(horizon), self._alone)[1][0])

    def distribution(self, history: History, horizon: float, most: int) -> Floats:
        """P(n purchases within `horizon` days) for n = 0 to `most`, shape (customers, most + 1)."""
        rows = np.zeros((len(history), most + 1))
        for place, block in history.blocks(BLOCK):
            seen = self._seen(block)
            active = _active(self._gone(seen, self._alone)[0], seen)
            terms = counting.probabilities(_checked(horizon), *self._counting(seen))
            for n, term in enumerate(islice(terms, most + 1)):
                rows[place, n] = active * term + (1.0 - active if n == 0 else 0.0)
        return rows

    def counts(self, history: History, horizon: float, level: float = 0.9) -> Counts:
        """Between which numbers of purchases those within `horizon` days will lie."""
        levels = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
        low, high = np.empty(len(history)), np.empty(len(history))
        for place, block in history.blocks(BLOCK):
            seen = self._seen(block)
            active = _active(self._gone(seen, self._alone)[0], seen)
            low[place], high[place] = counting.quantiles(levels, active, _checked(horizon), *self._counting(seen))
        return Counts(low, high)

    def forecast(self, history: History, horizon: float, level: float = 0.9) -> Forecast:
        """Everything of everybody, with intervals at `level`. A million customers take some seconds of one core."""
        _checked(horizon)
        parts = [self._block_forecast(self._seen(block), horizon, level) for _, block in history.blocks(BLOCK)]
        if len(parts) == 1:
            return Forecast(*parts[0])
        return Forecast(*map(np.concatenate, zip(*parts, strict=True))) if parts else Forecast(*np.empty((6, 0)))

    def _block_forecast(self, seen: Seen, horizon: float, level: float) -> list[Floats]:
        z = float(ndtri(0.5 + level / 2.0)) / DIFFERENCE
        around = self._around
        all_gone, all_expected = self._look(seen, horizon, around)
        gone, expected = all_gone[0], all_expected[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            shifts = np.where(np.isfinite(gone), all_gone[1:] - gone, 0.0)
            ratios = np.where(expected > 0, np.log(all_expected[1:] / expected), 0.0)
        off, factor = z * np.sqrt((shifts * shifts).sum(axis=0)), np.exp(z * np.sqrt((ratios * ratios).sum(axis=0)))
        active = _active(np.array((gone, gone + off, gone - off)), seen)
        return [*active, expected, expected / factor, expected * factor]

    @cached_property
    def around(self) -> tuple[Five, ...]:
        """This model's r, alpha, a, b and beta, and then moved a little along each column of S with S S' = covariance: by all that
        it is unsure, times DIFFERENCE.
        """
        values, vectors = np.linalg.eigh(np.array(self.covariance))
        columns = (vectors * np.sqrt(np.maximum(values, 0.0)) * DIFFERENCE).T[values > 0]
        own = (self.r, self.alpha, self.a, self.b, self.beta)
        return (own, *(self._moved(*map(float, column)) for column in columns))

    @cached_property
    def _alone(self) -> Parameters:
        return Parameters.of(self.around[:1])

    @cached_property
    def _around(self) -> Parameters:
        return Parameters.of(self.around)

    def _moved(self, r: float, alpha: float, a: float, b: float, beta: float) -> Five:
        exp = math.exp
        return self.r * exp(r), self.alpha * exp(alpha), self.a * exp(a), self.b * exp(b), self.beta + beta

    def _seen(self, history: History) -> Seen:
        z = self.level.of(history) if self.level.spread > 0 else np.zeros(len(history))
        return Seen(history.bought, np.maximum(history.frequency, 0.0), history.recency, history.age, z)

    def _gone(self, seen: Seen, by: Parameters) -> Floats:
        """ln of the odds of having left, shape (k, n)."""
        scale = by.alpha * np.exp(-by.beta * seen.level)
        return log_odds_gone(seen.frequency, seen.recency, seen.age, by.r, scale, by.a, by.b, CHANCES[self.name])

    def _after(self, seen: Seen, by: Parameters) -> tuple[Floats, Floats, Floats, Floats]:
        """r, alpha, a and b of each customer who is still active, given what they did; shapes (k, n), of a (k, 1)."""
        scale = by.alpha * np.exp(-by.beta * seen.level)
        return by.r + seen.frequency, scale + seen.age, by.a, by.b + (seen.frequency + CHANCES[self.name])

    def _counting(self, seen: Seen) -> tuple[Floats, Floats, float, Floats]:
        """The same by this model alone, shapes (n,)."""
        r, alpha, _, b = self._after(seen, self._alone)
        return r[0], alpha[0], self.a, b[0]

    def _look(self, seen: Seen, horizon: float, by: Parameters) -> tuple[Floats, Floats]:
        """ln of the odds of having left, and the purchases expected, both of shape (k, n)."""
        gone = self._gone(seen, by)
        return gone, _active(gone, seen) * counting.expected(horizon, *self._after(seen, by))

    def _in_blocks(self, history: History, compute: Callable[[Seen], Floats]) -> Floats:
        result = np.empty(len(history))
        for place, block in history.blocks(BLOCK):
            result[place] = compute(self._seen(block))
        return result


def fit_purchasing(
    history: History, name: str = "mbg/nbd", *, drawn: float | None = DRAWN, prior: bool = True, most: int = MOST_FITTED
) -> PurchasingModel:
    """Fits by maximum posterior density, or maximum likelihood without `prior`. Raises ValueError for a name it does not know.

    `drawn` is `Level.drawn` of the covariate; None leaves the covariate out, as having no amounts does. Who never bought is left
    out too. Of more than `most` customers an evenly spaced part is fitted. It never fails: too few purchases, or a search that does
    not converge, give the prior's model, with a `basis`, `converged` and `message` that say so.
    """
    if name not in CHANCES:
        raise ValueError(f"a purchasing model is one of {', '.join(CHANCES)}, not {name}")
    buyers = history.take(history.bought)
    customers = len(buyers)
    buyers = buyers.take(slice(None, None, spacing(customers, most)))
    unit = float(buyers.age.mean()) if len(buyers) and buyers.age.any() else 365.0
    level = NO_LEVEL if drawn is None else Level.learnt(buyers, drawn)
    z = level.of(buyers) if level.spread > 0 else None
    observed = Observed.of(buyers.frequency, buyers.recency / unit, buyers.age / unit, z, CHANCES[name])
    size = 4 if z is None else 5
    shapes = Prior(SHAPE_PRIOR.centre[:size], SHAPE_PRIOR.deviation[:size])
    found = climb(observed.log_likelihood, shapes.centre, shapes if prior else None)
    repeats = int(buyers.frequency.sum())
    if not found.converged or not len(buyers):
        found = _assumed(shapes, observed, found)
    r, alpha, a, b = np.exp(found.theta[:4])
    covariance = np.zeros((5, 5))
    covariance[:size, :size] = found.covariance
    return PurchasingModel(
        name=name,
        r=float(r),
        alpha=float(alpha * unit),
        a=float(a),
        b=float(b),
        beta=float(found.theta[4]) if z is not None else 0.0,
        level=level,
        log_likelihood=found.log_likelihood - repeats * float(np.log(unit / WEEK)),
        covariance=tuple(tuple(map(float, row)) for row in covariance),
        customers=customers,
        fitted=len(buyers),
        repeats=repeats,
        basis="fit" if found.converged and repeats >= FEW else "prior",
        converged=found.converged,
        message=found.message,
    )


def _assumed(prior: Prior, observed: Observed, failed: Summit) -> Summit:
    value = observed.log_likelihood(prior.centre)[0]
    return Summit(prior.centre, value, np.diag(prior.deviation**2), failed.converged, failed.message)


def _active(log_odds_gone: Floats, seen: Seen) -> Floats:
    return np.where(seen.bought, expit(-log_odds_gone), 0.0)


def _checked(horizon: float) -> float:
    if not 0 <= horizon < np.inf:
        raise ValueError("the horizon must be a number of days from 0 on")
    return float(horizon)
