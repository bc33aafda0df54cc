"""Invented customers whose segment is known, with answers, statements and purchases, and for each the exact posterior.

as assumed           each piece depends on the segment alone; purchases of one customer are alike (compound multinomial)
correlated answers   three in ten answer everything as somebody of another segment would: their answers go together
mixed needs          every piece comes from a second need with a probability of a quarter
slow drift           segments change with a half-life of a year; until it learns, the model believes 438 days
drifting behaviour   segments change with a half-life of half a year
careless answers     three in ten answer everything at random
all at once          segments change with a half-life of a year, and each piece, purchases one by one, is of a lasting second need
                     with a probability of a quarter

Of what happens in all but the last two the model has a number, and has to learn it: how it does where the world is none of its own,
the last two tell. The exact posterior of each knows how its world is made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_store.differentiate.forward import Parameters
from crm_store.differentiate.gamma import Array, log_gamma
from crm_store.differentiate.needs import PERIOD
from crm_store.differentiate.observations import Bought, Observations

ANSWERS, STATES, BUYS = 0.6, 0.35, 0.7
"""Chance that a question was answered, that a need was stated, that anything was bought."""
COPIED, SECOND = 0.3, 0.25
HALF_LIFE = {"slow drift": 365.0, "drifting behaviour": 182.0, "all at once": 365.0}
YEAR = 365.0
WORLDS = (
    "as assumed",
    "correlated answers",
    "mixed needs",
    "slow drift",
    "drifting behaviour",
    "careless answers",
    "all at once",
)


@dataclass(frozen=True)
class World:
    """`known`: what the model is told; `exact`: ln of the exact posterior but for a constant, (n, S)."""

    known: Observations
    segment: np.ndarray
    exact: Array


def truth_near(given: Parameters, rng: np.random.Generator, closeness: float = 12.0) -> Parameters:
    """Likelihoods as they may really be where somebody wrote down `given`: drawn around it."""

    def around(table: Array) -> Array:
        drawn = [rng.dirichlet(closeness * column / column.sum() + 0.3) for column in table.T]
        return np.array(drawn).T

    return Parameters(
        rng.dirichlet(30 * given.prior),
        {name: around(table) for name, table in given.answers.items()},
        around(given.shares),
        trust=float(rng.uniform(0.7, 0.92)),
        repeats=float(rng.uniform(2, 6)),
    )


def make(kind: str, count: int, by: Parameters, rng: np.random.Generator) -> World:
    if kind in HALF_LIFE:
        return _drifting(count, by, rng, HALF_LIFE[kind], SECOND if kind == "all at once" else 0.0)
    return _still(kind, count, by, rng)


def _draw(chances: Array, rng: np.random.Generator) -> np.ndarray:
    """One of the columns of each row, by their chances."""
    return np.minimum((chances.cumsum(axis=1) < rng.random((len(chances), 1))).sum(axis=1), chances.shape[1] - 1)


def _statements(by: Parameters) -> Array:
    """(what is stated, segment)"""
    segments = len(by.prior)
    return np.where(np.eye(segments) > 0, by.trust, (1 - by.trust) / (segments - 1))


def _still(kind: str, count: int, by: Parameters, rng: np.random.Generator) -> World:
    """Nothing changes with time, and everything was told lately."""
    segments = len(by.prior)
    of = rng.choice(segments, count, p=by.prior)
    other = rng.choice(segments, count, p=by.prior)
    styled = kind in ("correlated answers", "careless answers")
    copies = (rng.random(count) < COPIED) if styled else np.zeros(count, bool)
    second = SECOND if kind == "mixed needs" else 0.0

    def whose() -> np.ndarray:
        """Of which segment the next piece is."""
        return np.where(copies | (rng.random(count) < second), other, of)

    def _said(table: Array) -> np.ndarray:
        said = _draw(table.T[whose()], rng)
        if kind == "careless answers":
            said = np.where(copies, rng.integers(len(table), size=count), said)
        return said

    # By segment that is thought to be theirs, and by the other one.
    own = np.zeros((count, segments, segments))

    def told(table: Array, said: np.ndarray, there: np.ndarray) -> None:
        chance = table[said]
        if styled:
            copied[there] += np.log(chance[there]) if kind == "correlated answers" else -np.log(len(table))
            plain[there] += np.log(chance[there])
        else:
            mixed = (1 - second) * chance[:, :, None] + second * chance[:, None, :]
            own[there] += np.log(mixed[there])

    plain, copied = np.zeros((count, segments)), np.zeros((count, segments))
    answers = {}
    for name, table in by.answers.items():
        there = rng.random(count) < ANSWERS
        said = _said(table)
        told(table, said, there)
        answers[name] = (np.where(there, said, -1), np.ones(count), np.zeros(count))
    there = rng.random(count) < STATES
    said = _said(_statements(by))
    told(_statements(by), said, there)
    stated = np.zeros((count, segments))
    stated[np.arange(count)[there], said[there]] = 1.0
    # What is bought for a second need is bought by the same hand: a customer's purchases are of one of the two.
    buyer = of if styled else np.where(rng.random(count) < second, other, of)
    number = np.where(rng.random(count) < BUYS, 1 + rng.poisson(3, count), 0)
    days = np.array(
        [
            rng.multinomial(n, rng.dirichlet(by.repeats * by.shares[:, s])) if n else np.zeros(len(by.shares))
            for n, s in zip(number, buyer, strict=True)
        ],
        dtype=float,
    ).reshape(count, len(by.shares))
    bought = np.zeros((count, segments))
    for place, parts in enumerate(by.repeats * by.shares):
        bought += log_gamma(days[:, place, None] + parts) - log_gamma(np.tile(parts, (count, 1)))
    if styled:
        persona = np.log(np.exp(copied) @ by.prior)
        exact = np.log(by.prior) + bought + np.log((1 - COPIED) * np.exp(plain) + COPIED * np.exp(persona)[:, None])
    else:
        factor = (1 - second) * np.exp(bought)[:, :, None] + second * np.exp(bought)[:, None, :]
        exact = np.log(by.prior) + np.log(np.exp(own) * factor @ by.prior)
    no_one = np.zeros((count, segments), bool)
    return World(Observations(answers, stated, np.zeros_like(stated), no_one, _lately(days)), of, exact)


def _changed(belief: Array, stays: Array, prior: Array) -> Array:
    drawn = (1 - stays)[:, None] * belief.sum(axis=2)
    return np.asarray(stays[:, None, None] * belief + drawn[:, :, None] * prior)


def _lately(days: Array) -> Bought:
    """(n, B): how often each bought, all of it today."""
    who, what = np.nonzero(days)
    return Bought(who, what, np.zeros(len(who)), days[who, what])


def _drifting(count: int, by: Parameters, rng: np.random.Generator, half_life: float, second: float) -> World:
    """Everything happens on some day of a year, and segments change meanwhile. What counts is the segment on its last day."""
    segments = len(by.prior)
    names = list(by.answers)
    slots = [*names, "need", *["bought"] * 6]
    happens = np.array([ANSWERS] * len(names) + [STATES] + [BUYS * 0.6] * 6)
    at = rng.uniform(0, YEAR, (count, len(slots)))
    at[rng.random(at.shape) > happens] = np.inf
    order = np.argsort(at, axis=1)
    answers = {name: (np.full(count, -1), np.ones(count), np.zeros(count)) for name in names}
    stated, ago = np.zeros((count, segments)), np.zeros((count, segments))
    bought = []
    of = rng.choice(segments, count, p=by.prior)
    other = rng.choice(segments, count, p=by.prior) if second else of
    # By second need, by need.
    belief = np.tile(by.prior[:, None] * by.prior, (count, 1, 1))
    before = np.zeros(count)
    rows = np.arange(count)
    for place in range(len(slots)):
        slot = order[:, place]
        when = at[rows, slot]
        there = np.isfinite(when)
        stays = 0.5 ** ((np.where(there, when, YEAR) - before) / half_life)
        before = np.where(there, when, YEAR)
        of = np.where(rng.random(count) < stays, of, rng.choice(segments, count, p=by.prior))
        belief = _changed(belief, stays, by.prior)
        whose = np.where(rng.random(count) < second, other, of) if second else of
        age = YEAR - before
        for index, name in enumerate([*names, "need", "bought"]):
            mine = there & (slot == index if name != "bought" else slot >= index)
            table = by.answers[name] if name in names else _statements(by) if name == "need" else by.shares
            said = _draw(table.T[whose], rng)
            chance = table[said][mine]
            belief[mine] *= (1 - second) * chance[:, None, :] + second * chance[:, :, None]
            if name in names:
                answers[name][0][mine], answers[name][2][mine] = said[mine], age[mine]
            elif name == "need":
                stated[rows[mine], said[mine]], ago[rows[mine], said[mine]] = 1.0, age[mine]
            else:
                bought.append((rows[mine], said[mine], PERIOD * (age[mine] // PERIOD), np.ones(mine.sum())))
        belief /= belief.sum(axis=(1, 2), keepdims=True)
    stays = 0.5 ** ((YEAR - before) / half_life)
    of = np.where(rng.random(count) < stays, of, rng.choice(segments, count, p=by.prior))
    belief = _changed(belief, stays, by.prior).sum(axis=1)
    purchases = Bought(*(np.concatenate(column) for column in zip(*bought, strict=True)))
    known = Observations(answers, stated, ago, np.zeros((count, segments), bool), purchases)
    return World(known, of, np.log(belief))
