"""Recognising a returning device by the token it was given.

A token is random (256 bit), stored as a hash and replaced on each use. The old one dies when its successor is first
used, since only then is it certain that the successor arrived; a short grace lets two tabs meet.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, or_, select

from crm_store.tables import device_tokens

GRACE = timedelta(minutes=5)

_SHOWN = select(device_tokens).where(device_tokens.c.token_hash == bindparam("shown"))
_END_THOSE_BEFORE = (
    device_tokens.update()
    .where(
        or_(
            device_tokens.c.token_hash == bindparam("previous"),
            (device_tokens.c.previous_hash == bindparam("previous"))
            & (device_tokens.c.token_hash != bindparam("shown")),
        ),
        device_tokens.c.superseded_at.is_(None),
    )
    .values(superseded_at=bindparam("now"))
)


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(connection: Connection, profile: str, now: datetime, previous: str | None = None) -> str:
    """A new token for the device of this profile. `previous`: the token that was shown to get it."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        device_tokens.insert().values(
            token_hash=hashed(token),
            customer_id=profile,
            previous_hash=hashed(previous) if previous else None,
            issued_at=now,
        )
    )
    return token


def recognise(connection: Connection, token: str, now: datetime) -> str | None:
    """The profile of the device that shows this token; None for an unknown or worn-out one."""
    shown = hashed(token)
    row = connection.execute(_SHOWN, {"shown": shown}).first()
    if row is None or (row.superseded_at is not None and now - row.superseded_at > GRACE):
        return None
    return str(row.customer_id)


def wear_out(connection: Connection, token: str, now: datetime) -> None:
    """Ends the tokens before the one that is shown, now that it has certainly arrived. After whatever changes who is who."""
    shown = hashed(token)
    row = connection.execute(_SHOWN, {"shown": shown}).first()
    if row is not None and row.previous_hash and row.superseded_at is None:
        connection.execute(_END_THOSE_BEFORE, {"shown": shown, "previous": row.previous_hash, "now": now})


def forget(connection: Connection, token: str, now: datetime) -> None:
    """Makes a stranger's of the device that shows this token: neither it nor any other of the device is known from now on.

    The others are those that wait for their successor to be used. An unknown or worn-out token changes nothing.
    """
    profile = recognise(connection, token, now)
    if profile:
        connection.execute(device_tokens.delete().where(device_tokens.c.customer_id == profile))
