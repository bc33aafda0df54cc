"""What a message tells of a customer's needs: an answer to what was asked, a need stated in free words."""

from __future__ import annotations

import re

from crm_store.access.consent import PROFILE, withdrawn
from crm_store.differentiate import evidence
from crm_store.differentiate.needs import Evidence
from crm_store.interact.answers import Answer, read_answer
from crm_store.interact.asked import last_asked
from crm_store.moment import Moment

STATED = "state_need"
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
    named = [(s, c) for s, c in moment.understanding.values("need") if moment.business.segment(s)]
    if not named:
        return None
    segment, confidence = max(named, key=lambda n: n[1])
    return Evidence("stated", "need", segment, round(confidence, 3), message_id=moment.message_id)


def learn(moment: Moment, *, answers: bool = True, needs: bool = True) -> list[Evidence]:
    """Takes in what the message tells; an answered question is no longer open.

    Who wants no profile is understood all the same, and nothing is kept of it.
    """
    answer = answer_in(moment) if answers else None
    need = stated_need(moment) if needs else None
    found = [e for e in (answer, need) if e]
    if answer:
        moment.pending.pop("question", None)
    if found and PROFILE not in withdrawn(moment.connection, moment.profiles):
        evidence.keep(moment.connection, moment.profile, found, moment.message_id, moment.now)
    return found
