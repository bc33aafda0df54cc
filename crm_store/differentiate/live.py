"""One customer's worth at once, when they have bought, called or told what they buy elsewhere: by the models of the newest run,
without another fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from crm_store.business import Business
from crm_store.differentiate.alone import WorthOfOne, potential_of_one, worth_of_one
from crm_store.differentiate.histories import Sums, of_one
from crm_store.differentiate.scoring import FIGURES, date_of, keep_worth
from crm_store.differentiate.share_of_customer import Told, bands
from crm_store.differentiate.tiers import Figures, tier_of
from crm_store.differentiate.told_shares import spent_until, told_of
from crm_store.differentiate.worth import Models
from crm_store.tables import scorings

_learnt: dict[str, Models] = {}
"""Those of the newest run that was met, by its id: to read them takes longer than to use them."""


def revalue(connection: Connection, business: Business, profile: str, now: datetime) -> None:
    """Keeps what the customer who is this profile is worth now; of who wants no profile, nothing.

    Before the first run of `rapport score` only actual value and tier are known.
    """
    customer, known, run, is_willing, has_told = of_one(connection, business, now, profile)
    if known is None or not is_willing:
        return
    told = told_of(connection, business, now, customer) if has_told else None
    found = worth_of_one(known, _models(connection, run), told) if run else None
    row = {
        "customer_id": customer,
        "scoring_id": run,
        "purchases": int(known.purchases),
        "last_at": date_of(known.last_day),
        "actual_value": known.actual_value,
        "tier": _tier(business, known, found),
        "computed_at": now,
        **({name: getattr(found, figure) for name, figure in FIGURES.items()} if found else {}),
    }
    keep_worth(connection, {name: [value] for name, value in row.items()})


def tiers_by_answer(
    connection: Connection, business: Business, profiles: Sequence[str], now: datetime
) -> dict[str, str]:
    """By option of the question for the share of customer: of which tier the customer who is these profiles would be after it.

    Empty where no answer would move anything: there is no such question, no run of `rapport score` yet, or they have bought nothing
    within the window.
    """
    question = business.share_question
    spent = spent_until(connection, business, profiles, now) if question else 0.0
    if question is None or spent <= 0:
        return {}
    alone = of_one(connection, business, now, profiles[0])
    if alone.run is None or alone.known is None:
        return {}
    known, models, meant = alone.known, _models(connection, alone.run), bands(question)
    future = worth_of_one(known, models).future
    after = {o.id: potential_of_one(known, models, future, Told.of(spent, meant.get(o.id))) for o in question.options}
    return {
        option: tier_of(Figures.of(known.actual_value, future, potential.value), business.tiers).id
        for option, potential in after.items()
    }


def _tier(business: Business, known: Sums, found: WorthOfOne | None) -> str:
    ahead = (found.future, found.potential) if found else ()
    return tier_of(Figures.of(known.actual_value, *ahead), business.tiers).id


def _models(connection: Connection, run: str) -> Models:
    found = _learnt.get(run)
    if found is None:
        stored = connection.execute(select(scorings.c.models).where(scorings.c.id == run)).scalar_one()
        found = Models.from_dict(stored)
        _learnt.clear()
        _learnt[run] = found
    return found
