"""Points: how many there are, and what was earned last."""

from __future__ import annotations

import re

from sqlalchemy import func, select

from crm_store.interact.service.proof import is_served, proof_wanted, terms, terms_before_proof
from crm_store.interact.service.words import figure, on_day
from crm_store.moment import Moment, Reply
from crm_store.tables import interactions

_HOW_MANY = re.compile(
    r"\b(how many|balance|total|left|check|my points|berapa|saldo|sisa|cek|jumlah|poinku)\b", re.IGNORECASE
)
"""Words that ask for the number and not for the rules."""


def points(moment: Moment) -> list[Reply]:
    if not is_served(moment):
        return [*terms_before_proof(moment, "points"), proof_wanted(moment)]
    total = balance_of(moment)
    if total is None:
        return [Reply("utter_points_none"), *terms(moment, "points")]
    balance = {"points": figure(max(total, 0), moment.language)}
    met = interactions.c
    earned = moment.connection.execute(
        select(met.points, met.at)
        .where(met.customer_id.in_(moment.profiles), met.points > 0, met.at <= moment.now)
        .order_by(met.at.desc())
        .limit(1)
    ).first()
    beside = [] if _HOW_MANY.search(moment.text) else terms(moment, "points")
    if earned is None:
        return [Reply("utter_points", balance), *beside]
    zone = moment.business.business.zone
    day = on_day(earned.at.astimezone(zone).date(), moment.now.astimezone(zone).date(), moment.language)
    last = {"earned": figure(earned.points, moment.language), "day": day}
    return [Reply("utter_points_earned", balance | last), *beside]


def balance_of(moment: Moment) -> float | None:
    """The points of a verified customer; None where there were never any."""
    met = interactions.c
    total: float | None = moment.connection.execute(
        select(func.sum(met.points)).where(
            met.customer_id.in_(moment.profiles), met.points.is_not(None), met.at <= moment.now
        )
    ).scalar_one()
    return total
