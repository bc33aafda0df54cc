"""Differentiate: of how many customers met there the business can tell the worth and the needs, and the tiers they are of."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, select

from crm_store.business import Business
from crm_store.differentiate.tiers import Figures, tier_of
from crm_store.differentiate.value import cost_to_serve, margin
from crm_store.report.contacts import Contacts
from crm_store.report.placing import Period
from crm_store.tables import customers, evidence, interactions, transactions, value_scores


@dataclass(frozen=True)
class Differentiated:
    customers: int
    """Met there in the period."""
    with_value: int
    """Of whom there is a purchase or an interaction in the value's window, so that their value rests on something."""
    tiers: dict[str, int]
    """Those, by tier at the end of the period."""
    with_needs: int
    """Of whom at least one piece of evidence tells of a need, told or observed."""
    needs_told: int
    needs_observed: int


def differentiated(
    connection: Connection, business: Business, period: Period, contacts: Contacts
) -> dict[str, Differentiated]:
    """By kind of touchpoint, ELSEWHERE and ALL. Value and needs are those at the end of the period. So is the tier, but for what
    is expected of a customer: of that only the newest is kept.
    """
    ahead = _ahead(connection)
    tiers = {
        customer: tier_of(Figures.of(worth, *ahead.get(customer, ())), business.tiers).id
        for customer, worth in _worth(connection, business, period).items()
    }
    told, observed = _told(connection, business, period), _observed(connection, business, period)
    return {kind: _of(business, seen.customers, tiers, told, observed) for kind, seen in contacts.each()}


def _of(
    business: Business, seen: set[str], tiers: dict[str, str], told: set[str], observed: set[str]
) -> Differentiated:
    found = Counter(tiers[customer] for customer in seen if customer in tiers)
    return Differentiated(
        customers=len(seen),
        with_value=found.total(),
        tiers={tier.id: found[tier.id] for tier in business.tiers},
        with_needs=len(seen & (told | observed)),
        needs_told=len(seen & told),
        needs_observed=len(seen & observed),
    )


def _worth(connection: Connection, business: Business, period: Period) -> dict[str, float]:
    """The actual value of everybody who has one, by the rule of `differentiate.value`."""
    window = Period(period.until - timedelta(days=business.value.window_days), period.until)
    worth: dict[str, float] = defaultdict(float)
    for table, money, sign in ((transactions, margin(business), 1), (interactions, cost_to_serve(business), -1)):
        rows = connection.execute(
            select(customers.c.canonical_id, money)
            .join(customers, customers.c.id == table.c.customer_id)
            .where(window.holds(table.c.at))
            .group_by(customers.c.canonical_id)
        )
        for customer, amount in rows:
            worth[customer] += sign * float(amount or 0)
    return worth


def _ahead(connection: Connection) -> dict[str, tuple[float, float]]:
    """Future and potential value of everybody of whom they are known."""
    known = value_scores.c
    rows = connection.execute(
        select(customers.c.canonical_id, known.future_value, known.potential_value)
        .join(customers, customers.c.id == known.customer_id)
        .where(known.future_value.is_not(None))
    )
    return {customer: (future, potential) for customer, future, potential in rows}


def _told(connection: Connection, business: Business, period: Period) -> set[str]:
    share = business.share_question
    beside_needs = "" if share is None or share.tells_of_needs else share.id
    rows = connection.execute(
        select(customers.c.canonical_id)
        .join(evidence, evidence.c.customer_id == customers.c.id)
        .where(evidence.c.at < period.until, evidence.c.key != beside_needs)
        .distinct()
    )
    return set(rows.scalars())


def _observed(connection: Connection, business: Business, period: Period) -> set[str]:
    categories = {behaviour.category for behaviour in business.needs.behaviours}
    sold = transactions.c
    rows = connection.execute(
        select(customers.c.canonical_id)
        .join(transactions, sold.customer_id == customers.c.id)
        .where(sold.at < period.until, sold.amount > 0, sold.category.in_(categories))
        .distinct()
    )
    return set(rows.scalars())
