"""Links from a conversation on one channel to another: who opens one holds both, and is one person.

A link is random (192 bit), kept as a hash, good for ten minutes and once, and never on the channel that it was made on. The two
profiles are joined; the conversation in which it is opened is verified only if the other was when the link was made. What would
join a known customer to whoever has proven nothing is not joined. Knows no channel.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from crm_store.database import one_at_a_time
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.identify.devices import hashed
from crm_store.identify.merging import merge
from crm_store.identify.profiles import WHO_IS_WHO, canonical, is_known, is_somebody, new_id
from crm_store.identify.proving import OtherCustomerError, prove_to_be
from crm_store.identify.ties import Ground
from crm_store.tables import conversations, journal, links

LASTS = timedelta(minutes=10)
ACTOR = "link"
"""Who joined, in the journal."""
FORM = re.compile(r"go-[\w-]{32}", re.ASCII)
"""What a link's token looks like; by it one is told from other words in its place."""


class NotKnownYetError(LookupError):
    """Whoever is here was never seen before: there is nothing to go on with elsewhere."""


class Outcome(StrEnum):
    """What came of a link that was opened. What staff see of it is in the journal."""

    VERIFIED = "verified"  # it is the customer who made it
    RECOGNISED = "recognised"  # the same person, of whom nothing was proven; what could not be joined is apart, and it is not said
    OTHER = "other"  # made by a proven customer, opened by another: nothing was done
    REFUSED = "refused"  # unknown, used, too old, or opened where it was made


@dataclass(frozen=True)
class Link:
    token: str
    expires_at: datetime


def make_link(connection: Connection, conversation_id: str, now: datetime) -> Link:
    """A link out of this conversation; one made before and not used is over. Raises NotKnownYetError."""
    here = _conversation(connection, conversation_id)
    if not may(Assurance.of(here.assurance), Act.GO_ON_ELSEWHERE):
        raise NotKnownYetError
    mine = (links.c.customer_id == here.customer_id) & (links.c.channel == here.channel)
    connection.execute(delete(links).where(mine, links.c.used_at.is_(None)))
    link = Link(f"go-{secrets.token_urlsafe(24)}", now + LASTS)
    connection.execute(
        links.insert().values(
            token_hash=hashed(link.token),
            customer_id=here.customer_id,
            channel=here.channel,
            assurance=here.assurance,
            made_at=now,
            expires_at=link.expires_at,
        )
    )
    return link


def follow_link(connection: Connection, token: str, conversation_id: str, now: datetime) -> Outcome:
    """Opens a link in this conversation, once."""
    one_at_a_time(connection, WHO_IS_WHO)  # before the link's row, which an erasure takes too
    here = _conversation(connection, conversation_id)
    it = links.c.token_hash == hashed(token)
    link = connection.execute(
        update(links)
        .where(it, links.c.used_at.is_(None), links.c.expires_at > now, links.c.channel != here.channel)
        .values(used_at=now)
        .returning(*links.c)
    ).first()
    if link is None:
        _note_misuse(connection, connection.execute(select(links).where(it)).first(), here, now)
        return Outcome.REFUSED
    outcome, joined = _one_person(connection, link, here, now)
    details = {"from": link.channel, "to": here.channel, "outcome": outcome.value, "joined": joined}
    _tell_journal(connection, "link_opened", link.customer_id, details, now)
    return outcome


def _one_person(connection: Connection, link: Row[Any], here: Row[Any], now: datetime) -> tuple[Outcome, bool]:
    """What the link makes of both, and whether they are one customer now."""
    reason = f"opened on {here.channel} a link made on {link.channel}"
    if link.assurance == Assurance.VERIFIED.word:
        try:
            prove_to_be(connection, here.id, [link.customer_id], ACTOR, reason, now)
        except OtherCustomerError:
            return Outcome.OTHER, False
        return Outcome.VERIFIED, True
    same = canonical(connection, link.customer_id) == canonical(connection, here.customer_id)
    if not same and _may_join(connection, link, here):
        # No more than a rule: what nobody has proven goes over no word of staff, and is the first to be taken back.
        same = merge(connection, link.customer_id, here.customer_id, ACTOR, reason, now, Ground.RULE)
    return Outcome.RECOGNISED, same


def _may_join(connection: Connection, link: Row[Any], here: Row[Any]) -> bool:
    """Of a link that proves nothing: a stranger may come to a stranger, or to a known customer who is proven here."""
    if is_somebody(connection, link.customer_id):
        return False
    if may(Assurance.of(here.assurance), Act.BE_JOINED):
        # Whoever is proven as themselves alone stays so: the other may turn out to be a customer, to whom they have proven nothing.
        return is_known(connection, here.customer_id)
    return not is_somebody(connection, here.customer_id)


def _note_misuse(connection: Connection, link: Row[Any] | None, here: Row[Any], now: datetime) -> None:
    """A link that was stolen or passed on is opened a second time or too late; of one that never was nobody can be told."""
    if link is None:
        return
    why = "used" if link.used_at else "too_old" if now >= link.expires_at else "same_channel"
    _tell_journal(
        connection, "link_refused", link.customer_id, {"from": link.channel, "to": here.channel, "why": why}, now
    )


def _tell_journal(connection: Connection, kind: str, customer: str, details: dict[str, Any], now: datetime) -> None:
    row = {"id": new_id(), "at": now, "kind": kind, "customer_id": customer, "actor": ACTOR, "details": details}
    connection.execute(journal.insert().values(row))


def _conversation(connection: Connection, conversation_id: str) -> Row[Any]:
    return connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one()
