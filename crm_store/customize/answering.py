"""By when a person of the business answers: as fast as the customer's treatment says, and for nobody later than the service floor.

The floor is for guests, for whoever wants no profile, and for every treatment that says nothing faster; `business.yml` with a
treatment below it is refused. Pure; knows no request and no page.
"""

from __future__ import annotations

from datetime import datetime

from crm_store.business import Business, Treatment
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.opening import passed


def treatment_of(business: Business, tier: str | None) -> Treatment | None:
    """None for whoever has no tier, or one that `business.yml` no longer has."""
    return next((treatment for treatment in business.treatments if tier in treatment.tiers), None)


def due_at(business: Business, tier: str | None, assurance: Assurance, asked_at: datetime) -> datetime:
    """When somebody has to have answered what was asked then, aware, in UTC. Only hours in which staff answer count.

    The tier of who is not verified is not used.
    """
    about = business.business
    treatment = treatment_of(business, tier) if may(assurance, Act.GET_SERVICE) else None
    hours = (treatment and treatment.answer_within_hours) or business.service_floor.answer_within_hours
    return passed(about.week, about.closed_on, about.zone, asked_at, hours)
