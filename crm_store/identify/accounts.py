"""Accounts of a messaging service: recognised by their id, proven by the phone number that the service vouches for.

An account is like a device: one that was seen before is known again, and nothing more. The service says who sent a message,
so an id that comes with one is proven; an id that stands in an import or an event proves nothing and joins nobody.
Knows no messaging service but by the type of its identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, select, update

from crm_store.database import one_at_a_time
from crm_store.identify.assurance import Assurance
from crm_store.identify.linking import Rules
from crm_store.identify.merging import Wanted, merge_all
from crm_store.identify.normalise import normalise
from crm_store.identify.profiles import WHO_IS_WHO, canonical, is_known, make_profile, new_id, scope
from crm_store.identify.ties import Ground
from crm_store.tables import conversations, customers, identifiers

PHONE = "phone"
PROVEN = "proven"

_ACCOUNT = select(identifiers.c.customer_id).where(
    identifiers.c.type == bindparam("service"),
    identifiers.c.value == bindparam("account_id"),
    identifiers.c.source == bindparam("service"),
    identifiers.c.assurance == PROVEN,
)
_HAD = select(identifiers.c.type, identifiers.c.value, identifiers.c.assurance).where(
    identifiers.c.customer_id == bindparam("profile")
)


@dataclass(frozen=True)
class Account:
    """`profile`: its own, whoever it may be joined to. `assurance`: of a conversation that it begins now."""

    profile: str
    assurance: Assurance


class Proof(StrEnum):
    """What came of an account's own phone number."""

    JOINED = "joined"  # one customer has this number: the account is theirs
    ALONE = "alone"  # nobody has it: the account is verified as itself
    KNOWN = "known"  # it had been proven before
    AMBIGUOUS = "ambiguous"  # several customers have it: nothing is done
    OTHER = "other"  # the account is proven to be another customer's: nothing is done
    UNREADABLE = "unreadable"  # no phone number


def account(connection: Connection, service: str, account_id: str, now: datetime, adopts: str | None = None) -> Account:
    """The account with this id, taken down when it is new.

    `adopts`: the profile that a new one is given, where it has been forgotten and its chat has gone on since.
    """
    one_at_a_time(connection, f"account {service} {account_id}")
    profile = connection.execute(_ACCOUNT, {"service": service, "account_id": account_id}).scalar()
    if profile is None:
        profile = adopts or make_profile(connection, now)
        _keep(connection, profile, service, service, account_id, now)
        return Account(profile, Assurance.ANONYMOUS)
    return Account(profile, Assurance.VERIFIED if _phones(connection, profile) else Assurance.RECOGNISED)


def prove_phone(
    connection: Connection,
    service: str,
    profile: str,
    conversation_id: str,
    number: str,
    now: datetime,
    rules: Rules | None = None,
) -> Proof:
    """Takes a number as the account's own, as its service vouches. The running conversation is verified from then on.

    The account is joined to the one customer who has the number. A number of several customers proves none of them, and one
    that would make two known customers one is left alone: a number changes hands. Nor is it joined to whoever, by the `rules`
    of `business.yml`, typed it into an open form: it may be anybody's.
    """
    phone = normalise(PHONE, number)
    if phone is None:
        return Proof.UNREADABLE
    one_at_a_time(connection, WHO_IS_WHO)
    mine = canonical(connection, profile)
    owners = _owners(connection, phone, rules)
    others = set(owners.values()) - {mine}
    if len(others) > 1:
        return Proof.AMBIGUOUS
    if others and (is_known(connection, profile) or _is_joined_to_proven(connection, profile)):
        return Proof.OTHER
    if not owners and _is_known_unproven(connection, profile, conversation_id):
        return Proof.ALONE
    was_proven = phone in _phones(connection, profile)
    if not was_proven:
        _keep(connection, profile, PHONE, service, phone, now)
    # To those it is joined to already too: the proof holds when what joined them is taken back, such as a link.
    wanted = [Wanted(profile, owner, "proved the phone number") for owner in owners]
    merge_all(connection, wanted, service, now, Ground.PROOF)
    here = update(conversations).where(conversations.c.id == conversation_id)
    connection.execute(here.values(assurance=Assurance.VERIFIED.word))
    if was_proven and not others:
        return Proof.KNOWN
    return Proof.JOINED if is_known(connection, profile) else Proof.ALONE


def _is_known_unproven(connection: Connection, profile: str, conversation_id: str) -> bool:
    """Whether the account is joined to a known customer without having proven that it is theirs.

    It was linked to a device on which the customer signed in later: a number that is not the customer's proves nothing there.
    """
    here = select(conversations.c.assurance).where(conversations.c.id == conversation_id)
    is_proven = connection.execute(here).scalar() == Assurance.VERIFIED.word or bool(_phones(connection, profile))
    return not is_proven and is_known(connection, profile)


def _is_joined_to_proven(connection: Connection, profile: str) -> bool:
    """Whether the account is joined to another one that has proven a number."""
    return any(_phones(connection, each) for each in scope(connection, profile, Assurance.VERIFIED) if each != profile)


def _phones(connection: Connection, profile: str) -> list[str]:
    """Numbers that were proven by the account of this profile."""
    had = connection.execute(_HAD, {"profile": profile})
    return [row.value for row in had if (row.type, row.assurance) == (PHONE, PROVEN)]


def _owners(connection: Connection, phone: str, rules: Rules | None) -> dict[str, str]:
    """The profiles that have this number, each with its customer."""
    owners = (
        select(customers.c.id, customers.c.canonical_id, identifiers.c.source)
        .join(identifiers, identifiers.c.customer_id == customers.c.id)
        .where(identifiers.c.type == PHONE, identifiers.c.value == phone)
        .order_by(customers.c.id)
    )
    rows = connection.execute(owners)
    return {row.id: row.canonical_id for row in rows if rules is None or rules.links(row.source, PHONE)}


def _keep(connection: Connection, profile: str, kind: str, service: str, value: str, now: datetime) -> None:
    """Takes an identifier down as proven; an import may have brought the same one before."""
    same = (identifiers.c.type == kind) & (identifiers.c.value == value) & (identifiers.c.customer_id == profile)
    proven = {"source": service, "assurance": PROVEN, "last_seen_at": now}
    if connection.execute(update(identifiers).where(same).values(proven)).rowcount:
        return
    connection.execute(
        identifiers.insert().values(
            id=new_id(), type=kind, value=value, raw=value, customer_id=profile, first_seen_at=now, **proven
        )
    )
