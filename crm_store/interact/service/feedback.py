"""Complaint and praise: kept for staff. While a complaint is open nothing is asked or offered."""

from __future__ import annotations

from sqlalchemy import update

from crm_store.interact.handover import answers_again, call_person, cancel_person
from crm_store.interact.matters import COMPLAINT, TOLD_SOLVED, open_matters
from crm_store.interact.requests import SOURCE, keep_request
from crm_store.interact.service.order_words import number_in
from crm_store.interact.service.orders import named, orders_of
from crm_store.interact.service.proof import is_served
from crm_store.moment import Moment, Reply
from crm_store.tables import interactions

PRAISE = "praise"


def complain(moment: Moment) -> list[Reply]:
    """Kept, apologised for once, and a person called, who may already be on the way."""
    product = next((value for value, _ in moment.understanding.values("product")), None)
    found = moment.business.product(product) if product else None
    if moment.pending.get("complaint") and moment.pending.get("person"):
        return [Reply("utter_noted_for_colleague")]
    moment.pending["complaint"] = moment.message_id
    keep_request(
        moment,
        COMPLAINT,
        {},
        text=moment.text,
        product=found.name if found else None,
        order_id=_own_order(moment),
    )
    for waited_for in ("yes", "question"):
        moment.pending.pop(waited_for, None)
    if not moment.pending.get("person"):
        call_person(moment, COMPLAINT)
    opens = answers_again(moment)
    if opens is None:
        return [Reply("utter_complaint_noted")]
    return [Reply("utter_complaint_noted_closed", {"opens": opens})]


def _own_order(moment: Moment) -> str | None:
    """The order that is complained of, where it is proven to be theirs."""
    number = number_in(moment)
    if number is None or not is_served(moment):
        return None
    order = named(orders_of(moment.connection, moment.profiles, moment.now, moment.business.business.zone), number)
    return order.number if order else None


def solved(moment: Moment) -> list[Reply]:
    """What they complained of is solved, says the customer: nobody need come, and staff see what was said."""
    complaints = _own_complaints(moment)
    called = bool(moment.pending.get("person"))
    if called:
        cancel_person(moment)
    moment.pending.pop("complaint", None)
    if not complaints:
        return [Reply("utter_person_cancelled" if called else "utter_glad_solved")]
    moment.connection.execute(
        update(interactions)
        .where(interactions.c.source == SOURCE, interactions.c.interaction_id.in_(complaints))
        .values(status=TOLD_SOLVED)
    )
    return [Reply("utter_complaint_solved")]


def _own_complaints(moment: Moment) -> list[str]:
    """The open complaints that were made in a chat; of the others, whoever noted them tells the end."""
    matters = open_matters(moment.connection, moment.profiles, moment.now, said_here=True)
    return [matter.interaction_id for matter in matters if matter.kind == COMPLAINT]


def praise(moment: Moment) -> list[Reply]:
    keep_request(moment, PRAISE, {}, status="done", text=moment.text)
    return [Reply("utter_praise_thanks")]
