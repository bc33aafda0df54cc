"""People from pairs of records: the surest first, and no two groups whose members contradict each other. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from crm_store.identify.resolution.described import Described
from crm_store.identify.resolution.identifiers import born_apart, names_of
from crm_store.identify.resolution.names import conflict

Link = tuple[str, str]
"""The ids of two records."""


class Decision(StrEnum):
    AUTO = "auto"
    REVIEW = "review"
    REFUSED = "refused"
    IMPLIED = "implied"
    """In a group by way of others, and alone not sure enough for it."""


@dataclass(frozen=True)
class Scored:
    left: str
    right: str
    probability: float
    needed: float
    """Probability from which the two are joined."""


@dataclass(frozen=True)
class Grouped:
    people: Mapping[str, int]
    """A number for each record's person."""
    decisions: Mapping[Link, Decision]


class _Groups:
    def __init__(self, records: Collection[str]) -> None:
        self.of = {record: number for number, record in enumerate(records)}
        self.members = {number: [record] for record, number in self.of.items()}

    def merge(self, a: int, b: int) -> None:
        if len(self.members[a]) < len(self.members[b]):
            a, b = b, a
        moved = self.members.pop(b)
        self.members[a] += moved
        self.of.update(dict.fromkeys(moved, a))


def group(
    records: Mapping[str, Described],
    pairs: Iterable[Scored],
    *,
    same: Iterable[Link] = (),
    different: Iterable[Link] = (),
) -> Grouped:
    """Joins what is as probable as it needs to be, the surest first.

    `same` and `different` are decided by people and outrank every weight. A contradiction between records, told by names or days
    of birth that the joining pair itself does not say, leaves both groups apart.
    """
    groups = _Groups(records)
    apart: dict[str, set[str]] = {}
    for a, b in different:
        apart.setdefault(a, set()).add(b)
        apart.setdefault(b, set()).add(a)
    for a, b in same:
        if a in groups.of and b in groups.of and groups.of[a] != groups.of[b]:
            groups.merge(groups.of[a], groups.of[b])
    decisions = {}
    for pair in sorted(pairs, key=lambda p: (-p.probability, p.left, p.right)):
        link = (pair.left, pair.right)
        one, other = groups.of[pair.left], groups.of[pair.right]
        if one == other:
            decisions[link] = Decision.AUTO if pair.probability >= pair.needed else Decision.IMPLIED
        elif _kept_apart(groups.members[one], groups.members[other], apart):
            decisions[link] = Decision.REFUSED
        elif pair.probability < pair.needed or _contradict(records, link, groups.members[one], groups.members[other]):
            decisions[link] = Decision.REVIEW
        else:
            groups.merge(one, other)
            decisions[link] = Decision.AUTO
    return Grouped(groups.of, decisions)


def _kept_apart(a: Collection[str], b: Collection[str], apart: Mapping[str, set[str]]) -> bool:
    others = set(b)
    return any(apart.get(record, set()) & others for record in a)


def _contradict(records: Mapping[str, Described], link: Link, a: Collection[str], b: Collection[str]) -> bool:
    left, right = (records[record] for record in link)
    one, other = ([records[record] for record in members] for members in (a, b))
    unnamed = not (names_of(left) and names_of(right))
    unborn = not (left["date_of_birth"] and right["date_of_birth"])
    return (unnamed and _names_contradict(one, other)) or (unborn and _births_contradict(one, other))


def _names_contradict(a: Iterable[Described], b: Iterable[Described]) -> bool:
    names = [[said for record in records if (said := names_of(record))] for records in (a, b)]
    return all(names) and all(conflict(x, y) for x in names[0] for y in names[1])


def _births_contradict(a: Iterable[Described], b: Iterable[Described]) -> bool:
    days = [{day for record in records if (day := record["date_of_birth"])} for records in (a, b)]
    return all(days) and all(born_apart(x, y) for x in days[0] for y in days[1])
