"""Search over what was said: the same words find the same messages on both databases, whatever people type."""

from __future__ import annotations

from datetime import datetime

import pytest
import seeds
from sqlalchemy import Engine, delete, select

from crm_store.conversations.search import Term, excerpt, hits, marked, matches, terms
from crm_store.database import UnitOfWork, reading
from crm_store.tables import messages

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


def test_postgresql_looks_into_its_index(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite's table of words is its index")
    with UnitOfWork(engine) as uow:
        uow.connection.exec_driver_sql("SET enable_seqscan = off")
        query = select(messages.c.id).where(matches(uow.connection, terms('toraja "in kemang"')))
        compiled = query.compile(uow.connection)
        plan = "\n".join(uow.connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params).scalars())
    assert "ix_messages_words" in plan


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
