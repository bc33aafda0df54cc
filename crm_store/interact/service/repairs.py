"""Repairs: what is ready, what is waited for, and a new defect, which is kept for staff."""

from __future__ import annotations

import re

from sqlalchemy import select

from crm_store.business import Product
from crm_store.customize.prices import product_named
from crm_store.interact.matters import REPORTED, OpenMatter, open_matters
from crm_store.interact.requests import DELIVERY_REQUEST, keep_request
from crm_store.interact.service.products import product_of, title_of
from crm_store.interact.service.proof import is_served, proof_wanted, terms_before_proof, terms_once
from crm_store.interact.service.words import by_day
from crm_store.moment import Moment, Reply
from crm_store.tables import interactions

_BROKEN = re.compile(
    r"\b(broken?|broke|break(s|ing)?|leak\w*|stuck|crack\w*|defect\w*|dead|faulty|noise|smok\w+|out of order"
    r"|(not|doesn'?t|don'?t|won'?t|isn'?t|stopped|never) (even )?(work|turn|start|heat|grind|run|open|close)\w*"
    r"|rusak|bocor|mati|macet|retak|pecah|eror|error|berisik|bermasalah|korslet|ngadat|jebol"
    r"|(tidak|tdk|nggak|ngga|enggak|gak|ga|tak) (mau |bisa |lagi )*(nyala|hidup|jalan|berfungsi|panas|kerja|keluar))\b",
    re.IGNORECASE,
)
_THING = {"en": "item", "id": "barang"}
_AT = {"en": " at {place}", "id": " di {place}"}


def repair(moment: Moment) -> list[Reply]:
    if not is_served(moment):
        return [*terms_before_proof(moment, "repair"), proof_wanted(moment)]
    named = _named(moment)
    matters = [
        matter
        for matter in open_matters(moment.connection, moment.profiles, moment.now)
        if matter.kind == "repair" and _is_of(moment, matter, named)
    ]
    if matters:
        return [_told(moment, matter) for matter in matters]
    if _BROKEN.search(moment.text):
        return _report(moment, named)
    return [Reply("utter_repair_none"), *terms_once(moment, "repair")]


def ready_to_deliver(moment: Moment, *, own: bool) -> Reply | None:
    """What is repaired and could be brought, with the question whether it should be.

    `own`: the message speaks of something of the customer's. None where there is nothing, or it speaks of something else.
    """
    named = _named(moment)
    for matter in open_matters(moment.connection, moment.profiles, moment.now):
        if matter.is_ready and (own or named) and _is_of(moment, matter, named):
            return _told(moment, matter)
    return None


def matter_values(moment: Moment, matter: OpenMatter) -> dict[str, str]:
    """What an open repair is called and where it is, in the customer's language."""
    language = moment.language
    return {
        "product": thing(moment, matter.product),
        "where": _AT[language].format(place=matter.place) if matter.place else "",
    }


def thing(moment: Moment, product: str | None = None) -> str:
    """What a product is called in the customer's language; `item` where none is named."""
    return title_of(moment.business, product, moment.language) if product else _THING[moment.language]


def wants_delivery(moment: Moment, matter: OpenMatter) -> bool:
    """Whether the customer has asked already to have it brought."""
    met = interactions.c
    asked = moment.connection.execute(
        select(met.attributes).where(
            met.customer_id.in_(moment.profiles), met.kind == DELIVERY_REQUEST, met.status.in_(("open", "done"))
        )
    ).scalars()
    return matter.interaction_id in {attributes.get("matter") for attributes in asked}


def _named(moment: Moment) -> Product | None:
    return product_named(moment.business, moment.text, [value for value, _ in moment.understanding.values("product")])


def _is_of(moment: Moment, matter: OpenMatter, named: Product | None) -> bool:
    if named is None:
        return True
    of = product_of(moment.business, matter.product)
    return of is None or of.id == named.id


def _told(moment: Moment, matter: OpenMatter) -> Reply:
    """How a repair is getting on; what is ready may be brought, which wants a yes."""
    values = matter_values(moment, matter)
    zone = moment.business.business.zone
    since = matter.since if matter.is_ready else matter.began
    day = by_day(since.astimezone(zone).date(), moment.now.astimezone(zone).date(), moment.language)
    if matter.status == REPORTED:
        return Reply("utter_repair_reported_before", {"product": values["product"], "since": day})
    if not matter.is_ready:
        return Reply("utter_repair_waiting", values | {"since": day})
    if wants_delivery(moment, matter):
        return Reply("utter_repair_ready_noted", values | {"since": day})
    # Who waits for a person is asked nothing.
    if moment.pending.get("person"):
        return Reply("utter_repair_ready", values | {"since": day})
    moment.pending["yes"] = {"kind": "service", "message_id": moment.message_id, "id": matter.interaction_id}
    return Reply("utter_repair_ready_ask", values | {"since": day})


def _report(moment: Moment, product: Product | None) -> list[Reply]:
    """A new defect, kept for staff as an open repair."""
    keep_request(moment, "repair", {}, status=REPORTED, text=moment.text, product=product.name if product else None)
    called = product.called(moment.language) if product else _THING[moment.language]
    return [Reply("utter_repair_reported", {"product": called}), *terms_once(moment, "repair")]
