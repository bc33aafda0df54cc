"""Advice in a chat turn: the decision, kept, and the replies that carry it."""

from __future__ import annotations

from dataclasses import replace

from crm_store.bulk import put
from crm_store.customize.advice import Advice, Customer, decide
from crm_store.customize.decisions import keep_decision
from crm_store.customize.offers import pitch_text
from crm_store.identify.assurance import Act
from crm_store.identify.welcome import greeting, is_first_answer
from crm_store.interact.asked import keep_question
from crm_store.interact.matters import COMPLAINT, REPORTED, OpenMatter
from crm_store.interact.service.products import products_in
from crm_store.interact.service.repairs import matter_values, wants_delivery
from crm_store.interact.service.topics import talks_of
from crm_store.moment import Moment, Reply
from crm_store.tables import value_scores


def advise(moment: Moment, *, asks_for_it: bool = False, may_question: bool = True) -> list[Reply]:
    """The next step with this customer, with a welcome before it when they are known and nothing was said yet."""
    first = is_first_answer(moment)
    replies = _carry_out(
        moment,
        _decide(moment, asks_for_it=asks_for_it, may_question=may_question),
        opens=first,
        asks_for_it=asks_for_it,
    )
    return [greeting(moment, alone=False), *replies] if first and moment.may(Act.BE_WELCOMED_BACK) else replies


def greet(moment: Moment) -> list[Reply]:
    """A greeting; a guest is asked what pays to know, a customer with something open hears of that first."""
    if is_first_answer(moment):
        advice = _decide(moment, may_question=not moment.may(Act.BE_WELCOMED_BACK))
        # An offer is not pushed at somebody who only says hello, so it is not kept as shown either.
        if advice.matter or advice.asked:
            return [greeting(moment, alone=False), *_carry_out(moment, advice, opens=False)]
    return [greeting(moment, alone=True)]


def _decide(moment: Moment, *, asks_for_it: bool = False, may_question: bool = True) -> Advice:
    customer = Customer(moment.profiles, moment.assurance, moment.channel, moment.conversation_id)
    return decide(
        moment.connection, moment.business, customer, moment.now, asks_for_it=asks_for_it, may_question=may_question
    )


def _carry_out(moment: Moment, advice: Advice, *, opens: bool, asks_for_it: bool = False) -> list[Reply]:
    """Keeps the decision and says it. `opens`: a question comes without a greeting before it."""
    replies = _replies(moment, advice, opens)
    if advice.choice is None and advice.asked is None and advice.matter is None:
        # Who only told something is thanked; who asked for advice is owed an answer.
        replies = [Reply("utter_no_offer" if asks_for_it else "utter_answer_noted")]
    _keep(moment, advice, replies[-1].response)
    return replies


def _replies(moment: Moment, advice: Advice, opens: bool) -> list[Reply]:
    language = moment.language
    moment.pending.pop("yes", None)
    if advice.matter:
        return [_of_matter(moment, advice.matter)]
    if advice.asked:
        moment.pending["question"] = advice.asked.question.id
        return [Reply(f"utter_{'open' if opens else 'ask'}_{advice.asked.question.id}")]
    moment.pending.pop("question", None)
    if advice.choice is None:
        return []
    offer = advice.choice.offer
    talks_of(moment, products_in(moment.business, f"{offer.title[language]}: {offer.text[language]}"))
    pitch = pitch_text(moment.business, advice.choice, advice.evidence, language)
    reason = advice.reason(moment.business, language)
    moment.pending["yes"] = {"kind": "offer", "message_id": moment.message_id, "id": offer.id, "reason": reason}
    card = {
        "id": offer.id,
        "title": offer.title[language],
        "text": pitch,
        "reason": reason,
        **{k: v for k, v in (("image", offer.image), ("url", offer.url), ("code", offer.code)) if v},
    }
    name = moment.name if advice.tone == "valued" else None
    tone = "standard" if advice.tone == "valued" and not name else advice.tone
    return [Reply(f"utter_offer_{tone}", {"pitch": pitch, **({"name": name} if name else {})}, card)]


def _of_matter(moment: Moment, matter: OpenMatter) -> Reply:
    """What is open comes first; only what is ready asks for a yes."""
    if matter.kind == COMPLAINT:
        return Reply("utter_open_complaint")
    values = matter_values(moment, matter)
    if matter.status == REPORTED:
        return Reply("utter_open_matter_reported", values)
    if not matter.is_ready:
        return Reply("utter_open_matter_waiting", values)
    if wants_delivery(moment, matter):
        return Reply("utter_open_matter_noted", values)
    moment.pending["yes"] = {"kind": "service", "message_id": moment.message_id, "id": matter.interaction_id}
    return Reply("utter_open_matter_ready", values)


def _keep(moment: Moment, advice: Advice, response: str) -> None:
    if advice.asked:
        keep_question(moment, advice.asked)
    keep_decision(
        moment.connection,
        replace(advice.decision, response=response),
        profile=moment.profile,
        conversation_id=moment.conversation_id,
        message_id=moment.message_id,
        touchpoint=moment.touchpoint,
        now=moment.now,
    )
    if "value" in advice.decision.facts:
        _keep_value(moment, advice)


def _keep_value(moment: Moment, advice: Advice) -> None:
    """The newest actual value of a verified customer, for lists that must not compute it for each row; what is expected of them
    stays as it was, since talking is no purchase.
    """
    facts = advice.decision.facts
    newer = {"actual_value": facts["value"]["actual_value"], "tier": facts["tier"], "computed_at": moment.now}
    row = {"customer_id": moment.profile, "purchases": 0, **newer}
    put(moment.connection, value_scores, [row], ("customer_id",), list(newer))
