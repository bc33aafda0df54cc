"""Taking back what was asked of people in the chat: a return, a delivery, a repair; the newest that is still open."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from crm_store.interact.handover import cancel_person
from crm_store.interact.matters import ASKED, OpenMatter, asked_in_chat, open_matters
from crm_store.interact.requests import DELIVERY_REQUEST, RETURN_REQUEST
from crm_store.interact.service.order_words import number_in
from crm_store.interact.service.orders import spelled
from crm_store.interact.service.proof import is_served, proof_wanted
from crm_store.interact.service.repairs import thing
from crm_store.interact.service.topics import RETURN
from crm_store.moment import Moment, Reply
from crm_store.tables import interactions

LEFT = {
    "return": "utter_return_left",
    "service": "utter_matter_left",
    "forget": "utter_forget_kept",
    "code": "utter_code_left",
}
"""What was only asked about, by what a yes would have been to."""


def withdraw(moment: Moment) -> list[Reply]:
    """Takes back the newest open request, or that for the order which is named; else the question about one, or the person."""
    asked = moment.pending.get("yes", {}).get("kind")
    if asked in LEFT:
        moment.pending.pop("yes")
    found = _newest(moment) if is_served(moment) else None
    if found is not None:
        mine = (interactions.c.source == found.source) & (interactions.c.interaction_id == found.interaction_id)
        said = _taken_back(moment, found)
        moment.connection.execute(update(interactions).where(mine).values(status="cancelled"))
        return [said]
    if asked in LEFT:
        return [Reply(LEFT[asked])]
    if moment.topic == RETURN:
        return [Reply("utter_return_left")]
    if moment.pending.get("person"):
        return cancel_person(moment)
    return [Reply("utter_withdraw_nothing") if is_served(moment) else proof_wanted(moment)]


def _newest(moment: Moment) -> Row[Any] | None:
    met = interactions.c
    open_ones = moment.connection.execute(
        select(interactions)
        .where(asked_in_chat(*ASKED), met.customer_id.in_(moment.profiles))
        .order_by(met.at.desc(), met.interaction_id.desc())
    ).all()
    number = number_in(moment)
    if number:
        return next((one for one in open_ones if one.order_id and spelled(one.order_id) == spelled(number)), None)
    return open_ones[0] if open_ones else None


def _taken_back(moment: Moment, request: Row[Any]) -> Reply:
    if request.kind == RETURN_REQUEST:
        return Reply("utter_withdrawn_return", {"order": request.order_id})
    if request.kind == DELIVERY_REQUEST:
        matter = _matter(moment, request.attributes.get("matter"))
        return Reply("utter_withdrawn_delivery", {"product": thing(moment, matter.product if matter else None)})
    return Reply("utter_withdrawn_repair", {"product": thing(moment, request.product)})


def _matter(moment: Moment, interaction_id: str | None) -> OpenMatter | None:
    matters = open_matters(moment.connection, moment.profiles, moment.now)
    return next((matter for matter in matters if matter.interaction_id == interaction_id), None)
