"""In a conversation: why its customer's profiles are taken for one, and what staff who read it say to that.

Shown and changed only where the customer is proven: to nobody else is told whom they may be. Knows no HTTP.

JoinedError
+-- NotProvenError     whoever talks has not proven who they are
+-- NoSuchRecordError  nothing is known under what was typed
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from crm_store.access.staff import Staff
from crm_store.conversations.desk import NoSuchConversationError
from crm_store.conversations.transcripts import readable
from crm_store.identify import judging
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.identify.lookup import RECORD, customer_of
from crm_store.identify.merging import UnknownProfileError
from crm_store.identify.profiles import scope
from crm_store.identify.ties import PARTED, Change, history, standing
from crm_store.tables import conversations, customers, staff, verdicts


class JoinedError(Exception):
    """The text says what to do instead."""


class NotProvenError(JoinedError):
    def __init__(self) -> None:
        super().__init__("Whoever talks here has not proven who they are, so nobody can be told apart from them yet.")


class NoSuchRecordError(JoinedError):
    def __init__(self) -> None:
        super().__init__("Nothing is known under that. Write a record as its source and number, such as pos/1042.")


@dataclass(frozen=True)
class Told:
    """A word of staff that a proof went over."""

    name: str
    reason: str


@dataclass(frozen=True)
class Join:
    """Why two profiles are one, or are so no longer. `by`: what joined them, or the name of who did, as `is_person` says."""

    profile: str
    other: str
    by: str
    is_person: bool
    reason: str
    at: datetime
    against: Told | None = None


@dataclass(frozen=True)
class Joins:
    holding: list[Join]
    parted: list[Join]

    def of(self, profile: str) -> list[Join]:
        """Those by which this profile came to the others."""
        return [join for join in self.holding if join.profile == profile]


def joins(connection: Connection, profiles: Sequence[str], assurance: Assurance) -> Joins:
    """What holds a customer's profiles together, and whom staff have taken out. Nothing where they are not proven."""
    if not may(assurance, Act.USE_CUSTOMER_PROFILE):
        return Joins([], [])
    names = {row.id: row.name for row in connection.execute(select(staff.c.id, staff.c.name))}
    ids = {tie.id for tie in standing(connection, profiles)}
    changes = history(connection, profiles)
    words = {change.tie.against for change in changes if change.tie.against}
    told = {
        row.id: Told(names[row.staff_id], row.reason)
        for row in connection.execute(select(verdicts).where(verdicts.c.id.in_(words)))
    }

    def join(change: Change) -> Join:
        by, tie = change.actor, change.tie
        against = told.get(tie.against or "")
        return Join(tie.profile, tie.other, names.get(by, by), by in names, change.reason, change.at, against)

    holding = [join(change) for change in changes if change.kind != PARTED and change.tie.id in ids]
    return Joins(holding, [join(change) for change in changes if change.kind == PARTED])


def take_out(
    connection: Connection, person: Staff, conversation_id: str, profile: str, reason: str, now: datetime
) -> None:
    """Takes a profile out of the customer of a conversation.

    Raises NoSuchConversationError, NotProvenError, NoSuchRecordError, and what `judging.take_out` raises.
    """
    here = _proven(connection, person, conversation_id)
    if profile not in scope(connection, here, Assurance.VERIFIED):
        raise NoSuchRecordError
    with _known():
        judging.take_out(connection, person, [profile], reason, now)


def join_other(
    connection: Connection, person: Staff, conversation_id: str, named: str, reason: str, now: datetime
) -> None:
    """Takes the customer of a conversation and whoever is named (`source/id`, or a customer's id) for one.

    Raises NoSuchConversationError, NotProvenError, NoSuchRecordError, and what `judging.same` raises.
    """
    here = _proven(connection, person, conversation_id)
    found = customer_of(connection, [(RECORD, named.strip())])
    other = (
        found.profile
        if found
        else connection.execute(select(customers.c.id).where(customers.c.id == named.strip())).scalar()
    )
    if other is None:
        raise NoSuchRecordError
    with _known():
        judging.same(connection, person, here, other, reason, now)


@contextmanager
def _known() -> Iterator[None]:
    """Of two looks at the store the second may find that somebody was erased."""
    try:
        yield
    except UnknownProfileError:
        raise NoSuchRecordError from None


def _proven(connection: Connection, person: Staff, conversation_id: str) -> str:
    """The profile under which a conversation runs, where it is proven whose it is."""
    row = connection.execute(readable(person).where(conversations.c.id == conversation_id)).one_or_none()
    if row is None:
        raise NoSuchConversationError
    if not may(Assurance.of(row.assurance), Act.USE_CUSTOMER_PROFILE):
        raise NotProvenError
    return str(row.customer_id)
