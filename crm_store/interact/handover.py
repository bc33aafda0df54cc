"""When a person is wanted: the conversation waits for one, and the assistant holds back until then.

Asked for, or because the assistant did not understand twice in a row. What staff then do is `conversations.desk`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from crm_store.interact.matters import asked_in_chat
from crm_store.interact.requests import SOURCE, keep_request, request_id
from crm_store.interact.service.words import WEEKDAYS
from crm_store.moment import Moment, Reply
from crm_store.opening import is_open, opens_next
from crm_store.tables import conversations, interactions

REQUEST = "person_request"
NOT_UNDERSTOOD = ("utter_out_of_scope", "utter_answer_unclear")
"""Responses that own up to not having understood."""
NOTED = "utter_noted_for_colleague"
FOR_COLLEAGUE = ("action_note_need", "action_note_answer", "action_fallback")
"""What a customer who waits for a person says to that person, unless it is a plain question of fact."""
_NOT_ABOUT_THEM = re.compile(r"\b(hurry|rush|wrong|buru|santai|salah|keliru)\b", re.IGNORECASE)
"""A no of sorts, but not to the person: there is no hurry, or something said is not so."""
_SOON = {"en": ("today", "tomorrow"), "id": ("hari ini", "besok")}


def ask_for_person(moment: Moment) -> list[Reply]:
    """Marks the conversation as waiting for a person and says when there will be one."""
    if moment.pending.get("person"):
        # Whoever was misunderstood wants it now: what they say is for the colleague from here on.
        moment.pending["person"] = "asked"
        moment.pending.pop("yes", None)
        return [Reply("utter_person_already")]
    call_person(moment, "asked")
    # A no from now on is about the person, not about what was suggested before.
    moment.pending.pop("yes", None)
    about = moment.business.business
    opens = answers_again(moment)
    if opens is None:
        return [Reply("utter_person_asked", {"phone": about.phone, "hours": about.hours[moment.language]})]
    return [Reply("utter_person_closed", {"opens": opens})]


def not_understood(moment: Moment, replies: list[Reply]) -> list[Reply]:
    """`replies`, which own up to it the first time; a person the second time in a row."""
    if moment.pending.get("person") or not _was_misunderstood(moment):
        return replies
    call_person(moment, "misunderstood")
    opens = answers_again(moment)
    if opens is None:
        return [Reply("utter_person_misunderstood")]
    return [Reply("utter_person_misunderstood_closed", {"opens": opens})]


def left_to_colleague(moment: Moment, action: str) -> list[Reply] | None:
    """While a person is waited for: what is theirs to answer is noted for them. None where the assistant answers."""
    waits_for = moment.pending.get("person")
    if action not in FOR_COLLEAGUE or waits_for is None:
        return None
    # Who never asked for a person, and now says something that is understood, is served.
    if waits_for == "misunderstood" and action != "action_fallback":
        return None
    return [Reply(NOTED)]


def cancel_person(moment: Moment) -> list[Reply]:
    """Nobody is needed any more. A yes or no that was waited for is still waited for."""
    if moment.pending.pop("person", None) is None:
        return [Reply("utter_person_not_asked")]
    here = (conversations.c.id == moment.conversation_id) & (conversations.c.state == "waiting")
    moment.connection.execute(update(conversations).where(here).values(state="bot"))
    settle_requests(moment.connection, moment.conversation_id, "cancelled")
    return [Reply("utter_person_cancelled")]


def no_to_person(moment: Moment) -> list[Reply] | None:
    """What a no that is to nothing else comes to while a person is waited for. None where nobody is.

    Only the no that is said right after somebody was asked for takes that back.
    """
    waits_for = moment.pending.get("person")
    if waits_for is None:
        return None
    if waits_for == "asked" and not _NOT_ABOUT_THEM.search(moment.text) and _was_called(moment):
        return cancel_person(moment)
    return [Reply(NOTED)]


def settle_requests(
    connection: Connection, conversation_id: str, status: str = "done", *, kinds: Sequence[str] = (REQUEST,)
) -> None:
    """Closes what was asked of people in this conversation: that one comes, or (`kinds`) something else."""
    mine = asked_in_chat(*kinds) & (interactions.c.source_id == conversation_id)
    connection.execute(update(interactions).where(mine).values(status=status))


def call_person(moment: Moment, why: str) -> None:
    """Marks the conversation as waiting for a person, once; what we asked is let go."""
    keep_request(moment, REQUEST, {"why": why})
    moment.pending["person"] = why
    moment.pending.pop("question", None)
    moment.connection.execute(
        update(conversations)
        .where(conversations.c.id == moment.conversation_id, conversations.c.state == "bot")
        .values(state="waiting")
    )


def _was_misunderstood(moment: Moment) -> bool:
    """Whether the customer's message before this one was not understood either."""
    _, action = moment.said_before()
    return action in NOT_UNDERSTOOD


def _was_called(moment: Moment) -> bool:
    """Whether the customer's message before this one is what a person was called by."""
    message_id, _ = moment.said_before()
    call = interactions.c.interaction_id == request_id(message_id, REQUEST)
    called = select(interactions.c.at).where(interactions.c.source == SOURCE, call)
    return moment.connection.execute(called).first() is not None


def answers_again(moment: Moment) -> str | None:
    """When somebody will answer, in words; None when somebody does now."""
    about = moment.business.business
    if is_open(about.week, about.closed_on, about.zone, moment.now):
        return None
    opens = opens_next(about.week, about.closed_on, about.zone, moment.now)
    if opens is None:
        return about.hours[moment.language]
    return opening_words(opens, moment.now.astimezone(about.zone), moment.language)


def opening_words(opens: datetime, local: datetime, language: str) -> str:
    """`tomorrow at 8:00`, `Senin pukul 08.00`: both times in the business's zone."""
    days = (opens.date() - local.date()) // timedelta(days=1)
    soon = _SOON.get(language, _SOON["en"])
    day = soon[days] if days < len(soon) else WEEKDAYS.get(language, WEEKDAYS["en"])[opens.weekday()]
    if days >= 7:
        day = f"{day} {opens.day}/{opens.month}"
    return f"{day} pukul {opens:%H.%M}" if language == "id" else f"{day} at {opens.hour}:{opens:%M}"
