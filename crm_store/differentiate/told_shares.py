"""Who told their share of customer, as it stands among the evidence, and what they had bought here by then. Queries only.

The newest answer to the question stands, whoever wrote it down; one that leaves the share open takes back what was told before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Row, Select, Subquery, bindparam, func, select

from crm_store.access.consent import PROFILE, all_withdrawn
from crm_store.business import Business
from crm_store.differentiate.evidence import days_since
from crm_store.differentiate.needs import Evidence, fresh
from crm_store.differentiate.share_of_customer import Band, Told, bands, elsewhere
from crm_store.differentiate.statements import WrittenOnce, earlier
from crm_store.tables import Utc, conversations, customers, decisions, evidence, messages, transactions


class Share(NamedTuple):
    """What one customer told, and what follows from it. `spent` and `elsewhere` are over the window that ended then."""

    told: Evidence
    band: Band
    spent: float
    elsewhere: tuple[float, float, float]
    """With its interval."""

    @property
    def holds(self) -> float:
        """Probability that it was so understood and still is so."""
        return self.told.strength * self.told.freshness

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        value, low, high = (round(figure, 2) for figure in self.elsewhere)
        return {
            "share": self.band.share,
            "told_at": self.told.at.isoformat() if self.told.at else None,
            "holds": round(self.holds, 4),
            "spent": round(self.spent, 2),
            "elsewhere": value,
            "elsewhere_low": low,
            "elsewhere_high": high,
        }


class Origin(NamedTuple):
    """Where something was told: the channel or touchpoint, None where the message is no longer kept; and who wrote it down."""

    place: str | None
    by: str


def all_told(connection: Connection, business: Business, until: datetime, customer_ids: Sequence[str]) -> Told | None:
    """Of these customers, by canonical id in ascending order; None where nobody told. Nothing after `until` is looked at."""
    statements = _statements(connection, business)
    if statements is None or not customer_ids:
        return None
    rows = connection.execute(statements.everybody, {"until": until}).all()
    tellers = {row.customer for row in rows}
    place = {customer: at for at, customer in enumerate(customer_ids) if customer in tellers} if tellers else {}
    return _told(business, until, rows, place)


def every_share(connection: Connection, business: Business, until: datetime) -> Iterator[tuple[str, Origin, Share]]:
    """Each customer who told their share, by canonical id in ascending order, where, and what follows from it; without those who
    want no profile.
    """
    statements, question = _statements(connection, business), business.share_question
    if statements is None or question is None:
        return
    meant = bands(question)
    off = all_withdrawn(connection, PROFILE, until)
    told = statements.everybody.subquery()
    rows = connection.execute(_with_origin(told).order_by(told.c.customer), {"until": until})
    for row in rows:
        if row.value in meant and row.customer not in off:
            band, spent = meant[row.value], float(row.spent)
            holds = _holds(business, row.at, until)
            piece = Evidence("answered", question.id, row.value, row.strength, at=row.at, freshness=holds)
            origin = Origin(row.channel or row.touchpoint, "staff" if row.staff_id else "customer")
            yield row.customer, origin, Share(piece, band, spent, elsewhere(spent, band))


def _with_origin(told: Subquery) -> Select[Any]:
    said = evidence.c
    return (
        select(told, said.staff_id, conversations.c.channel, decisions.c.touchpoint)
        .join(evidence, said.id == told.c.id)
        .outerjoin(messages, messages.c.id == said.message_id)
        .outerjoin(conversations, conversations.c.id == messages.c.conversation_id)
        .outerjoin(decisions, decisions.c.id == said.decision_id)
    )


def told_of(connection: Connection, business: Business, until: datetime, customer: str) -> Told | None:
    """The same of the one customer with this canonical id, who is at place 0."""
    statements = _statements(connection, business)
    if statements is None:
        return None
    rows = connection.execute(statements.one, {"until": until, "customer": customer}).all()
    return _told(business, until, rows, {customer: 0})


def share_in(
    connection: Connection, business: Business, customer_ids: Sequence[str], told: Sequence[Evidence], now: datetime
) -> Share | None:
    """What stands of it in what these profiles told; None where they told none, or had bought nothing by then."""
    question = business.share_question
    piece = next((e for e in told if question and e.kind == "answered" and e.key == question.id), None)
    band = bands(question).get(piece.value) if question and piece else None
    if piece is None or band is None or piece.at is None:
        return None
    spent = spent_until(connection, business, customer_ids, piece.at)
    piece = replace(piece, freshness=_holds(business, piece.at, now))
    return Share(piece, band, spent, elsewhere(spent, band)) if spent > 0 else None


def spent_until(connection: Connection, business: Business, customer_ids: Sequence[str], until: datetime) -> float:
    """What these profiles bought within the window that ends then, returns not taken off."""
    since = until - timedelta(days=business.value.window_days)
    asked = {"profiles": list(customer_ids), "since": since, "until": until}
    return float(connection.execute(_SPENT, asked).scalar_one() or 0.0)


_sold = transactions.c
_SPENT = select(func.sum(_sold.amount)).where(
    _sold.customer_id.in_(bindparam("profiles", expanding=True)),
    _sold.amount > 0,
    _sold.at > bindparam("since", type_=Utc),
    _sold.at <= bindparam("until", type_=Utc),
)


class _Statements(NamedTuple):
    everybody: Select[Any]
    one: Select[Any]


@WrittenOnce
def _statements(connection: Connection, business: Business) -> _Statements | None:
    question = business.share_question
    if question is None:
        return None
    said, whose = evidence.c, customers.c.canonical_id
    newest_first = func.row_number().over(partition_by=whose, order_by=(said.at.desc(), said.id.desc()))
    answers = (
        select(whose.label("customer"), said.id, said.value, said.strength, said.at, newest_first.label("place"))
        .join(customers, customers.c.id == said.customer_id)
        .where(said.kind == "answered", said.key == question.id, said.at <= bindparam("until", type_=Utc))
    )
    one = answers.where(whose == bindparam("customer"))
    return _Statements(*(_with_spent(connection, business, each) for each in (answers, one)))


def _with_spent(connection: Connection, business: Business, answers: Select[Any]) -> Select[Any]:
    told, theirs = answers.subquery(), customers.alias()
    names = (told.c.customer, told.c.id, told.c.value, told.c.strength, told.c.at)
    return (
        select(*names, func.sum(_sold.amount).label("spent"))
        .join(theirs, theirs.c.canonical_id == told.c.customer)
        .join(transactions, _sold.customer_id == theirs.c.id)
        .where(told.c.place == 1, _sold.amount > 0, _sold.at <= told.c.at)
        .where(_sold.at > earlier(connection, told.c.at, business.value.window_days))
        .group_by(*names)
    )


def _told(business: Business, until: datetime, rows: Sequence[Row[Any]], place: dict[str, int]) -> Told | None:
    question = business.share_question
    meant = bands(question) if question else {}
    kept = [row for row in rows if row.value in meant and row.customer in place]
    if not kept:
        return None
    fading = [row.strength * _holds(business, row.at, until) for row in kept]
    share, low, high = np.array([meant[row.value] for row in kept]).T
    places = np.array([place[row.customer] for row in kept], np.intp)
    return Told(places, np.array([float(row.spent) for row in kept]), share, low, high, np.array(fading))


def _holds(business: Business, at: datetime, now: datetime) -> float:
    """Probability that what was answered then is still so."""
    return fresh(days_since(at, now), business.needs.half_life_days.answered)
