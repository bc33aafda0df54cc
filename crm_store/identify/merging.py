"""Making two customers one, and taking that back.

No row of a profile is moved: joined profiles share a canonical id, and why they do stands in the journal as ties (`ties`). What
a customer is follows from the ties that hold, so whatever is taken back, in whatever order, leaves exactly who would be joined
had it never been. The canonical id is that of the oldest profile with a record, or of the oldest where none has one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from sqlalchemy import Connection, bindparam, exists, select

from crm_store.access.consent import PROFILE, all_withdrawn
from crm_store.bulk import among
from crm_store.database import one_at_a_time
from crm_store.identify.profiles import WHO_IS_WHO, new_id
from crm_store.identify.ties import JOINED, SUPPORTED, Ground, Tie, parts, standing, take_back, tie_up, way
from crm_store.identify.verdicts import Verdict, between, told_apart
from crm_store.tables import customers, evidence, interactions, records, transactions, value_scores


class UnknownProfileError(LookupError):
    """No such profile; it may just have been erased."""


@dataclass(frozen=True)
class Wanted:
    """Two profiles that seem to be one customer's, and why."""

    profile: str
    other: str
    reason: str


def merge(
    connection: Connection,
    a: str,
    b: str,
    actor: str,
    reason: str,
    now: datetime,
    ground: Ground = Ground.RULE,
) -> bool:
    """Makes the customers of two profiles one. Returns whether they are one now.

    A rule does not go over a word of staff that some of them are different; a proof does, and the tie says so. Profiles that
    are one already get one more tie. Raises UnknownProfileError.
    """
    return merge_all(connection, [Wanted(a, b, reason)], actor, now, ground) == 1


def merge_all(
    connection: Connection, wanted: Sequence[Wanted], actor: str, now: datetime, ground: Ground = Ground.RULE
) -> int:
    """The same for many pairs, one after the other. Returns how many of the pairs are one now."""
    if not wanted:
        return 0
    one_at_a_time(connection, WHO_IS_WHO)
    whole = _Customers(connection, {end for pair in wanted for end in (pair.profile, pair.other)})
    apart = told_apart(connection, whole.members)
    tied = {(tie.ends, tie.ground) for tie in standing(connection, whole.members)}
    ties = []
    agreed = 0
    for pair in wanted:
        one, other = whole.of(pair.profile), whole.of(pair.other)
        ends = frozenset((pair.profile, pair.other))
        word = between(apart, one, other) if one is not other else None
        if word and ground is Ground.RULE:
            continue
        agreed += 1
        if pair.profile == pair.other or (ends, ground) in tied:
            continue
        kind = SUPPORTED if one is other else JOINED
        ties.append(_tie(pair, ground, actor, now, kind, word))
        tied.add((ends, ground))
        whole.unite(one, other)
    tie_up(connection, ties)
    whole.write()
    return agreed


def _tie(pair: Wanted, ground: Ground, actor: str, now: datetime, kind: str, word: Verdict | None) -> Tie:
    against = word.id if word else None
    return Tie(new_id(), pair.profile, pair.other, ground, actor, pair.reason, now, kind, against)


def split(
    connection: Connection,
    profiles: Collection[str],
    actor: str,
    reason: str,
    now: datetime,
    ground: Ground = Ground.STAFF,
) -> bool:
    """Takes back every tie between these profiles and others. Returns whether there was any.

    Who was joined to others through one of these profiles alone is no longer joined to them. A rule takes back what rules
    have tied, and neither a word of staff nor a proof. Raises UnknownProfileError.
    """
    one_at_a_time(connection, WHO_IS_WHO)
    whole = _Customers(connection, profiles)
    away = set(profiles)
    ties = standing(connection, whole.members)
    may = {Ground.RULE} if ground is Ground.RULE else set(Ground)
    cut = [tie for tie in ties if len(tie.ends & away) == 1 and tie.ground in may]
    return _part(connection, whole, ties, cut, actor, reason, now)


def sever(connection: Connection, a: str, b: str, actor: str, reason: str, now: datetime) -> bool:
    """Makes two customers of one so that these profiles are of different ones. Returns whether they were of one.

    On each way that leads from one to the other the weakest tie is taken back, of equally weak ones the newest.
    Raises UnknownProfileError.
    """
    one_at_a_time(connection, WHO_IS_WHO)
    whole = _Customers(connection, [a, b])
    ties = standing(connection, whole.members)
    left, cut = list(ties), []
    while on_way := way(left, a, b):
        newest_first = [tie for tie in reversed(left) if tie in on_way]
        weakest = min(newest_first, key=lambda tie: tie.ground.strength)
        cut.append(weakest)
        left.remove(weakest)
    return _part(connection, whole, ties, cut, actor, reason, now)


def leave_out(connection: Connection, profiles: Collection[str], now: datetime) -> None:
    """Ties those who were joined through these profiles to each other, before these are erased: an erasure is no word on
    who the others are.
    """
    one_at_a_time(connection, WHO_IS_WHO)
    going = set(connection.execute(select(customers.c.id).where(customers.c.id.in_(profiles))).scalars())
    whole = _Customers(connection, going)
    ties = standing(connection, whole.members)
    staying = [tie for tie in ties if not tie.ends & going]
    leading = [tie for tie in ties if len(tie.ends & going) == 1]
    bridges = []
    for part in parts(going, [tie for tie in ties if tie.ends <= going]):
        through = [tie for tie in leading if tie.ends & part]
        beside = list(dict.fromkeys(next(iter(tie.ends - part)) for tie in through))
        bridges += [_bridge(one, other, through, now) for one, other in combinations(beside, 2)]
    tie_up(connection, bridges)
    whole.forget(going)
    whole.regroup([*staying, *bridges])
    whole.write()


def _bridge(profile: str, other: str, through: Sequence[Tie], now: datetime) -> Tie:
    """As strong as the weakest of the ties that it stands for."""
    ground = min((tie.ground for tie in through), key=lambda each: each.strength)
    return Tie(new_id(), profile, other, ground, "erasure", "were joined through a profile that was erased", now)


def _part(
    connection: Connection,
    whole: _Customers,
    ties: Sequence[Tie],
    cut: Sequence[Tie],
    actor: str,
    reason: str,
    now: datetime,
) -> bool:
    take_back(connection, cut, actor, reason, now)
    whole.regroup([tie for tie in ties if tie not in cut])
    whole.write()
    return bool(cut)


class _Customers:
    """All profiles of the customers concerned, grouped as they are and as they come to be."""

    def __init__(self, connection: Connection, profiles: Collection[str]) -> None:
        self._connection = connection
        self._was: dict[str, str] = {}
        """The canonical id of each profile."""
        self._place: dict[str, tuple[bool, datetime, str]] = {}
        """By which the first of a customer's profiles is found."""
        self._read(profiles)
        if missing := set(profiles) - self._was.keys():
            raise UnknownProfileError(missing.pop())
        groups: dict[str, set[str]] = defaultdict(set)
        for profile, first in self._was.items():
            groups[first].add(profile)
        self._before = {frozenset(group) for group in groups.values()}
        self._of = {profile: groups[first] for profile, first in self._was.items()}
        self._bereft: set[str] = set()
        """Canonical ids of customers who lose a profile that is about to be deleted."""

    @property
    def members(self) -> set[str]:
        return set(self._was)

    def of(self, profile: str) -> set[str]:
        """All profiles of the customer who has this one."""
        return self._of[profile]

    def unite(self, one: set[str], other: set[str]) -> None:
        if one is not other:
            small, large = sorted((one, other), key=len)
            large |= small
            self._of.update(dict.fromkeys(small, large))

    def regroup(self, ties: Iterable[Tie]) -> None:
        """Makes customers of those whom these ties hold together."""
        self._of = {profile: part for part in parts(self._of, ties) for profile in part}

    def forget(self, profiles: Collection[str]) -> None:
        """Leaves these out of what is written: they are about to be deleted."""
        for profile in profiles:
            self._bereft.add(self._was[profile])
            del self._was[profile], self._of[profile]

    def write(self) -> None:
        """Gives each profile its canonical id. What was computed for customers of whom there is more or less to know now is
        computed anew when they are next met.
        """
        moved = []
        changed: dict[str, set[str]] = {}
        for group in {id(group): group for group in self._of.values()}.values():
            first = min(group, key=self._place.__getitem__)
            moved += [{"profile": profile, "first": first} for profile in group if self._was[profile] != first]
            if frozenset(group) not in self._before:
                changed[first] = group
        if moved:
            self._connection.execute(_MOVE, sorted(moved, key=lambda row: row["profile"]))
        if changed:
            scored = among(self._connection, value_scores.c.customer_id, set().union(*changed.values()))
            there = set(self._connection.execute(select(value_scores.c.customer_id).where(scored)).scalars())
            outdated = there - self._as_before({first: changed[first] for first in there & changed.keys()})
            outdated |= all_withdrawn(self._connection, PROFILE, among_these=there)
            self._connection.execute(
                value_scores.delete().where(among(self._connection, value_scores.c.customer_id, outdated))
            )

    def _as_before(self, groups: Mapping[str, set[str]]) -> set[str]:
        """Of these customers, by their first profile, those who bought and were served under the profiles they had before, so
        that only a device has come or gone; a device that answered does not go without what it told.
        """
        of = {profile: first for first, group in groups.items() for profile in group}
        everybody = {profile for profile, first in self._was.items() if first in groups} | of.keys()
        busy: set[str] = set()
        for table in (transactions, interactions):
            theirs = among(self._connection, table.c.customer_id, everybody)
            busy |= set(self._connection.execute(select(table.c.customer_id).where(theirs).distinct()).scalars())
        came = {of[profile] for profile in busy & of.keys() if of[profile] != self._was[profile]}
        gone = {profile for profile in everybody if of.get(profile) != self._was[profile]}
        said = select(evidence.c.customer_id).where(among(self._connection, evidence.c.customer_id, gone))
        told = self._connection.execute(said.where(evidence.c.kind == "answered").distinct()).scalars() if gone else ()
        left = {self._was[profile] for profile in gone.intersection(busy.union(told))}
        return {of[profile] for profile in busy & of.keys()} - came - left - self._bereft

    def _read(self, profiles: Collection[str]) -> None:
        named = select(customers.c.canonical_id).where(among(self._connection, customers.c.id, profiles))
        firsts = set(self._connection.execute(named).scalars())
        has_record = exists().where(records.c.customer_id == customers.c.id)
        whole = among(self._connection, customers.c.canonical_id, firsts)
        for row in self._connection.execute(select(customers, has_record.label("has_record")).where(whole)).all():
            self._was[row.id] = row.canonical_id
            self._place[row.id] = (not row.has_record, row.created_at, row.id)


_MOVE = customers.update().where(customers.c.id == bindparam("profile")).values(canonical_id=bindparam("first"))
