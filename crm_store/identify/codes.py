"""One-time codes by e-mail: asked for in a conversation, good in that conversation alone, for ten minutes, five tries and once.

The store holds nothing of a code, not even its hash: it is computed from the random id of its row with a key that is kept
elsewhere. Whether anybody has the address is looked up when the mail is to go (`code_mails`) and when the code was right, never
when it is asked for or wrong: for an address of nobody all of that is the same. Knows no wording and no mail.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import SystemRandom
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, select, update

from crm_store.database import one_at_a_time
from crm_store.identify.linking import Rules
from crm_store.identify.profiles import new_id
from crm_store.identify.proving import BeginWithWhoIsWhoError, OtherCustomerError, prove_to_be
from crm_store.tables import codes_asked, customers, identifiers, one_time_codes, records

EMAIL = "email"
LASTS = timedelta(minutes=10)
TRIES = 5
DIGITS = 6
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SOONEST, LATEST = 1.0, 5.0
"""Seconds from being asked for to its mail, at random: nobody can know during which turn one goes out, or whether one does."""
PER_HOUR, PER_DAY = 3, 10
"""How many codes may be asked for by one profile, and for one address."""
ACTOR = "email_code"
"""Who joined, in the journal."""
_chance = SystemRandom()


class Outcome(StrEnum):
    """What came of digits that were typed."""

    RIGHT = "right"  # the conversation is the customer's
    WRONG = "wrong"  # there are tries left
    SPENT = "spent"  # there are none
    OVER = "over"  # nothing is waited for any more: too old, or used
    OTHER = "other"  # right, but the device or account is proven to be another customer's


@dataclass(frozen=True)
class Tried:
    """`left`: tries; `profile`: that the conversation is of now, where the code was right."""

    outcome: Outcome
    left: int = 0
    profile: str | None = None


def code_of(key: bytes, code_id: str) -> str:
    """The digits of a code. `key`: 32 random bytes or more; without it a row tells nothing of its code."""
    number = int.from_bytes(hmac.digest(key, f"code {code_id}".encode(), "sha256")) % 10**DIGITS
    return f"{number:0{DIGITS}}"


def ask_for_code(
    connection: Connection, key: bytes, conversation_id: str, profile: str, address: str, now: datetime
) -> str | None:
    """A new code for a normalised address, whose mail is due soon; any other of the conversation is over. Returns its id.

    None where this profile has asked too often, or this address was asked for too often, by whomever.
    """
    one_at_a_time(connection, "a code is asked for")
    asking = [_hashed(key, "profile", profile), _hashed(key, "address", address)]
    if _too_often(connection, asking, now):
        return None
    connection.execute(codes_asked.insert(), [{"id": new_id(), "who": who, "at": now} for who in asking])
    connection.execute(update(one_time_codes).where(_open_in(conversation_id)).values(ended_at=now))
    code_id = new_id()
    connection.execute(
        one_time_codes.insert().values(
            id=code_id,
            conversation_id=conversation_id,
            address=address,
            asked_at=now,
            expires_at=now + LASTS,
            wrong=0,
            state="due",
            attempts=0,
            due_at=now + timedelta(seconds=_chance.uniform(SOONEST, LATEST)),
        )
    )
    return code_id


def try_code(
    connection: Connection,
    key: bytes,
    conversation_id: str,
    typed: str,
    now: datetime,
    rules: Rules | None = None,
    *,
    may_prove: bool = True,
) -> Tried:
    """Takes digits as the code that this conversation waits for; a right one proves who it is.

    `may_prove`: the transaction began with WHO_IS_WHO. Raises BeginWithWhoIsWhoError where it did not and the code is right.
    """
    row = connection.execute(
        select(one_time_codes)
        .where(_open_in(conversation_id))
        .order_by(one_time_codes.c.asked_at.desc())
        .limit(1)
        .with_for_update()
    ).first()
    if row is None or now >= row.expires_at:
        return Tried(Outcome.OVER)
    fits = hmac.compare_digest(code_of(key, row.id).encode(), typed.encode())
    proven = profiles_with(connection, row.address, rules) if fits else []
    if not proven:  # a code that was never sent, since nobody has the address, can be no more than guessed
        return _wrong(connection, row, now)
    if not may_prove:
        raise BeginWithWhoIsWhoError
    connection.execute(update(one_time_codes).where(one_time_codes.c.id == row.id).values(ended_at=now))
    try:
        profile = prove_to_be(connection, conversation_id, proven, ACTOR, "typed the code from the e-mail", now)
    except OtherCustomerError:
        return Tried(Outcome.OTHER)
    _mark_proven(connection, row.address, proven, now)
    return Tried(Outcome.RIGHT, profile=profile)


def profiles_with(connection: Connection, address: str, rules: Rules | None = None) -> list[str]:
    """The profiles of the one customer who has this address, first the one that would give the customer its id.

    None where nobody has the address, or more than one customer. Nobody has what the `rules` of `business.yml` block, nor by what
    was typed into an open form: it may be anybody's.
    """
    if rules and (EMAIL, address) in rules.blocked:
        return []
    has_record = exists().where(records.c.customer_id == customers.c.id)
    owners = connection.execute(
        select(customers.c.id, customers.c.canonical_id, identifiers.c.source)
        .join(identifiers, identifiers.c.customer_id == customers.c.id)
        .where(identifiers.c.type == EMAIL, identifiers.c.value == address)
        .order_by(has_record.desc(), customers.c.created_at, customers.c.id)
    )
    found = [row for row in owners if rules is None or rules.links(row.source, EMAIL)]
    return list(dict.fromkeys(row.id for row in found)) if len({row.canonical_id for row in found}) == 1 else []


def masked(address: str) -> str:
    """`d***@example.com`: for whoever typed it to know it again."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}***@{host}"


def _wrong(connection: Connection, row: Row[Any], now: datetime) -> Tried:
    wrong = row.wrong + 1
    ended = now if wrong >= TRIES else None
    one = one_time_codes.c.id == row.id
    connection.execute(update(one_time_codes).where(one).values(wrong=wrong, ended_at=ended))
    return Tried(Outcome.SPENT) if ended else Tried(Outcome.WRONG, TRIES - wrong)


def _open_in(conversation_id: str) -> ColumnElement[bool]:
    return (one_time_codes.c.conversation_id == conversation_id) & one_time_codes.c.ended_at.is_(None)


def _too_often(connection: Connection, asking: list[str], now: datetime) -> bool:
    rows = connection.execute(
        select(codes_asked.c.who, codes_asked.c.at).where(codes_asked.c.who.in_(asking), codes_asked.c.at > now - DAY)
    ).all()
    for who in asking:
        times = [row.at for row in rows if row.who == who]
        if len(times) >= PER_DAY or sum(at > now - HOUR for at in times) >= PER_HOUR:
            return True
    return False


def _mark_proven(connection: Connection, address: str, profiles: Sequence[str], now: datetime) -> None:
    same = (identifiers.c.type == EMAIL) & (identifiers.c.value == address) & identifiers.c.customer_id.in_(profiles)
    connection.execute(update(identifiers).where(same).values(assurance="proven", last_seen_at=now))


def _hashed(key: bytes, kind: str, value: str) -> str:
    return hmac.new(key, f"{kind} {value}".encode(), "sha256").hexdigest()
