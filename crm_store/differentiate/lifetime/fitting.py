"""The summit of a log-likelihood, how sure it is, and whether it was reached at all.

Parameters are sought on a scale without borders (logarithms), with or without a prior on that scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
Objective = Callable[[Floats], tuple[float, Floats]]
"""The log-likelihood at a point, and its gradient there."""

STEP = 1e-4
"""Of the differences that make the Hessian from gradients."""
TOLERANCE = 1e-4
"""How much log-likelihood a last Newton step may still promise: far below what any datum says."""
FARTHEST = 15.0
"""A logarithm beyond which a parameter counts as having run away."""
POLISH = 6


@dataclass(frozen=True)
class Prior:
    """Independent normal distributions of the parameters, on the scale of the search: a penalty of the fit (ridge)."""

    centre: Floats
    deviation: Floats

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        z = (theta - self.centre) / self.deviation
        return -0.5 * float(z @ z), -z / self.deviation


@dataclass(frozen=True)
class Summit:
    """Where the search ended."""

    theta: Floats
    log_likelihood: float
    """Without the prior's part."""
    covariance: Floats
    """Inverse of the observed information there, the prior's part included."""
    converged: bool
    message: str
    """Why it did not converge; empty where it did."""


def climb(likelihood: Objective, start: Floats, prior: Prior | None) -> Summit:
    """Maximises likelihood times prior by BFGS, then by Newton steps. Never raises for want of convergence: it says so."""

    def downhill(theta: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(theta)
        if prior is not None:
            penalty, slope = prior(theta)
            value, gradient = value + penalty, gradient + slope
        return -value, -gradient

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        size = max(1.0, abs(downhill(start)[0]))
        found = minimize(
            lambda theta: tuple(part / size for part in downhill(theta)),
            start,
            jac=True,
            method="BFGS",
            options={"gtol": 1e-7},
        )
        theta, information, left = found.x, np.full((len(start), len(start)), np.nan), np.inf
        for _ in range(POLISH):
            value, gradient = downhill(theta)
            information = hessian(lambda at: downhill(at)[1], theta)
            if not np.all(np.isfinite(information)) or np.linalg.eigvalsh(information)[0] <= 0:
                left = np.inf
                break
            step = np.linalg.solve(information, gradient)
            left = float(gradient @ step) / 2
            if left < TOLERANCE or not downhill(theta - step)[0] < value:
                break
            theta = theta - step
    message = _wrong(theta, left, found.message)
    covariance = np.linalg.inv(information) if not message else np.zeros_like(information)
    return Summit(theta, likelihood(theta)[0], covariance, not message, message)


def hessian(gradient: Callable[[Floats], Floats], theta: Floats) -> Floats:
    """By central differences of the gradient, made symmetric."""
    steps = np.eye(len(theta)) * STEP
    rows = np.array([(gradient(theta + step) - gradient(theta - step)) / (2 * STEP) for step in steps])
    return np.asarray((rows + rows.T) / 2)


def _wrong(theta: Floats, left: float, said: str) -> str:
    if not np.all(np.isfinite(theta)) or np.max(np.abs(theta)) > FARTHEST:
        return "a parameter ran away: the data do not bound it"
    if not np.isfinite(left):
        return "the log-likelihood is flat where the search ended: the data do not tell the parameters apart"
    if left >= TOLERANCE:
        return f"the search ended below the summit: {said}"
    return ""
