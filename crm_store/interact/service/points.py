"""Points: how many there are, and what was earned last."""

from __future__ import annotations

import re

from sqlalchemy import func, select

from crm_store.interact.service.proof import is_served, proof_wanted, terms, terms_before_proof, terms_or_phone
from crm_store.interact.service.words import figure, on_day
from crm_store.moment import Moment, Reply
from crm_store.tables import interactions

_HOW_MANY = re.compile(
    r"\b(how many|balance|total|left|check|my points|berapa|saldo|sisa|cek|jumlah|poinku)\b", re.IGNORECASE
)
"""Words that ask for the number and not for the rules."""
_WORTH = re.compile(
    r"\b(discount\w*|worth|money|use|using|spend|redeem\w*|pay|voucher\w*|reward\w*|something off|turn(ed)? into|exchange"
    r"|diskon\w*|potong\w*|nilai\w*|rupiah|pakai|dipakai|pake|dipake|tukar\w*|dituk[ae]r\w*|bayar|hadiah\w*|gratis\w*)\b",
    re.IGNORECASE,
)
"""Words that ask what points are good for: the rules answer that, however often they were said."""


def points(moment: Moment) -> list[Reply]:
    worth = terms_or_phone(moment, "points") if _WORTH.search(moment.text) else []
    if worth and not is_served(moment) and not _HOW_MANY.search(moment.text):
        return worth
    if not is_served(moment):
        return [*(worth or terms_before_proof(moment, "points")), proof_wanted(moment)]
    balance = _balance(moment)
    if worth:
        return [*worth, balance]
    is_rule = balance.response == "utter_points_none" or not _HOW_MANY.search(moment.text)
    return [balance, *(terms(moment, "points") if is_rule else [])]


def _balance(moment: Moment) -> Reply:
    """How many there are, and what was earned last."""
    total = balance_of(moment)
    if total is None:
        return Reply("utter_points_none")
    balance = {"points": figure(max(total, 0), moment.language)}
    met = interactions.c
    earned = moment.connection.execute(
        select(met.points, met.at)
        .where(met.customer_id.in_(moment.profiles), met.points > 0, met.at <= moment.now)
        .order_by(met.at.desc())
        .limit(1)
    ).first()
    if earned is None:
        return Reply("utter_points", balance)
    zone = moment.business.business.zone
    day = on_day(earned.at.astimezone(zone).date(), moment.now.astimezone(zone).date(), moment.language)
    last = {"earned": figure(earned.points, moment.language), "day": day}
    return Reply("utter_points_earned", balance | last)


def balance_of(moment: Moment) -> float | None:
    """The points of a verified customer; None where there were never any."""
    met = interactions.c
    total: float | None = moment.connection.execute(
        select(func.sum(met.points)).where(
            met.customer_id.in_(moment.profiles), met.points.is_not(None), met.at <= moment.now
        )
    ).scalar_one()
    return total
