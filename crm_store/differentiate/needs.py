"""What a customer needs: a posterior over the segments of `business.yml`, moved by what was said and done.

Pieces of evidence are independent given a need that may have changed since, and a second one beside it (`filtering`); each piece
that goes with another is tempered, and what the customer has refused is out of the question. Pure: no database, no clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np

from crm_store.business import Business
from crm_store.differentiate.filtering import Mixing, Sign, filtered, speaks
from crm_store.differentiate.gamma import Array

STATED = 0.85
"""Probability that somebody who states a need is of the segment it names."""
NOW = 2.0
"""Exponent of what is said in the conversation under way: what is asked for now outranks what is known from before."""
REPEATS = 3.0
"""Concentration of what one customer buys around what the segment buys, until it is measured: the lower, the more purchases
of one customer are alike whatever the segment, and the less the next one tells."""
NEED = "need"
"""The matter of all that was said of a need in free words, beside the ids of the questions."""
LEAST = 0.005
"""Purchase days, after decay, below which a behaviour is forgotten."""
PERIOD = 28
"""Days: purchases are told apart in time by four weeks."""

HALF_LIFE = 365.0
"""Days after which half of the customers have another need, where nothing is said."""
ALL_OWN = Mixing()
"""Everything is of the one need that a customer has."""

Posterior = dict[str, float]
ByPeriod = dict[int, int]
"""By how many periods of `PERIOD` days ago, on how many days."""
Periods = dict[str, ByPeriod]
"""By category, when it was bought."""
Dependence = Mapping[frozenset[str], float]
"""By two matters, how much what is said on one goes with what is said on the other beyond what the segment explains, 0 to 1."""


@dataclass(frozen=True)
class Evidence:
    """One thing that tells of a need, with where it came from."""

    kind: Literal["answered", "stated", "denied", "observed"]
    key: str
    """Question id, "need", or behaviour id."""
    value: str
    """Option id, segment id, or category."""
    strength: float = 1.0
    """How sure the reading of the words is, 0 to 1."""
    weight: float = 1.0
    """Exponent of its likelihood."""
    words: str | None = None
    message_id: str | None = None
    touchpoint: str | None = None
    """Where it was told, when no message did."""
    told_by: str | None = None
    """Name of the member of staff who wrote it down."""
    at: datetime | None = None
    """When it was told, or done last."""
    freshness: float = 1.0
    """Probability that the need has not changed since."""
    days: float = 1.0
    """On how many days it was observed, each as fresh as it is."""
    times: tuple[tuple[float, float], ...] = ()
    """How fresh those days are, and how many are so, the oldest first; where nothing is said all are as fresh as the piece."""
    trust: float = STATED
    """Probability that somebody who states this need has it."""
    repeats: float = REPEATS
    """See `REPEATS`."""

    @property
    def matter(self) -> str:
        """What it is about: later words on one matter replace earlier ones, and matters may go together."""
        return self.key if self.kind == "answered" else NEED


def likelihood(business: Business, piece: Evidence) -> Mapping[str, float] | None:
    """P(evidence | segment) up to a factor, before the weight; None when `business.yml` no longer knows what was asked, or asked
    for no need.

    Of a need that was refused it is 0 for that segment. What was read without being sure, or may hold no longer, says with the
    rest of its weight nothing: the mean over the segments. Of one piece alone: beside others, `posterior` says what has changed.
    """
    return _read(business, piece, piece.strength * piece.freshness)


def _read(business: Business, piece: Evidence, sure: float) -> Mapping[str, float] | None:
    """The same when the piece is as sure as this."""
    plain = _plain(business, piece)
    if plain is None or piece.kind == "denied":
        return plain
    nothing = (1 - sure) * sum(plain.values()) / len(plain)
    return {s: sure * p + nothing for s, p in plain.items()}


def _plain(business: Business, piece: Evidence) -> Mapping[str, float] | None:
    segments = business.segment_ids
    if piece.kind in ("stated", "denied"):
        if piece.value not in segments:
            return None
        if piece.kind == "denied":
            return {s: float(s != piece.value) for s in segments}
        rest = (1 - piece.trust) / (len(segments) - 1)
        return {s: piece.trust if s == piece.value else rest for s in segments}
    if piece.kind == "answered":
        question = business.question(piece.key)
        return question.chances.get(piece.value) if question else None
    shares = business.needs.shares.get(piece.key)
    if shares is None:
        return None
    return dict(zip(shares, _urn(list(shares.values()), piece.repeats, 0.0, piece.days), strict=True))


def _urn(shares: Sequence[float], repeats: float, before: float, days: float) -> list[float]:
    """What so many more days of one behaviour tell after those before: the part of the Dirichlet compound multinomial that
    depends on the segment, G(before + days + a) / G(before + a), with a the concentration times the segment's share (Madsen,
    Kauchak & Elkan 2005).
    """
    parts = [before + repeats * part for part in shares]
    if days == 1:
        return parts  # G(1 + a) / G(a) is a
    logs = [math.lgamma(days + a) - math.lgamma(a) for a in parts]
    top = max(logs)
    # Never 0, however long a life of purchases is.
    return [math.exp(max(v - top, -600.0)) for v in logs]


def posterior(business: Business, evidence: Iterable[Evidence], mixing: Mixing = ALL_OWN) -> Posterior:
    """P(segment | evidence), of the need as it is now. Sums to 1.

    A segment that was refused has probability 0. Who has refused them all is somebody of whom nothing is known.
    """
    needs = _joint(business, evidence, mixing).sum(axis=(0, 1))
    return dict(zip(business.segment_ids, needs.tolist(), strict=True))


def speaking(business: Business, evidence: Iterable[Evidence], mixing: Mixing = ALL_OWN) -> Posterior:
    """P(the customer's next word is of this segment): of their need, of the second one, or of somebody else's."""
    said = speaks(_joint(business, evidence, mixing), mixing.second)
    return dict(zip(business.segment_ids, said.tolist(), strict=True))


def _joint(business: Business, evidence: Iterable[Evidence], mixing: Mixing) -> Array:
    """(role, second need, need), without what was refused. Sums to 1."""
    evidence = list(evidence)
    refused = {piece.value for piece in evidence if piece.kind == "denied"}
    prior = np.array([business.prior[s] for s in business.segment_ids])
    if refused.issuperset(business.segment_ids):
        return filtered(prior, [], mixing)
    signs = [sign for piece in evidence for sign in _signs(business, piece)]
    free = np.array([float(s not in refused) for s in business.segment_ids])
    state = filtered(prior, signs, mixing) * free
    return np.asarray(state / state.sum())


def _signs(business: Business, piece: Evidence) -> Iterator[Sign]:
    """What a piece says of the need of its time; nothing of what `business.yml` no longer has."""
    if piece.kind == "observed" and piece.times:
        shares, before = list(business.needs.shares.get(piece.key, {}).values()), 0.0
        if not shares:
            return
        for freshness, days in piece.times:
            yield Sign(_urn(shares, piece.repeats, before, days), False, piece.weight, freshness)
            before += days
    elif piece.kind != "denied":
        alone = _read(business, piece, piece.strength)
        if alone is not None:
            likely = [alone[s] for s in business.segment_ids]
            yield Sign(likely, piece.kind != "observed", piece.weight, piece.freshness)


def observed(
    business: Business,
    periods: Mapping[str, ByPeriod],
    repeats: float = REPEATS,
    last: Mapping[str, datetime] | None = None,
    half_life: float = HALF_LIFE,
) -> list[Evidence]:
    """Evidence from purchases. `periods`: when each category was bought; `last`: when last; `half_life`: of a need, in days."""
    found = []
    for behaviour in business.needs.behaviours:
        theirs = periods.get(behaviour.category, {})
        times = tuple((fresh(PERIOD * period, half_life), theirs[period]) for period in sorted(theirs, reverse=True))
        days = still_told(theirs, half_life)
        if days > LEAST:
            at = (last or {}).get(behaviour.category)
            found.append(
                Evidence("observed", behaviour.id, behaviour.category, days=days, repeats=repeats, at=at, times=times)
            )
    return found


def still_told(periods: ByPeriod, half_life: float) -> float:
    """On how many days, each as fresh as it is."""
    return sum(fresh(PERIOD * period, half_life) * days for period, days in periods.items())


def fresh(days: float, half_life: float) -> float:
    """Probability that what was true so many days ago still is. What is dated ahead is as fresh as today's."""
    return float(0.5 ** (max(days, 0.0) / half_life))


def tempered(evidence: Sequence[Evidence], dependence: Dependence) -> list[Evidence]:
    """The pieces, each with the exponent that what goes with it leaves it: 1 / (1 + sum of its dependence on the others).

    Two that always go together so count as one: the design effect of a cluster (Kish 1965), piece by piece. Beside a need that is
    stated in the conversation under way, what was bought before counts by as much less as the statement counts more.
    """
    said = [piece for piece in evidence if piece.kind in ("answered", "stated")]
    before = 1 / NOW if any(piece.kind == "stated" and piece.weight == NOW for piece in said) else 1.0

    def left(piece: Evidence) -> float:
        if piece.kind == "observed":
            return before
        others = (other for other in said if other.matter != piece.matter)
        return 1 / (1 + sum(dependence.get(frozenset((piece.matter, other.matter)), 0.0) for other in others))

    left_to = [left(piece) for piece in evidence]
    return [p if w == 1.0 else replace(p, weight=p.weight * w) for p, w in zip(evidence, left_to, strict=True)]
