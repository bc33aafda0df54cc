"""One customer turn through the four steps, in one transaction.

The result is stored and given again when the turn is retried, as whatever action: the same answer, nothing done twice.
Knows no Rasa and no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from crm_store.access.consent import QUESTIONS, keep_consent, notice_due
from crm_store.access.rights import begin_forgetting, confirm_forgetting
from crm_store.business import Business
from crm_store.customize.advise import advise, greet
from crm_store.customize.decisions import keep_outcome
from crm_store.database import UnitOfWork
from crm_store.differentiate.learn import answer_in, learn
from crm_store.identify.assurance import Assurance
from crm_store.identify.profiles import scope
from crm_store.identify.welcome import CLAIMED, note_claims
from crm_store.interact import handover
from crm_store.interact.requests import request_service
from crm_store.interact.service.price import priced
from crm_store.interact.service.returns import begin_return, note_return
from crm_store.interact.service.steps import SERVICE
from crm_store.interact.service.stock import stock
from crm_store.interact.service.topics import RETURN, STOCK, follow_up
from crm_store.interact.service.whose import is_of_somebody_else
from crm_store.moment import Moment, Reply, TurnResult, Understanding
from crm_store.tables import conversations, messages, turns

Clock = Callable[[], datetime]
Step = Callable[[Moment], "list[Reply] | TurnResult"]


MAY_ANSWER = (
    *("action_affirm", "action_deny", "action_note_answer", "action_explain_question", "action_fallback"),
    *("action_talk_to_person", "action_cancel_person", "action_withdraw_request"),
)
"""Actions before which a yes or no that was waited for stays waited for, whatever it was to."""


SECOND = {
    "ask_price": "action_price",
    "ask_stock": "action_stock",
    "ask_hours": "action_hours",
    "find_store": "action_stores",
    "ask_products": "action_products",
    "how_to_order": "action_how_to_order",
    "order_status": "action_order_status",
    "ask_delivery": "action_delivery",
    "repair_status": "action_repair",
    "loyalty_points": "action_points",
    "ask_faq": "action_faq",
}
"""What a second question in a message may be, and the action that answers it: questions of fact, in any order."""
TOLD_WITH = {"utter_hours": "utter_stores"}
"""What need not be said by itself beside the reply that tells it too."""
A_FEW_WORDS = 4
UNSURE = 0.5
"""Confidence in an intent below which a few words that answer the open question are taken for its answer."""
OF_AN_ANSWER = frozenset(["answer", "need", "number"])
"""The entities that an answer consists of; any other is a sign that something else is meant."""


class UnknownMessageError(LookupError):
    """A turn for a message that is not in the inbox: it was erased, or never came through the gateway."""


class UnknownActionError(LookupError):
    """An action that no step carries out."""


@dataclass(frozen=True)
class Second:
    """A second question in the same message. `begins`: where in the text."""

    begins: int
    understanding: Understanding


@dataclass(frozen=True)
class TurnRequest:
    message_id: str
    action: str
    understanding: Understanding
    second: Second | None = None


def take_turn(engine: Engine, business: Business, request: TurnRequest, clock: Clock) -> TurnResult:
    """Carries out one action for one message, once.

    Raises UnknownMessageError and UnknownActionError; nothing is kept then.
    """
    if request.action not in STEPS:
        raise UnknownActionError(request.action)
    with UnitOfWork(engine) as work:
        moment = _moment(work.connection, business, request, clock())
        stored = work.connection.execute(
            # By the message alone: a retry after a new training may be understood as another action.
            select(turns.c.result).where(turns.c.message_id == request.message_id).limit(1)
        ).scalar_one_or_none()
        if stored is not None:
            return TurnResult.of(stored)
        before = dict(moment.pending)
        moment.topic = moment.pending.pop("topic", "")
        result = _with_notice(moment, _answered(moment, request))
        work.connection.execute(
            turns.insert().values(
                message_id=request.message_id, action=request.action, result=result.as_dict(), at=moment.now
            )
        )
        if moment.pending != before:
            work.connection.execute(
                conversations.update()
                .where(conversations.c.id == moment.conversation_id)
                .values(pending=moment.pending)
            )
        work.commit()
        return result


def _answered(moment: Moment, request: TurnRequest) -> TurnResult:
    """What is said to the message: to each of its questions where there are two."""
    second = request.second
    note_claims(moment)
    action = SECOND.get(second.understanding.intent) if second else None
    if second is None or action is None:
        return _carried_out(moment, _meant(moment, request.action))
    first = _carried_out(replace(moment, text=moment.text[: second.begins]), request.action)
    asked = replace(moment, text=moment.text[second.begins :], understanding=second.understanding, topic="")
    note_claims(asked)
    then = _carried_out(asked, action)
    replies = [*first.replies, *(reply for reply in then.replies if reply not in first.replies)]
    said = {reply.response for reply in replies}
    return TurnResult(
        tuple(reply for reply in replies if TOLD_WITH.get(reply.response) not in said), (*first.effects, *then.effects)
    )


def _carried_out(moment: Moment, action: str) -> TurnResult:
    _let_go_of_requests(moment, action)
    answered = handover.left_to_colleague(moment, action) or STEPS[action](moment)
    return answered if isinstance(answered, TurnResult) else TurnResult(tuple(answered))


def _meant(moment: Moment, action: str) -> str:
    """The action that was understood, but for a few words which only what was said before makes clear.

    The question before of something else ("and in Kemang?"); the answer to our question, where the words are one and what
    was understood is unsure.
    """
    again = follow_up(moment)
    if again:
        return again
    heard = moment.understanding
    if heard.confidence >= UNSURE or not moment.pending.get("question") or len(moment.text.split()) > A_FEW_WORDS:
        return action
    if any(kind not in OF_AN_ANSWER for kind, _, _ in heard.entities):
        return action
    return "action_note_answer" if answer_in(moment) else action


def _with_notice(moment: Moment, result: TurnResult) -> TurnResult:
    """The answer, with the privacy notice after its first words where the customer has not seen it yet."""
    notice = notice_due(moment)
    if notice is None or any(reply.response.startswith("utter_privacy") for reply in result.replies):
        return result
    said = Reply("utter_privacy_notice", {"notice": notice})
    return replace(result, replies=(*result.replies[:1], said, *result.replies[1:]))


def _let_go_of_requests(moment: Moment, action: str) -> None:
    """A yes to a request counts as the very next thing that is understood: nothing is set going by a mere "ok" later on."""
    if moment.pending.get("yes", {}).get("kind") in ("service", "return") and action not in MAY_ANSWER:
        moment.pending.pop("yes")


def _moment(connection: Connection, business: Business, request: TurnRequest, now: datetime) -> Moment:
    row = connection.execute(
        select(
            messages.c.text,
            conversations.c.id,
            conversations.c.channel,
            conversations.c.assurance,
            conversations.c.customer_id,
            conversations.c.pending,
        )
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(messages.c.id == request.message_id)
        # A second turn of the same message waits here, and then finds what the first one came to.
        .with_for_update(of=messages)
    ).first()
    if row is None:
        raise UnknownMessageError(request.message_id)
    assurance = Assurance.of(row.assurance)
    return Moment(
        connection=connection,
        business=business,
        now=now,
        message_id=request.message_id,
        conversation_id=row.id,
        channel=row.channel,
        assurance=assurance,
        profile=row.customer_id,
        profiles=scope(connection, row.customer_id, assurance),
        text=row.text,
        understanding=request.understanding,
        pending=dict(row.pending or {}),
    )


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
    return [Reply("utter_claim_noted")] if claimed else handover.not_understood(moment, [Reply("utter_out_of_scope")])


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
    keep_outcome(moment.connection, meant["message_id"], "accepted", moment.now)
    return [Reply("utter_offer_accepted")]


def _deny(moment: Moment) -> list[Reply]:
    meant = moment.pending.pop("yes", None)
    if meant is None and moment.pending.pop("question", None):
        # A no to a question is not an answer: it is passed over, and the customer served with what is known.
        return advise(moment, asks_for_it=True, may_question=False)
    if meant is None:
        return handover.no_to_person(moment) or [Reply("utter_deny_nothing")]
    if meant["kind"] == "forget":
        return [Reply("utter_forget_kept")]
    if meant["kind"] == "service":
        return [Reply("utter_matter_left")]
    if meant["kind"] == "return":
        return [Reply("utter_return_left")]
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
