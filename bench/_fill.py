"""A store with very many customers, filled straight into the tables: who is in it follows from their number alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from crm_store.bulk import put
from crm_store.database import UnitOfWork
from crm_store.identify.devices import hashed
from crm_store.identify.profiles import new_ids
from crm_store.tables import customers, device_tokens, identifiers, records

SOURCE = "web"
PORTION = 5000
SHARED = 50
"""Of so many customers the first two have one phone number."""
WITH_DEVICE = 10
"""One customer in so many has a device that was given tokens, joined to their record; as many are devices of nobody known."""


def email(number: int) -> str:
    return f"customer.{number}@example.com"


def phone(number: int) -> str:
    """As it is written; the second of each fifty has that of the first."""
    return f"0812-{number - (number % SHARED == 1) + 10_000_000}"


def card(number: int) -> str:
    return f"KS {number:08}"


def account(number: int) -> str:
    return str(900_000_000 + number)


def device(number: int) -> str:
    return f"device-{number:012x}"


def token(number: int) -> str:
    """Of the device of this customer, who has one. The device got it when it showed another one."""
    return f"token-{number}"


def strange_token(number: int) -> str:
    """Of the device of nobody known that came with this customer."""
    return f"strange-token-{number}"


def source_id(number: int) -> str:
    return f"w{number}"


def fill(engine: Engine, count: int, now: datetime) -> None:
    """So many customers, each with a record and five identifiers."""
    for start in range(0, count, PORTION):
        with UnitOfWork(engine) as work:
            numbers = range(start, min(start + PORTION, count))
            own = dict(zip(numbers, new_ids(len(numbers)), strict=True))
            put(work.connection, customers, [_profile(i, i, now) for i in own.values()])
            put(work.connection, records, [_record(number, i, now) for number, i in own.items()])
            told = [row for number, i in own.items() for row in _identifiers(number, i, now)]
            ids = new_ids(len(told))
            put(work.connection, identifiers, [{"id": i, **row} for i, row in zip(ids, told, strict=True)])
            with_device = [number for number in numbers if number % WITH_DEVICE == 0]
            devices = dict(zip(with_device, new_ids(len(with_device)), strict=True))
            put(work.connection, customers, [_profile(i, own[number], now) for number, i in devices.items()])
            strange = dict(zip(with_device, new_ids(len(with_device)), strict=True))
            put(work.connection, customers, [_profile(i, i, now) for i in strange.values()])
            tokens = [row for number, i in devices.items() for row in _tokens(token(number), i, now)]
            tokens += [row for number, i in strange.items() for row in _tokens(strange_token(number), i, now)]
            put(work.connection, device_tokens, tokens)
            work.commit()


def _profile(own: str, canonical: str, now: datetime) -> dict[str, Any]:
    return {"id": own, "canonical_id": canonical, "created_at": now}


def _tokens(shown: str, profile: str, now: datetime) -> Iterator[dict[str, Any]]:
    """The one that the device shows, and the one before, which ends when it does."""
    before = hashed(f"before {shown}")
    for token_hash, previous in ((before, None), (hashed(shown), before)):
        yield {"token_hash": token_hash, "customer_id": profile, "previous_hash": previous, "issued_at": now}


def _record(number: int, profile: str, now: datetime) -> dict[str, Any]:
    said = {"given_name": "Sari", "family_name": "Wijaya", "email": email(number), "phone": phone(number)}
    key = {"source": SOURCE, "source_id": source_id(number)}
    return {**key, "customer_id": profile, "attributes": said, "imported_at": now}


def _identifiers(number: int, profile: str, now: datetime) -> Iterator[dict[str, Any]]:
    has = {
        "email": (email(number), email(number)),
        "phone": (phone(number), f"+62{phone(number).replace('-', '')[1:]}"),
        "loyalty_id": (card(number), card(number).replace(" ", "")),
        "telegram": (account(number), account(number)),
        "device_id": (device(number), device(number)),
    }
    for kind, (raw, value) in has.items():
        proven = kind == "telegram"
        yield {
            "type": kind,
            "value": value,
            "raw": raw,
            "customer_id": profile,
            "source": kind if proven else SOURCE,
            "assurance": "proven" if proven else "imported",
            "first_seen_at": now,
            "last_seen_at": now,
        }
