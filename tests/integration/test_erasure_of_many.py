"""Erasure among many: whatever people said, proved, joined and withdrew, of the erased nothing remains and of others everything.

Every word is said once and belongs to one profile; whose it is when somebody is erased decides whether it has to be gone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, Select, select
from visitor import Visitor, arrive

from crm_store.access import remains
from crm_store.access.erasure import erase_customer, forget_in_conversation
from crm_store.business import Business
from crm_store.conversations import outbox
from crm_store.conversations.outbox import Outgoing
from crm_store.database import UnitOfWork, reading
from crm_store.identify.assurance import Assurance
from crm_store.identify.profiles import is_known
from crm_store.identify.proof import Proof
from crm_store.tables import (
    claims,
    conversations,
    customers,
    erasures,
    journal,
    messages,
    metadata,
    notes,
    records,
    staff,
    transactions,
)

PEOPLE = 2
COLLEAGUE = "c" * 32

People = st.integers(0, PEOPLE - 1)
Happening = st.one_of(
    st.tuples(st.just("says"), People),
    st.tuples(st.just("returns"), People),
    st.tuples(st.just("proves"), People),
    st.tuples(st.just("proves elsewhere"), People),
    st.tuples(st.just("buys"), People),
    st.tuples(st.just("withdraws"), People),
    st.tuples(st.just("is noted"), People),
    st.tuples(st.just("is forgotten"), People),
    st.tuples(st.just("is erased"), People),
)


@dataclass
class World:
    """Some people, what was said by whom, and where each word stands."""

    engine: Engine
    business: Business
    tracker: Path
    at: datetime
    people: list[Visitor] = field(default_factory=list)
    words: dict[str, Select[Any]] = field(default_factory=dict)
    """Each word that is kept, with the query for the profile whose it is."""
    gone: set[str] = field(default_factory=set)
    """Words and ids of everybody who was erased."""

    def __post_init__(self) -> None:
        self.names = [f"name{uuid4().hex}" for _ in range(PEOPLE)]
        self.people = [arrive(self.engine, self.business, self.at) for _ in range(PEOPLE)]

    def happens(self, what: str, who: int) -> None:
        self.at += timedelta(minutes=10)
        visitor = self.people[who]
        visitor.at = self.at
        acts: dict[str, Callable[[Visitor, int], None]] = {
            "says": self._says,
            "returns": self._returns,
            "proves": self._proves,
            "proves elsewhere": self._proves_elsewhere,
            "buys": self._buys,
            "withdraws": self._withdraws,
            "is noted": self._is_noted,
            "is forgotten": self._is_forgotten,
            "is erased": self._is_erased,
        }
        acts[what](visitor, who)

    def _word(self, owner: Callable[[str], Select[Any]]) -> str:
        word = f"word{uuid4().hex}"
        self.words[word] = owner(word)
        return word

    def _says(self, visitor: Visitor, _who: int) -> None:
        in_conversation = select(conversations.c.customer_id).join(messages)
        said = self._word(lambda word: in_conversation.where(messages.c.text == word))
        claimed = self._word(lambda word: select(claims.c.customer_id).where(claims.c.value == word))
        visitor.says(said, "action_note_need", ("need", "office", 0.9), ("email", claimed, 1.0))
        remember(self.tracker, visitor.conversation_id, said)

    def _returns(self, visitor: Visitor, who: int) -> None:
        self.people[who] = visitor.comes_back(timedelta(0))

    def _proof(self, who: int) -> Proof:
        if f"id {self.names[who]}" in self.gone:  # the shop deleted the account as well, and they have a new one
            self.names[who] = f"name{uuid4().hex}"
        name = self.names[who]
        mine = select(records.c.customer_id).where(records.c.source_id == f"id {name}")
        self.words.setdefault(f"id {name}", mine)
        return Proof("web", f"id {name}", {"given_name": name})

    def _proves(self, visitor: Visitor, who: int) -> None:
        with reading(self.engine) as connection:
            free = not is_known(connection, visitor.profile)
        if free:
            visitor.proves(self._proof(who))

    def _proves_elsewhere(self, visitor: Visitor, who: int) -> None:
        """On the next person's device, which may be known as theirs."""
        other = self.people[(who + 1) % PEOPLE]
        self.people[who] = other.comes_back(timedelta(minutes=1), proof=self._proof(who))

    def _buys(self, visitor: Visitor, _who: int) -> None:
        bought = self._word(lambda word: select(transactions.c.customer_id).where(transactions.c.product == word))
        row = {"source": "pos", "transaction_id": bought, "product": bought, "source_id": "-", "at": self.at}
        self._insert(transactions, {**row, "customer_id": visitor.profile, "amount": 5.0, "attributes": {}})

    def _withdraws(self, visitor: Visitor, _who: int) -> None:
        visitor.says("stop asking", "action_stop_asking")

    def _is_noted(self, visitor: Visitor, _who: int) -> None:
        in_conversation = select(conversations.c.customer_id).join(notes)
        noted = self._word(lambda word: in_conversation.where(notes.c.text == word))
        row = {"id": uuid4().hex, "staff_id": COLLEAGUE, "text": noted, "at": self.at}
        self._insert(notes, {**row, "conversation_id": visitor.conversation_id})

    def _insert(self, table: Any, row: dict[str, Any]) -> None:
        with UnitOfWork(self.engine) as work:
            work.connection.execute(table.insert().values(row))
            work.commit()

    def _is_forgotten(self, visitor: Visitor, who: int) -> None:
        """In the chat: everything when verified, this profile otherwise."""

        def forget(work: UnitOfWork) -> None:
            fresh = forget_in_conversation(work.connection, visitor.conversation_id, self.at)
            assert fresh
            outbox.say(work.connection, fresh, [Outgoing("Done.")], self.at)
            visitor.conversation_id = fresh

        with reading(self.engine) as connection:
            here = connection.execute(select(conversations).where(conversations.c.id == visitor.conversation_id)).one()
            verified = here.assurance == Assurance.VERIFIED.word
            profiles = joined(connection, here.customer_id) if verified else {here.customer_id}
        self._erase(profiles, forget)
        self._come_anew()

    def _is_erased(self, visitor: Visitor, _who: int) -> None:
        """By the operator: everything."""
        profile = visitor.profile
        with reading(self.engine) as connection:
            profiles = joined(connection, profile)
        self._erase(profiles, lambda work: erase_customer(work, profile, self.at) and None)
        self._come_anew()

    def _erase(self, profiles: set[str], erase: Callable[[UnitOfWork], None]) -> None:
        with reading(self.engine) as connection:
            owners = {word: connection.execute(query).scalar_one() for word, query in self.words.items()}
            theirs = conversations.c.customer_id.in_(profiles)
            said = select(messages.c.id).join(conversations).where(theirs)
            for ids in (select(conversations.c.id).where(theirs), said):
                self.gone |= set(connection.execute(ids).scalars())
            self.gone |= profiles
            before = of_others(connection, profiles)
        with UnitOfWork(self.engine) as work:
            erase(work)
            work.commit()
        remains.carry_out(self.engine, self.tracker, remains.open_erasures(self.engine), self.at)
        for word, owner in owners.items():
            if owner in profiles:
                del self.words[word]
                self.gone.add(word)
        with reading(self.engine) as connection:
            after = of_others(connection, profiles)
        assert {row for row in before if row not in after} == set(), "somebody else lost something"
        self.check()

    def _come_anew(self) -> None:
        """Whoever lost their conversation opens a new one, as a stranger."""
        with reading(self.engine) as connection:
            there = set(connection.execute(select(conversations.c.id)).scalars())
        for who, visitor in enumerate(self.people):
            if visitor.conversation_id not in there:
                self.people[who] = arrive(self.engine, self.business, self.at)

    def check(self) -> None:
        with reading(self.engine) as connection:
            everything = json.dumps(
                [tuple(row) for table in metadata.sorted_tables for row in connection.execute(select(table))],
                default=str,
            )
            there = set(connection.execute(select(conversations.c.id)).scalars())
        assert not [trace for trace in self.gone if trace in everything], "something of the erased remains"
        assert not [word for word in self.words if word not in everything], "something of the others is gone"
        assert remembered(self.tracker) <= there


def joined(connection: Connection, profile: str) -> set[str]:
    whole = select(customers.c.canonical_id).where(customers.c.id == profile).scalar_subquery()
    return set(connection.execute(select(customers.c.id).where(customers.c.canonical_id == whole)).scalars())


def of_others(connection: Connection, profiles: Iterable[str]) -> set[tuple[str, str]]:
    """Every row that belongs to a profile that stays, but for what the journal tells of those who go."""
    return {
        (table.name, repr(tuple(row)))
        for table in metadata.sorted_tables
        if "customer_id" in table.c and table is not journal
        for row in connection.execute(select(table).where(table.c.customer_id.not_in(list(profiles))))
    }


def remember(tracker: Path, conversation: str, words: str) -> None:
    with closing(sqlite3.connect(tracker)) as connection, connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, sender_id TEXT, data TEXT)")
        data = json.dumps({"text": words})
        connection.execute("INSERT INTO events (sender_id, data) VALUES (?, ?)", (conversation, data))


def remembered(tracker: Path) -> set[str]:
    with closing(sqlite3.connect(tracker)) as connection:
        return {row[0] for row in connection.execute("SELECT sender_id FROM events")}


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(happenings=[("says", 0), ("proves", 0), ("returns", 0), ("says", 0), ("is forgotten", 0)])
@example(happenings=[("proves", 0), ("proves elsewhere", 1), ("buys", 1), ("withdraws", 0), ("is erased", 0)])
@given(happenings=st.lists(Happening, min_size=4, max_size=14))
def test_of_the_erased_nothing_remains_and_of_the_others_everything(
    happenings: list[tuple[str, int]], engine: Engine, business: Business, now: datetime, tmp_path: Path
) -> None:
    with UnitOfWork(engine) as work:
        if work.connection.execute(select(staff.c.id)).first() is None:
            rina = {"email": "rina@example.com", "name": "Rina", "role": "agent", "password_hash": "-"}
            work.connection.execute(staff.insert().values(id=COLLEAGUE, created_at=now, **rina))
            work.commit()
    tracker = tmp_path / f"{uuid4().hex}.db"
    remember(tracker, "nobody", "nothing")
    remains.forget_in_file(tracker, ["nobody"])
    world = World(engine, business, tracker, now)
    for what, who in [*happenings, ("is erased", 0), ("is erased", 1)]:
        world.happens(what, who)
    with reading(engine) as connection:
        assert not connection.execute(select(erasures.c.id).where(erasures.c.done_at.is_(None))).all()
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        files = [*path.parent.glob(f"{path.name}*"), *tracker.parent.glob(f"{tracker.name}*")]
        left = b"".join(file.read_bytes() for file in files)
        assert not [trace for trace in world.gone if trace.encode() in left]
