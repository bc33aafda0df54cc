"""What everybody may hear of a service, and how somebody proves who they are before they hear of their own."""

from __future__ import annotations

from crm_store.identify.assurance import Act
from crm_store.interact.service.codes import CHANNELS, code_offer
from crm_store.moment import Moment, Reply

OTHER_WAYS = ("telegram",)
"""Channels on which proof is given in another way than by signing in to the shop."""


def is_served(moment: Moment) -> bool:
    """Whether this person may hear of orders, repairs, points and what else is a customer's own."""
    return moment.may(Act.GET_SERVICE)


def proof_wanted(moment: Moment) -> Reply:
    """How to prove who one is, on this channel. The same whatever was typed, and whether or not that is anybody's."""
    offer = code_offer(moment)
    if offer:
        return offer
    by_mail = "_mail" if moment.code_key and moment.channel in CHANNELS else ""
    return Reply(f"utter_need_proof{by_mail}{f'_{moment.channel}' if moment.channel in OTHER_WAYS else ''}")


def terms(moment: Moment, service: str) -> list[Reply]:
    """What `business.yml` says of a service; nothing where it says nothing. That it was said is kept with the conversation."""
    said = moment.pending.get("terms", [])
    if service not in said:
        moment.pending["terms"] = [*said, service]
    words = getattr(moment.business.service, service)
    return [Reply("utter_terms", {"terms": words[moment.language]})] if words else []


def terms_once(moment: Moment, service: str) -> list[Reply]:
    """The same, said once in a conversation: for what comes beside what was asked."""
    return [] if service in moment.pending.get("terms", []) else terms(moment, service)


def terms_before_proof(moment: Moment, service: str) -> list[Reply]:
    """What anybody may hear before proof is asked for; whoever asks again has heard it, and hears how to prove who they are."""
    return [] if service in moment.pending.get("terms", []) else terms_or_phone(moment, service)


def terms_or_phone(moment: Moment, service: str) -> list[Reply]:
    """What it says; where it says nothing, that this is not known here and who knows."""
    return terms(moment, service) or [not_known(moment)]


def not_known(moment: Moment) -> Reply:
    about = moment.business.business
    return Reply("utter_not_known", {"phone": about.phone, "hours": about.hours[moment.language]})
