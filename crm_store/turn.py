"""One customer turn through the four steps, in one transaction.

The result is stored and given again when the turn is retried, as whatever action: the same answer, nothing done twice.
Knows no Rasa and no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from crm_store.access.consent import notice_due
from crm_store.business import Business
from crm_store.database import UnitOfWork, one_at_a_time
from crm_store.differentiate.learn import answer_in, corrected
from crm_store.identify.assurance import Assurance
from crm_store.identify.profiles import WHO_IS_WHO, scope
from crm_store.identify.proving import BeginWithWhoIsWhoError
from crm_store.identify.welcome import note_claims
from crm_store.interact import handover
from crm_store.interact.service.codes import address_typed, code_typed
from crm_store.interact.service.topics import follow_up
from crm_store.moment import Moment, Reply, TurnResult, Understanding
from crm_store.steps import A_FEW_WORDS, STEPS
from crm_store.tables import conversations, messages, turns

Clock = Callable[[], datetime]


MAY_ANSWER = (
    *("action_affirm", "action_deny", "action_note_answer", "action_explain_question", "action_fallback"),
    *("action_talk_to_person", "action_cancel_person", "action_withdraw_request", "action_send_code"),
)
"""Actions before which a yes or no that was waited for stays waited for, whatever it was to."""


FURTHER = {
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
"""What a further question in a message may be, and the action that answers it: questions of fact, in any order."""
TOLD_WITH = {"utter_hours": "utter_stores"}
"""What need not be said by itself beside the reply that tells it too."""
UNSURE = 0.5
"""Confidence in an intent below which a few words that answer the open question are taken for its answer."""
OF_AN_ANSWER = frozenset(["answer", "need", "number"])
"""The entities that an answer consists of; any other is a sign that something else is meant."""


class UnknownMessageError(LookupError):
    """A turn for a message that is not in the inbox: it was erased, or never came through the gateway."""


class UnknownActionError(LookupError):
    """An action that no step carries out."""


@dataclass(frozen=True)
class Further:
    """A further question in the same message. `begins`: where in the text."""

    begins: int
    understanding: Understanding


@dataclass(frozen=True)
class TurnRequest:
    message_id: str
    action: str
    understanding: Understanding
    further: tuple[Further, ...] = ()


def take_turn(
    engine: Engine, business: Business, request: TurnRequest, clock: Clock, code_key: bytes | None = None
) -> TurnResult:
    """Carries out one action for one message, once. `code_key`: of one-time codes, where they can be sent.

    Raises UnknownMessageError and UnknownActionError; nothing is kept then.
    """
    if request.action not in STEPS:
        raise UnknownActionError(request.action)
    try:
        return _taken(engine, business, request, clock(), code_key)
    except BeginWithWhoIsWhoError:
        return _taken(engine, business, request, clock(), code_key, may_prove=True)


def _taken(
    engine: Engine,
    business: Business,
    request: TurnRequest,
    now: datetime,
    code_key: bytes | None,
    *,
    may_prove: bool = False,
) -> TurnResult:
    with UnitOfWork(engine) as work:
        if may_prove:  # first of all: the message's row is one that an erasure takes too
            one_at_a_time(work.connection, WHO_IS_WHO)
        moment = _moment(work.connection, business, request, now)
        moment = replace(moment, code_key=code_key, may_prove=may_prove)
        stored = work.connection.execute(
            # By the message alone: a retry after a new training may be understood as another action.
            select(turns.c.result).where(turns.c.message_id == request.message_id).limit(1)
        ).scalar_one_or_none()
        if stored is not None:
            return TurnResult.of(stored)
        before = dict(moment.pending)
        moment.topic = moment.pending.pop("topic", "")
        result = _with_notice(moment, code_typed(moment) or _answered(moment, request))
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
    """What is said to the message: to each of its questions where there are several."""
    further = [question for question in request.further if question.understanding.intent in FURTHER]
    waited_for = moment.pending.get("yes")
    note_claims(moment)
    if not further:
        return _carried_out(moment, _meant(moment, request.action), waited_for)
    ends = [*(question.begins for question in further), None]
    results = [_carried_out(replace(moment, text=moment.text[: ends[0]]), request.action, waited_for)]
    for question, end in zip(further, ends[1:], strict=True):
        asked = replace(moment, text=moment.text[question.begins : end], understanding=question.understanding, topic="")
        note_claims(asked)
        results.append(_carried_out(asked, FURTHER[question.understanding.intent], waited_for))
    replies: dict[str, Reply] = {repr(reply): reply for result in results for reply in result.replies}
    said = {reply.response for reply in replies.values()}
    return TurnResult(
        tuple(reply for reply in replies.values() if TOLD_WITH.get(reply.response) not in said),
        tuple(effect for result in results for effect in result.effects),
    )


def _carried_out(moment: Moment, action: str, waited_for: dict[str, Any] | None) -> TurnResult:
    """`waited_for`: what a yes would have been to before this message; what its first question asks, the next lets stand."""
    if moment.pending.get("yes") is waited_for:
        _let_go_of_requests(moment, action)
    answered = (
        handover.left_to_colleague(moment, action)
        or address_typed(moment)
        or corrected(moment)
        or STEPS[action](moment)
    )
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
    if moment.pending.get("yes", {}).get("kind") in ("service", "return", "code") and action not in MAY_ANSWER:
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
