"""Actual value and tiers: margin to date less cost to serve (Peppers & Rogers, Managing Customer Relationships, ch. 5).

Rules take plain figures; one query gathers them. Money is in the business's currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, distinct, func, literal, select, union_all

from crm_store.business import Business, Tier
from crm_store.tables import interactions, transactions


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


def tier_of(actual_value: float, tiers: Sequence[Tier]) -> Tier:
    """The highest tier whose threshold the value reaches; the one without a threshold when it reaches none."""
    reached = [t for t in tiers if t.at_least is not None and actual_value >= t.at_least]
    if reached:
        return max(reached, key=lambda t: t.at_least or 0.0)
    return next(t for t in tiers if t.at_least is None)


def value_facts(connection: Connection, business: Business, customer_ids: Sequence[str], now: datetime) -> ValueFacts:
    """Gathers the facts of these profiles over the window that ends now. Nothing after `now` is looked at."""
    since = now - timedelta(days=business.value.window_days)
    sold, met = transactions.c, interactions.c
    bought = select(
        literal(1).label("place"),
        margin(business).label("money"),
        func.sum(case((sold.amount > 0, 1), else_=0)).label("n"),
        func.sum(case((sold.amount < 0, 1), else_=0)).label("m"),
    ).where(sold.customer_id.in_(customer_ids), sold.at > since, sold.at <= now)
    served = select(literal(2), cost_to_serve(business), func.count(), literal(0)).where(
        met.customer_id.in_(customer_ids), met.at > since, met.at <= now
    )
    rows = connection.execute(union_all(bought, served).order_by("place")).all()
    (earned, purchases, returns), (cost, contacts, _) = ((r.money or 0, r.n or 0, r.m or 0) for r in rows)
    return ValueFacts(float(earned), float(cost), int(purchases), int(returns), int(contacts))


def margin(business: Business) -> ColumnElement[float]:
    """Sum over transactions: the margin of each, or the usual share of its amount where it does not say."""
    sold = transactions.c
    return func.sum(func.coalesce(sold.margin, sold.amount * business.value.margin_rate))


def cost_to_serve(business: Business) -> ColumnElement[float]:
    """Sum over interactions: the cost of each, or what one at its touchpoint costs where it does not say."""
    met = interactions.c
    costs = {name: touchpoint.cost for name, touchpoint in business.touchpoints.items()}
    return func.sum(func.coalesce(met.cost, case(costs, value=met.touchpoint, else_=0.0)))


def purchase_days(connection: Connection, customer_ids: Sequence[str], now: datetime) -> dict[str, int]:
    """On how many distinct days (UTC) each category was bought, returns left out."""
    sold = transactions.c
    # PostgreSQL would take the server's own zone for the day; SQLite holds UTC.
    at = func.timezone("UTC", sold.at) if connection.dialect.name == "postgresql" else sold.at
    rows = connection.execute(
        select(sold.category, func.count(distinct(func.date(at))))
        .where(sold.customer_id.in_(customer_ids), sold.at <= now, sold.amount > 0, sold.category.is_not(None))
        .group_by(sold.category)
    )
    return {category: int(days) for category, days in rows}
