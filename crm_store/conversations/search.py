"""Search over what was said: which messages have these words, and where in their text.

SQLite has the table `message_words` (FTS5), PostgreSQL an index over `search_words(text)`; both follow `messages` by themselves
(migration 0002) and cut text into words in the same way: letters and digits, without accents and capitals. Nothing that
people type is ever taken for syntax of either. Knows no HTTP and no markup.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    column,
    exists,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from crm_store.tables import messages

MOST_TERMS = 12
LONGEST_QUERY = 200
HITS_SHOWN = 3
"""Hits of one conversation that are shown in a list."""
CONTEXT = 70
"""Characters shown to either side of a hit."""

_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")
_TYPED = re.compile(r'"([^"]*)"?(\*?)|([^\s"]+)')
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_NUMBERS = table("message_numbers", column("number"), column("message_id"), column("conversation_id"))
_INDEX = table("message_words", column("rowid"))
_WORDS_OF_MESSAGES: ColumnElement[Any] = literal_column("to_tsvector('simple', search_words(messages.text))")
"""As the index has it, to the letter; else it is not used."""


@dataclass(frozen=True)
class Term:
    """Words that follow one another; with `is_prefix` the last is the beginning of a word."""

    words: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True)
class Piece:
    """Part of a text; `is_hit`: it is what was searched for."""

    text: str
    is_hit: bool = False


@dataclass(frozen=True)
class Hit:
    seq: int
    author: str
    at: datetime
    language: str | None
    pieces: list[Piece]


@dataclass(frozen=True)
class Hits:
    """The newest hits of one conversation, and how many there are in all."""

    shown: list[Hit]
    total: int


def terms(typed: str) -> tuple[Term, ...]:
    """What somebody wants to find: `words`, `"words in this order"`, `beginn*`. Nothing where no word is in it."""
    found = []
    for quoted, star, bare in _TYPED.findall(typed[:LONGEST_QUERY]):
        words = tuple(_WORD.findall(quoted or bare))
        if words:
            found.append(Term(words, bool(star) or (not quoted and bare.endswith("*"))))
    return tuple(found[:MOST_TERMS])


def matches(connection: Connection, wanted: Sequence[Term]) -> ColumnElement[bool]:
    """Whether a row of `messages` has all of these; for rows that are chosen by something else too."""
    if connection.dialect.name == "sqlite":
        # By the row's number, so that the index is asked about each row and not gone through for each.
        number = select(_NUMBERS.c.number).where(_NUMBERS.c.message_id == messages.c.id).correlate(messages)
        return exists().where(_INDEX.c.rowid == number.scalar_subquery(), _is_match(wanted))
    return and_(*(_WORDS_OF_MESSAGES.op("@@", is_comparison=True)(_tsquery(term)) for term in wanted))


def conversations_with(connection: Connection, wanted: Sequence[Term]) -> Select[Any]:
    """Ids of the conversations in which one message has all of these."""
    if connection.dialect.name == "sqlite":
        indexed = _INDEX.join(_NUMBERS, _NUMBERS.c.number == _INDEX.c.rowid)
        return select(_NUMBERS.c.conversation_id).select_from(indexed).where(_is_match(wanted))
    return select(messages.c.conversation_id).where(matches(connection, wanted))


def hits(connection: Connection, conversation_ids: Sequence[str], wanted: Sequence[Term]) -> dict[str, Hits]:
    """Hits by conversation, for conversations that the caller may show."""
    here = messages.c.conversation_id
    ranked = (
        select(
            messages.c.id,
            func.row_number().over(partition_by=here, order_by=messages.c.seq.desc()).label("place"),
            func.count().over(partition_by=here).label("total"),
        )
        .where(here.in_(conversation_ids), matches(connection, wanted))
        .subquery()
    )
    query = select(messages, ranked.c.total).join(ranked, ranked.c.id == messages.c.id)
    rows = connection.execute(query.where(ranked.c.place <= HITS_SHOWN).order_by(messages.c.seq.desc()))
    shown: dict[str, list[Hit]] = defaultdict(list)
    totals: dict[str, int] = {}
    for row in rows:
        pieces = excerpt(row.text, wanted)
        shown[row.conversation_id].append(Hit(row.seq, row.author, row.at, row.language, pieces))
        totals[row.conversation_id] = row.total
    return {conversation: Hits(found, totals[conversation]) for conversation, found in shown.items()}


def marked(said: str, wanted: Sequence[Term]) -> list[Piece]:
    """The whole text in pieces, hits told from the rest."""
    pieces, end = [], 0
    for start, stop in _spans(said, wanted):
        pieces += [Piece(said[end:start]), Piece(said[start:stop], is_hit=True)]
        end = stop
    return [piece for piece in [*pieces, Piece(said[end:])] if piece.text]


def excerpt(said: str, wanted: Sequence[Term]) -> list[Piece]:
    """The text around its first hit, in pieces."""
    spans = _spans(said, wanted)
    start, stop = spans[0] if spans else (0, 0)
    first, last = max(0, start - CONTEXT), min(len(said), stop + CONTEXT * 2)
    # Cut between words.
    first = max(0, said.rfind(" ", 0, first + 1) + 1)
    last = said.find(" ", last) if said.find(" ", last) != -1 else len(said)
    before, after = "… " if first else "", " …" if last < len(said) else ""
    return marked(f"{before}{said[first:last]}{after}", wanted)


def _spans(said: str, wanted: Sequence[Term]) -> list[tuple[int, int]]:
    """Where the terms stand in a text, in order and apart from each other."""
    words = [(folded(found[0]), *found.span()) for found in _WORD.finditer(said)]
    spans: list[tuple[int, int]] = []
    for term in wanted:
        sought = [folded(word) for word in term.words]
        for i in range(len(words) - len(sought) + 1):
            here = [word for word, _, _ in words[i : i + len(sought)]]
            ends = here[-1].startswith(sought[-1]) if term.is_prefix else here[-1] == sought[-1]
            if here[:-1] == sought[:-1] and ends:
                spans.append((words[i][1], words[i + len(sought) - 1][2]))
    apart: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(stop, apart[-1][1]))
        else:
            apart.append((start, stop))
    return apart


def folded(word: str) -> str:
    """A word as the indexes have it: no accents, no capitals."""
    return _ACCENTS.sub("", unicodedata.normalize("NFD", word)).lower()


def _is_match(wanted: Sequence[Term]) -> ColumnElement[bool]:
    words = " AND ".join(_fts5(term) for term in wanted)
    return literal_column("message_words").op("MATCH", is_comparison=True)(words)


def _fts5(term: Term) -> str:
    # In quotes, and of letters and digits only: no operator, no column, no quote is left.
    return f'"{" ".join(term.words)}"{"*" if term.is_prefix else ""}'


def _tsquery(term: Term) -> ColumnElement[Any]:
    if not term.is_prefix:
        return _phrase(term.words)
    last = func.to_tsquery(
        "simple", func.quote_literal(func.search_words(term.words[-1])).op("||")(":*"), type_=TSQUERY
    )
    before = term.words[:-1]
    return func.tsquery_phrase(_phrase(before), last) if before else last


def _phrase(words: Sequence[str]) -> ColumnElement[Any]:
    return func.phraseto_tsquery("simple", func.search_words(" ".join(words)), type_=TSQUERY)
