"""Reading an answer: which option of a question the customer's words mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crm_store.business import Option, Question

SURE_READING = 0.5
"""Confidence from which the assistant's own reading of an answer is taken."""


@dataclass(frozen=True)
class Answer:
    question_id: str
    option_id: str
    words: str | None
    strength: float


def plain(text: str) -> str:
    """Lower case, letters and digits only, single spaces: for comparing words."""
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def read_answer(question: Question, text: str, understood: Sequence[tuple[str, float]] = ()) -> Answer | None:
    """The option that the words mean, or None when they do not tell.

    In this order: a title or a way to say it, word for word; a number within an option's range; what the assistant
    understood, as ("question.option", confidence).
    """
    said = plain(text)
    if not said:
        return None
    for option in question.options:
        if any(said == plain(phrase) for phrase in _phrases(option)):
            return Answer(question.id, option.id, _number_in(text), 1.0)
    number = _number_in(text)
    if number is not None:
        for option in question.options:
            if option.range and _within(float(number), option, question):
                return Answer(question.id, option.id, number, 1.0)
    for name, confidence in understood:
        asked, _, option_id = name.partition(".")
        if asked == question.id and question.option(option_id) and confidence >= SURE_READING:
            return Answer(question.id, option_id, number, round(confidence, 3))
    for option in question.options:
        if any(re.search(rf"\b{re.escape(plain(phrase))}\b", said) for phrase in _phrases(option)):
            return Answer(question.id, option.id, number, 0.9)
    return None


def _phrases(option: Option) -> list[str]:
    return [*option.title.values(), *(phrase for phrases in option.says.values() for phrase in phrases)]


def _number_in(text: str) -> str | None:
    found = re.search(r"\d+(?:[.,]\d+)?", text)
    return found.group().replace(",", ".") if found else None


def _within(number: float, option: Option, question: Question) -> bool:
    """Ranges share their ends: the end belongs to the lower one."""
    assert option.range is not None
    lowest = min(o.range[0] for o in question.options if o.range)
    return option.range[0] < number <= option.range[1] or number == lowest == option.range[0]
