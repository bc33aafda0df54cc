"""Search over what was said, and what staff noted of it: which messages and notes have these words, and where in their text.

SQLite has the table `search_words` (FTS5), PostgreSQL an index over the function `search_words` of each text; both follow
`messages` and `notes` by themselves (migration 0002) and cut text into words in the same way: letters and digits, without
accents and capitals. Nothing that people type is ever taken for syntax of either. Knows no HTTP and no markup.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    column,
    exists,
    func,
    literal_column,
    select,
    table,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from crm_store.tables import conversations, messages, notes, staff

MOST_TERMS = 12
LONGEST_QUERY = 200
HITS_SHOWN = 3
"""Hits of one conversation that are shown in a list."""
CONTEXT = 70
"""Characters shown to either side of a hit."""

_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")
_TYPED = re.compile(r'"([^"]*)"?(\*?)|([^\s"]+)')
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_NUMBERS = table("search_numbers", column("number"), column("written_id"), column("conversation_id"))
_INDEX = table("search_words", column("rowid"))


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
class NoteHit:
    """A note of staff; `author`: name of whoever wrote it."""

    id: str
    author: str
    pieces: list[Piece]


@dataclass(frozen=True)
class Hits:
    """The newest hits of one conversation among its messages and among its notes, and how many there are in all."""

    shown: list[Hit]
    notes: list[NoteHit]
    total: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.total - len(self.shown) - len(self.notes)


def terms(typed: str) -> tuple[Term, ...]:
    """What somebody wants to find: `words`, `"words in this order"`, `beginn*`. Nothing where no word is in it."""
    found = []
    for quoted, star, bare in _TYPED.findall(typed[:LONGEST_QUERY]):
        words = tuple(_WORD.findall(quoted or bare))
        if words:
            found.append(Term(words, bool(star) or (not quoted and bare.endswith("*"))))
    return tuple(found[:MOST_TERMS])


def matches(connection: Connection, wanted: Sequence[Term], written: Table = messages) -> ColumnElement[bool]:
    """Whether a row of `messages`, or of `notes`, has all of these; for rows that are chosen by something else too."""
    if connection.dialect.name == "sqlite":
        # By the row's number, so that the index is asked about each row and not gone through for each.
        number = select(_NUMBERS.c.number).where(_NUMBERS.c.written_id == written.c.id).correlate(written)
        return exists().where(_INDEX.c.rowid == number.scalar_subquery(), _is_match(wanted))
    # As the index has it, to the letter; else it is not used.
    words: ColumnElement[Any] = literal_column(f"to_tsvector('simple', search_words({written.name}.text))")
    return and_(*(words.op("@@", is_comparison=True)(_tsquery(term)) for term in wanted))


def has_words(connection: Connection, wanted: Sequence[Term]) -> ColumnElement[bool]:
    """Whether one message or one note of a row of `conversations` has all of these."""
    here = conversations.c.id
    if connection.dialect.name == "sqlite":
        indexed = _INDEX.join(_NUMBERS, _NUMBERS.c.number == _INDEX.c.rowid)
        return here.in_(select(_NUMBERS.c.conversation_id).select_from(indexed).where(_is_match(wanted)))
    found = (select(t.c.conversation_id).where(matches(connection, wanted, t)) for t in (messages, notes))
    return here.in_(union_all(*found))


def hits(connection: Connection, conversation_ids: Sequence[str], wanted: Sequence[Term]) -> dict[str, Hits]:
    """Hits by conversation, for conversations that the caller may show."""
    shown: dict[str, list[Hit]] = defaultdict(list)
    noted: dict[str, list[NoteHit]] = defaultdict(list)
    totals: dict[tuple[str, str], int] = {}
    said = _newest(connection, select(messages), messages, messages.c.seq, conversation_ids, wanted)
    for row in said:
        hit = Hit(row.seq, row.author, row.at, row.language, excerpt(row.text, wanted))
        shown[row.conversation_id].append(hit)
        totals[row.conversation_id, "said"] = row.total
    named = select(notes, staff.c.name).join(staff, staff.c.id == notes.c.staff_id)
    for row in _newest(connection, named, notes, notes.c.at, conversation_ids, wanted):
        noted[row.conversation_id].append(NoteHit(row.id, row.name, excerpt(row.text, wanted)))
        totals[row.conversation_id, "noted"] = row.total
    return {
        talk: Hits(shown[talk], noted[talk], totals.get((talk, "said"), 0) + totals.get((talk, "noted"), 0))
        for talk in {talk for talk, _ in totals}
    }


def _newest(
    connection: Connection,
    query: Select[Any],
    written: Table,
    order: ColumnElement[Any],
    conversation_ids: Sequence[str],
    wanted: Sequence[Term],
) -> Iterator[Row[Any]]:
    """The rows of `query` that match and are among the newest of their conversation; `total`: how many match there."""
    here = written.c.conversation_id
    ranked = (
        select(
            written.c.id,
            func.row_number().over(partition_by=here, order_by=(order.desc(), written.c.id)).label("place"),
            func.count().over(partition_by=here).label("total"),
        )
        .where(here.in_(conversation_ids), matches(connection, wanted, written))
        .subquery()
    )
    found = query.add_columns(ranked.c.total).join(ranked, ranked.c.id == written.c.id)
    return iter(connection.execute(found.where(ranked.c.place <= HITS_SHOWN).order_by(ranked.c.place)))


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
    return literal_column("search_words").op("MATCH", is_comparison=True)(words)


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
