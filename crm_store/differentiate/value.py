"""Actual value: margin to date less cost to serve (Peppers & Rogers, Managing Customer Relationships, ch. 5).

Rules take plain figures; one query gathers them. Money is in the business's currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    bindparam,
    case,
    func,
    literal_column,
    select,
    union_all,
)

from crm_store.bulk import is_one_of
from crm_store.business import Business
from crm_store.differentiate.statements import WrittenOnce
from crm_store.prepared import Prepared
from crm_store.tables import Utc, interactions, transactions


@dataclass(frozen=True)
class ValueFacts:
    """What value is computed from, over the window."""

    margin: float = 0.0
    cost_to_serve: float = 0.0
    purchases: int = 0
    """Lines with a positive amount."""
    returns: int = 0
    contacts: int = 0
    """Interactions at any touchpoint."""

    @property
    def actual_value(self) -> float:
        return round(self.margin - self.cost_to_serve, 2)

    def as_dict(self) -> dict[str, float]:
        return asdict(self) | {"actual_value": self.actual_value}


def value_facts(connection: Connection, business: Business, customer_ids: Sequence[str], now: datetime) -> ValueFacts:
    """Gathers the facts of these profiles over the window that ends now. Nothing after `now` is looked at."""
    since = now - timedelta(days=business.value.window_days)
    asked = {"profiles": list(customer_ids), "since": since, "now": now}
    rows = _facts(connection, business).rows(connection, **asked)
    (earned, purchases, returns), (cost, contacts, _) = ((r.money or 0, r.n or 0, r.m or 0) for r in rows)
    return ValueFacts(float(earned), float(cost), int(purchases), int(returns), int(contacts))


@WrittenOnce
def _facts(connection: Connection, business: Business) -> Prepared:
    sold, met = transactions.c, interactions.c
    since, now = bindparam("since", type_=Utc), bindparam("now", type_=Utc)
    bought = select(
        literal_column("1", Integer).label("place"),
        margin(business).label("money"),
        func.sum(case((sold.amount > 0, 1), else_=0)).label("n"),
        func.sum(case((sold.amount < 0, 1), else_=0)).label("m"),
    ).where(is_one_of(connection, sold.customer_id, "profiles"), sold.at > since, sold.at <= now)
    served = select(
        literal_column("2", Integer), cost_to_serve(business), func.count(), literal_column("0", Integer)
    ).where(is_one_of(connection, met.customer_id, "profiles"), met.at > since, met.at <= now)
    both = union_all(bought, served).order_by("place")
    return Prepared(lambda _: both)


def margin(business: Business) -> ColumnElement[float]:
    """Sum over transactions: the margin of each."""
    return func.sum(line_margin(business))


def line_margin(business: Business) -> ColumnElement[float]:
    """Of one transaction: its margin, or the usual share of its amount where it does not say."""
    sold = transactions.c
    return func.coalesce(sold.margin, sold.amount * business.value.margin_rate)


def cost_to_serve(business: Business) -> ColumnElement[float]:
    """Sum over interactions: the cost of each, or what one at its touchpoint costs where it does not say."""
    met = interactions.c
    costs = {name: touchpoint.cost for name, touchpoint in business.touchpoints.items()}
    return func.sum(func.coalesce(met.cost, case(costs, value=met.touchpoint, else_=0.0)))
