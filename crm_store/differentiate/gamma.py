"""The logarithm of the gamma function and its derivative, for arrays: Abramowitz & Stegun 1964, 6.1.41 and 6.3.18, after
the argument is raised by the recurrences 6.1.15 and 6.3.5. Right to ten digits for positive arguments.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_RAISED = 6


def log_gamma(x: Array) -> Array:
    """ln G(x) for x > 0, of the shape of x."""
    below = np.ones_like(x)
    for step in range(_RAISED):
        below = below * (x + step)
    y = x + _RAISED
    z = 1 / (y * y)
    series = (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z / 1188)))) / y
    raised: Array = (y - 0.5) * np.log(y) - y + 0.5 * np.log(2 * np.pi) + series
    return raised - np.log(below)


def digamma(x: Array) -> Array:
    """d ln G(x) / dx for x > 0, of the shape of x."""
    below = np.zeros_like(x)
    for step in range(_RAISED):
        below = below + 1 / (x + step)
    y = x + _RAISED
    z = 1 / (y * y)
    raised: Array = np.log(y) - 0.5 / y - z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z / 132))))
    return raised - below
