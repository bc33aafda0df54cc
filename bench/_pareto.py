"""Pareto/NBD's probabilities of counts to come, by plain numerical integration: slow, and for comparison alone.

Purchases come at a rate l, the customer leaves at a rate m, and both are drawn from gamma distributions (Schmittlein, Morrison &
Colombo 1987, Counting your customers: who are they and what will they do next?). Times are in one unit.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaln

Floats = NDArray[np.float64]

GRID = 110
BLOCK = 100
LEAST, MOST = 1e-9, 8.0
"""Rates between which is integrated, on a logarithmic scale."""


def log_densities(
    fitted: Mapping[str, float], frequency: Floats, recency: Floats, age: Floats, time: float, counts: Floats
) -> Floats:
    """ln P of `counts` purchases within `time`, shape (n,), under parameters r, alpha, s and beta."""
    log_rate = np.linspace(np.log(LEAST), np.log(MOST), GRID)
    l, m = (np.exp(side).ravel() for side in np.meshgrid(log_rate, log_rate, indexing="ij"))  # noqa: E741
    drawn = _log_gamma(l, fitted["r"], fitted["alpha"]) + _log_gamma(m, fitted["s"], fitted["beta"])
    both, result = l + m, np.empty(len(counts))
    for start in range(0, len(counts), BLOCK):
        here = slice(start, start + BLOCK)
        x, n = frequency[here, None], counts[here, None]
        weight = drawn + x * np.log(l)
        alive = np.exp(weight - both * age[here, None])
        gone = np.exp(weight - both * recency[here, None]) * m / both - alive * m / both
        stays = np.exp(n * np.log(l * time) - both * time - gammaln(n + 1))
        leaves = m / both * np.exp(n * np.log(l / both)) * gammainc(n + 1, both * time)
        total = alive.sum(axis=1) + gone.sum(axis=1)
        result[here] = ((alive * (stays + leaves)).sum(axis=1) + np.where(n[:, 0] == 0, gone.sum(axis=1), 0.0)) / total
    return np.log(result)


def _log_gamma(value: Floats, shape: float, rate: float) -> Floats:
    """The density of ln(value)."""
    return np.asarray(shape * np.log(rate * value) - gammaln(shape) - rate * value)
