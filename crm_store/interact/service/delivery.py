"""Whether, when and for how much something is brought: the terms for everybody, and what is a customer's own."""

from __future__ import annotations

import re

from crm_store.interact.service.order_status import order_status
from crm_store.interact.service.order_words import number_in, told
from crm_store.interact.service.orders import orders_of
from crm_store.interact.service.proof import is_served, proof_wanted, terms_before_proof, terms_or_phone
from crm_store.interact.service.repairs import ready_to_deliver
from crm_store.moment import Moment, Reply

_OWN = re.compile(r"\b(my|mine|saya|aku|gue|gw|punyaku|\w{3,}ku)\b", re.IGNORECASE)
_ARRIVES = re.compile(
    r"\b(when|arrives?|gets? here) .*\b(it|they|this|that)\b|\b(it|they) (arrives?|comes?|gets? here)\b"
    r"|\bkapan (sampai|tiba|datang|nyampe)\w*|\b(sampai|tiba|datang|nyampe)nya kapan\b",
    re.IGNORECASE,
)
"""Speaks of something that is on its way."""


def delivery(moment: Moment) -> list[Reply]:
    if number_in(moment):
        return order_status(moment)
    own = bool(_OWN.search(moment.text))
    if own and not is_served(moment):
        return [*terms_before_proof(moment, "delivery"), proof_wanted(moment)]
    said = terms_or_phone(moment, "delivery")
    if not is_served(moment):
        return said
    machine = ready_to_deliver(moment, own=own)
    if machine:
        return [*said, machine]
    if own or _ARRIVES.search(moment.text):
        orders = orders_of(moment.connection, moment.profiles, moment.now, moment.business.business.zone)
        said += [told(moment, order) for order in orders if order.is_under_way][:1]
    return said
