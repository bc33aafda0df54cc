"""The turn worker over a real store: each message answered once and in its turn, whatever dies or fails meanwhile."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fakes.assistant import FakeAssistant, says
from guest import Clock
from sqlalchemy import Engine, delete, select, text, update
from visitor import counts, rows

from bot.gateway import worker as worker_module
from bot.gateway.notices import GAVE_UP, LATER
from bot.gateway.rasa import Receipt
from bot.gateway.wakeups import Wakeups
from bot.gateway.worker import AT_ONCE, TRIES, TurnWorker
from crm_store.access.erasure import erase_profiles
from crm_store.access.rights import ERASE
from crm_store.conversations import inbox, sessions
from crm_store.conversations.inbox import Understood, Waiting
from crm_store.database import UnitOfWork, reading
from crm_store.moment import SPEAK
from crm_store.tables import conversations, customers, erasures, messages

FAREWELL = "Done. What I knew about you here has been deleted."


@dataclass
class Talk:
    """A conversation, written into the inbox as the gateway does and read back as the widget does."""

    engine: Engine
    clock: Clock
    language: str = "en"
    token: str = ""
    conversation_id: str = ""

    def __post_init__(self) -> None:
        with UnitOfWork(self.engine) as work:
            opened = sessions.open_session(
                work.connection, channel="web", language=self.language, now=self.clock(), lasts=timedelta(hours=1)
            )
            work.commit()
        self.token, self.conversation_id = opened.session_token, opened.conversation_id

    def writes(self, words: str) -> tuple[Waiting, bool]:
        """A message that is committed; with whether it waits alone."""
        with UnitOfWork(self.engine) as work:
            taken = inbox.accept(work.connection, self.conversation_id, uuid4().hex, words, None, self.clock())
            work.commit()
        message = taken.waiting(self.conversation_id, "web", self.language)
        return message, taken.alone

    def sends(self, worker: TurnWorker, words: str) -> Waiting:
        """A message that is committed and announced."""
        message, alone = self.writes(words)
        worker.announce(message, alone=alone)
        return message

    def heard(self, after: int = 0) -> list[Any]:
        """What the session's conversation holds after a number."""
        with reading(self.engine) as connection:
            here = sessions.session(connection, self.token, self.clock())
            assert here
            return list(inbox.said_after(connection, here.id, after))

    def answers(self) -> list[str]:
        return [row.text for row in self.heard() if row.author == "bot"]

    def states(self) -> list[str]:
        return [row.state for row in self.heard() if row.author == "customer"]


@dataclass
class Place:
    """Where workers work: one after the other, as processes do."""

    engine: Engine
    clock: Clock
    tracker: Path
    wakeups: Wakeups = field(default_factory=Wakeups)

    @asynccontextmanager
    async def worker(self, assistant: FakeAssistant) -> AsyncIterator[TurnWorker]:
        """A worker, from the start of its process to the end. Nothing that it holds outlives it."""
        worker = TurnWorker(self.engine, assistant, self.wakeups, self.clock, self.tracker, first_pause=0.001)
        working = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    async def until(self, talk: Talk, condition: Callable[[], bool]) -> None:
        """Until something is so, looked at whenever there is news of the conversation."""
        async with asyncio.timeout(20):
            while True:
                with self.wakeups.listening(talk.conversation_id) as news:
                    if condition():
                        return
                    await news.wait()


@pytest.fixture
def place(engine: Engine, clock: Clock, tmp_path: Path) -> Place:
    return Place(engine, clock, tmp_path / "tracker.db")


@pytest.fixture
def talk(engine: Engine, clock: Clock) -> Talk:
    return Talk(engine, clock)


# In the ordinary run of things ---------------------------------------------------------------------------------------


async def test_a_message_that_was_just_taken_is_answered_as_new(
    place: Place, talk: Talk, assistant: FakeAssistant
) -> None:
    async with place.worker(assistant) as worker:
        message = talk.sends(worker, "hello")
        await place.until(talk, lambda: talk.answers() == ["You said: hello"])
    assert assistant.turns == [(message, False)]
    question, answer = talk.heard()
    assert (question.state, question.intent, question.confidence, question.action) == (
        "answered",
        "greet",
        0.9,
        "utter_greet_guest",
    )
    assert (answer.in_reply_to, answer.state) == (message.message_id, "ready")


async def test_a_message_that_nobody_announced_is_found(place: Place, talk: Talk, assistant: FakeAssistant) -> None:
    talk.writes("hello")
    async with place.worker(assistant):
        await place.until(talk, lambda: talk.answers() == ["You said: hello"])


async def test_what_waited_longer_goes_before_what_is_new(place: Place, talk: Talk, assistant: FakeAssistant) -> None:
    assistant.hold()
    for words in ("one", "two"):
        talk.writes(words)
    async with place.worker(assistant) as worker:
        talk.sends(worker, "three")
        await assistant.asked(1)
        assistant.let_go()
        await place.until(talk, lambda: len(talk.answers()) == 3)
    assert assistant.ran == ["one", "two", "three"]
    assert not assistant.crowded


async def test_what_is_announced_in_one_breath_is_answered_in_one(
    place: Place, talk: Talk, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "SWEEP_SECONDS", 3600)
    async with place.worker(assistant) as worker:
        for number in range(5):
            talk.sends(worker, f"number {number}")
        await place.until(talk, lambda: talk.states() == ["answered"] * 5)
    assert assistant.ran == [f"number {number}" for number in range(5)]


async def test_only_so_many_turns_are_under_way_at_once(
    place: Place, engine: Engine, clock: Clock, assistant: FakeAssistant
) -> None:
    talks = [Talk(engine, clock) for _ in range(AT_ONCE + 4)]
    assistant.hold()
    for talk in talks:
        talk.writes("hello")
    async with place.worker(assistant):
        await assistant.asked(AT_ONCE)
        assistant.let_go()
        for talk in talks:
            await place.until(talk, lambda talk=talk: bool(talk.answers()))
    assert assistant.most_at_once == AT_ONCE


async def test_a_turn_without_a_reply_is_owned_up_to(place: Place, talk: Talk, assistant: FakeAssistant) -> None:
    assistant.answer = lambda _: Receipt(Understood("greet", 0.9, "en"), [])
    talk.writes("hello")
    async with place.worker(assistant):
        await place.until(talk, lambda: talk.answers() == [GAVE_UP["en"]])
    assert talk.states() == ["answered"]


async def test_a_language_that_was_asked_for_is_the_conversation_s_whatever_it_was_asked_in(
    place: Place, talk: Talk, assistant: FakeAssistant
) -> None:
    assistant.answer = lambda _: says("Baik, kita pakai bahasa Indonesia.", effects=(f"{SPEAK}id",))
    talk.writes("speak Indonesian please")
    async with place.worker(assistant):
        await place.until(talk, lambda: bool(talk.answers()))
    with reading(place.engine) as connection:
        (here,) = rows(connection, conversations, id=talk.conversation_id)
        (asked,) = rows(connection, messages, conversation_id=talk.conversation_id, author="customer")
    assert (here.language, asked.language) == ("id", "en")


# The assistant is down -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "id"])
async def test_while_the_assistant_is_down_the_customer_is_told_once_and_answered_when_it_is_back(
    place: Place, engine: Engine, clock: Clock, assistant: FakeAssistant, language: str
) -> None:
    talk = Talk(engine, clock, language)
    assistant.is_down = True
    async with place.worker(assistant) as worker:
        talk.sends(worker, "halo")
        await place.until(talk, lambda: talk.answers() == [LATER[language]])
        assert len(assistant.turns) == 1, "told at once, not after some tries"
        await assistant.asked(5)
        assistant.is_down = False
        await place.until(talk, lambda: len(talk.answers()) == 2)
    assert talk.answers() == [LATER[language], "You said: halo"]
    assert [again for _, again in assistant.turns] == [False] + [True] * (len(assistant.turns) - 1)
    assert assistant.ran == ["halo"]
    question, notice, answer = talk.heard()
    assert (question.state, notice.in_reply_to, answer.in_reply_to) == ("answered", question.id, question.id)


async def test_the_customer_is_not_told_again_by_the_next_process(
    place: Place, talk: Talk, assistant: FakeAssistant
) -> None:
    assistant.is_down = True
    talk.writes("hello")
    async with place.worker(assistant):
        await place.until(talk, lambda: talk.answers() == [LATER["en"]])
    asked = len(assistant.turns)
    async with place.worker(assistant):
        await assistant.asked(asked + 3)
        assistant.is_down = False
        await place.until(talk, lambda: "You said: hello" in talk.answers())
    assert talk.answers() == [LATER["en"], "You said: hello"]


async def test_being_down_uses_up_no_tries(place: Place, talk: Talk, assistant: FakeAssistant) -> None:
    assistant.is_down = True
    talk.writes("hello")
    async with place.worker(assistant):
        await assistant.asked(TRIES + 2)
    assistant.is_down = False
    assistant.refused = {"hello"}
    before = len(assistant.turns)
    async with place.worker(assistant):
        await assistant.asked(before + 1)
        assistant.refused.clear()
        await place.until(talk, lambda: "You said: hello" in talk.answers())
    assert talk.states() == ["answered"]


async def test_what_is_written_while_it_is_down_waits_in_order(
    place: Place, talk: Talk, assistant: FakeAssistant
) -> None:
    assistant.is_down = True
    async with place.worker(assistant) as worker:
        for words in ("one", "two", "three"):
            talk.sends(worker, words)
        await assistant.asked(3)
        assert {message.text for message, _ in assistant.turns} == {"one"}
        assistant.is_down = False
        await place.until(talk, lambda: talk.states() == ["answered"] * 3)
    assert assistant.ran == ["one", "two", "three"]


async def test_a_message_that_is_erased_meanwhile_is_let_go(
    place: Place,
    engine: Engine,
    clock: Clock,
    talk: Talk,
    assistant: FakeAssistant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_module, "LONGEST_PAUSE_SECONDS", 0.001)
    assistant.absent = {"hello"}
    async with place.worker(assistant) as worker:
        talk.sends(worker, "hello")
        await place.until(talk, lambda: talk.answers() == [LATER["en"]])
        with UnitOfWork(engine) as work:
            work.connection.execute(delete(messages).where(messages.c.conversation_id == talk.conversation_id))
            work.commit()
        tried = len(assistant.turns)
        other = Talk(engine, clock)
        for number in range(5):
            other.sends(worker, f"number {number}")
        await place.until(other, lambda: len(other.answers()) == 5)
    assert len(assistant.turns) <= tried + 5 + 1, "one try may have been under way"
    assert talk.heard() == []


# A message that it cannot work on ------------------------------------------------------------------------------------


async def test_a_message_that_is_refused_too_often_is_given_up_with_an_apology_and_the_talk_goes_on(
    place: Place, engine: Engine, clock: Clock, assistant: FakeAssistant
) -> None:
    talk = Talk(engine, clock, "id")
    assistant.refused = {"bad"}
    async with place.worker(assistant) as worker:
        for words in ("bad", "good"):
            talk.sends(worker, words)
        await place.until(talk, lambda: len(talk.answers()) == 2)
    assert talk.answers() == [GAVE_UP["id"], "You said: good"]
    assert talk.states() == ["failed", "answered"]
    assert [message.text for message, _ in assistant.turns] == ["bad"] * TRIES + ["good"]
    assert [again for message, again in assistant.turns if message.text == "bad"] == [False] + [True] * (TRIES - 1)


async def test_a_message_that_was_given_up_is_not_taken_up_again(
    place: Place, talk: Talk, assistant: FakeAssistant
) -> None:
    assistant.refused = {"bad"}
    talk.writes("bad")
    async with place.worker(assistant):
        await place.until(talk, lambda: talk.states() == ["failed"])
    async with place.worker(assistant) as worker:
        talk.sends(worker, "good")
        await place.until(talk, lambda: talk.answers() == [GAVE_UP["en"], "You said: good"])
    assert len(assistant.turns) == TRIES + 1


async def test_a_message_that_is_refused_for_a_while_is_answered_without_a_word_of_it(
    place: Place, talk: Talk, assistant: FakeAssistant
) -> None:
    assistant.refused = {"hello"}
    talk.writes("hello")
    async with place.worker(assistant):
        await assistant.asked(TRIES - 1)
        assistant.refused.clear()
        await place.until(talk, lambda: talk.answers() == ["You said: hello"])


# The process dies ----------------------------------------------------------------------------------------------------


async def test_after_a_restart_what_waits_may_have_been_through_a_turn(
    place: Place, talk: Talk, assistant: FakeAssistant
) -> None:
    assistant.hold()
    async with place.worker(assistant) as worker:
        for words in ("one", "two"):
            talk.sends(worker, words)
        await assistant.asked(1)
    assistant.let_go()
    async with place.worker(assistant):
        await place.until(talk, lambda: talk.states() == ["answered"] * 2)
    assert [(message.text, again) for message, again in assistant.turns] == [
        ("one", False),
        ("one", True),
        ("two", True),
    ]
    assert talk.answers() == ["You said: one", "You said: two"]


async def test_a_process_that_dies_between_the_answer_and_its_commit_answers_once(
    place: Place, talk: Talk, assistant: FakeAssistant
) -> None:
    assistant.hold_answers()
    async with place.worker(assistant) as worker:
        talk.sends(worker, "hello")
        await assistant.asked(1)
        assert assistant.ran == ["hello"]
    assert talk.states() == ["received"]
    assistant.let_go()
    async with place.worker(assistant):
        await place.until(talk, lambda: talk.states() == ["answered"])
    assert assistant.ran == ["hello"], "one turn, one answer"
    assert talk.answers() == ["You said: hello"]


async def test_an_answer_that_cannot_be_written_is_asked_for_again_and_written_once(
    place: Place,
    engine: Engine,
    talk: Talk,
    assistant: FakeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    stumbles: Stumbles,
) -> None:
    monkeypatch.setattr(worker_module, "SWEEP_SECONDS", 0.01)
    assistant.hold()
    async with place.worker(assistant) as worker:
        talk.sends(worker, "hello")
        await assistant.asked(1)
        rename(engine, "conversations", "gone")
        assistant.let_go()
        await stumbles.next()
        rename(engine, "gone", "conversations")
        await place.until(talk, lambda: talk.answers() == ["You said: hello"])
    assert assistant.ran == ["hello"]


async def test_a_store_that_is_away_for_a_while_does_not_end_the_worker(
    place: Place,
    engine: Engine,
    talk: Talk,
    assistant: FakeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    stumbles: Stumbles,
) -> None:
    monkeypatch.setattr(worker_module, "SWEEP_SECONDS", 0.01)
    talk.writes("hello")
    rename(engine, "messages", "gone")
    async with place.worker(assistant):
        await stumbles.next()
        await stumbles.next()
        rename(engine, "gone", "messages")
        await place.until(talk, lambda: talk.answers() == ["You said: hello"])


class Stumbles(logging.Handler):
    """Errors that the gateway logs, to wait for."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._came = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self._came.set()

    async def next(self) -> None:
        async with asyncio.timeout(20):
            await self._came.wait()
        self._came.clear()


@pytest.fixture
async def stumbles() -> AsyncIterator[Stumbles]:
    handler = Stumbles()
    logging.getLogger("gateway").addHandler(handler)
    yield handler
    logging.getLogger("gateway").removeHandler(handler)


def rename(engine: Engine, table: str, to: str) -> None:
    with UnitOfWork(engine) as work:
        work.connection.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))
        work.commit()


# To be forgotten -----------------------------------------------------------------------------------------------------


def forgets(_: Waiting) -> Receipt:
    return says(FAREWELL, effects=(ERASE,))


def remember(tracker: Path, *conversation_ids: str) -> None:
    """What Rasa's tracker holds of these conversations."""
    with closing(sqlite3.connect(tracker)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, sender_id TEXT, data TEXT)")
        rows = [(conversation, "a secret") for conversation in conversation_ids for _ in range(3)]
        connection.executemany("INSERT INTO events (sender_id, data) VALUES (?, ?)", rows)


def remembered(tracker: Path) -> set[str]:
    with closing(sqlite3.connect(tracker)) as connection:
        return {sender for (sender,) in connection.execute("SELECT DISTINCT sender_id FROM events")}


async def test_who_wants_to_be_forgotten_is_and_hears_the_farewell_in_the_same_session(
    place: Place, engine: Engine, clock: Clock, talk: Talk, assistant: FakeAssistant
) -> None:
    other = Talk(engine, clock)
    remember(place.tracker, talk.conversation_id, other.conversation_id)
    async with place.worker(assistant) as worker:
        talk.sends(worker, "hello")
        await place.until(talk, lambda: talk.states() == ["answered"])
        assistant.answer = forgets
        talk.sends(worker, "yes")
        await place.until(talk, lambda: erasure(engine) is not None and erasure(engine).done_at is not None)
    (farewell,) = talk.heard()
    assert (farewell.text, farewell.author) == (FAREWELL, "bot")
    assert farewell.seq > 3, "a widget that waits for what follows its own message sees it"
    assert talk.heard(after=3)
    assert farewell.conversation_id != talk.conversation_id
    assert remembered(place.tracker) == {other.conversation_id}
    with reading(engine) as connection:
        assert connection.execute(select(messages.c.text)).scalars().all() == [FAREWELL]
        assert set(connection.execute(select(conversations.c.id)).scalars()) == {
            farewell.conversation_id,
            other.conversation_id,
        }
    assert (erasure(engine).done_at, erasure(engine).trackers) == (clock(), [])
    left = {table for table, rows in counts(engine).items() if rows}
    assert left == {"customers", "device_tokens", "conversations", "sessions", "messages", "erasures"}


def erasure(engine: Engine) -> Any:
    with reading(engine) as connection:
        return connection.execute(select(erasures)).first()


async def test_the_talk_goes_on_with_a_stranger_afterwards(
    place: Place, engine: Engine, talk: Talk, assistant: FakeAssistant
) -> None:
    with reading(engine) as connection:
        before = connection.execute(select(customers.c.id)).scalar_one()
    assistant.answer = forgets
    async with place.worker(assistant) as worker:
        talk.sends(worker, "yes")
        await place.until(talk, lambda: talk.answers() == [FAREWELL])
        assistant.answer = lambda message: says(f"You said: {message.text}")
        talk.conversation_id = talk.heard()[0].conversation_id
        talk.sends(worker, "hello again")
        await place.until(talk, lambda: talk.answers() == [FAREWELL, "You said: hello again"])
    assert [row.seq for row in talk.heard()] == [2, 3, 4]
    with reading(engine) as connection:
        assert connection.execute(select(customers.c.id)).scalar_one() != before


async def test_a_process_that_dies_before_the_tracker_is_emptied_leaves_that_to_the_next(
    place: Place, engine: Engine, talk: Talk, assistant: FakeAssistant
) -> None:
    remember(place.tracker, talk.conversation_id)
    with UnitOfWork(engine) as work:
        row = {"id": "e" * 32, "at": talk.clock(), "trackers": [talk.conversation_id], "done_at": None}
        work.connection.execute(erasures.insert().values(row))
        work.commit()
    other = Talk(engine, talk.clock)
    other.writes("hello")
    async with place.worker(assistant):
        await place.until(other, lambda: bool(other.answers()))
    assert remembered(place.tracker) == set()


async def test_an_erasure_that_began_elsewhere_is_carried_to_its_end(
    place: Place, engine: Engine, talk: Talk, assistant: FakeAssistant
) -> None:
    talk.writes("I am Kartika")
    remember(place.tracker, talk.conversation_id)
    erase(engine, place.clock)
    other = Talk(engine, talk.clock)
    async with place.worker(assistant):
        other.writes("hello")
        await place.until(other, lambda: bool(other.answers()))
    assert assistant.forgotten == [talk.conversation_id]
    assert remembered(place.tracker) == set()
    assert erasure(engine).done_at


async def test_an_erasure_waits_for_an_assistant_that_is_down(
    place: Place, engine: Engine, talk: Talk, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "SWEEP_SECONDS", 0.01)
    remember(place.tracker, talk.conversation_id)
    erase(engine, place.clock)
    assistant.is_down = True
    async with place.worker(assistant), asyncio.timeout(20):
        while remembered(place.tracker):
            await asyncio.sleep(0.01)
        assert erasure(engine).done_at is None, "what it has in its memory may come back"
        assistant.is_down = False
        while erasure(engine).done_at is None:
            await asyncio.sleep(0.01)
    assert assistant.forgotten == [talk.conversation_id]


async def test_a_turn_during_which_its_customer_is_erased_leaves_nothing_behind(
    place: Place, engine: Engine, talk: Talk, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "SWEEP_SECONDS", 0.01)
    assistant.hold_answers()
    async with place.worker(assistant) as worker, asyncio.timeout(20):
        talk.sends(worker, "I am Kartika")
        await assistant.asked(1)
        erase(engine, place.clock)
        while not assistant.forgotten:
            await asyncio.sleep(0.01)
        remember(place.tracker, talk.conversation_id)
        assistant.let_go()
        while remembered(place.tracker) or len(assistant.forgotten) < 2:
            await asyncio.sleep(0.01)
    # Once before the answer and once after it; a sweep that is on its way meanwhile may say so again.
    assert set(assistant.forgotten) == {talk.conversation_id}
    assert {table for table, rows in counts(engine).items() if rows} == {"erasures"}


def erase(engine: Engine, clock: Clock) -> None:
    """Everybody, as the operator's command does beside the running gateway."""
    with UnitOfWork(engine) as work:
        profiles = list(work.connection.execute(select(customers.c.id)).scalars())
        erase_profiles(work.connection, profiles, clock())
        work.commit()


# A person holds it ---------------------------------------------------------------------------------------------------


async def test_what_a_person_holds_is_left_to_them_until_they_let_go(
    place: Place, engine: Engine, clock: Clock, talk: Talk, assistant: FakeAssistant
) -> None:
    first, _ = talk.writes("is anybody there?")
    hold(engine, talk, "staff")
    other = Talk(engine, clock)
    async with place.worker(assistant) as worker:
        worker.announce(first, alone=False)
        other.sends(worker, "hello")
        await place.until(other, lambda: bool(other.answers()))
        assert assistant.ran == ["hello"]
        hold(engine, talk, "bot")
        again, _ = talk.writes("are you back?")
        worker.announce(again, alone=False)
        await place.until(talk, lambda: "You said: are you back?" in talk.answers())


def hold(engine: Engine, talk: Talk, state: str) -> None:
    with UnitOfWork(engine) as work:
        here = conversations.c.id == talk.conversation_id
        work.connection.execute(update(conversations).where(here).values(state=state))
        work.commit()
