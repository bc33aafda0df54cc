"""Search over what was said and noted: the same words find the same on both databases, whatever people type."""

from __future__ import annotations

from datetime import datetime

import pytest
import seeds
from sqlalchemy import Engine, Table, delete, insert, select

from crm_store.conversations.search import Term, excerpt, has_words, hits, marked, matches, terms
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, messages, notes

SAID = {
    1: "Where is my order ORD-123? It should have come on Monday.",
    2: "Order 123 is not mine, mine is ORD-1234.",
    3: "Do you have Toraja in Kemang?",
    4: "TORAJA! “toraja” or Gayo, whatever: kopi@example.com",
    5: "A crème brûlée and a CAFÉ au lait, please",
    6: "cafe\N{COMBINING ACUTE ACCENT} latte for 30 cups/day",
    7: "the grinder's broken (again) 10kg 1e5 2,000.50",
    8: "snake_case https://shop.example/beans/toraja-250g?x=1",
    9: "mau beli kopi susu, bisa kirim ke Bandung?",
    10: "☕☕ mantap 👍",
}
"""By number; each is one message."""


@pytest.fixture
def store(engine: Engine, now: datetime) -> Engine:
    with UnitOfWork(engine) as uow:
        talk = seeds.Talk(uow.connection, seeds.add_customer(uow.connection, now), now)
        for said in SAID.values():
            talk.customer_says(said)
        uow.commit()
    return engine


def found(engine: Engine, typed: str) -> list[int]:
    with reading(engine) as connection:
        wanted = terms(typed)
        if not wanted:
            return []
        query = select(messages.c.seq).where(matches(connection, wanted)).order_by(messages.c.seq)
        return list(connection.execute(query).scalars())


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("toraja", [3, 4, 8]),
        ("TORAJA kemang", [3]),
        ("kemang toraja", [3]),
        ("tora*", [3, 4, 8]),
        ("tora", []),
        ("order", [1, 2]),
        ("ord*", [1, 2]),
        ("ORD-123", [1]),
        ("ord-123*", [1, 2]),
        ("123", [1, 2]),
        ('"order 123"', [2]),
        ('"order ORD-123"', [1]),
        ('"my order ord 1"*', [1]),
        ('"have toraja', [3]),
        ("cafe", [5, 6]),
        ("café", [5, 6]),
        ("CAFÉ latte", [6]),
        ("creme brulee", [5]),
        ("crème*", [5]),
        ("kopi@example.com", [4]),
        ("example", [4, 8]),
        ("kopi", [4, 9]),
        ("cups/day", [6]),
        ("day", [6]),
        ("grinder", [7]),
        ("grinder's", [7]),
        ("10kg", [7]),
        ("10*", [7]),
        ("1e5", [7]),
        ("1e*", [7]),
        ("2000", []),
        ("2,000", [7]),
        ("case", [8]),
        ("snake_case", [8]),
        ("https://shop.example/beans", [8]),
        ("250g", [8]),
        ("mantap", [10]),
    ],
)
def test_words_phrases_and_beginnings_find_the_same_on_both_databases(
    store: Engine, typed: str, expected: list[int]
) -> None:
    assert found(store, typed) == expected


TYPED_ANYHOW = (
    '"',
    '""',
    "*",
    "' OR 1=1 --",
    "a AND",
    "NOT",
    "NOT toraja",
    "OR OR",
    "NEAR(toraja kemang, 2)",
    "text:toraja",
    "-toraja",
    "^toraja",
    "{a b}: c",
    "(toraja",
    "toraja)",
    "toraja & !kemang",
    "toraja <-> kemang",
    "toraja:*",
    "a:ABC*",
    "\\",
    "'toraja'",
    "''':*",
    "%_",
    "\0toraja\0",
    "☕",
    "👍*",
    "\u202e",
    '"a"b"c"*"',
    "x" * 5000,
    "a " * 500,
    "½ ²",
    "한국어*",
    "ไทย",
)


def test_nothing_that_people_type_is_an_error(store: Engine) -> None:
    assert {typed: isinstance(found(store, typed), list) for typed in TYPED_ANYHOW} == dict.fromkeys(TYPED_ANYHOW, True)
    for typed in ("-toraja", "^toraja", "(toraja", "toraja)", "toraja:*", "'toraja'", "\0toraja\0"):
        assert found(store, typed) == [3, 4, 8], typed


def test_what_is_erased_is_found_no_more(store: Engine) -> None:
    with UnitOfWork(store) as uow:
        uow.connection.execute(delete(messages).where(messages.c.seq == 3))
        uow.commit()
    assert found(store, "toraja") == [4, 8]


def test_hits_are_the_newest_of_each_conversation_with_how_many_there_are(engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as uow:
        customer = seeds.add_customer(uow.connection, now)
        much, little = (seeds.Talk(uow.connection, customer, now) for _ in range(2))
        for n in range(5):
            much.customer_says(f"toraja {n}")
        little.customer_says("gayo, no toraja")
        uow.commit()
    with reading(engine) as connection:
        by_talk = hits(connection, [much.id, little.id], terms("toraja"))
    assert [hit.seq for hit in by_talk[much.id].shown] == [5, 4, 3]
    assert by_talk[much.id].total == 5
    assert [piece.text for piece in by_talk[little.id].shown[0].pieces if piece.is_hit] == ["toraja"]


# Notes of staff --------------------------------------------------------------------------------------------------------


def note(uow: UnitOfWork, talk: seeds.Talk, staff: str, text: str) -> str:
    row = {"id": seeds.new_id(), "conversation_id": talk.id, "staff_id": staff, "text": text, "at": talk.at}
    uow.connection.execute(insert(notes).values(row))
    return row["id"]


def test_notes_are_found_beside_what_was_said(engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as uow:
        customer, rina = seeds.add_customer(uow.connection, now), seeds.add_colleague(uow.connection, "Rina", now)
        noted, both, neither = (seeds.Talk(uow.connection, customer, now) for _ in range(3))
        for talk in (noted, both, neither):
            talk.customer_says("my GRINDER is loud" if talk is both else "hello")
        told = note(uow, noted, rina, "Wants a quieter grinder; call after café hours")
        many = [note(uow, both, rina, f"grinder again, {n}") for n in range(4)]
        note(uow, neither, rina, "all well")
        uow.commit()
    with reading(engine) as connection:
        wanted = terms("grinder")
        talks = set(connection.execute(select(conversations.c.id).where(has_words(connection, wanted))).scalars())
        by_talk = hits(connection, [noted.id, both.id, neither.id], wanted)
        apart = select(conversations.c.id).where(has_words(connection, terms("hello quieter")))
        assert connection.execute(apart).scalars().all() == [], "a note and a message are two texts"
    assert talks == set(by_talk) == {noted.id, both.id}
    (hit,) = by_talk[noted.id].notes
    assert (hit.id, hit.author, shown(hit.pieces)) == (told, "Rina", "Wants a quieter [grinder]; call after café hours")
    assert (len(by_talk[both.id].shown), len(by_talk[both.id].notes), by_talk[both.id].more) == (1, 3, 1)
    assert {found.id for found in by_talk[both.id].notes} < set(many)


def test_a_note_that_is_deleted_is_found_no_more(engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as uow:
        talk = seeds.Talk(uow.connection, seeds.add_customer(uow.connection, now), now)
        note(uow, talk, seeds.add_colleague(uow.connection, "Rina", now), "toraja")
        uow.commit()
    for left in ([talk.id], []):
        with UnitOfWork(engine) as uow:
            wanted = select(conversations.c.id).where(has_words(uow.connection, terms("toraja")))
            assert uow.connection.execute(wanted).scalars().all() == left
            uow.connection.execute(delete(notes))
            uow.commit()


@pytest.mark.parametrize("written", [messages, notes], ids=lambda table: str(table.name))
def test_postgresql_looks_into_its_index(engine: Engine, written: Table) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite's table of words is its index")
    with UnitOfWork(engine) as uow:
        uow.connection.exec_driver_sql("SET enable_seqscan = off")
        query = select(written.c.id).where(matches(uow.connection, terms('toraja "in kemang"'), written))
        compiled = query.compile(uow.connection)
        plan = "\n".join(uow.connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params).scalars())
    assert f"ix_{written.name}_words" in plan


# Where the hits stand --------------------------------------------------------------------------------------------------


def shown(pieces: list) -> str:  # type: ignore[type-arg]
    return "".join(f"[{piece.text}]" if piece.is_hit else piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("said", "typed", "expected"),
    [
        ("TORAJA, please", "toraja", "[TORAJA], please"),
        ("torajas toraja", "toraja", "torajas [toraja]"),
        ("torajas toraja", "tora*", "[torajas] [toraja]"),
        ("order ORD-123!", "ord-123", "order [ORD-123]!"),
        ("a crème brûlée", '"creme brulee"', "a [crème brûlée]"),
        ("one two three", '"one two" "two three"', "[one two three]"),
        ("nothing here", "else", "nothing here"),
    ],
)
def test_hits_are_told_from_the_rest(said: str, typed: str, expected: str) -> None:
    assert shown(marked(said, terms(typed))) == expected


def test_a_long_text_is_shown_around_its_first_hit() -> None:
    said = f"{'before ' * 40}toraja {'after ' * 60}"
    cut = shown(excerpt(said, terms("toraja")))
    assert "before [toraja] after" in cut
    assert cut.startswith("… before")
    assert cut.endswith("after …")
    assert len(cut) < 320


def test_a_term_is_words_in_their_order_and_what_is_no_word_is_none() -> None:
    assert terms('say "flat white" ord-1* !') == (
        Term(("say",)),
        Term(("flat", "white")),
        Term(("ord", "1"), is_prefix=True),
    )
    assert terms(' * "" -- ') == ()
