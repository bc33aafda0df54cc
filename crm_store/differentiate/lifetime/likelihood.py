"""The log-likelihood of purchase histories under BG/NBD and MBG/NBD, with its gradient.

A customer buys at random at a rate from Gamma(r, alpha) and leaves after a purchase with a probability from Beta(a, b). BG/NBD
(Fader, Hardie & Lee 2005, "Counting Your Customers" the Easy Way, equation 6) lets nobody leave at the first purchase; MBG/NBD
(Batislam, Denizel & Filiztekin 2007, Empirical validation and comparison of models for customer base analysis; Hoppe & Wagner 2007,
Customer base analysis: the case for a central variant of the Betageometric/NBD model) lets them leave there too. Of x purchases
after the first, y = x in the one and x + 1 in the other is how often the customer could have left, and one formula serves both:

    L = G(r+x)/G(r) alpha^r B(a,b+y)/B(a,b) [(alpha+T)^-(r+x) + a/(b+y-1) (alpha+t_x)^-(r+x)],  the last term only where y > 0

A covariate z speeds a customer's purchases up by exp(beta z), which is alpha exp(-beta z) (Fader & Hardie 2007, Incorporating
time-invariant covariates into the Pareto/NBD and BG/NBD models).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """Histories made ready: what depends on a whole number alone is worked out once for each number."""

    recency: Floats
    age: Floats
    covariate: Floats | None
    weight: Floats
    """Customers who are alike in all of this."""
    frequencies: Floats
    """The different ones."""
    place: NDArray[np.intp]
    """Of each row's frequency among them."""
    customers: Floats
    """How many have each."""
    chances: int
    """How often one could leave before the second purchase: 1 in MBG/NBD, 0 in BG/NBD."""

    @classmethod
    def of(cls, frequency: Floats, recency: Floats, age: Floats, covariate: Floats | None, chances: int) -> Observed:
        weight = np.ones_like(frequency)
        if covariate is None:
            # Most customers bought once, and only their age tells them apart.
            again = frequency > 0
            ages, alike = np.unique(age[~again], return_counts=True)
            none = np.zeros(len(ages))
            frequency, recency = np.concatenate((none, frequency[again])), np.concatenate((none, recency[again]))
            age, weight = np.concatenate((ages, age[again])), np.concatenate((alike, weight[again]))
        frequencies, place = np.unique(frequency, return_inverse=True)
        customers = np.asarray(np.bincount(place, weight, minlength=len(frequencies)), np.float64)
        return cls(recency, age, covariate, weight, frequencies, place, customers, chances)

    def log_likelihood(self, theta: Floats) -> tuple[float, Floats]:
        """At theta = (ln r, ln alpha, ln a, ln b[, beta]); times in the unit of recency and age. With the gradient in theta."""
        r, alpha, a, b = np.exp(theta[:4])
        x, n, y, weight = self.frequencies, self.customers, self.frequencies + self.chances, self.weight
        z = self.covariate
        scale = np.full(1, alpha) if z is None else alpha * np.exp(-theta[4] * z)
        until_now, until_last = scale + self.age, scale + self.recency
        log_now, log_scale = np.log(until_now), np.log(scale)
        gap = log_now - np.log(until_last)
        shape = (r + x)[self.place]
        could = y > 0
        once_more = np.where(could, b + y - 1.0, np.inf)
        with np.errstate(divide="ignore"):
            log_odds = np.log(a / once_more)[self.place] + shape * gap
        # The logistic function and its integral from one exponential: half of the time went into them.
        small = np.exp(-np.abs(log_odds))
        gone = np.where(log_odds > 0, 1.0, small) / (1.0 + small)
        by_time = r * log_scale - shape * log_now + np.maximum(log_odds, 0.0) + np.log1p(small)
        by_count = gammaln(r + x) - gammaln(r) + _log_beta(a, b + y) - _log_beta(a, b)
        value = n @ by_count + weight @ by_time

        gone_by_count = np.bincount(self.place, weight * gone, minlength=len(x))
        in_r = n @ (digamma(r + x) - digamma(r)) + weight @ (log_scale - log_now + gone * gap)
        in_scale = weight * (r - scale * shape * ((1.0 - gone) / until_now + gone / until_last))
        together = digamma(a + b) - digamma(a + b + y)
        in_a = n @ together + gone_by_count.sum() / a
        in_b = n @ (together + digamma(b + y) - digamma(b)) - gone_by_count @ (1.0 / once_more)
        gradient = [in_r * r, in_scale.sum(), in_a * a, in_b * b]
        if z is not None:
            gradient.append(-(z @ in_scale))
        return float(value), np.array(gradient)


def log_odds_gone(
    frequency: Floats, recency: Floats, age: Floats, r: Floats, alpha: Floats, a: Floats, b: Floats, chances: int
) -> Floats:
    """ln of the odds that somebody has left: of the second term of L to its first. Parameters of k models have the shape (k, 1),
    alpha (k, n), and so has what is returned.
    """
    times = (r + frequency) * np.log((alpha + age) / (alpha + recency))
    if chances:
        return np.asarray(np.log(a / (b + frequency)) + times)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(a / np.where(frequency > 0, b + frequency - 1.0, np.inf)) + times)


def _log_beta(a: float, b: Floats | float) -> Floats:
    # betaln(a, b) is more exact for huge b, and five times as slow.
    return np.asarray(gammaln(a) + gammaln(b) - gammaln(a + b))
