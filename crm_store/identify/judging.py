"""Staff say who is the same person and who is not; that goes over what any rule finds, and the newest word stands.

Only a proof by the customer goes over a word of staff (`merging`). Whoever may speak with customers may say it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from crm_store.access.staff import NotAllowedError, Staff
from crm_store.database import one_at_a_time
from crm_store.identify.assurance import Assurance
from crm_store.identify.merging import UnknownProfileError, merge, sever, split
from crm_store.identify.profiles import WHO_IS_WHO, scope
from crm_store.identify.ties import Ground
from crm_store.identify.verdicts import DIFFERENT, LONGEST_REASON, SAME, keep_verdicts
from crm_store.tables import customers


class UnusableReasonError(ValueError):
    """Nobody could tell later why it was done."""

    def __init__(self) -> None:
        super().__init__(f"Say why, in at most {LONGEST_REASON} characters; a colleague may have to judge it anew.")


def same(connection: Connection, person: Staff, a: str, b: str, reason: str, now: datetime) -> None:
    """Takes two profiles for one person, whatever else is known: their customers are one from now on.

    Raises NotAllowedError, UnusableReasonError and UnknownProfileError.
    """
    said = _checked(connection, person, [a, b], reason)
    if a != b:
        keep_verdicts(connection, [(a, b)], SAME, person.id, said, now)
        merge(connection, a, b, person.id, said, now, Ground.STAFF)


def different(connection: Connection, person: Staff, a: str, b: str, reason: str, now: datetime) -> None:
    """Takes two profiles for two people; where they are one customer, they are so no longer. No rule joins them again.

    Raises NotAllowedError, UnusableReasonError and UnknownProfileError.
    """
    said = _checked(connection, person, [a, b], reason)
    if a != b:
        keep_verdicts(connection, [(a, b)], DIFFERENT, person.id, said, now)
        sever(connection, a, b, person.id, said, now)


def take_out(connection: Connection, person: Staff, profiles: Collection[str], reason: str, now: datetime) -> bool:
    """Takes profiles out of their customer: they are none of those with whom they were joined, and no rule joins them again.

    Returns whether anything was joined to them. Raises NotAllowedError, UnusableReasonError and UnknownProfileError.
    """
    said = _checked(connection, person, profiles, reason)
    out = set(profiles)
    beside = {other for profile in profiles for other in scope(connection, profile, Assurance.VERIFIED)} - out
    if not beside:
        return False
    pairs = [
        (profile, other)
        for profile in sorted(out)
        for other in sorted(beside.intersection(scope(connection, profile, Assurance.VERIFIED)))
    ]
    keep_verdicts(connection, pairs, DIFFERENT, person.id, said, now)
    return split(connection, out, person.id, said, now)


def _checked(connection: Connection, person: Staff, profiles: Collection[str], reason: str) -> str:
    """The reason as it is kept."""
    if not person.is_active or person.role not in {"agent", "administrator"}:
        raise NotAllowedError("say who is the same customer")
    said = " ".join(reason.replace("\0", "").split())
    if not 0 < len(said) <= LONGEST_REASON:
        raise UnusableReasonError
    one_at_a_time(connection, WHO_IS_WHO)
    there = set(connection.execute(select(customers.c.id).where(customers.c.id.in_(profiles))).scalars())
    if missing := set(profiles) - there:
        raise UnknownProfileError(missing.pop())
    return said
