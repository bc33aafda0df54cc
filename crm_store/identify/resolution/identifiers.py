"""Which identifiers several people have, by the names that stand beside them. Pure.

A number that many name as theirs is a switchboard's or a form's invention and tells nothing; one that two do is a household's,
or is claimed by one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from crm_store.identify.resolution.described import IDENTIFIERS, Described
from crm_store.identify.resolution.names import conflict

Identifier = tuple[str, str]

LIMITS = {"phone": 4, "email": 3, "loyalty_id": 4, "device_id": 4, "telegram_id": 1}
"""How many people an identifier may be said to be of; with more it says nothing of who somebody is."""


def names_of(record: Described) -> frozenset[str]:
    """All names of a record as they sound."""
    return frozenset(f"{record['given_sound'] or ''} {record['family_sound'] or ''}".split())


def people_beside(records: Iterable[Described]) -> dict[Identifier, int]:
    """How many people the records say each identifier to be of, where they are more than one; counted to one above its limit."""
    holders: dict[Identifier, list[Described]] = defaultdict(list)
    for record in records:
        for kind in IDENTIFIERS:
            if value := record[kind]:
                holders[kind, value].append(record)
    counted = {key: _people(held, LIMITS[key[0]]) for key, held in holders.items() if len(held) > 1}
    return {key: count for key, count in counted.items() if count > 1}


def _people(held: Sequence[Described], limit: int) -> int:
    told_apart: list[Described] = []
    # Those that say most come first: whoever says little may be any of them.
    for record in sorted(held, key=lambda record: (record["date_of_birth"] is None, -len(names_of(record)))):
        if not any(may_be_one(record, other) for other in told_apart) and names_of(record):
            told_apart.append(record)
            if len(told_apart) > limit:
                break
    return len(told_apart)


def may_be_one(a: Described, b: Described) -> bool:
    """Whether neither names nor days of birth tell the two apart; a family name alone makes one family of them."""
    given, other = ((record["given_sound"] or "").split() for record in (a, b))
    named_apart = conflict(given, names_of(b)) and conflict(other, names_of(a))
    return not (named_apart or conflict(names_of(a), names_of(b)) or born_apart(a["date_of_birth"], b["date_of_birth"]))


def born_apart(a: str | None, b: str | None) -> bool:
    """Whether two days of birth, YYYY-MM-DD, are further apart than slips and an American form bring them."""
    if not a or not b or (a[:4] == b[:4] and a[5:7] == b[8:] and a[8:] == b[5:7]):
        return False
    return sum(x != y for x, y in zip(a, b, strict=False)) > 2
