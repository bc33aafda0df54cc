"""Staff accounts and their sessions: who may work in the console, and proof that it is they.

Knows the staff tables and password hashing; knows no HTTP and no cookie. `attempts` says how often one may
try.

AccessError
├── InvalidAccountError   the address, role or password cannot be used
├── StaffExistsError      the address has an account already
├── UnknownStaffError     no account has this address
├── SignInRefusedError    address and password do not open an account; the same whichever of them is wrong
└── NotAllowedError       this person may not see or do this
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Literal, get_args
from uuid import uuid4

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import Connection, Engine, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from crm_store.database import UnitOfWork, reading
from crm_store.tables import staff, staff_sessions

Role = Literal["agent", "administrator"]

SESSION_LENGTH = timedelta(hours=12)
SHORTEST_PASSWORD = 12
LONGEST_NAME = 64
LONGEST_PASSWORD = 256
"""Longer ones are refused before they are hashed, so that nobody can make the console hash a book."""

_hasher = PasswordHasher()


class AccessError(Exception):
    """Somebody may not do this; the text says what to do instead."""


class InvalidAccountError(AccessError):
    """`field`: email, role or password."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class StaffExistsError(AccessError):
    def __init__(self, email: str) -> None:
        super().__init__(
            f"{email} has an account already; for a new password `rapport staff disable` it and add it again"
        )
        self.email = email


class UnknownStaffError(AccessError):
    def __init__(self, email: str) -> None:
        super().__init__(f"nobody here has the address {email}; `rapport staff list` shows who has")
        self.email = email


class SignInRefusedError(AccessError):
    def __init__(self) -> None:
        super().__init__("That address and password do not open an account. Check both and try again.")


class NotAllowedError(AccessError):
    """`needed`: what the person would have to be allowed."""

    def __init__(self, needed: str) -> None:
        super().__init__(f"Your account may not {needed}. Ask an administrator.")
        self.needed = needed


@dataclass(frozen=True)
class Staff:
    """One person who works here; never carries the password's hash."""

    id: str
    email: str
    name: str
    """What customers see of them."""
    role: Role
    created_at: datetime
    disabled_at: datetime | None

    @property
    def is_active(self) -> bool:
        return self.disabled_at is None


def make_password() -> str:
    """A password to hand over once: 120 random bits in groups that can be read aloud."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(5))


def add_staff(uow: UnitOfWork, email: str, role: Role, password: str, now: datetime, name: str | None = None) -> Staff:
    """A new account, or a disabled one opened again with this role and password. The caller commits.

    Without a name customers see the part of the address before the @.

    Raises InvalidAccountError, StaffExistsError.
    """
    address = _address(email)
    _check_account(address, role, password)
    shown = (name or "").strip() or address.partition("@")[0]
    given: dict[str, Any] = {
        "role": role,
        "name": shown[:LONGEST_NAME],
        "password_hash": _hasher.hash(password),
        "disabled_at": None,
    }
    closed = (staff.c.email == address) & staff.c.disabled_at.is_not(None)
    if not uow.connection.execute(update(staff).where(closed).values(given)).rowcount:
        try:
            uow.connection.execute(insert(staff).values(id=uuid4().hex, email=address, created_at=now, **given))
        except IntegrityError:
            raise StaffExistsError(address) from None
    return _staff(uow.connection.execute(select(staff).where(staff.c.email == address)).one())


def list_staff(connection: Connection) -> list[Staff]:
    """Everybody who has or had an account, by address."""
    return [_staff(row) for row in connection.execute(select(staff).order_by(staff.c.email))]


def disable_staff(uow: UnitOfWork, email: str, now: datetime) -> Staff:
    """Closes the account and ends its sessions at once. The caller commits. Raises UnknownStaffError."""
    row = uow.connection.execute(select(staff).where(staff.c.email == _address(email))).one_or_none()
    if row is None:
        raise UnknownStaffError(_address(email))
    closed_at = row.disabled_at or now
    uow.connection.execute(update(staff).where(staff.c.id == row.id).values(disabled_at=closed_at))
    uow.connection.execute(delete(staff_sessions).where(staff_sessions.c.staff_id == row.id))
    return Staff(row.id, row.email, row.name, row.role, row.created_at, closed_at)


def sign_in(engine: Engine, email: str, password: str, now: datetime) -> str:
    """A session token, good for SESSION_LENGTH. Raises SignInRefusedError.

    Takes the engine because the slow check of the password must not run inside a transaction that writes:
    customers' turns would wait for it. An unknown address costs the same work as a known one and is refused
    in the same words.
    """
    address = _address(email).replace("\0", "")  # PostgreSQL takes no NUL, not even to look for
    with reading(engine) as connection:
        row = connection.execute(select(staff).where(staff.c.email == address)).one_or_none()
    decoy = _decoy_hash()
    fits = _fits(row.password_hash if row else decoy, password)
    if row is None or not fits or row.disabled_at is not None:
        raise SignInRefusedError
    token = secrets.token_urlsafe(32)
    with UnitOfWork(engine) as uow:
        uow.connection.execute(delete(staff_sessions).where(staff_sessions.c.expires_at <= now))
        session = {"token_hash": _hash(token), "staff_id": row.id, "expires_at": now + SESSION_LENGTH}
        uow.connection.execute(insert(staff_sessions).values(session))
        uow.commit()
    return token


def staff_of(connection: Connection, token: str, now: datetime) -> Staff | None:
    """Whose session this is; none when it is unknown, over, or the account is disabled."""
    query = (
        select(staff)
        .join(staff_sessions, staff_sessions.c.staff_id == staff.c.id)
        .where(staff_sessions.c.token_hash == _hash(token), staff_sessions.c.expires_at > now)
        .where(staff.c.disabled_at.is_(None))
    )
    row = connection.execute(query).one_or_none()
    return _staff(row) if row else None


def sign_out(uow: UnitOfWork, token: str) -> None:
    """Ends this session; unknown ones are no error. The caller commits."""
    uow.connection.execute(delete(staff_sessions).where(staff_sessions.c.token_hash == _hash(token)))


def _check_account(address: str, role: str, password: str) -> None:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or len(address) > 255:
        raise InvalidAccountError("email", f"{address!r} is not an address; write it like name@example.com")
    if role not in get_args(Role):
        raise InvalidAccountError("role", f"{role!r} is not a role; use one of: {', '.join(get_args(Role))}")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidAccountError(
            "password", f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; choose another"
        )


def _address(email: str) -> str:
    return email.strip().lower()


def _hash(token: str) -> str:
    # The token is random, so a plain hash is enough: there is nothing to guess from a list of likely ones.
    return sha256(token.encode()).hexdigest()


@cache
def _decoy_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(32))


def _fits(password_hash: str, password: str) -> bool:
    if len(password) > LONGEST_PASSWORD:
        return False
    try:
        return _hasher.verify(password_hash, password)
    except VerificationError:
        return False


def _staff(row: Row[Any]) -> Staff:
    return Staff(row.id, row.email, row.name, row.role, row.created_at, row.disabled_at)
