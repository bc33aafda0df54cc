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

    In this order: a title or a way to say it, word for word; one that has a number in it ("more than 40") within the
    words; a number within an option's range; what the assistant understood, as ("question.option", confidence); any way
    to say it within the words.
    """
    said = plain(text)
    if not said:
        return None
    for option in question.options:
        if said in _phrases(option):
            return Answer(question.id, option.id, None, 1.0)
    named = _named_within(question, said, with_number=True)
    if named:
        return Answer(question.id, named.id, None, 0.9)
    number = _number_in(text) if any(o.range for o in question.options) else None
    if number is not None:
        for option in question.options:
            if option.range and _within(float(number), option, question):
                return Answer(question.id, option.id, number, 1.0)
    for name, confidence in understood:
        asked, _, option_id = name.partition(".")
        if asked == question.id and question.option(option_id) and confidence >= SURE_READING:
            return Answer(question.id, option_id, number, round(confidence, 3))
    named = _named_within(question, said, with_number=False)
    return Answer(question.id, named.id, number, 0.9) if named else None


def _phrases(option: Option) -> list[str]:
    said = [*option.title.values(), *(phrase for phrases in option.says.values() for phrase in phrases)]
    return [phrase for phrase in map(plain, said) if phrase]


def _named_within(question: Question, said: str, *, with_number: bool) -> Option | None:
    """The option of the longest phrase that stands in the words, among phrases with or without a number in them.

    A phrase after a no is not meant: "not more than 40" is no "more than 40".
    """
    found = [
        (len(phrase), option)
        for option in question.options
        for phrase in _phrases(option)
        if any(map(str.isdigit, phrase)) is with_number and _stands_in(said, phrase)
    ]
    return max(found, key=lambda f: f[0])[1] if found else None


_NO = frozenset(
    ["not", "no", "never", "tidak", "tdk", "nggak", "ngga", "enggak", "gak", "ga", "tak", "bukan", "jangan"]
)


def _stands_in(said: str, phrase: str) -> bool:
    before, found, _ = f" {said} ".partition(f" {phrase} ")
    return bool(found) and not _NO.intersection(before.split()[-1:])


_NUMBER = re.compile(r"(?<!\d)(?:([1-9]\d{0,2}(?:[.,]\d{3}){1,4})|(\d{1,12}(?:[.,]\d{1,6})?))(?!\d)")


def _number_in(text: str) -> str | None:
    """The first number: "1.500" and "1,500" are a thousand and a half, "1.5" and "1,5" one and a half."""
    found = _NUMBER.search(text)
    if found is None:
        return None
    thousands, plain_number = found.groups()
    return re.sub(r"[.,]", "", thousands) if thousands else plain_number.replace(",", ".")


def _within(number: float, option: Option, question: Question) -> bool:
    """Ranges share their ends: the end belongs to the lower one."""
    assert option.range is not None
    lowest = min(o.range[0] for o in question.options if o.range)
    return option.range[0] < number <= option.range[1] or number == lowest == option.range[0]
