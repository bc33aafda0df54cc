"""Opening a chat: who it is, how surely, and the tokens for the rest of it.

Knows how identity, device and session meet; knows no HTTP.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, select

from crm_store.identify import devices
from crm_store.identify.assurance import Assurance
from crm_store.identify.devices import hashed
from crm_store.identify.profiles import canonical, customer_of_record, is_known, join, make_profile, new_id
from crm_store.identify.proof import Proof
from crm_store.tables import conversations, sessions


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
) -> Opened:
    """A new conversation for whoever shows these tokens; the device token is replaced."""
    device = devices.recognise(connection, device_token, now) if device_token else None
    assurance = Assurance.ANONYMOUS if device is None else Assurance.RECOGNISED
    shown = device_token if device else None
    if proof:
        assurance = Assurance.VERIFIED
        customer = customer_of_record(connection, proof.source, proof.source_id, proof.attributes, now)
        device, shown = _device_of(connection, device, customer, shown, now)
        profile = customer
    else:
        device = device or make_profile(connection, now)
        profile = device
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
    token = secrets.token_urlsafe(32)
    connection.execute(
        sessions.insert().values(
            token_hash=hashed(token), conversation_id=conversation, created_at=now, expires_at=now + lasts
        )
    )
    return Opened(token, devices.issue(connection, device, now, previous=shown), conversation)


def _device_of(
    connection: Connection, device: str | None, customer: str, shown: str | None, now: datetime
) -> tuple[str, str | None]:
    """The device profile of a proven customer, joined to them.

    A device on which somebody else was proven is not theirs to take along: it stays with them and this customer gets a
    profile of their own for it.
    """
    if device and canonical(connection, device) == canonical(connection, customer):
        return device, shown
    if device and not is_known(connection, device):
        join(connection, device, customer, "user_token", now)
        return device, shown
    return make_profile(connection, now, canonical(connection, customer)), None


def raise_session(connection: Connection, conversation_id: str, proof: Proof, now: datetime) -> None:
    """Proof given in a running conversation: it belongs to the proven customer from now on.

    What the anonymous profile had taught comes along by the join. A conversation of another proven customer is refused:
    ValueError (the widget opens a new one).
    """
    row = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one()
    customer = customer_of_record(connection, proof.source, proof.source_id, proof.attributes, now)
    same = canonical(connection, row.customer_id) == customer
    if row.assurance == Assurance.VERIFIED.word and not same:
        raise ValueError("this conversation belongs to another customer; open a new session")
    if not same:
        if is_known(connection, row.customer_id):
            raise ValueError("this device is another customer's; open a new session")
        join(connection, row.customer_id, customer, "user_token", now)
    connection.execute(
        conversations.update()
        .where(conversations.c.id == conversation_id)
        .values(customer_id=customer, assurance=Assurance.VERIFIED.word)
    )


# Made once: it runs several times in each turn.
_SESSION = (
    select(
        conversations.c.id,
        conversations.c.customer_id,
        conversations.c.assurance,
        conversations.c.language,
        conversations.c.channel,
        conversations.c.state,
        conversations.c.last_seq,
    )
    .join(sessions, sessions.c.conversation_id == conversations.c.id)
    .where(sessions.c.token_hash == bindparam("token_hash"), sessions.c.expires_at > bindparam("now"))
)


def session(connection: Connection, token: str, now: datetime) -> Any:
    """The conversation that a session token opens, as a row of `_SESSION`; None when it opens none."""
    return connection.execute(_SESSION, {"token_hash": hashed(token), "now": now}).first()
