"""Who is one person among all records: what is joined, what is asked of staff, and why. Pure but for Splink; knows no store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from crm_store.business import Resolution
from crm_store.identify.resolution.described import described
from crm_store.identify.resolution.engines import LinkEngine
from crm_store.identify.resolution.grounds import needed
from crm_store.identify.resolution.grouping import Decision, Link, Scored, group
from crm_store.identify.resolution.identifiers import Identifier
from crm_store.identify.resolution.matching import Model, Progress, match


@dataclass(frozen=True)
class DecidedLink:
    left: str
    right: str
    probability: float
    decision: Decision
    against: str
    """What else the two are most likely to be."""
    reasons: Mapping[str, tuple[str, float]]
    """By comparison: how the two stand in it, and its bits, log2(m/u)."""


@dataclass(frozen=True)
class Decided:
    groups: list[list[str]]
    """The records of each person who has two or more."""
    links: list[DecidedLink]
    """The pairs that were joined, are to be asked about or were refused."""
    model: Model


def decide(
    records: Mapping[str, Mapping[str, object]],
    openly: Collection[str],
    settings: Resolution,
    *,
    same: Iterable[Link] = (),
    different: Iterable[Link] = (),
    new: Collection[str] | None = None,
    model: Model | None = None,
    blocked: Collection[Identifier] = (),
    compare_on: LinkEngine = LinkEngine.DUCKDB,
    progress: Progress = lambda step: None,
) -> Decided:
    """`records`: columns of an import, by id. `openly`: those whose identifiers anybody may have typed. `same` and `different`:
    what is known of pairs and outranks every weight. `new`: only these are compared, with all, by `model`. `blocked`:
    identifiers of nobody. Raises SparkMissingError.
    """
    progress("describing")
    known = {key: described(record) for key, record in records.items()}
    pairs = match(
        known,
        openly,
        new=new,
        model=model,
        blocked=blocked,
        compare_on=compare_on,
        progress=progress,
    )
    least = needed(pairs.agreements, pairs.sides, settings)
    scored = [
        Scored(left, right, float(probability), float(enough))
        for left, right, probability, enough in zip(pairs.left, pairs.right, pairs.probability, least, strict=True)
    ]
    progress("grouping")
    grouped = group(known, scored, same=same, different=different)
    people: dict[int, list[str]] = defaultdict(list)
    for key, number in grouped.people.items():
        people[number].append(key)
    links = [
        DecidedLink(
            pair.left,
            pair.right,
            round(pair.probability, 6),
            grouped.decisions[pair.left, pair.right],
            str(pairs.weighed.against[at]),
            pairs.reasons(at),
        )
        for at, pair in enumerate(scored)
        if pair.probability >= settings.review_from or grouped.decisions[pair.left, pair.right] is Decision.REFUSED
    ]
    return Decided([members for members in people.values() if len(members) > 1], links, pairs.model)
