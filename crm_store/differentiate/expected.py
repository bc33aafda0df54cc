"""Likelihoods from customers whose segment nobody knows: expected counts on top of those of `business.yml`.

Expectation maximisation of a hidden Markov model (Rabiner 1989) with Dirichlet priors, so that each step adds
expected counts to prior counts: the equivalent sample size times what `business.yml` says (Heckerman 1998). The priors tell
the segments apart, so that none takes the place of another. Pure: arrays in, arrays out.

Shapes: n customers, S segments, B behaviours; a question of O options.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crm_store.differentiate.filtering import BOUGHT_BY_SECOND, OWN, SAID_BY_OTHER
from crm_store.differentiate.forward import Parameters, exponents, fresh_purchases, likelihoods, smoothed
from crm_store.differentiate.gamma import Array, digamma
from crm_store.differentiate.needs import NEED
from crm_store.differentiate.observations import Observations

MOST_COUNTS = 3.0
"""However much one customer buys, it counts as so many purchases at most. An answer counts as one at most."""
MOST_STEPS = 120
REMEMBERED = 8
"""Steps by which the next one is led."""
SHORT, FARTHEST = 3e-3, 0.25
"""Change of every probability in a step by which others are led; and the most that they change a logarithm beyond it."""
ROUNDS = 3
"""How often what goes together is measured: what is learnt with it shows more of it."""
CLOSE = 2e-5
"""Change of every probability below which nothing more is learnt."""
TOGETHER = 0.03
"""Change of how far two matters go together, below which it is not measured again."""
SURE = 0.5
"""How sure a word has to be for it to tell what goes together."""
TAKEN = 10.0
"""Customers whom it is worth what is taken of second needs, of answering as somebody else, of change and of the concentration
of purchases, until it is learnt: all customers together tell little enough of these."""
PAIRS = 100.0
"""Customers who told of two matters, at which what was measured of the two counts as half of what is taken."""


def learnt(known: Observations, given: Parameters, sample_size: float) -> Parameters:
    """What these customers make of what is given, worth `sample_size` customers of each segment.

    Where a segment comes to resemble what is given of another more than its own, what is given counts four times as much.
    """
    while True:
        found = fitted(known, given, sample_size)
        for _ in range(ROUNDS):
            before, found = found, replace(found, dependence=_dependence(known, found))
            if all(abs(rho - before.dependence.get(pair, 0.0)) < TOGETHER for pair, rho in found.dependence.items()):
                break
            found = fitted(known, given, sample_size, found)
        if _keep_their_names(given, found):
            return found
        sample_size *= 4


def fitted(known: Observations, given: Parameters, sample_size: float, start: Parameters | None = None) -> Parameters:
    """Steps until nothing moves; what goes together stays as `start` has it.

    Once steps are short each is taken from where the last ones together lead to (Walker & Ni 2011, Anderson acceleration for
    fixed-point iterations, eq. 2.2); long steps lead elsewhere than they seem to.
    """
    now = after = start or given
    places: list[Array] = []
    steps: list[Array] = []
    for _ in range(MOST_STEPS):
        before, after = now, _step(known, given, now, sample_size)
        moved = _moved(before, after)
        if moved < CLOSE:
            break
        if moved > SHORT:
            now, places, steps = after, [], []
            continue
        place, next_place = _as_vector(before), _as_vector(after)
        places, steps = [*places, place][-REMEMBERED:], [*steps, next_place - place][-REMEMBERED:]
        now = _from_vector(next_place + _leap(places, steps), given, after)
    return after


def _leap(places: list[Array], steps: list[Array]) -> Array:
    """How far beyond the last step the weights of all lead under which their lengths cancel out best."""
    if len(steps) < 2:
        return np.zeros_like(steps[0])
    turns = np.diff(steps, axis=0).T
    weights = np.linalg.lstsq(turns, steps[-1], rcond=1e-6)[0]
    leap = -(np.diff(places, axis=0).T + turns) @ weights
    return np.asarray(leap * min(1.0, FARTHEST / max(float(np.abs(leap).max()), 1e-12)))


def _moved(before: Parameters, after: Parameters) -> float:
    return max(
        float(np.abs(after.prior - before.prior).max()),
        float(np.abs(after.shares - before.shares).max(initial=0.0)),
        *(float(np.abs(after.answers[name] - before.answers[name]).max()) for name in before.answers),
        abs(after.trust - before.trust),
        abs(after.second - before.second),
        abs(after.other - before.other),
        abs(math.log(after.half_life / before.half_life)),
    )


def _as_vector(by: Parameters) -> Array:
    """Logarithms, so that whatever is added they stay probabilities."""
    parts = [
        by.prior,
        *(table.ravel() for table in by.answers.values()),
        by.shares.ravel(),
        np.array([by.trust, by.repeats, by.second, by.other, by.half_life]),
    ]
    return np.asarray(np.log(np.concatenate(parts)))


def _from_vector(logs: Array, given: Parameters, like: Parameters) -> Parameters:
    sizes = [given.prior.size, *(table.size for table in given.answers.values()), given.shares.size]
    prior, *tables, ends = np.split(np.exp(np.clip(logs, -30.0, 11.0)), np.cumsum(sizes))
    answers = {
        name: _scaled(part.reshape(table.shape))
        for (name, table), part in zip(given.answers.items(), tables[:-1], strict=True)
    }
    trust, repeats, second, other, half_life = (float(end) for end in ends)
    # Of a lone behaviour nothing is learnt.
    shares = _scaled(tables[-1].reshape(given.shares.shape)) if len(given.shares) > 1 else like.shares
    found = replace(like, prior=_scaled(prior), answers=answers, shares=shares, trust=trust, repeats=repeats)
    return _within(replace(found, second=second, other=other, half_life=half_life))


def _within(by: Parameters) -> Parameters:
    """A word on a need never tells against it, and most of what a customer tells is of their own."""
    return replace(
        by,
        trust=float(np.clip(by.trust, 1 / len(by.prior), 0.99)),
        repeats=float(np.clip(by.repeats, 0.2, 100.0)),
        second=float(np.clip(by.second, 1e-6, 0.5)),
        other=float(np.clip(by.other, 1e-6, 0.5)),
        half_life=float(np.clip(by.half_life, 7.0, 36500.0)),
    )


@dataclass(frozen=True)
class _Sums:
    """What all batches come to; each customer as often as they stand for others."""

    into: Array
    answers: dict[str, Array]
    named: float
    """How surely who stated a need had it."""
    words: float
    words_of_second: float
    roles: Array
    """(role,): customers."""
    roles_of_buyers: Array
    changes: float
    days: float
    """Days in which the need may have changed."""
    shares: Array
    spread: float


def _step(known: Observations, given: Parameters, now: Parameters, sample_size: float) -> Parameters:
    sums = _expected(known, now)
    segments = len(now.prior)
    answers = {name: _scaled(sample_size * given.answers[name] + sums.answers[name]) for name in given.answers}
    stated = known.weight @ known.stated.sum(axis=1)
    of_second = sums.words_of_second + sums.roles_of_buyers[BOUGHT_BY_SECOND]
    may_be = sums.words + sums.roles_of_buyers[[OWN, BOUGHT_BY_SECOND]].sum()
    # As if so many customers had been watched for as long as it takes half of them to change.
    watched = TAKEN * given.half_life
    rate = (TAKEN * np.log(2) + sums.changes) / (watched + sums.days)
    found = replace(
        now,
        prior=_scaled(sample_size * segments * given.prior + sums.into),
        answers=answers,
        trust=(sample_size * given.trust + sums.named) / (sample_size + stated),
        second=(TAKEN * given.second + of_second) / (TAKEN + may_be),
        other=(TAKEN * given.other + sums.roles[SAID_BY_OTHER]) / (TAKEN + sums.roles.sum()),
        half_life=float(np.log(2) / rate),
    )
    if len(now.shares) > 1 and len(known.bought.row):
        # As if so many purchases as the prior is worth had been seen at its concentration.
        repeats = (TAKEN + sums.shares.sum()) / (TAKEN / given.repeats + sums.spread)
        found = replace(found, shares=_scaled(sample_size * given.shares + sums.shares), repeats=float(repeats))
    return _within(found)


def _expected(known: Observations, now: Parameters) -> _Sums:
    """Shares and concentration go by the fixed-point steps of Minka (2000, Estimating a Dirichlet distribution)."""
    raised = exponents(known, now)
    into, roles, buyers, shares = np.zeros(len(now.prior)), np.zeros(3), np.zeros(3), np.zeros_like(now.shares)
    answers = {name: np.zeros_like(table) for name, table in now.answers.items()}
    named = words = words_of_second = changes = days = spread = 0.0
    for batch in known.batches:
        told, weight = batch.told, known.weight[batch.customers]
        seen = smoothed(batch, known, now, likelihoods(batch, now), raised)
        each = weight[told.row] * told.sure
        for matter, name in enumerate(now.answers):
            here = told.matter == matter
            np.add.at(answers[name], told.place[here], (seen.source[:, here] * each[here]).T)
        here = told.matter == len(now.answers)
        named += float(each[here] @ seen.source[told.place[here], here])
        into += seen.into
        theirs = seen.now.sum(axis=(1, 2))
        roles += theirs @ weight
        total = known.days[batch.customers]
        buyers += theirs @ (weight * (total > 0))
        spoken = told.matter <= len(now.answers)
        words += float(((1 - theirs[SAID_BY_OTHER])[told.row] * weight[told.row])[spoken].sum())
        words_of_second += float(seen.of_second @ weight[told.row])
        rate = np.log(2) / now.half_life
        hidden = rate * batch.gap / np.maximum(-np.expm1(-rate * batch.gap), 1e-12)
        changes += float((seen.changed * hidden) @ weight[told.row])
        days += float(batch.gap @ weight[told.row])
        here = ~spoken
        fresh = (fresh_purchases(batch, now) * seen.source)[:, here]
        number = np.bincount(told.row[here], fresh.sum(axis=0), len(total))
        # Each customer's counts are bounded, by how many they stand for.
        bound = weight * np.minimum(1.0, MOST_COUNTS / np.maximum(number, 1e-9))
        np.add.at(shares, told.place[here], (fresh * bound[told.row[here]]).T)
        spread += float(bound @ (digamma(total + now.repeats) - digamma(np.full(1, now.repeats))))
    return _Sums(into, answers, named, words, words_of_second, roles, buyers, changes, days, shares, spread)


def _scaled(counts: Array) -> Array:
    """Columns that sum to 1; a single row of prior counts as one column."""
    return np.asarray(counts / counts.sum(axis=0))


def _dependence(known: Observations, by: Parameters) -> dict[frozenset[str], float]:
    """How much matters go together beyond what the needs explain: what is observed of the log-likelihoods of both, less
    what independence given the needs would make of it, over their spread (the bivariate residuals of
    Vermunt & Magidson 2005, as a correlation). What chance could have made is left out.
    """
    state = _states(known, by)
    scores, tables, certain = _scores(known, by)
    means = {matter: _means(table, by.second) for matter, table in tables.items()}
    found = {}
    matters = sorted(scores)
    for place, one in enumerate(matters):
        for other in matters[place + 1 :]:
            both = certain[one] & certain[other]
            number = int(both.sum())
            if number < 2:
                continue
            mix = state[both].mean(axis=0)
            seen = (scores[one][both] * scores[other][both] @ by.prior).mean()
            explained = np.einsum("rosp,rosp,ros,p->", means[one], means[other], mix, by.prior)
            needs = mix.sum(axis=(0, 1))
            spread = np.sqrt(_variance(tables[one], needs, by.prior) * _variance(tables[other], needs, by.prior))
            rho = (seen - explained) / max(float(spread), 1e-9) - 1 / np.sqrt(number)
            found[frozenset((one, other))] = float(np.clip(rho, 0, 1) * number / (number + PAIRS))
    return found


def _states(known: Observations, by: Parameters) -> Array:
    """(n, role, second need, need): the joint posterior of each now."""
    raised = exponents(known, by)
    found = np.empty((known.count, 3, len(by.prior), len(by.prior)))
    for batch in known.batches:
        now = smoothed(batch, known, by, likelihoods(batch, by), raised).now
        found[batch.customers] = np.moveaxis(now, -1, 0)
    return found


def _means(table: Scores, second: float) -> Array:
    """(role, second need, need, S): the mean score for each segment of a word of such customers."""
    mean = _mean(table)
    mixed = (1 - second) * mean[None, :, :] + second * mean[:, None, :]
    other = np.broadcast_to(mean[:, None, :], mixed.shape)
    return np.stack([mixed, other, mixed])


Scores = tuple[Array, Array]
"""P(said | segment) and the score of what was said: (O, S) both."""


def _scores(
    known: Observations, by: Parameters
) -> tuple[dict[str, Array], dict[str, Scores], dict[str, NDArray[np.bool_]]]:
    """By matter: what each customer's words score for each segment (n, S), the table of it, and whose words are certain."""
    scores, tables, certain = {}, {}, {}
    which = {name: (chosen, sure) for name, (chosen, sure, _) in known.answers.items()}
    which[NEED] = (known.stated.argmax(axis=1), known.stated.max(axis=1))
    for name, (chosen, sure) in which.items():
        table = by.stated if name == NEED else by.answers[name]
        logs = np.log(table)
        score = logs - (logs @ by.prior)[:, None]
        tables[name] = (table, score)
        scores[name] = score[np.maximum(chosen, 0)]
        certain[name] = (chosen >= 0) & (sure > SURE)
    return scores, tables, certain


def _mean(table: Scores) -> Array:
    """(S, S): of customers of a segment, the mean score for each segment."""
    chance, score = table
    return np.asarray(chance.T @ score)


def _variance(table: Scores, mix: Array, prior: Array) -> float:
    chance, score = table
    return float(mix @ (chance.T @ score**2 - _mean(table) ** 2) @ prior)


def _keep_their_names(given: Parameters, found: Parameters) -> bool:
    """Whether no two segments are nearer to what was given of each other than to what was given of themselves."""
    before = np.vstack([*given.answers.values(), given.shares])
    after = np.vstack([*found.answers.values(), found.shares])
    apart = np.abs(after[:, :, None] - before[:, None, :]).sum(axis=0)
    own = np.diag(apart)
    return bool((own[:, None] + own[None, :] <= apart + apart.T + 1e-9).all())
