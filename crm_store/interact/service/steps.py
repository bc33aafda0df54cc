"""The steps of service by the name of their action."""

from __future__ import annotations

from collections.abc import Callable

from crm_store.interact.service.codes import ask_code
from crm_store.interact.service.delivery import delivery
from crm_store.interact.service.feedback import complain, praise, solved
from crm_store.interact.service.hours import hours
from crm_store.interact.service.knowledge import what_you_know
from crm_store.interact.service.order_status import order_status
from crm_store.interact.service.points import points
from crm_store.interact.service.range import how_to_order, products, stores
from crm_store.interact.service.repairs import repair
from crm_store.interact.service.returns import begin_return
from crm_store.interact.service.stock import stock
from crm_store.interact.service.wishes import (
    allow_again,
    change_language,
    faq,
    privacy,
    stop_offers,
    stop_profile,
)
from crm_store.interact.service.withdrawal import withdraw
from crm_store.moment import Moment, Reply, TurnResult

SERVICE: dict[str, Callable[[Moment], list[Reply] | TurnResult]] = {
    "action_stock": stock,
    "action_order_status": order_status,
    "action_delivery": delivery,
    "action_return": begin_return,
    "action_withdraw_request": withdraw,
    "action_repair": repair,
    "action_points": points,
    "action_complain": complain,
    "action_praise": praise,
    "action_privacy": privacy,
    "action_what_you_know": what_you_know,
    "action_change_language": change_language,
    "action_stop_offers": stop_offers,
    "action_allow_again": allow_again,
    "action_faq": faq,
    "action_hours": hours,
    "action_stores": stores,
    "action_products": products,
    "action_how_to_order": how_to_order,
    "action_problem_solved": solved,
    "action_stop_profile": stop_profile,
    "action_send_code": ask_code,
}
