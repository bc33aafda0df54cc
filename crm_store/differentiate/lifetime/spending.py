"""What a purchase of a customer amounts to: the Gamma-Gamma model.

A customer's amounts are Gamma(p, nu), nu differs between customers as Gamma(q, gamma). Source: Fader & Hardie 2013, The
Gamma-Gamma model of monetary value (brucehardie.com/notes/025): equation 1a for the likelihood of customers' means, 5 for the
expectation. Where the mean logarithms are known too, the likelihood is that of all single amounts: then p is learnt from how one
customer's amounts differ, and not only from how means differ between customers, which lets forecasts be far too sure.

q is kept above 1, so that the mean over customers exists; and means beyond a fence are taken for the fence, so that one huge
order neither bends the fit nor is expected again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaincinv, gammaln

from crm_store.differentiate.lifetime.fitting import Prior, climb
from crm_store.differentiate.lifetime.history import History
from crm_store.differentiate.lifetime.levels import NORMAL
from crm_store.differentiate.lifetime.sampling import spacing

Floats = NDArray[np.float64]

MOST_FITTED = 100_000
FEW = 10
"""With fewer customers who bought twice, how much one customer's amounts differ is the prior's word, and `basis` says so."""
FENCE = 5.0
"""Robust deviations above the median, of logarithms: normally one customer in three million lies beyond."""
LEAST_DEVIATION = 0.3
"""So that where all pay the same price the fence still stands well off it."""
PRIOR = Prior(np.log([4.0, 2.0, 4.0]), np.array([1.5, 1.0, 3.0]))
"""Of ln p, ln(q - 1) and ln(gamma / median amount): weak, it decides where hardly anybody bought twice."""


@dataclass(frozen=True)
class Amounts:
    """Of n customers, arrays of shape (n,): the amount of one purchase to come, in the business's currency."""

    expected: Floats
    low: Floats
    high: Floats
    """Credible interval of the customer's own mean amount, given the fitted parameters."""


@dataclass(frozen=True)
class SpendingModel:
    """Parameters and how they were come by."""

    p: float
    q: float
    gamma: float
    fence: float
    """No mean amount counts as more than this."""
    log_likelihood: float
    covariance: tuple[tuple[float, ...], ...]
    """Of (ln p, ln(q - 1), ln gamma), shape (3, 3)."""
    customers: int
    """How many had an amount above zero, all or a sample of whom were fitted."""
    fitted: int
    repeaters: int
    """Of the fitted, those with two purchases or more."""
    basis: str
    """"fit"; "prior" where fewer than 10 bought twice or the fit failed, so that the figures are rather assumed."""
    converged: bool
    message: str
    """Why it did not converge; empty where it did."""

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return asdict(self) | {"covariance": [list(row) for row in self.covariance]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> SpendingModel:
        covariance = tuple(tuple(map(float, row)) for row in stored["covariance"])
        return cls(**dict(stored) | {"covariance": covariance})

    @property
    def mean(self) -> float:
        """Over all customers; what is expected of somebody of whom nothing is known."""
        return self.p * self.gamma / (self.q - 1.0)

    def expected_amount(self, history: History) -> Floats:
        """Of one purchase, shape (n,): between the customer's own mean and everybody's, nearer to the former the more is known."""
        return self._expected(*self._known(history))

    def forecast(self, history: History, level: float = 0.9) -> Amounts:
        """The expectation and the interval, at `level`, of the customer's mean amount p / nu."""
        n, amount = self._known(history)
        # nu is Gamma(p n + q, gamma + n amount) now; its quantiles hang on the number of purchases alone, up to scale.
        counts, place = np.unique(n, return_inverse=True) if len(n) > 1 else (n, np.zeros(len(n), dtype=np.intp))
        tails = np.array((((1.0 + level) / 2.0,), ((1.0 - level) / 2.0,)))
        low, high = self.p * (self.gamma + n * amount) / gammaincinv(self.p * counts + self.q, tails)[:, place]
        return Amounts(self._expected(n, amount), low, high)

    def log_density(self, purchases: Floats, mean_amount: Floats, history: History | None = None) -> Floats:
        """ln of the density of the mean of so many amounts, shape (n,): of customers with this history, or of unknown ones."""
        n, amount = (np.zeros(1), np.zeros(1)) if history is None else self._known(history)
        shape, rate = self.p * n + self.q, self.gamma + n * amount
        return np.asarray(_log_density(purchases, mean_amount, self.p, shape, rate))

    def _expected(self, purchases: Floats, mean_amount: Floats) -> Floats:
        return np.asarray(self.p * (self.gamma + purchases * mean_amount) / (self.p * purchases + self.q - 1.0))

    def _known(self, history: History) -> tuple[Floats, Floats]:
        """Purchases and mean amount, none of who has no amount above zero."""
        given = np.zeros(len(history)) if history.mean_amount is None else history.mean_amount
        known = history.bought & (given > 0)
        return np.where(known, history.frequency + 1.0, 0.0), np.where(known, np.minimum(given, self.fence), 0.0)


def fit_spending(history: History, *, prior: bool = True, most: int = MOST_FITTED) -> SpendingModel:
    """Fits by maximum posterior density, or maximum likelihood without `prior`, to all who paid something.

    Where nobody did, everything is expected to cost nothing. Never fails: `basis`, `converged` and `message` say what happened.
    """
    given = np.zeros(len(history)) if history.mean_amount is None else history.mean_amount
    paid = history.take(history.bought & (given > 0))
    customers = len(paid)
    paid = paid.take(slice(None, None, spacing(customers, most)))
    if paid.mean_amount is None or not customers:
        return _nothing_paid()
    middle, fence = float(np.median(paid.mean_amount)), _fence(paid.mean_amount)
    observed = Paid.of(paid, middle, fence)
    found = climb(observed.log_likelihood, PRIOR.centre, PRIOR if prior else None)
    theta, covariance, repeaters = found.theta, found.covariance, int(np.sum(paid.frequency > 0))
    if not found.converged:
        # The middle of the assumed distribution is put where customers' amounts have theirs.
        theta, covariance = PRIOR.centre.copy(), np.diag(PRIOR.deviation**2)
        theta[2] = np.log(observed.amount.mean()) + theta[1] - theta[0]
    return SpendingModel(
        p=float(np.exp(theta[0])),
        q=float(1.0 + np.exp(theta[1])),
        gamma=float(np.exp(theta[2]) * middle),
        fence=fence,
        log_likelihood=observed.log_likelihood(theta)[0] - observed.densities * float(np.log(middle)),
        covariance=tuple(tuple(map(float, row)) for row in covariance),
        customers=customers,
        fitted=len(observed.amount),
        repeaters=repeaters,
        basis="fit" if found.converged and repeaters >= FEW else "prior",
        converged=found.converged,
        message=found.message,
    )


@dataclass(frozen=True)
class Paid:
    """Amounts made ready, in units of the median: what depends on a whole number alone is worked out once for each number."""

    amount: Floats
    """Mean of each customer."""
    log_amount: Floats | None
    purchases: Floats
    """The different numbers of them."""
    place: NDArray[np.intp]
    """Of each customer's number among them."""
    customers: Floats
    """How many have each."""

    @classmethod
    def of(cls, paid: History, middle: float, fence: float) -> Paid:
        assert paid.mean_amount is not None
        n, amount, logs = paid.frequency + 1.0, np.minimum(paid.mean_amount, fence) / middle, None
        if paid.mean_log_amount is not None and np.any(whole := np.isfinite(paid.mean_log_amount)):
            n, amount = n[whole], amount[whole]
            # The mean of logarithms is never above the logarithm of the mean, at the fence neither.
            logs = np.minimum(paid.mean_log_amount[whole] - np.log(middle), np.log(amount))
        purchases, place, customers = np.unique(n, return_inverse=True, return_counts=True)
        return cls(amount, logs, purchases, place, customers.astype(np.float64))

    @property
    def densities(self) -> float:
        """How many densities of an amount the likelihood multiplies: each brings the unit of money in once."""
        return float(self.customers.sum() if self.log_amount is None else self.customers @ self.purchases)

    def log_likelihood(self, theta: Floats) -> tuple[float, Floats]:
        """At theta = (ln p, ln(q - 1), ln gamma), with the gradient in it."""
        p, q, gamma = np.exp(theta[0]), 1.0 + np.exp(theta[1]), np.exp(theta[2])
        n, count, each = self.purchases, self.customers, self.purchases[self.place]
        total = gamma + each * self.amount
        log_total, m = np.log(total), p * n
        value = count @ (gammaln(m + q) - gammaln(q) + q * np.log(gamma)) - (p * each + q) @ log_total
        in_p = count @ (n * digamma(m + q)) - each @ log_total
        if self.log_amount is None:
            logs = each @ np.log(each * self.amount)
            value += p * logs - np.log(self.amount).sum() - count @ gammaln(m)
            in_p += logs - count @ (n * digamma(m))
        else:
            logs = each @ self.log_amount
            value += (p - 1.0) * logs - (count @ n) * gammaln(p)
            in_p += logs - (count @ n) * digamma(p)
        in_q = count @ (digamma(m + q) - digamma(q) + np.log(gamma)) - log_total.sum()
        in_gamma = count.sum() * q / gamma - ((p * each + q) / total).sum()
        return float(value), np.array([in_p * p, in_q * (q - 1.0), in_gamma * gamma])


def _nothing_paid() -> SpendingModel:
    nothing = tuple((0.0,) * 3 for _ in range(3))
    return SpendingModel(4.0, 3.0, 0.0, 0.0, 0.0, nothing, 0, 0, 0, "prior", False, "nobody has paid anything yet")


def _fence(amounts: Floats) -> float:
    logs = np.log(amounts)
    centre = float(np.median(logs))
    deviation = max(NORMAL * float(np.median(np.abs(logs - centre))), LEAST_DEVIATION)
    return float(np.exp(centre + FENCE * deviation))


def _log_density(n: Floats, z: Floats, p: float, shape: Floats | float, rate: Floats | float) -> Floats:
    """Equation 1a, with Gamma(shape, rate) for nu."""
    m = p * n
    norm = gammaln(m + shape) - gammaln(m) - gammaln(shape)
    return np.asarray(
        norm + shape * np.log(rate) + (m - 1.0) * np.log(z) + m * np.log(n) - (m + shape) * np.log(rate + n * z)
    )
