"""What holds profiles together: each tie is an entry of the journal, and one that was taken back is another entry.

Nothing is ever changed there, so what was joined, when, by whom and why can be told for as long as the customer is known.
A customer is the profiles that ties lead to from each other. Knows no rule of who may be joined.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, Row, select

from crm_store.bulk import among, put
from crm_store.identify.profiles import new_id
from crm_store.tables import journal

JOINED, SUPPORTED, PARTED = "joined", "supported", "parted"
"""A tie that made two customers one; one more between profiles that were one already; a tie taken back."""


class Ground(StrEnum):
    """What a tie rests on, the weakest first."""

    RULE = "rule"  # their records agree, or whoever holds both has proven nothing more
    STAFF = "staff"  # a person of the business said so
    PROOF = "proof"  # the customer proved it

    @property
    def strength(self) -> int:
        return list(Ground).index(self)


@dataclass(frozen=True)
class Tie:
    """`profile` and `other` were taken for one. `actor`: a member of staff, or what joined them, such as `import`.

    `against`: the word of staff that a proof went over.
    """

    id: str
    profile: str
    other: str
    ground: Ground
    actor: str
    reason: str
    at: datetime
    kind: str = JOINED
    against: str | None = None

    @property
    def ends(self) -> frozenset[str]:
        return frozenset((self.profile, self.other))


@dataclass(frozen=True)
class Change:
    """Something that happened to a customer's ties, for people to read."""

    kind: str
    tie: Tie
    actor: str
    reason: str
    at: datetime


def tie_up(connection: Connection, ties: Sequence[Tie]) -> None:
    """Takes ties down."""
    put(connection, journal, [_entry(tie, place) for place, tie in enumerate(ties)])


def _entry(tie: Tie, place: int) -> dict[str, Any]:
    details: dict[str, Any] = {"ground": tie.ground, "reason": tie.reason, "place": place}
    if tie.against:
        details["against"] = tie.against
    return {
        "id": tie.id,
        "at": tie.at,
        "kind": tie.kind,
        "customer_id": tie.profile,
        "other_id": tie.other,
        "actor": tie.actor,
        "details": details,
    }


def take_back(connection: Connection, ties: Sequence[Tie], actor: str, reason: str, now: datetime) -> None:
    """Takes down that these ties hold no longer."""
    rows = [
        {
            "id": new_id(),
            "at": now,
            "kind": PARTED,
            "customer_id": tie.profile,
            "other_id": tie.other,
            "actor": actor,
            "details": {"tie": tie.id, "reason": reason, "place": place},
        }
        for place, tie in enumerate(ties)
    ]
    if rows:
        connection.execute(journal.insert(), rows)


def standing(connection: Connection, profiles: Collection[str]) -> list[Tie]:
    """The ties among these profiles that hold, the oldest first. `profiles`: whole customers."""
    rows = _entries(connection, profiles)
    over = {row.details["tie"] for row in rows if row.kind == PARTED}
    members = set(profiles)
    ties = [_tie(row) for row in rows if row.kind != PARTED and row.id not in over]
    return [tie for tie in ties if tie.other in members]


def history(connection: Connection, profiles: Collection[str]) -> list[Change]:
    """All that was ever joined and parted at these profiles, the oldest first."""
    rows = _entries(connection, profiles, journal.c.other_id)
    ties = {row.id: _tie(row) for row in rows if row.kind != PARTED}
    changes = []
    for row in rows:
        tie = ties.get(row.details["tie"] if row.kind == PARTED else row.id)
        if tie:
            changes.append(Change(row.kind, tie, row.actor, row.details["reason"], row.at))
    return changes


def _entries(connection: Connection, profiles: Collection[str], *further: Column[Any]) -> list[Row[Any]]:
    """The entries on ties that begin at these profiles, or that name them in one of the `further` columns."""
    rows: dict[str, Row[Any]] = {}
    entries = select(journal).where(journal.c.kind.in_((JOINED, SUPPORTED, PARTED)))
    for column in (journal.c.customer_id, *further):
        found = connection.execute(entries.where(among(connection, column, profiles)))
        rows.update({row.id: row for row in found.all()})
    return sorted(rows.values(), key=lambda row: (row.at, row.details["place"], row.id))


def _tie(row: Row[Any]) -> Tie:
    said = row.details
    return Tie(
        row.id,
        row.customer_id,
        row.other_id,
        Ground(said["ground"]),
        row.actor,
        said["reason"],
        row.at,
        row.kind,
        said.get("against"),
    )


def parts(members: Iterable[str], ties: Iterable[Tie]) -> list[set[str]]:
    """The members by whom ties lead to, each part a customer."""
    of = {member: {member} for member in members}
    for tie in ties:
        one, other = of[tie.profile], of[tie.other]
        if one is not other:
            small, large = sorted((one, other), key=len)
            large |= small
            of.update(dict.fromkeys(small, large))
    return list({id(part): part for part in of.values()}.values())


def way(ties: Iterable[Tie], start: str, end: str) -> list[Tie]:
    """The fewest ties that lead from one profile to another; none when nothing does."""
    near: dict[str, list[Tie]] = defaultdict(list)
    for tie in ties:
        near[tie.profile].append(tie)
        near[tie.other].append(tie)
    came: dict[str, Tie | None] = {start: None}
    ahead = [start]
    for here in ahead:
        for tie in near[here]:
            there = tie.other if tie.profile == here else tie.profile
            if there not in came:
                came[there] = tie
                ahead.append(there)
    found: list[Tie] = []
    here = end
    while (step := came.get(here)) is not None:
        found.append(step)
        here = step.other if step.profile == here else step.profile
    return found
