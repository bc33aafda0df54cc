"""What customers bought, brought back and cost, summed up by the database: one row a customer, of one or of a million.

Queries only. The same statements serve a batch over everybody and the one customer who is in the chat. Money is in the
business's currency, days are counted in UTC from 1970-01-01.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from math import nan
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Integer,
    Select,
    String,
    bindparam,
    case,
    cast,
    distinct,
    exists,
    func,
    literal_column,
    select,
    type_coerce,
)

from crm_store.access.consent import PROFILE, all_withdrawn
from crm_store.bulk import among
from crm_store.business import Business
from crm_store.differentiate.lifetime import History
from crm_store.differentiate.lifetime.alone import Buyer
from crm_store.differentiate.lifetime.sampling import spacing
from crm_store.differentiate.statements import WrittenOnce, utc_day
from crm_store.differentiate.value import cost_to_serve, line_margin
from crm_store.prepared import Prepared
from crm_store.tables import Utc, consents, customers, evidence, interactions, scorings, transactions

Floats = NDArray[np.float64]
EPOCH = date(1970, 1, 1)
AT_A_TIME = 20_000
NO, ONE = literal_column("0", Integer), literal_column("1", Integer)
"""Written out: as parameters they would be handed over with each customer."""
NOTHING = (0, None, None, 0.0, 0.0, 0.0, 0)
"""Bought by who was only served."""
MOST_AMOUNTS = 20_000
"""Customers whose single amounts are looked at: many more would not be told from these by what is learnt."""


class Span(NamedTuple):
    """Customers by their canonical ids: from `low` on and before `high`."""

    low: str
    high: str


LAST = "z"
"""Beyond every id, which is of hexadecimal digits."""
EVERYBODY = Span("", LAST)


@dataclass(frozen=True)
class Histories:
    """Of n customers who ever bought, brought back or were served, arrays of shape (n,)."""

    customer_ids: list[str]
    """Canonical, ascending."""
    purchases: Floats
    """Days on which something was bought."""
    first_day: Floats
    last_day: Floats
    """Of the purchases; NaN where there is none."""
    sold: Floats
    """Amount of all that was bought, returns not taken off."""
    earned: Floats
    """Margin to date, returns taken off."""
    margin: Floats
    cost: Floats
    """Margin, and cost to serve, over the window that ends at `until`."""
    foreign: Floats
    """Lines in another currency than the business's."""
    until: int
    """The last day that is looked at."""

    def __len__(self) -> int:
        return len(self.customer_ids)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Those of the parts one after another, which are of the same day."""
        ids = [customer for part in parts for customer in part.customer_ids]
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in FLOATS}
        return cls(customer_ids=ids, until=parts[0].until, **arrays)

    @property
    def actual_value(self) -> Floats:
        """Margin over the window less cost to serve (Peppers & Rogers, Managing Customer Relationships, ch. 5)."""
        return self.margin - self.cost

    @cached_property
    def history(self) -> History:
        """What the models of lifetime look at."""
        bought = self.purchases > 0
        recency = np.where(bought, self.last_day - self.first_day, 0.0)
        age = np.where(bought, self.until - self.first_day, 0.0)
        return History(self.purchases - 1.0, recency, age, self.sold / np.maximum(self.purchases, 1.0))


FLOATS = ("purchases", "first_day", "last_day", "sold", "earned", "margin", "foreign", "cost")


def histories(connection: Connection, business: Business, until: datetime, span: Span = EVERYBODY) -> Histories:
    """Of everybody, or of those in `span`, who does not refuse a profile. Nothing after `until` is looked at."""
    statements = _statements(connection, business)
    asked = _times(business, until) | span._asdict()
    *bought, ids = _columns(connection, statements.bought, asked)
    costs, served = _columns(connection, statements.served, asked)
    cost = dict(zip(served, costs, strict=True))
    bought.append([cost.pop(customer, 0.0) for customer in ids])
    if cost:
        # Who was only served comes between the others.
        for column, value in zip(bought, (*([nothing] * len(cost) for nothing in NOTHING), cost.values()), strict=True):
            column.extend(value)
        ids.extend(cost)
    off = all_withdrawn(connection, PROFILE)
    order = [place for customer, place in sorted(zip(ids, range(len(ids)), strict=True)) if customer not in off]
    return _summed_up([ids[place] for place in order], bought, order, until)


class Sums(NamedTuple):
    """What one customer bought, brought back and cost, as `Histories` has it of many."""

    purchases: float = 0.0
    first_day: float = nan
    last_day: float = nan
    sold: float = 0.0
    earned: float = 0.0
    margin: float = 0.0
    foreign: float = 0.0
    cost: float = 0.0
    until: int = 0

    @property
    def actual_value(self) -> float:
        """Margin over the window less cost to serve."""
        return self.margin - self.cost

    @property
    def buyer(self) -> Buyer:
        """What the models of lifetime look at."""
        if not self.purchases:
            return Buyer(-1.0, 0.0, 0.0, 0.0)
        recency, age = self.last_day - self.first_day, self.until - self.first_day
        return Buyer(self.purchases - 1.0, recency, age, self.sold / self.purchases)


class Alone(NamedTuple):
    """One customer, and by what they may be valued."""

    customer: str
    """Canonical id."""
    known: Sums | None
    """Whatever they refuse; None where nothing happened."""
    run: str | None
    """The newest scoring."""
    is_willing: bool
    """Not so of who refuses a profile."""
    has_told: bool
    """Whether they ever answered the question for their share of customer."""


def of_one(connection: Connection, business: Business, until: datetime, profile: str) -> Alone:
    """The same of the customer who is this profile. One statement: the way to the database takes longer than what it does there."""
    days, first, last, *sums, customer, run, is_willing, has_told = _statements(connection, business).alone.row(
        connection, profile=profile, **_times(business, until)
    )
    known = None
    if any(figure is not None for figure in sums):
        sold, earned, margin, foreign, cost = (float(figure or 0) for figure in sums)
        known = Sums(float(days), _day(first), _day(last), sold, earned, margin, foreign, cost, _last_day(until))
    return Alone(customer, known, run, is_willing is None or bool(is_willing), bool(has_told))


def halves(connection: Connection) -> tuple[Span, Span]:
    """Two spans with as many customers each."""
    ids = customers.c.canonical_id
    count = connection.execute(select(func.count()).select_from(customers)).scalar_one()
    middle = connection.execute(select(ids).order_by(ids).offset(count // 2).limit(1)).scalar_one_or_none() or ""
    return Span("", middle), Span(middle, LAST)


def _summed_up(ids: list[str], columns: Sequence[Sequence[Any]], order: list[int], until: datetime) -> Histories:
    arrays = {
        name: (_days if name.endswith("_day") else _floats)(values)[order]
        for name, values in zip(FLOATS, columns, strict=True)
    }
    return Histories(customer_ids=ids, until=_last_day(until), **arrays)


def amounts(connection: Connection, known: Histories, until: datetime, most: int = MOST_AMOUNTS) -> History:
    """The history of those who bought twice or oftener, with what each purchase amounted to; of at most so many, evenly chosen."""
    places = np.flatnonzero(known.purchases > 1)
    places = places[:: spacing(len(places), most)]
    sold = transactions.c
    day = utc_day(connection, sold.at)
    paid = (
        select(customers.c.canonical_id.label("who"), func.sum(sold.amount).label("amount"))
        .join(customers, customers.c.id == sold.customer_id)
        .where(sold.at <= until, sold.amount > 0)
        .group_by(customers.c.canonical_id, day)
    )
    place = {known.customer_ids[at]: number for number, at in enumerate(places)}
    theirs = paid.where(among(connection, customers.c.canonical_id, list(place)))
    who, amount = _columns(connection, theirs, {})
    whose = np.array([place[customer] for customer in who], dtype=np.intp)
    logs = np.bincount(whose, np.log(_floats(amount)), minlength=len(places))
    chosen = known.history.take(places)
    return replace(chosen, mean_log_amount=logs / (chosen.frequency + 1.0))


class _Statements(NamedTuple):
    """`bought` and `served` are of the customers from `low` on and before `high`, `alone` is of the customer who is `profile`; all
    until `until`, and of the window from `since` on.
    """

    bought: Select[Any]
    served: Select[Any]
    alone: Prepared


_me, _mine = customers.alias("me"), customers.alias("mine")
_CUSTOMER = select(_me.c.canonical_id).where(_me.c.id == bindparam("profile")).scalar_subquery()
_NEWEST_RUN = select(scorings.c.id).order_by(scorings.c.computed_at.desc(), scorings.c.id).limit(1).scalar_subquery()
_LAST_WORD_ON_PROFILES = (
    select(consents.c.granted)
    .join(_mine, _mine.c.id == consents.c.customer_id)
    .where(_mine.c.canonical_id == _CUSTOMER, consents.c.purpose == PROFILE)
    .order_by(consents.c.at.desc(), consents.c.id.desc())
    .limit(1)
    .scalar_subquery()
)


def _as_float(figure: ColumnElement[Any]) -> ColumnElement[float]:
    """A million decimals would take seconds to make and be floats in the end."""
    return type_coerce(figure, Float)


def _has_answered(question: str) -> ColumnElement[bool]:
    said = evidence.c
    theirs = select(_mine.c.id).where(_mine.c.canonical_id == _CUSTOMER)
    return exists().where(said.customer_id.in_(theirs), said.key == question)


@WrittenOnce
def _statements(connection: Connection, business: Business) -> _Statements:
    sold, met, whose = transactions.c, interactions.c, customers.c.canonical_id
    since, until, one = bindparam("since", type_=Utc), bindparam("until", type_=Utc), whose == _CUSTOMER
    some = (whose >= bindparam("low")) & (whose < bindparam("high"))
    bought = case((sold.amount > NO, sold.at))
    margin = line_margin(business)
    sums: list[ColumnElement[Any]] = [
        func.count(distinct(utc_day(connection, bought))),
        cast(utc_day(connection, func.min(bought)), String),
        cast(utc_day(connection, func.max(bought)), String),
        _as_float(func.sum(case((sold.amount > NO, sold.amount), else_=NO))),
        _as_float(func.sum(margin)),
        _as_float(func.sum(case((sold.at > since, margin), else_=NO))),
        func.sum(case((sold.currency == business.business.currency, NO), (_is_foreign(business), ONE), else_=NO)),
    ]
    bought_then = (
        select(*sums)
        .select_from(transactions.join(customers, customers.c.id == sold.customer_id))
        .where(sold.at <= until)
    )
    served_then = (
        select(_as_float(cost_to_serve(business)))
        .select_from(interactions.join(customers, customers.c.id == met.customer_id))
        .where(met.at > since, met.at <= until)
    )
    alone = bought_then.add_columns(
        served_then.where(one).scalar_subquery(),
        *(_CUSTOMER, _NEWEST_RUN, _LAST_WORD_ON_PROFILES),
        _has_answered(business.share_key),
    ).where(one)
    return _Statements(
        bought_then.add_columns(whose).where(some).group_by(whose),
        served_then.add_columns(whose).where(some).group_by(whose),
        Prepared(lambda _: alone),
    )


def foreign(connection: Connection, business: Business, until: datetime, most: int) -> list[str]:
    """Lines in another currency than the business's, in words; at most so many."""
    sold = transactions.c
    lines = (
        select(sold.source, sold.transaction_id, sold.currency)
        .join(customers, customers.c.id == sold.customer_id)
        .where(_is_foreign(business), sold.at <= until)
        .where(~among(connection, customers.c.canonical_id, all_withdrawn(connection, PROFILE)))
    )
    rows = connection.execute(lines.order_by(sold.source, sold.transaction_id).limit(most))
    return [f"{row.source}/{row.transaction_id} ({row.currency})" for row in rows]


def _is_foreign(business: Business) -> ColumnElement[bool]:
    """Not so of a line that names no currency."""
    return func.upper(transactions.c.currency) != business.business.currency


def _times(business: Business, until: datetime) -> dict[str, Any]:
    return {"since": until - timedelta(days=business.value.window_days), "until": until}


def _columns(connection: Connection, query: Select[Any], asked: Mapping[str, Any]) -> list[list[Any]]:
    columns: list[list[Any]] = [[] for _ in query.selected_columns]
    found = connection.execute(query, asked, execution_options={"yield_per": AT_A_TIME})
    for part in found.partitions():
        for column, values in zip(columns, zip(*part, strict=True), strict=True):
            column.extend(values)
    return columns


def _last_day(until: datetime) -> int:
    return (until.astimezone(UTC).date() - EPOCH).days


def _day(written: str | None) -> float:
    return nan if written is None else float((date.fromisoformat(written) - EPOCH).days)


def _floats(values: Sequence[Any]) -> Floats:
    return np.array([float(value or 0) for value in values], dtype=np.float64)


def _days(values: Sequence[Any]) -> Floats:
    """Days from 1970-01-01 to each date, NaN for None."""
    found = np.array(values, dtype="datetime64[D]")
    days = found.astype(np.float64)
    days[np.isnat(found)] = np.nan
    return days
