"""Where an order is: the one that is named, else those under way, else the newest."""

from __future__ import annotations

import re

from crm_store.interact.service.order_words import number_in, told
from crm_store.interact.service.orders import named, orders_of
from crm_store.interact.service.proof import is_served, proof_wanted, terms_once
from crm_store.interact.service.returns import begin_return
from crm_store.interact.service.topics import RETURN
from crm_store.moment import Moment, Reply

MOST_AT_ONCE = 3
_CHANGES = re.compile(
    r"\b(cancel\w*|change|alter|batal\w*|dibatalkan|batalin|ubah\w*|diubah|ganti\w*)\b", re.IGNORECASE
)


def order_status(moment: Moment) -> list[Reply]:
    if moment.topic == RETURN and number_in(moment):
        return begin_return(moment)
    if not is_served(moment):
        return [*terms_once(moment, "delivery"), proof_wanted(moment)]
    orders = orders_of(moment.connection, moment.profiles, moment.now, moment.business.business.zone)
    wanted = number_in(moment)
    if wanted:
        order = named(orders, wanted)
        return [told(moment, order), *_change(moment)] if order else [Reply("utter_order_not_found")]
    under_way = [order for order in orders if order.is_under_way][:MOST_AT_ONCE]
    shown = under_way or orders[:1]
    if not shown:
        return [Reply("utter_order_none")]
    return [*(told(moment, order) for order in shown), *_change(moment)]


def _change(moment: Moment) -> list[Reply]:
    """Who wants an order changed or cancelled is told who does that."""
    return [Reply("utter_order_change")] if _CHANGES.search(moment.text) else []
