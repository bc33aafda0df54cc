"""What each action of the assistant comes to: the steps of a turn, by the name of their action.

Each takes the moment and says the replies; what it keeps is in the turn's transaction. Knows no Rasa and no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable

from crm_store.access.consent import QUESTIONS, keep_consent
from crm_store.access.rights import begin_forgetting, confirm_forgetting
from crm_store.customize.advise import advise, greet
from crm_store.customize.decisions import keep_outcome
from crm_store.differentiate.learn import answer_in, learn
from crm_store.identify.welcome import CLAIMED
from crm_store.interact import handover
from crm_store.interact.requests import request_service
from crm_store.interact.service.codes import claim_answered, send_code
from crm_store.interact.service.price import priced
from crm_store.interact.service.returns import begin_return, note_return
from crm_store.interact.service.steps import SERVICE
from crm_store.interact.service.stock import stock
from crm_store.interact.service.topics import RETURN, STOCK
from crm_store.interact.service.whose import is_of_somebody_else
from crm_store.interact.service.withdrawal import LEFT
from crm_store.moment import Moment, Reply, TurnResult

Step = Callable[[Moment], "list[Reply] | TurnResult"]
A_FEW_WORDS = 4
"""In a message that may be no more than a name, or an answer."""


def _advise(moment: Moment) -> list[Reply]:
    learn(moment, answers=False)
    return advise(moment, asks_for_it=True)


def _note_need(moment: Moment) -> list[Reply]:
    learn(moment)
    return advise(moment)


def _note_answer(moment: Moment) -> list[Reply]:
    if learn(moment, needs=False):
        return advise(moment)
    asked = moment.pending.get("question")
    if not asked and moment.understanding.values("product"):
        return _price(moment)
    # With the question comes what can be pressed.
    unclear = [Reply("utter_answer_unclear"), Reply(f"utter_ask_{asked}")] if asked else [Reply("utter_out_of_scope")]
    return handover.not_understood(moment, unclear)


def _fall_back(moment: Moment) -> list[Reply]:
    """Not understood as anything: it may still answer the open question, name a product, or be a claim."""
    if learn(moment):
        return advise(moment)
    if moment.topic == STOCK and (moment.understanding.values("product") or moment.understanding.values("store")):
        return stock(moment)
    if moment.topic == RETURN and moment.understanding.values("order_number"):
        return begin_return(moment)
    # A name by itself; in a longer sentence it is not the price that was asked for and not understood.
    if moment.understanding.values("product") and len(moment.text.split()) <= A_FEW_WORDS:
        return _price(moment)
    claimed = any(kind in CLAIMED for kind, _, _ in moment.understanding.entities)
    return claim_answered(moment) if claimed else handover.not_understood(moment, [Reply("utter_out_of_scope")])


def _affirm(moment: Moment) -> list[Reply] | TurnResult:
    meant = moment.pending.pop("yes", None)
    if meant is None:
        nothing = [Reply(handover.NOTED if moment.pending.get("person") else "utter_affirm_nothing")]
        return _note_answer(moment) if moment.pending.get("question") else nothing
    if meant["kind"] == "forget":
        return confirm_forgetting(moment, meant)
    if meant["kind"] == "service":
        return [request_service(moment, meant["id"])]
    if meant["kind"] == "return":
        return note_return(moment, meant["id"])
    if meant["kind"] == "code":
        return send_code(moment, meant["address"])
    keep_outcome(moment.connection, meant["message_id"], "accepted", moment.now)
    return [Reply("utter_offer_accepted")]


def _deny(moment: Moment) -> list[Reply]:
    meant = moment.pending.pop("yes", None)
    if meant is None and moment.pending.pop("question", None):
        # A no to a question is not an answer: it is passed over, and the customer served with what is known.
        return advise(moment, asks_for_it=True, may_question=False)
    if meant is None:
        return handover.no_to_person(moment) or [Reply("utter_deny_nothing")]
    if meant["kind"] in LEFT:
        return [Reply(LEFT[meant["kind"]])]
    keep_outcome(moment.connection, meant["message_id"], "declined", moment.now)
    return [Reply("utter_offer_declined")]


def _stop_asking(moment: Moment) -> list[Reply]:
    keep_consent(moment, QUESTIONS, granted=False)
    moment.pending.pop("question", None)
    return [Reply("utter_stop_asking_done")]


def _explain_question(moment: Moment) -> list[Reply]:
    question = moment.business.question(moment.pending.get("question", ""))
    if question:
        return [Reply("utter_why_ask", {"why": question.why[moment.language]}), Reply(f"utter_ask_{question.id}")]
    reason = moment.pending.get("yes", {}).get("reason")
    return [Reply("utter_why_offer", {"reason": reason}) if reason else Reply("utter_why_ask_nothing")]


def _forget(moment: Moment) -> list[Reply]:
    if is_of_somebody_else(moment.text):
        return [Reply("utter_forget_only_own")]
    return begin_forgetting(moment)


def _price(moment: Moment) -> list[Reply]:
    if not moment.understanding.values("product"):
        answer = answer_in(moment)
        if answer and answer.strength == 1.0:  # word for word: "price" is what matters to them, not what they ask
            return _note_answer(moment)
    return priced(moment) or [Reply("utter_price_which")]


STEPS: dict[str, Step] = {
    "action_greet": greet,
    "action_advise": _advise,
    "action_note_need": _note_need,
    "action_note_answer": _note_answer,
    "action_price": _price,
    "action_talk_to_person": handover.ask_for_person,
    "action_cancel_person": handover.cancel_person,
    "action_affirm": _affirm,
    "action_deny": _deny,
    "action_forget": _forget,
    "action_stop_asking": _stop_asking,
    "action_explain_question": _explain_question,
    "action_fallback": _fall_back,
    **SERVICE,
}
