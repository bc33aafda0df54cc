"""An order as it is said to its customer: what is in it, when it was placed, how it is getting on."""

from __future__ import annotations

from crm_store.interact.service.orders import Order
from crm_store.interact.service.products import title_of
from crm_store.interact.service.words import figure, listed, on_day
from crm_store.moment import Moment, Reply

MOST_ITEMS = 3
_MORE = {"en": "{n} more", "id": "{n} lainnya"}
_STAGES = {
    "received": {"en": "has been received and is being packed", "id": "sudah kami terima dan sedang disiapkan"},
    "on_the_way": {"en": "is on its way", "id": "sedang dalam perjalanan"},
    "ready": {"en": "is ready to be picked up", "id": "sudah siap diambil"},
    "delivered": {"en": "was delivered", "id": "sudah sampai"},
    "late": {"en": "is delayed, and I'm sorry for that", "id": "terlambat, mohon maaf"},
    "cancelled": {"en": "was cancelled", "id": "dibatalkan"},
    "returned": {"en": "has come back to us", "id": "sudah kembali ke kami"},
}
_OTHER = {"en": "has the status \u201c{status}\u201d", "id": "berstatus \u201c{status}\u201d"}
_UNKNOWN = {"en": "is with us", "id": "ada pada kami"}
_EXPECTED = {"en": "and should arrive {day}", "id": "dan diperkirakan tiba {day}"}
_OVERDUE = {
    "en": "and should have arrived {day}; I'm sorry it is late",
    "id": "dan seharusnya tiba {day}; mohon maaf terlambat",
}


def number_in(moment: Moment) -> str | None:
    """The order number that was typed or pressed."""
    given = moment.understanding.values("order_number") or moment.understanding.values("pressed")
    return given[0][0] if given else None


def told(moment: Moment, order: Order) -> Reply:
    """How an order is getting on, with the next step where it is late."""
    values = {"order": order.number, "items": items_of(moment, order), "placed": _day(moment, order)}
    late = order.stage == "late" or _is_overdue(moment, order)
    return Reply("utter_order_late" if late else "utter_order", values | {"status": _status(moment, order)})


def items_of(moment: Moment, order: Order) -> str:
    """`2 × Capsules box of 30 and Grinder`."""
    language = moment.language
    names = [
        title_of(moment.business, product, language)
        if n == 1
        else f"{figure(n, language)} \u00d7 {title_of(moment.business, product, language)}"
        for product, n in order.items
    ]
    if len(names) > MOST_ITEMS:
        names = [*names[:MOST_ITEMS], _MORE[language].format(n=len(names) - MOST_ITEMS)]
    return listed(names, language)


def _day(moment: Moment, order: Order) -> str:
    zone = moment.business.business.zone
    return on_day(order.at.astimezone(zone).date(), moment.now.astimezone(zone).date(), moment.language)


def _status(moment: Moment, order: Order) -> str:
    language, zone = moment.language, moment.business.business.zone
    today = moment.now.astimezone(zone).date()
    if order.stage:
        said = _STAGES[order.stage][language]
    else:
        said = _OTHER[language].format(status=order.status) if order.status else _UNKNOWN[language]
    if order.stage in ("delivered", "returned", "cancelled") and order.status_at and order.status_at > order.at:
        return f"{said} {on_day(order.status_at.astimezone(zone).date(), today, language)}"
    if order.is_under_way and order.expected:
        form = (_OVERDUE if _is_overdue(moment, order) else _EXPECTED)[language]
        return f"{said} {form.format(day=on_day(order.expected, today, language))}"
    return said


def _is_overdue(moment: Moment, order: Order) -> bool:
    today = moment.now.astimezone(moment.business.business.zone).date()
    return bool(order.is_under_way and order.expected and order.expected < today)
