"""What a message tells of a customer's needs: an answer to the question that is open, a need stated in free words."""

from __future__ import annotations

from crm_store.differentiate import evidence
from crm_store.differentiate.needs import Evidence
from crm_store.interact.answers import read_answer
from crm_store.moment import Moment


def answer_to_open_question(moment: Moment) -> Evidence | None:
    """The answer in this message to the question that is open; None when there is none or the words do not tell."""
    pressed = moment.understanding.values("pressed")
    if pressed:
        asked, _, option_id = pressed[0][0].partition(".")
        question = moment.business.question(asked)
        option = question.option(option_id) if question else None
        return Evidence("answered", asked, option.id, message_id=moment.message_id) if option else None
    question = moment.business.question(moment.pending.get("question", ""))
    answer = read_answer(question, moment.text, moment.understanding.values("answer")) if question else None
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


def stated_need(moment: Moment) -> Evidence | None:
    """The segment whose need the message names."""
    named = [(s, c) for s, c in moment.understanding.values("need") if moment.business.segment(s)]
    if not named:
        return None
    segment, confidence = max(named, key=lambda n: n[1])
    return Evidence("stated", "need", segment, round(confidence, 3), message_id=moment.message_id)


def learn(moment: Moment, *, answers: bool = True, needs: bool = True) -> list[Evidence]:
    """Takes in what the message tells; an answered question is no longer open."""
    answer = answer_to_open_question(moment) if answers else None
    need = stated_need(moment) if needs else None
    found = [e for e in (answer, need) if e]
    if answer:
        moment.pending.pop("question", None)
    evidence.keep(moment.connection, moment.profile, found, moment.message_id, moment.now)
    return found
