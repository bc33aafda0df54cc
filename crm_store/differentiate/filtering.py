"""What a customer needs now, from what was told at different times by somebody whose need changes and who has others beside it.

A forward filter of a hidden Markov model (Rabiner 1989, eq. 19-21), each step of which is a sum and a product. A customer has a
need, which may give way to another between two things that were told, and a second one beside it, which does not. A word is of the
second need with a chance that is the same for all words, and what is bought is, as a whole, with the same chance. Some customers
answer altogether as somebody else would: all their words are of the second need. Pure; `forward` does the same for many at once.

Shapes: S needs, E things told, m customers (1 where it is of one); a state is (role, second need, need, m).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crm_store.differentiate.gamma import Array

SECOND, OTHER = 0.1, 0.1
"""What is taken of `Mixing` until it is learnt."""
LEAST, STEPS = 1e-30, 8
"""Of a likelihood beside the greatest, and every so many steps of a probability: so none falls below what a number can be."""
OWN, SAID_BY_OTHER, BOUGHT_BY_SECOND = range(3)
"""Roles of the second need: of a word now and then; of all words; of what is bought, beside a word now and then."""


@dataclass(frozen=True)
class Mixing:
    """How far what a customer tells is of the need that they have."""

    second: float = 0.0
    """Probability that a word, or what a customer buys, is of a second need."""
    other: float = 0.0
    """Share of customers who answer as somebody else would."""

    @property
    def roles(self) -> tuple[float, float, float]:
        """Probabilities of the roles of the second need."""
        mine = 1 - self.other
        return mine * (1 - self.second), self.other, mine * self.second

    @property
    def own(self) -> float:
        """Probability that a word is of the need which the customer has."""
        return (1 - self.other) * (1 - self.second)


class Sign(NamedTuple):
    """One thing that was told: P(it | need) but for a factor, in the order of the needs."""

    likelihood: Sequence[float]
    is_word: bool
    weight: float = 1.0
    """Exponent of the likelihood."""
    freshness: float = 1.0
    """Probability that the need has not changed since."""


def filtered(prior: Array, signs: Sequence[Sign], mixing: Mixing) -> Array:
    """The joint posterior of one customer now, (role, second need, need); sums to 1."""
    needs, state = len(prior), beginning(prior, mixing).reshape(-1, len(prior))
    if signs:
        told = sorted(signs, key=lambda s: s.freshness)
        likelihood = np.array([sign.likelihood for sign in told]).T
        factors, _ = mixed(likelihood, shares_of_second(np.array([sign.is_word for sign in told]), mixing.second))
        factors **= np.array([sign.weight for sign in told])
        factors = np.maximum(factors / factors.max(axis=(0, 1, 2)), LEAST)
        clock = np.array([told[0].freshness, *(sign.freshness for sign in told), 1.0])
        stays = np.divide(clock[:-1], clock[1:], out=np.ones(len(told) + 1), where=clock[1:] > clock[:-1])
        passing = _passing(stays, prior)
        factors = np.ascontiguousarray(factors.reshape(-1, needs, len(told)).transpose(2, 0, 1))
        for number, (passed, factor) in enumerate(zip(passing, factors, strict=False), 1):
            state = state @ passed * factor
            if number % STEPS == 0:
                state = np.maximum(state / state.max(), LEAST)
        state = state @ passing[-1]
    return np.asarray((state / state.sum()).reshape(-1, needs, needs))


def _passing(stays: Array, prior: Array) -> Array:
    """What a time does in which the need stays as it is with this probability and is drawn anew otherwise: a matrix for each."""
    stays = stays[:, None, None]
    return np.asarray(stays * np.eye(len(prior)) + (1 - stays) * prior)


def beginning(prior: Array, mixing: Mixing) -> Array:
    """The state before anything is told."""
    roles = np.array(mixing.roles)
    return np.asarray((roles[:, None, None] * prior[:, None] * prior)[..., None])


def shares_of_second(is_word: NDArray[np.bool_], second: float) -> Array:
    """(role, E): how far what was told is of the second need."""
    words = np.array([second, 1.0, second])[:, None]
    purchases = np.array([0.0, 0.0, 1.0])[:, None]
    return np.where(is_word, words, purchases)


def mixed(likelihood: Array, of_second: Array) -> tuple[Array, Array]:
    """The likelihood of what was told, (S, E), for each state, (role, second need, need, E); and its part by the need itself."""
    own = (1 - of_second)[:, None, None, :] * likelihood
    return own + of_second[:, None, None, :] * likelihood[:, None, :], own


def speaks(state: Array, second: float) -> Array:
    """(S,): P(the next word of this customer is of this need)."""
    beside = state[[OWN, BOUGHT_BY_SECOND]].sum(axis=0)
    of_second = second * beside.sum(axis=1) + state[SAID_BY_OTHER].sum(axis=1)
    return np.asarray((1 - second) * beside.sum(axis=0) + of_second)
