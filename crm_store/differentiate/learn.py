"""What a message tells of a customer: an answer to what was asked, a need stated in free words, or one refused."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import select

from crm_store.access.consent import PROFILE, withdrawn
from crm_store.differentiate import evidence
from crm_store.differentiate.live import revalue
from crm_store.differentiate.needs import HALF_LIFE, NEED, Evidence, likelihood
from crm_store.differentiate.picture import picture
from crm_store.differentiate.refusals import is_not_me, says_not_of_oneself
from crm_store.identify.assurance import Act
from crm_store.interact.answers import Answer, read_answer
from crm_store.interact.asked import last_asked
from crm_store.moment import Moment, Reply
from crm_store.tables import decisions, messages, turns

STATED = "state_need"
NOTED = "utter_answer_noted"
SURE = 0.5
"""Confidence in a need that is named, from which a refusal of it is believed."""
OF_SOMETHING_ELSE = frozenset(
    ["complain", "praise", "return_item", "withdraw_request", "repair_status", "order_status", "problem_solved"]
)
"""Intents in which what is no longer so is a thing, and not a need."""
_DENIES = re.compile(
    r"\b(?:not?|never|no longer|\w+n't|(?:do|does|did|is|are|was|ca|wo)nt|any ?more|bukan|tidak|tak|gak?|ngg?ak|enggak|tdk)\b",
    re.IGNORECASE,
)


def answer_in(moment: Moment) -> Evidence | None:
    """The answer in this message to a question of ours; None when there is none or the words do not tell."""
    pressed = moment.understanding.values("pressed")
    if pressed:
        asked, _, option_id = pressed[0][0].partition(".")
        question = moment.business.question(asked)
        option = question.option(option_id) if question else None
        return Evidence("answered", asked, option.id, message_id=moment.message_id) if option else None
    answer = _read(moment)
    if answer is None:
        return None
    return Evidence(
        "answered",
        answer.question_id,
        answer.option_id,
        answer.strength,
        words=answer.words,
        message_id=moment.message_id,
    )


def _read(moment: Moment) -> Answer | None:
    """The words as an answer to the open question; where none is open, as a correction of what was asked last."""
    understood = moment.understanding.values("answer")
    question = moment.business.question(moment.pending.get("question", ""))
    if question is None and moment.understanding.intent == "answer_question":
        asked = last_asked(moment.connection, moment.conversation_id)
        question = moment.business.question(asked) if asked else None
    return read_answer(question, moment.text, understood) if question else None


def stated_need(moment: Moment) -> Evidence | None:
    """The segment whose need the message names; none where it only says what is not needed (any more)."""
    # "not too expensive" is a need put as a no; what was not understood as a need at all and says no is none.
    if moment.understanding.intent != STATED and _DENIES.search(moment.text):
        return None
    named = _named(moment)
    if named is None or says_not_of_oneself(moment.text):
        return None
    return Evidence("stated", NEED, named[0], round(named[1], 3), message_id=moment.message_id)


def refused_need(moment: Moment) -> Evidence | None:
    """The segment that the message says is not the customer's: one that it names, or the one that was just acted upon."""
    if is_not_me(moment.text):
        segment = _acted_upon(moment)
        return Evidence("denied", NEED, segment, message_id=moment.message_id) if segment else None
    named = _named(moment) if moment.understanding.intent not in OF_SOMETHING_ELSE else None
    if named is None or named[1] < SURE or not says_not_of_oneself(moment.text):
        return None
    return Evidence("denied", NEED, named[0], message_id=moment.message_id)


def _named(moment: Moment) -> tuple[str, float] | None:
    named = [(s, c) for s, c in moment.understanding.values("need") if moment.business.segment(s)]
    return max(named, key=lambda n: n[1]) if named else None


def share_taken_back(moment: Moment) -> Evidence | None:
    """The share as left open again, where what is known was just told, they told no more than that, and say that it is not so."""
    question = moment.business.share_question
    before, _ = moment.said_before()
    if question is None or not is_not_me(moment.text) or not before or not _told_what_is_known(moment, before):
        return None
    pieces = evidence.told(moment.connection, moment.profiles, moment.now, half_life=HALF_LIFE)
    if [piece.key for piece in pieces] != [question.id]:
        return None
    left_open = next(option for option in question.options if option.share is None)
    return Evidence("answered", question.id, left_open.id, message_id=moment.message_id)


def _acted_upon(moment: Moment) -> str | None:
    """The likeliest segment when an offer was made in the message before; or now, where what is known was just told."""
    before, _ = moment.said_before()
    if not before:
        return None
    facts = moment.connection.execute(
        select(decisions.c.facts).where(decisions.c.message_id == before, decisions.c.offer_id.is_not(None))
    ).scalar_one_or_none()
    if facts and facts.get("needs"):
        return str(max(facts["needs"], key=facts["needs"].__getitem__))
    if not _told_what_is_known(moment, before):
        return None
    seen = picture(
        moment.connection,
        moment.business,
        moment.profiles,
        moment.now,
        conversation_id=moment.conversation_id,
        from_elsewhere=moment.may(Act.GET_SERVICE),
    )
    # Of somebody of whom nothing is known there is nothing to be wrong about.
    tells = [piece for piece in seen.evidence if likelihood(seen.model.business, piece)]
    return seen.likeliest if tells else None


def _told_what_is_known(moment: Moment, before: str) -> bool:
    """Whether the answer to that message was all that is known of the customer."""
    told = moment.connection.execute(
        select(messages.c.intent, turns.c.action)
        .outerjoin(turns, turns.c.message_id == messages.c.id)
        .where(messages.c.id == before)
    ).first()
    return told is not None and "action_what_you_know" in (told.action, f"action_{told.intent}")


def corrected(moment: Moment) -> list[Reply] | None:
    """Takes in that a need or a share is not the customer's, whatever the message was taken for; None where it says nothing of the
    kind.
    """
    refused = share_taken_back(moment) or refused_need(moment)
    if refused is None:
        return None
    _keep(moment, [refused])
    moment.pending.pop("yes", None)
    return [Reply(NOTED)]


def learn(moment: Moment, *, answers: bool = True, needs: bool = True) -> list[Evidence]:
    """Takes in what the message tells; an answered question is no longer open.

    Who wants no profile is understood all the same, and nothing is kept of it.
    """
    answer = answer_in(moment) if answers else None
    need = stated_need(moment) if needs else None
    found = [e for e in (answer, need) if e]
    if answer:
        moment.pending.pop("question", None)
    _keep(moment, found)
    return found


def _keep(moment: Moment, found: Sequence[Evidence]) -> None:
    """Nothing of who wants no profile. What tells of the share moves what they are worth at once."""
    if found and PROFILE not in withdrawn(moment.connection, moment.profiles):
        evidence.keep(moment.connection, moment.profile, found, moment.message_id, moment.now)
        if any(piece.key == moment.business.share_key for piece in found):
            revalue(moment.connection, moment.business, moment.profile, moment.now)
