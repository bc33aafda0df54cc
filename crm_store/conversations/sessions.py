"""Opening a chat and leaving it: who it is, how surely, which conversation it is, and the tokens for the rest of it.

Knows how identity, device and session meet; knows no HTTP.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from crm_store.database import one_at_a_time
from crm_store.identify import devices
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.identify.devices import hashed
from crm_store.identify.merging import merge
from crm_store.identify.profiles import (
    WHO_IS_WHO,
    canonical,
    is_somebody,
    make_profile,
    new_id,
    profile_of_record,
    scope,
)
from crm_store.identify.proof import Proof
from crm_store.identify.proving import prove_to_be
from crm_store.identify.ties import Ground
from crm_store.tables import conversations, messages, sessions

SIGNED_IN = ("user_token", "signed in to the shop")
"""By what, and why, in the journal."""


@dataclass(frozen=True)
class Opened:
    session_token: str
    device_token: str
    conversation_id: str


def open_session(
    connection: Connection,
    *,
    channel: str,
    language: str,
    now: datetime,
    lasts: timedelta,
    page: str | None = None,
    device_token: str | None = None,
    proof: Proof | None = None,
    fresh: bool = False,
) -> Opened:
    """A conversation for whoever shows these tokens; the device token is replaced.

    It is a new one when `fresh`, and else unless a person of the business is due in their latest, or has spoken there and was
    not answered: then that goes on.
    """
    device = devices.recognise(connection, device_token, now) if device_token else None
    known = device is not None
    assurance = Assurance.RECOGNISED if known else Assurance.ANONYMOUS
    shown = device_token if device else None
    if proof:
        assurance = Assurance.VERIFIED
        # The record's own profile: what is said here stays theirs, should it turn out that they were joined by mistake.
        profile = profile_of_record(connection, proof.source, proof.source_id, proof.attributes, now)
        device, shown = _device_of(connection, device, profile, shown, now)
    else:
        device = device or make_profile(connection, now)
        profile = device
    conversation = None if fresh else _under_way(connection, channel, assurance, device, profile)
    if conversation:
        _go_on(connection, conversation, profile, assurance, page)
    else:
        conversation = new_id()
        connection.execute(
            conversations.insert().values(
                id=conversation,
                customer_id=profile,
                channel=channel,
                assurance=assurance.word,
                language=language,
                state="bot",
                page=page,
                started_at=now,
                last_at=now,
                last_seq=0,
            )
        )
    if known and device_token:
        devices.wear_out(connection, device_token, now)
    token = secrets.token_urlsafe(32)
    connection.execute(
        sessions.insert().values(
            token_hash=hashed(token), conversation_id=conversation, created_at=now, expires_at=now + lasts
        )
    )
    return Opened(token, devices.issue(connection, device, now, previous=shown), conversation)


def _device_of(
    connection: Connection, device: str | None, record: str, shown: str | None, now: datetime
) -> tuple[str, str | None]:
    """The device profile of a proven customer, joined to them.

    A device on which somebody else was proven is not theirs to take along: it stays with them and this customer gets a
    profile of their own for it.
    """
    if device and canonical(connection, device) == canonical(connection, record):
        return device, shown
    one_at_a_time(connection, WHO_IS_WHO)
    if device is None or is_somebody(connection, device):
        device, shown = make_profile(connection, now), None
    merge(connection, device, record, *SIGNED_IN, now, Ground.PROOF)
    return device, shown


def _under_way(connection: Connection, channel: str, assurance: Assurance, device: str, profile: str) -> str | None:
    """The latest conversation of this device or proven customer, if people of the business are in it.

    What was said by a proven customer is for whoever proves to be the same; anything else is for the device it was said on.
    """
    if not may(assurance, Act.READ_EARLIER_CONVERSATIONS):
        return None
    is_verified = conversations.c.assurance == Assurance.VERIFIED.word
    theirs: ColumnElement[bool] = ~is_verified & (conversations.c.customer_id == device)
    if may(assurance, Act.READ_ALL_CHANNELS):
        theirs |= is_verified & conversations.c.customer_id.in_(scope(connection, profile, assurance))
    latest = connection.execute(
        select(conversations.c.id, conversations.c.state)
        .where(conversations.c.channel == channel, conversations.c.last_seq > 0, theirs)
        .order_by(conversations.c.last_at.desc(), conversations.c.started_at.desc())
        .limit(1)
    ).first()
    if latest is None or (latest.state == "bot" and not _staff_unanswered(connection, latest.id)):
        return None
    return str(latest.id)


def _staff_unanswered(connection: Connection, conversation_id: str) -> bool:
    """Whether staff said something after the customer's last words: if they have read it, they have not said so."""
    rows = connection.execute(
        select(messages.c.author, func.max(messages.c.seq))
        .where(messages.c.conversation_id == conversation_id)
        .group_by(messages.c.author)
    )
    last = {author: int(seq) for author, seq in rows}
    return last.get("staff", 0) > last.get("customer", 0)


def _go_on(connection: Connection, conversation_id: str, profile: str, assurance: Assurance, page: str | None) -> None:
    """Takes up a conversation again, with what is proven now."""
    was = conversations.c.id == conversation_id
    before = connection.execute(select(conversations).where(was)).one()
    if assurance is Assurance.VERIFIED and (before.assurance, before.customer_id) != (assurance.word, profile):
        # Whoever else holds a session of it has proven nothing, or to have another record of the same customer's; these may
        # turn out to be two people.
        connection.execute(sessions.delete().where(sessions.c.conversation_id == conversation_id))
    facts = {"customer_id": profile, "assurance": assurance.word, **({"page": page} if page else {})}
    connection.execute(conversations.update().where(was).values(facts))


def raise_session(connection: Connection, conversation_id: str, proof: Proof, now: datetime) -> None:
    """Proof given in a running conversation: it belongs to the proven customer from now on.

    A conversation of another proven customer is refused: OtherCustomerError (the widget opens a new one).
    """
    record = profile_of_record(connection, proof.source, proof.source_id, proof.attributes, now)
    prove_to_be(connection, conversation_id, [record], *SIGNED_IN, now)


# Made once: it runs several times in each turn.
_SESSION = (
    select(
        conversations.c.id,
        conversations.c.customer_id,
        conversations.c.assurance,
        conversations.c.language,
        conversations.c.channel,
        conversations.c.state,
        conversations.c.held_by,
        conversations.c.last_seq,
    )
    .join(sessions, sessions.c.conversation_id == conversations.c.id)
    .where(sessions.c.token_hash == bindparam("token_hash"), sessions.c.expires_at > bindparam("now"))
)


def session(connection: Connection, token: str, now: datetime) -> Any:
    """The conversation that a session token opens, as a row of `_SESSION`; None when it opens none."""
    return connection.execute(_SESSION, {"token_hash": hashed(token), "now": now}).first()


def end_others(connection: Connection, conversation_id: str, token: str) -> None:
    """Ends every session of a conversation but this one: whoever holds another of it has proven nothing."""
    others = (sessions.c.conversation_id == conversation_id) & (sessions.c.token_hash != hashed(token))
    connection.execute(sessions.delete().where(others))


def end_later(connection: Connection, conversation_id: str, than: datetime) -> None:
    """Ends the sessions of a conversation that were opened after something was said in it."""
    later = (sessions.c.conversation_id == conversation_id) & (sessions.c.created_at > than)
    connection.execute(sessions.delete().where(later))


def close_session(connection: Connection, token: str, device_token: str | None, now: datetime) -> str | None:
    """Ends a session, and makes a stranger's of the device whose token is shown.

    Returns the session's conversation; None when the token opens none, and nothing is changed then.
    """
    here = session(connection, token, now)
    if here is None:
        return None
    connection.execute(sessions.delete().where(sessions.c.token_hash == hashed(token)))
    if device_token:
        devices.forget(connection, device_token, now)
    return str(here.id)
