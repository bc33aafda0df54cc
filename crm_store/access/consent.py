"""What a customer allows us to do with what we learn of them, and what they were told of it.

Nobody is asked for a yes in advance: each purpose stands until it is withdrawn, and each word on it is kept, so that it can be
shown who said what, when and in which message. The newest word counts, for all profiles that are joined.

questions    being asked things; without it nothing is asked
offers       being offered things; without it an offer is made only to somebody who asks for advice
profile      learning from what is said and bought; without it nothing more is learnt, and nothing that was learnt is used
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, select, true
from sqlalchemy.dialects import postgresql, sqlite

from crm_store.bulk import among, is_one_of
from crm_store.identify.profiles import new_id
from crm_store.prepared import Prepared
from crm_store.tables import consents, customers, notices, value_scores

if TYPE_CHECKING:
    from crm_store.business import Business
    from crm_store.moment import Moment

QUESTIONS = "questions"
OFFERS = "offers"
PROFILE = "profile"
PURPOSES = (QUESTIONS, OFFERS, PROFILE)
NOTICE = "notice"
"""No purpose: the row tells that the privacy notice was shown, and which."""

WITH_LINK = ("web",)
"""Channels that show the link to the privacy notice all the time, so that it need not be said."""


def _whole(these: ColumnElement[bool]) -> Select[tuple[str]]:
    """These profiles and all joined to them."""
    return select(customers.c.id).where(customers.c.canonical_id.in_(select(customers.c.canonical_id).where(these)))


_WHOLE_CUSTOMER = _whole(customers.c.id.in_(bindparam("profiles", expanding=True)))
_OF_WHOLE_CUSTOMER = select(consents).where(consents.c.customer_id.in_(_WHOLE_CUSTOMER))
"""Rows of these profiles and of all joined to them: a withdrawal is honoured wherever the customer is met."""
_WORTH_OF_WHOLE_CUSTOMER = value_scores.delete().where(value_scores.c.customer_id.in_(_WHOLE_CUSTOMER))
_IN_ORDER = (consents.c.at, consents.c.id)
_ON_PURPOSES = Prepared(
    lambda connection: (
        select(consents.c.purpose, consents.c.granted)
        .where(consents.c.customer_id.in_(_whole(is_one_of(connection, customers.c.id, "profiles"))))
        .where(is_one_of(connection, consents.c.purpose, "purposes"))
        .order_by(*_IN_ORDER)
    )
)


def withdrawn(connection: Connection, profiles: Sequence[str]) -> frozenset[str]:
    """The purposes that this customer has withdrawn from. Who has said nothing has withdrawn from none."""
    rows = _ON_PURPOSES.rows(connection, profiles=profiles, purposes=PURPOSES)
    newest = {row.purpose: row.granted for row in rows}
    return frozenset(purpose for purpose, granted in newest.items() if not granted)


def all_withdrawn(
    connection: Connection, purpose: str, until: datetime | None = None, *, among_these: Collection[str] | None = None
) -> frozenset[str]:
    """The canonical ids of all customers who have withdrawn from this purpose, or of those among these; had then, where `until` is
    given.
    """
    said = consents.c
    query = (
        select(customers.c.canonical_id, said.granted)
        .join(customers, customers.c.id == said.customer_id)
        .where(said.purpose == purpose, true() if until is None else said.at <= until)
        .order_by(said.at, said.id)
    )
    if among_these is not None:
        query = query.where(among(connection, customers.c.canonical_id, among_these))
    rows = connection.execute(query)
    newest = {row.canonical_id: row.granted for row in rows}
    return frozenset(customer for customer, granted in newest.items() if not granted)


def told_to_stop(connection: Connection, profiles: Sequence[str]) -> bool:
    """Whether this customer does not want to be asked anything."""
    return QUESTIONS in withdrawn(connection, profiles)


def history(connection: Connection, profiles: Sequence[str]) -> Sequence[Row[Any]]:
    """Every word on every purpose, and every notice shown, the oldest first."""
    return connection.execute(_OF_WHOLE_CUSTOMER.order_by(*_IN_ORDER), {"profiles": list(profiles)}).all()


def keep_consent(moment: Moment, purpose: str, granted: bool) -> None:
    """Keeps what the customer said of a purpose. What they said before stays."""
    _keep(moment, purpose, granted)


def keep_word(connection: Connection, profile: str, purpose: str, granted: bool, channel: str, now: datetime) -> None:
    """Keeps what the customer said of a purpose elsewhere than in the chat."""
    row = {"customer_id": profile, "purpose": purpose, "granted": granted, "channel": channel, "at": now}
    connection.execute(consents.insert().values(id=new_id(), **row))
    _forget_worth(connection, profile, purpose, granted)


def notice_text(business: Business, language: str) -> str:
    """What customers are told of their data, in short, with the address of the rest where it is one by itself."""
    text = business.privacy.notice[language] if business.privacy else ""
    link = business.business.privacy_url
    return " ".join(part for part in (text.strip(), link if "://" in link else "") if part)


def notice_due(moment: Moment) -> str | None:
    """The privacy notice, where this customer has not been shown this wording on this channel yet; it is kept as shown.

    None where it need not be said: they know it, there is none, or the channel shows its link all the time. That link is
    kept as shown then.
    """
    if moment.channel in WITH_LINK:
        keep_notice(moment, moment.business.business.privacy_url)
        return None
    text = notice_text(moment.business, moment.language)
    return text if text and keep_notice(moment, text) else None


def keep_notice(moment: Moment, text: str) -> bool:
    """Keeps that this wording was shown now. False when it had been shown before on this channel."""
    notice_id = hashlib.sha256(f"{moment.language}\n{text}".encode()).hexdigest()[:16]
    shown = _OF_WHOLE_CUSTOMER.where(
        consents.c.purpose == NOTICE, consents.c.channel == moment.channel, consents.c.notice_id == notice_id
    )
    if moment.connection.execute(shown.limit(1), {"profiles": moment.profiles}).first():
        return False
    insert = (postgresql if moment.connection.dialect.name == "postgresql" else sqlite).insert(notices)
    row = {"id": notice_id, "language": moment.language, "text": text, "at": moment.now}
    moment.connection.execute(insert.values(row).on_conflict_do_nothing())
    _keep(moment, NOTICE, granted=True, notice_id=notice_id)
    return True


def _keep(moment: Moment, purpose: str, granted: bool, notice_id: str | None = None) -> None:
    moment.connection.execute(
        consents.insert().values(
            id=new_id(),
            customer_id=moment.profile,
            purpose=purpose,
            granted=granted,
            channel=moment.channel,
            message_id=moment.message_id,
            notice_id=notice_id,
            at=moment.now,
        )
    )
    _forget_worth(moment.connection, moment.profile, purpose, granted)


def _forget_worth(connection: Connection, profile: str, purpose: str, granted: bool) -> None:
    """What a customer is worth is computed of nobody who wants no profile, and shown to nobody from that moment on."""
    if purpose == PROFILE and not granted:
        connection.execute(_WORTH_OF_WHOLE_CUSTOMER, {"profiles": [profile]})
