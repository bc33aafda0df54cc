"""What a customer needs: a posterior over the segments of `business.yml`, moved by what was said and done.

Naive Bayes over pieces of evidence that are taken as independent given the segment; each piece is tempered by an exponent
where it is known not to be independent. Pure: no database, no clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from crm_store.business import Business

STATED = 0.85
"""Probability that somebody who states a need is of the segment it names."""
NOW = 2.0
"""Exponent of what is said in the conversation under way: what is asked for now outranks what is known from before."""
FULL_AFTER = 7
"""Days of purchase in a category after which the behaviour counts as one whole piece of evidence."""
MOST_OBSERVED = 2.0
"""However often somebody buys the same, it counts as so many whole pieces of evidence at most."""

Posterior = dict[str, float]


@dataclass(frozen=True)
class Evidence:
    """One thing that tells of a need, with where it came from."""

    kind: Literal["answered", "stated", "observed"]
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


def likelihood(business: Business, piece: Evidence) -> Mapping[str, float] | None:
    """P(evidence | segment), before the weight; None when `business.yml` no longer knows what was asked."""
    segments = business.segment_ids
    if piece.kind == "stated":
        if piece.value not in segments:
            return None
        rest = (1 - STATED) / (len(segments) - 1)
        plain: Mapping[str, float] = {s: STATED if s == piece.value else rest for s in segments}
    elif piece.kind == "answered":
        question = business.question(piece.key)
        option = question.option(piece.value) if question else None
        if option is None:
            return None
        plain = option.likelihood
    else:
        behaviour = next((b for b in business.needs.behaviours if b.id == piece.key), None)
        if behaviour is None:
            return None
        plain = behaviour.likelihood
    # A reading that may be wrong says, with the rest of its weight, nothing: the mean over the segments.
    nothing = sum(plain.values()) / len(segments)
    return {s: piece.strength * plain[s] + (1 - piece.strength) * nothing for s in segments}


def posterior(business: Business, evidence: Iterable[Evidence]) -> Posterior:
    """P(segment | evidence), proportional to prior times the product of likelihood ** weight. Sums to 1."""
    logs = {s: math.log(p) for s, p in business.prior.items()}
    for piece in evidence:
        told = likelihood(business, piece)
        if told is None:
            continue
        for segment in logs:
            logs[segment] += piece.weight * math.log(told[segment])
    top = max(logs.values())
    raised = {s: math.exp(v - top) for s, v in logs.items()}
    total = sum(raised.values())
    return {s: v / total for s, v in raised.items()}


def observed(business: Business, days: Mapping[str, int]) -> list[Evidence]:
    """Evidence from purchases. Buying the same thing again tells less each time: the weight grows with the logarithm."""
    return [
        Evidence(
            "observed",
            b.id,
            b.category,
            weight=min(MOST_OBSERVED, math.log2(1 + days[b.category]) / math.log2(1 + FULL_AFTER)),
        )
        for b in business.needs.behaviours
        if days.get(b.category)
    ]
