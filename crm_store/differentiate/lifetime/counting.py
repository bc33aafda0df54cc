"""How many purchases somebody will make who is active now: the BG/NBD model's counts over a time to come.

Purchases come at random at a rate drawn from Gamma(r, alpha); after each the customer leaves with a probability drawn from
Beta(a, b). Of one whose past is known the same holds with r, alpha, a, b brought up to date, so all forecasts end here. Times are
all in one unit.

Source: Fader, Hardie & Lee 2005, "Counting Your Customers" the Easy Way, Marketing Science 24(2): equations 8 and 9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

Floats = NDArray[np.float64]

DIGITS = 24.0
"""Natural logarithm of the accuracy that is sought: 4e-11."""
MOST_NODES = 160
FEW = 200
MOST_COUNTS = 20_000
"""Beyond which no quantile is sought."""


def expected(time: float, r: Floats, alpha: Floats, a: Floats, b: Floats) -> Floats:
    """E[X(time)], shape (k, n) as r, alpha and b have, of k models and n customers; a of shape (k, 1). Between customers
    b differs by the same in all models. Equation 9, before its integral over the chance p of leaving is solved.

    The closed form has 2F1 over a - 1 and a + b - 1, and neither is safe: a = 1 is a gap, a + b <= 1 a pole. The integral
    E[(1 - (1 + p time / alpha)^-r) / p], p ~ Beta(a, b), is smooth for all of them, so Gauss and Jacobi's rule for that
    distribution gives it to ten digits with a handful of nodes, and faster.
    """
    reach = time / alpha
    if b.shape[1] == 1:
        return _means(reach, r, a, b, slice(0, 1))
    result = np.empty_like(reach)
    values, place = np.unique(b[0], return_inverse=True)
    order = np.argsort(place, kind="stable")
    ends = np.cumsum(np.bincount(place, minlength=len(values)))
    start = 0
    for end in map(int, ends):
        chosen, start = order[start:end], end
        result[:, chosen] = _means(reach[:, chosen], r[:, chosen], a, b, chosen[:1])
    return result


def _means(reach: Floats, r: Floats, a: Floats, b: Floats, one: slice | NDArray[np.intp]) -> Floats:
    """Of customers who have all the b of this `one`."""
    nodes = nodes_for(float(reach.max(initial=0.0)))
    chance, weight = _rules(tuple(a[:, 0].tolist()), tuple(b[:, one][:, 0].tolist()), nodes)
    if reach.shape[1] <= FEW:
        powers = np.expm1(-r[:, :, None] * np.log1p(reach[:, :, None] * chance[:, None, :]))
        return np.asarray(np.matmul(powers, weight[:, :, None])[:, :, 0])
    # Node by node: the whole table at once would not stay in the processor's cache.
    total = np.zeros_like(reach)
    for model in range(len(reach)):
        for p, w in zip(chance[model], weight[model], strict=True):
            total[model] += w * np.expm1(-r[model] * np.log1p(p * reach[model]))
    return total


@lru_cache(maxsize=8192)
def _rules(a: tuple[float, ...], b: tuple[float, ...], nodes: int) -> tuple[Floats, Floats]:
    """Of each model the points p of its rule, and -weight / p; shapes (k, nodes)."""
    chances, weights = zip(*(rule(*each, nodes) for each in zip(a, b, strict=True)), strict=True)
    return np.array(chances), -np.array(weights) / np.array(chances)


def nodes_for(reach: float) -> int:
    """Enough for DIGITS: the error falls by rho^-2 a node, rho of the ellipse that keeps clear of p = -1 / reach."""
    clear = 1.0 / max(reach, 1e-9)
    rho = 1.0 + 2.0 * clear + 2.0 * math.sqrt(clear + clear * clear)
    return min(MOST_NODES, 4 * math.ceil((DIGITS / (2.0 * math.log(rho)) + 1.0) / 4.0))


def rule(a: float, b: float, nodes: int) -> tuple[Floats, Floats]:
    """Points and weights whose sum is the mean over Beta(a, b) of any polynomial of degree up to 2 * nodes - 1.

    From the recurrence of Jacobi's polynomials by eigenvalues: Golub & Welsch 1969, Calculation of Gauss quadrature rules,
    Mathematics of Computation 23. Weights sum to 1, so no beta function can overflow.
    """
    n = np.arange(1, nodes, dtype=np.float64)
    at, bt = b - 1.0, a - 1.0  # exponents of (1 - u) and (1 + u), u = 2 p - 1
    s = 2 * n + at + bt
    diagonal = np.concatenate(([(bt - at) / (at + bt + 2.0)], (bt - at) * (bt + at) / (s * (s + 2.0))))
    squares = np.empty(len(n))
    if len(n):
        squares[0] = 4 * (1 + at) * (1 + bt) / ((2 + at + bt) ** 2 * (3 + at + bt))
        m = n[1:]
        squares[1:] = 4 * m * (m + at) * (m + bt) * (m + at + bt) / (s[1:] ** 2 * (s[1:] + 1) * (s[1:] - 1))
    points, vectors = eigh_tridiagonal(diagonal, np.sqrt(squares))
    return np.clip((points + 1.0) / 2.0, 1e-300, 1.0), vectors[0] ** 2


def probabilities(time: float, r: Floats, alpha: Floats, a: float, b: Floats) -> Iterator[Floats]:
    """P(X(time) = 0), then of 1, 2 and so on without end: equation 8, each term from the one before.

    Logarithms are kept of what falls below the smallest number when somebody buys daily.
    """
    log_share = np.log(time) - np.log(alpha + time) if time > 0 else np.full(np.shape(alpha), -np.inf)
    log_count = -r * np.log1p(time / alpha)
    staying, so_far, leaving = np.ones_like(alpha), np.zeros_like(alpha), np.zeros_like(alpha)
    n = 0
    while True:
        count = np.exp(log_count)
        yield staying * count + leaving * np.maximum(1.0 - so_far, 0.0)
        so_far = so_far + count
        leaving = staying * a / (a + b + n)
        staying = staying * (b + n) / (a + b + n)
        log_count = log_count + np.log((r + n) / (n + 1.0)) + log_share
        n += 1


def quantiles(
    levels: tuple[float, ...], active: Floats, time: float, r: Floats, alpha: Floats, a: float, b: Floats
) -> list[Floats]:
    """The least counts that are not exceeded with these probabilities, ascending and below 1. Who is not active, which has the
    probability 1 - active, buys nothing. Customers leave the sum as soon as their last count is found.
    """
    results = [np.zeros(len(alpha)) for _ in levels]
    left = np.arange(len(alpha))
    below = 1.0 - active
    terms = probabilities(time, r, alpha, a, b)
    n, seen = 0, np.arange(len(alpha))
    while len(left) and n < MOST_COUNTS:
        below = below + active[left] * next(terms)[seen]
        for level, result in zip(levels, results, strict=True):
            result[left[below < level]] = n + 1
        go_on = below < levels[-1]
        left, below, seen = left[go_on], below[go_on], seen[go_on]
        n += 1
        if len(left) < len(r) // 2 and len(left):
            # Begins anew for the few that are left, rather than carry everybody along to the most eager buyer's count.
            r, alpha, b = r[seen], alpha[seen], b[seen]
            terms, seen = probabilities(time, r, alpha, a, b), np.arange(len(left))
            for _ in range(n):
                next(terms)
    return results
