"""Giving something back: which order, whether it is in time, and a request for staff once the customer says yes."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import select

from crm_store.interact.requests import RETURN_REQUEST, keep_request
from crm_store.interact.service.order_words import items_of, number_in
from crm_store.interact.service.orders import Order, named, orders_of, spelled
from crm_store.interact.service.proof import is_served, proof_wanted, terms, terms_before_proof, terms_or_phone
from crm_store.interact.service.topics import RETURN, asks_back
from crm_store.interact.service.words import by_day
from crm_store.moment import Moment, Reply
from crm_store.tables import interactions

MOST_SHOWN = 4
_UNTIL = {"en": "It can come back until {day}.", "id": "Bisa dikembalikan sampai {day}."}
_AFTER = {
    "en": "It can come back up to {days} days after it arrives.",
    "id": "Bisa dikembalikan sampai {days} hari setelah diterima.",
}


def begin_return(moment: Moment) -> list[Reply]:
    """A wish to give something back. Nothing is kept yet: who only asks for the rules has not returned anything."""
    if not is_served(moment):
        return [*terms_before_proof(moment, "returns"), proof_wanted(moment)]
    orders = orders_of(moment.connection, moment.profiles, moment.now, moment.business.business.zone)
    wanted = number_in(moment)
    if wanted:
        order = named(orders, wanted)
        return [_about(moment, order)] if order else [Reply("utter_order_not_found")]
    noted = [order for order in orders if _is_asked_for(moment, order, "open")]
    if noted:
        # Only an order that is named opens another one beside it.
        return [Reply("utter_return_asked_before", {"order": order.number}) for order in noted[:MOST_SHOWN]]
    can_come_back = [order for order in orders if _why_not(moment, order) is None][:MOST_SHOWN]
    if len(can_come_back) == 1:
        return [*terms(moment, "returns"), _ask(moment, can_come_back[0])]
    if not can_come_back:
        return [*terms_or_phone(moment, "returns"), Reply("utter_return_none")]
    asks_back(moment, RETURN)
    buttons = [{"title": order.number, "payload": f"/return_item {order.number}"} for order in can_come_back]
    listed = "\n".join(f"- {order.number}: {items_of(moment, order)}" for order in can_come_back)
    return [*terms(moment, "returns"), Reply("utter_return_which", {"orders": listed}, buttons=tuple(buttons))]


def note_return(moment: Moment, number: str) -> list[Reply]:
    """The yes: kept for staff, and what happens next."""
    keep_request(moment, RETURN_REQUEST, {}, order_id=number)
    return [Reply("utter_return_noted", {"order": number})]


def _about(moment: Moment, order: Order) -> Reply:
    why_not = _why_not(moment, order)
    return why_not or _ask(moment, order)


def _ask(moment: Moment, order: Order) -> Reply:
    moment.pending["yes"] = {"kind": "return", "message_id": moment.message_id, "id": order.number}
    items = items_of(moment, order)
    return Reply("utter_return_ask", {"order": order.number, "items": items, "limit": _limit(moment, order)})


def _why_not(moment: Moment, order: Order) -> Reply | None:
    """What speaks against giving this order back; None when nothing does."""
    values = {"order": order.number}
    if order.given_back or order.stage in ("returned", "cancelled"):
        return Reply("utter_return_done", values)
    if _is_asked_for(moment, order, "open", "done"):
        return Reply("utter_return_asked_before", values)
    last = _last_day(moment, order)
    zone = moment.business.business.zone
    today = moment.now.astimezone(zone).date()
    if last and today > last:
        return Reply("utter_return_late", values | {"day": by_day(last, today, moment.language)})
    return None


def _last_day(moment: Moment, order: Order) -> date | None:
    """The last day on which it can come back; None where there is no limit, or it has not begun."""
    days = moment.business.service.return_days
    if days is None or order.is_under_way:
        return None
    arrived = (order.status_at or order.at).astimezone(moment.business.business.zone).date()
    return arrived + timedelta(days=days)


def _limit(moment: Moment, order: Order) -> str:
    language, days = moment.language, moment.business.service.return_days
    if days is None:
        return ""
    last = _last_day(moment, order)
    if last is None:
        return _AFTER[language].format(days=days)
    today = moment.now.astimezone(moment.business.business.zone).date()
    return _UNTIL[language].format(day=by_day(last, today, language))


def _is_asked_for(moment: Moment, order: Order, *statuses: str) -> bool:
    met = interactions.c
    asked = moment.connection.execute(
        select(met.order_id).where(
            met.customer_id.in_(moment.profiles), met.kind == RETURN_REQUEST, met.status.in_(statuses)
        )
    ).scalars()
    return spelled(order.number) in {spelled(number) for number in asked if number}
