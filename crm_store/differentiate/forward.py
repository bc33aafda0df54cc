"""`filtering` for many customers at once, and what it makes of the past: forward and backward through what was told.

The forward-backward algorithm of a hidden Markov model (Rabiner 1989, eq. 19-27), with time that passes between what was told.
Pure: arrays in, arrays out. Shapes: m customers of a batch, S segments, E things told; a state is (role, second need, need, m).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from crm_store.differentiate.filtering import OTHER, SECOND, Mixing, beginning, mixed, shares_of_second
from crm_store.differentiate.gamma import Array, digamma, log_gamma
from crm_store.differentiate.needs import HALF_LIFE, NEED, REPEATS, STATED
from crm_store.differentiate.observations import Batch, Observations

FLOOR = 1e-250
"""Of a probability beside the greatest: what was refused may leave nothing else."""


@dataclass(frozen=True)
class Parameters:
    """What the posterior rests on. `answers`: by question (O, S); `shares`: (B, S)."""

    prior: Array
    answers: dict[str, Array]
    shares: Array
    trust: float = STATED
    repeats: float = REPEATS
    dependence: dict[frozenset[str], float] = field(default_factory=dict)
    second: float = SECOND
    other: float = OTHER
    half_life: float = HALF_LIFE

    @property
    def mixing(self) -> Mixing:
        return Mixing(self.second, self.other)

    @property
    def stated(self) -> Array:
        """(what is stated, S)"""
        segments = len(self.prior)
        return np.where(np.eye(segments) > 0, self.trust, (1 - self.trust) / (segments - 1))


@dataclass(frozen=True)
class Smoothed:
    """What a batch comes to, when all is known that was told since."""

    now: Array
    """State: the joint posterior as things are."""
    source: Array
    """(S, E): P(this was of the need S)."""
    of_second: Array
    """(E,): P(a word was of the second need now and then); of purchases 0."""
    changed: Array
    """(E,): P(the need changed in the time before)."""
    into: Array
    """(S,): expected number of customers who began with this need, or changed into it; by what they stand for."""


def exponents(known: Observations, by: Parameters) -> dict[str, Array]:
    """By matter, the exponent that what goes with it leaves it; see `needs.tempered`. (n,) each."""
    beside = {matter: np.ones(known.count) for matter in known.told}
    for pair, rho in by.dependence.items():
        one, other = sorted(pair)
        beside[one] += rho * known.told[other]
        beside[other] += rho * known.told[one]
    return {matter: 1 / sum_ for matter, sum_ in beside.items()}


def log_posteriors(known: Observations, by: Parameters) -> Array:
    """(n, S): ln P(segment | what is known), as `needs.posterior` of what is `needs.tempered` has it."""
    found = np.empty((known.count, len(by.prior)))
    raised = exponents(known, by)
    for batch in known.batches:
        state = _forward(batch, by, likelihoods(batch, by), _exponents(batch, by, raised))[0]
        found[batch.customers] = state.sum(axis=(0, 1)).T
    refuses = known.denied.any(axis=1) & ~known.denied.all(axis=1)
    found[refuses] = np.where(known.denied[refuses], 0.0, found[refuses])
    found[known.denied.all(axis=1)] = by.prior
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(found / found.sum(axis=1, keepdims=True)))


def likelihoods(batch: Batch, by: Parameters) -> Array:
    """(S, E): P(what was told | need), but for a factor."""
    told = batch.told
    found = np.empty((len(by.prior), len(told.row)))
    for matter, table in enumerate([*by.answers.values(), by.stated]):
        here = told.matter == matter
        plain, sure = table[told.place[here]].T, told.sure[here]
        found[:, here] = sure * plain + (1 - sure) * plain.mean(axis=0)
    here = told.matter == len(by.answers) + 1
    parts, before = by.repeats * by.shares[told.place[here]].T, told.before[here]
    logs = log_gamma(parts + before + told.days[here]) - log_gamma(parts + before)
    found[:, here] = np.exp(np.maximum(logs - logs.max(axis=0, initial=-np.inf), -600.0))
    return found


def fresh_purchases(batch: Batch, by: Parameters) -> Array:
    """(S, E): how many of the purchases are no repeats of one before (Minka 2000, Estimating a Dirichlet distribution)."""
    told = batch.told
    if not len(by.shares):
        return np.zeros((len(by.prior), len(told.row)))
    parts = by.repeats * by.shares[np.minimum(told.place, len(by.shares) - 1)].T + 1e-12
    return np.asarray(parts * (digamma(parts + told.before + told.days) - digamma(parts + told.before)))


def _exponents(batch: Batch, by: Parameters, raised: Mapping[str, Array]) -> Array | None:
    """(E,); None where all are 1."""
    if not any(by.dependence.values()):
        return None
    told, found = batch.told, np.ones(len(batch.told.row))
    for matter, name in enumerate([*by.answers, NEED]):
        here = told.matter == matter
        found[here] = raised[name][batch.customers[told.row[here]]]
    return found


def _stays(days: Array, by: Parameters) -> Array:
    return np.asarray(0.5 ** (days / by.half_life))


Passed = list[tuple[Array, Array, Array]]
"""By turn: the state before the time that passed; the likelihood of what was told, raised; and its part by the need itself."""


def _forward(
    batch: Batch, by: Parameters, likelihood: Array, raised: Array | None, passed: Passed | None = None
) -> tuple[Array, Array]:
    """The state now, and of all time that passed how surely nothing changed; `passed` is filled where it is given."""
    state = np.repeat(beginning(by.prior, by.mixing), len(batch.customers), axis=3)
    stays, second = _stays(batch.gap, by), shares_of_second(batch.told.matter <= len(by.answers), by.second)
    for turn in batch.turns:
        some = slice(0, turn.stop - turn.start)
        before = state[..., some].copy()
        factor, own = mixed(likelihood[:, turn], second[:, turn])
        share = own / factor if passed is not None else own
        if raised is not None:
            factor **= raised[turn]
        now = _later(before, stays[turn], by.prior) if batch.gap[turn].any() else before
        state[..., some] = _after(now, factor)
        if passed is not None:
            passed.append((before, factor, share))
    state = _later(state, _stays(batch.last, by), by.prior)
    return state / state.sum(axis=(0, 1, 2)), stays


def _later(state: Array, stays: Array, prior: Array) -> Array:
    """After a time in which the need stays what it is with this probability, (m,), and is drawn anew otherwise."""
    drawn = (1 - stays) * state.sum(axis=2)
    return np.asarray(stays * state + drawn[:, :, None, :] * prior[:, None])


def _after(state: Array, factor: Array) -> Array:
    """When something was told whose likelihood is `factor`, a state; the greatest is 1."""
    found = state * factor
    return np.asarray(np.maximum(found / found.max(axis=(0, 1, 2)), FLOOR))


def smoothed(
    batch: Batch, known: Observations, by: Parameters, likelihood: Array, raised: Mapping[str, Array]
) -> Smoothed:
    """Backward from now through what was told. What a customer refused is not theirs now."""
    passed: Passed = []
    now, stays = _forward(batch, by, likelihood, _exponents(batch, by, raised), passed)
    denied = known.denied[batch.customers]
    free = 1.0 - (denied & ~denied.all(axis=1, keepdims=True)).astype(float).T
    weight = known.weight[batch.customers]
    now = now * free
    now /= now.sum(axis=(0, 1, 2))
    back = np.broadcast_to(free, now.shape).copy()
    back = _earlier(back, _stays(batch.last, by), by.prior)
    source = np.empty_like(likelihood)
    of_second, changed = np.zeros(len(batch.gap)), np.zeros(len(batch.gap))
    into = np.zeros(len(by.prior))
    words = batch.told.matter <= len(by.answers)
    for turn, (before, factor, share) in zip(reversed(batch.turns), reversed(passed), strict=True):
        some = slice(0, turn.stop - turn.start)
        ahead = factor * back[..., some]
        moved = batch.gap[turn].any()
        joint = (_later(before, stays[turn], by.prior) if moved else before) * ahead
        whole = joint.sum(axis=(0, 1, 2))
        joint /= whole
        mine = joint * share
        others = joint - mine
        source[:, turn] = mine.sum(axis=(0, 1)) + others.sum(axis=(0, 2))
        of_second[turn] = np.where(words[turn], others[0::2].sum(axis=(0, 1, 2)), 0.0)
        if moved:
            drawn = (
                (1 - stays[turn]) * before.sum(axis=2)[:, :, None, :] * by.prior[None, None, :, None] * ahead / whole
            )
            each = drawn.sum(axis=(0, 1))
            changed[turn] = each.sum(axis=0)
            into += each @ weight[some]
            ahead = _earlier(ahead, stays[turn], by.prior)
        back[..., some] = ahead / ahead.max(axis=(0, 1, 2))
    first = back * beginning(by.prior, by.mixing)
    into += (first.sum(axis=(0, 1)) / first.sum(axis=(0, 1, 2))) @ weight
    return Smoothed(now, source, of_second, changed, into)


def _earlier(ahead: Array, stays: Array, prior: Array) -> Array:
    """What is to come, as seen from before the time that passes."""
    drawn = (1 - stays) * np.einsum("s,rosm->rom", prior, ahead)
    return np.asarray(stays * ahead + drawn[:, :, None, :])
