"""Which conversation a chat is in, on a channel whose customers have one chat for ever: after a long silence a new one.

Knows no messaging service: a channel's name and an address there is all it asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from crm_store.identify.accounts import Account, account
from crm_store.identify.assurance import Assurance
from crm_store.identify.profiles import make_profile, new_id
from crm_store.tables import conversations, messages


@dataclass(frozen=True)
class Chat:
    """A chat's conversation. `is_new`: it begins with what is said now."""

    conversation_id: str
    profile: str
    language: str
    is_new: bool


@dataclass(frozen=True)
class Place:
    """Where somebody writes: `channel` and the address there; what they speak, when nothing is known of them yet."""

    channel: str
    address: str
    language: str


def chat_of(connection: Connection, place: Place, account_id: str, now: datetime, lasts: timedelta) -> Chat:
    """The conversation that an account's chat is in, a new one after `lasts` without a word.

    It goes on for longer where a person of the business is due in it or has the last word.
    """

    def whose(latest: Row[Any] | None) -> Account:
        return account(connection, place.channel, account_id, now, latest.customer_id if latest else None)

    return _chat(connection, place, whose, now, lasts)


def chat_of_nobody(connection: Connection, place: Place, now: datetime, lasts: timedelta) -> Chat:
    """The same of a place where many write, such as a group: of nobody known, and never anybody's."""

    def whose(latest: Row[Any] | None) -> Account:
        return Account(latest.customer_id if latest else make_profile(connection, now), Assurance.ANONYMOUS)

    return _chat(connection, place, whose, now, lasts)


def _chat(
    connection: Connection, place: Place, whose: Callable[[Row[Any] | None], Account], now: datetime, lasts: timedelta
) -> Chat:
    here = (conversations.c.channel == place.channel) & (conversations.c.address == place.address)
    newest = conversations.c.started_at.desc(), conversations.c.last_at.desc()
    latest = connection.execute(select(conversations).where(here).order_by(*newest).limit(1)).first()
    found = whose(latest)
    if latest and _goes_on(connection, latest, now, lasts):
        return Chat(latest.id, latest.customer_id, latest.language, is_new=False)
    language = latest.language if latest else place.language
    conversation_id = new_id()
    connection.execute(
        conversations.insert().values(
            id=conversation_id,
            customer_id=found.profile,
            channel=place.channel,
            assurance=found.assurance.word,
            language=language,
            state="bot",
            address=place.address,
            started_at=now,
            last_at=now,
            last_seq=0,
        )
    )
    return Chat(conversation_id, found.profile, language, is_new=True)


def _goes_on(connection: Connection, latest: Row[Any], now: datetime, lasts: timedelta) -> bool:
    return latest.state != "bot" or now - latest.last_at < lasts or _staff_unanswered(connection, latest.id)


def _staff_unanswered(connection: Connection, conversation_id: str) -> bool:
    said = select(messages.c.author).where(
        messages.c.conversation_id == conversation_id, messages.c.author.in_(("customer", "staff"))
    )
    return connection.execute(said.order_by(messages.c.seq.desc()).limit(1)).scalar() == "staff"
