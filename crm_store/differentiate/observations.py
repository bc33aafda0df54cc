"""What is known of many customers at once, as arrays, and in the order in which it was told. Pure.

Shapes: n customers, S segments, B behaviours; a question of O options.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crm_store.differentiate.gamma import Array
from crm_store.differentiate.needs import NEED

Choices = NDArray[np.int64]
Answers = tuple[Choices, Array, Array]
"""The number of the option, -1 for none; how sure its reading is; and how many days ago it was given. All (n,)."""
BOUGHT = ""
"""The matter of purchases among what was told, beside `NEED` and the ids of the questions."""
AT_A_TIME = 500
"""Customers in a batch: so many that arrays are worth their while, so few that they stay near the processor."""


def _none() -> Choices:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Bought:
    """Purchases: whose they are, of which behaviour, how many days ago, and on how many days. All (P,)."""

    row: Choices = field(default_factory=_none)
    behaviour: Choices = field(default_factory=_none)
    age: Array = field(default_factory=lambda: np.zeros(0))
    days: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Observations:
    """What is known of n customers."""

    answers: dict[str, Answers]
    """By question."""
    stated: Array
    """(n, S): how surely it was read that they stated this need; 0 where they did not."""
    stated_ago: Array
    """(n, S): how many days ago."""
    denied: NDArray[np.bool_]
    """(n, S)"""
    bought: Bought = field(default_factory=Bought)
    stands_for: Array | None = None
    """(n,): how many customers each stands for, of whom it was chosen by lot; itself alone where nothing is said."""

    @property
    def count(self) -> int:
        return len(self.stated)

    @property
    def weight(self) -> Array:
        return np.ones(self.count) if self.stands_for is None else self.stands_for

    @cached_property
    def days(self) -> Array:
        """(n,): on how many days each bought, a day in each category for one."""
        return np.bincount(self.bought.row, self.bought.days, self.count).astype(float)

    @cached_property
    def told(self) -> dict[str, NDArray[np.bool_]]:
        """By matter, who told of it."""
        told = {name: np.asarray(chosen >= 0) for name, (chosen, _, _) in self.answers.items()}
        return told | {NEED: np.asarray(self.stated.max(axis=1) > 0)}

    @cached_property
    def batches(self) -> list[Batch]:
        """Everybody, those with about as much told together."""
        told = _all_told(self)
        number = np.bincount(told.row, minlength=self.count)
        order = np.argsort(-number, kind="stable")
        return [_batch(told, order[first : first + AT_A_TIME], number) for first in range(0, self.count, AT_A_TIME)]


@dataclass(frozen=True)
class Told:
    """Each thing that was told. All (E,)."""

    row: Choices
    age: Array
    matter: Choices
    """Its place among questions, `NEED` and `BOUGHT`, in this order."""
    place: Choices
    """Which option, segment or behaviour."""
    sure: Array
    days: Array
    before: Array
    """Of purchases: on how many days, and on how many earlier ones of the same behaviour."""

    def at(self, which: Choices) -> Told:
        """These of them, in this order."""
        return Told(*(getattr(self, each.name)[which] for each in fields(self)))


@dataclass(frozen=True)
class Batch:
    """m customers, who has told most first; what they told in turns: of each the oldest, of each the next, and so on."""

    customers: Choices
    """(m,): their rows."""
    told: Told
    """(E,): by turns, and in a turn by customers; its `row` is the place among these customers."""
    gap: Array
    """(E,): days since what the same customer told before; 0 of what they told first."""
    turns: list[slice]
    """What was told in each; the k-th of a turn is of the k-th customer."""
    last: Array
    """(m,): how many days ago the newest was told."""


def _all_told(known: Observations) -> Told:
    """Whoever told it, the oldest first."""
    parts = [
        _words(matter, chosen, sure, ago, np.flatnonzero(chosen >= 0))
        for matter, (chosen, sure, ago) in enumerate(known.answers.values())
    ]
    for segment, (sure, ago) in enumerate(zip(known.stated.T, known.stated_ago.T, strict=True)):
        chosen = np.full(known.count, segment)
        parts.append(_words(len(known.answers), chosen, sure, ago, np.flatnonzero(sure)))
    bought, one = known.bought, np.ones(len(known.bought.row))
    matter = np.full(len(one), len(known.answers) + 1)
    parts.append(Told(bought.row, bought.age, matter, bought.behaviour, one, bought.days, 0 * one))
    told = Told(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Told)))
    told = told.at(np.lexsort((told.place, told.matter, -told.age, told.row)))
    return replace(told, before=_before(told.row, told.matter * 1000 + told.place, told.days))


def _words(matter: int, chosen: Choices, sure: Array, ago: Array, who: Choices) -> Told:
    nothing = np.zeros(len(who))
    return Told(who, ago[who], np.full(len(who), matter), chosen[who], sure[who], nothing, nothing)


def _before(row: Choices, kind: Choices, days: Array) -> Array:
    """Of what is in the order of time: the sum of the days of the same kind that the same customer has before."""
    order = np.lexsort((kind, row))
    number = days[order]
    sums = np.cumsum(number) - number
    new = np.ones(len(order), bool)
    new[1:] = (row[order][1:] != row[order][:-1]) | (kind[order][1:] != kind[order][:-1])
    start = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
    before = np.empty(len(order))
    before[order] = sums - sums[start]
    return before


def _batch(told: Told, customers: Choices, number: Choices) -> Batch:
    """`number`: how much everybody has told."""
    starts = np.concatenate([[0], np.cumsum(number)])
    theirs = number[customers]
    turns, which, first = [], [], 0
    for turn in range(int(theirs.max(initial=0))):
        there = int((theirs > turn).sum())
        which.append(starts[customers[:there]] + turn)
        turns.append(slice(first, first + there))
        first += there
    at = np.concatenate(which) if which else _none()
    gap = np.zeros(len(at))
    if len(turns) > 1:
        behind = slice(turns[0].stop, None)
        gap[behind] = told.age[at[behind] - 1] - told.age[at[behind]]
    last = np.where(theirs > 0, np.append(told.age, 0.0)[np.maximum(starts[customers] + theirs - 1, 0)], 0.0)
    place = np.concatenate([np.arange(t.stop - t.start) for t in turns]) if turns else _none()
    return Batch(customers, replace(told.at(at), row=place), gap, turns, last)
