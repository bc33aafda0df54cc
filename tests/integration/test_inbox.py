"""Messages in and replies out, each exactly once and in order, on both databases and under many hands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, func, select, update

from crm_store.conversations import inbox, outbox
from crm_store.conversations.inbox import Accepted, Understood
from crm_store.conversations.outbox import ConversationGoneError, Outgoing
from crm_store.conversations.sessions import open_session
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, messages

THREADS = 8
CUPS = [{"title": "Up to 10", "payload": "/few"}, {"title": "10 to 40", "payload": "/some"}]


def open_conversation(engine: Engine, now: datetime) -> str:
    with UnitOfWork(engine) as work:
        opened = open_session(work.connection, channel="web", language="en", now=now, lasts=timedelta(hours=1))
        work.commit()
    return opened.conversation_id


@pytest.fixture
def conversation(engine: Engine, now: datetime) -> str:
    return open_conversation(engine, now)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is kept when nothing is raised."""
    with UnitOfWork(engine) as work:
        yield work.connection
        work.commit()


def take(
    engine: Engine, conversation: str, now: datetime, text: str = "hello", *, client_id: str = "", payload: str = ""
) -> Accepted:
    with writing(engine) as connection:
        words = None if payload else text
        return inbox.accept(connection, conversation, client_id or uuid4().hex, words, payload or None, now)


def take_as_the_gateway_does(engine: Engine, conversation: str, now: datetime, client_id: str) -> Accepted:
    """Tries once more when somebody with the same client_id was faster."""
    try:
        return take(engine, conversation, now, client_id=client_id)
    except inbox.ConcurrentDuplicateError:
        return take(engine, conversation, now, client_id=client_id)


def reply(
    engine: Engine, conversation: str, message: Accepted, now: datetime, *replies: Outgoing, **understood: Any
) -> bool:
    with writing(engine) as connection:
        return inbox.answer(connection, message.message_id, conversation, replies, Understood(**understood), now)


def said(engine: Engine, conversation: str, after: int = 0) -> Any:
    with reading(engine) as connection:
        return inbox.said_after(connection, conversation, after)


def waiting(engine: Engine, conversation: str) -> inbox.Waiting | None:
    with reading(engine) as connection:
        return inbox.next_waiting(connection, conversation)


def in_threads(work: Callable[[int], Any], times: int = THREADS) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(work, range(times)))


# In ------------------------------------------------------------------------------------------------------------------


def test_a_message_is_taken_and_waits(engine: Engine, conversation: str, now: datetime) -> None:
    taken = take(engine, conversation, now, "hello there")
    assert (taken.seq, taken.is_new, taken.text, taken.alone) == (1, True, "hello there", True)
    next_one = waiting(engine, conversation)
    assert next_one is not None
    assert (next_one.message_id, next_one.text, next_one.meaning, next_one.attempts) == (
        taken.message_id,
        "hello there",
        None,
        0,
    )
    with reading(engine) as connection:
        assert inbox.backlog(connection) == 1


def test_the_same_client_id_is_the_same_message(engine: Engine, conversation: str, now: datetime) -> None:
    first = take(engine, conversation, now, "hello", client_id="c-1")
    again = take(engine, conversation, now, "something else", client_id="c-1")
    assert (again.message_id, again.seq, again.is_new) == (first.message_id, first.seq, False)
    (message,) = said(engine, conversation)
    assert message.text == "hello"


def test_the_same_client_id_is_the_same_message_even_when_it_is_answered(
    engine: Engine, conversation: str, now: datetime
) -> None:
    first = take(engine, conversation, now, client_id="c-1")
    reply(engine, conversation, first, now, Outgoing("hi"))
    again = take(engine, conversation, now, client_id="c-1")
    assert (again.message_id, again.is_new) == (first.message_id, False)
    assert waiting(engine, conversation) is None


def test_the_same_client_id_in_another_conversation_is_another_message(
    engine: Engine, conversation: str, now: datetime
) -> None:
    other = open_conversation(engine, now)
    first, second = (take(engine, where, now, client_id="c-1") for where in (conversation, other))
    assert first.message_id != second.message_id
    assert (first.seq, second.seq) == (1, 1)


def test_the_same_message_from_many_hands_at_once_is_taken_once(
    engine: Engine, conversation: str, now: datetime
) -> None:
    taken = in_threads(lambda _: take_as_the_gateway_does(engine, conversation, now, "c-1"))
    assert len({(t.message_id, t.seq) for t in taken}) == 1
    assert [t.is_new for t in taken].count(True) == 1
    assert len(said(engine, conversation)) == 1
    assert take(engine, conversation, now).seq == 2


def test_many_hands_at_once_get_numbers_without_gaps_or_repeats(
    engine: Engine, conversation: str, now: datetime
) -> None:
    def talk(_: int) -> None:
        for _turn in range(4):
            taken = take(engine, conversation, now)
            reply(engine, conversation, taken, now, Outgoing("one"), Outgoing("two"))

    in_threads(talk)
    talked = said(engine, conversation)
    assert [message.seq for message in talked] == list(range(1, THREADS * 4 * 3 + 1))
    with reading(engine) as connection:
        assert connection.execute(select(conversations.c.last_seq)).scalar_one() == len(talked)


def test_of_many_that_come_at_once_the_first_alone_is_alone(engine: Engine, conversation: str, now: datetime) -> None:
    taken = in_threads(lambda _: take(engine, conversation, now))
    assert [t.seq for t in taken if t.alone] == [1]


def test_conversations_number_their_messages_each_for_itself(engine: Engine, now: datetime) -> None:
    several = [open_conversation(engine, now) for _ in range(4)]
    in_threads(lambda i: take(engine, several[i % 4], now), times=20)
    for conversation in several:
        assert [message.seq for message in said(engine, conversation)] == [1, 2, 3, 4, 5]


def test_more_than_anybody_can_answer_are_not_taken(engine: Engine, conversation: str, now: datetime) -> None:
    taken = [take(engine, conversation, now, client_id=f"c-{i}") for i in range(inbox.MOST_WAITING)]
    with pytest.raises(inbox.TooManyWaitingError):
        take(engine, conversation, now)
    assert not take(engine, conversation, now, client_id="c-0").is_new
    reply(engine, conversation, taken[0], now)
    assert take(engine, conversation, now).seq == inbox.MOST_WAITING + 1


def test_no_more_are_taken_than_may_wait_however_many_come_at_once(
    engine: Engine, conversation: str, now: datetime
) -> None:
    def push(_: int) -> bool:
        try:
            return take(engine, conversation, now).is_new
        except inbox.TooManyWaitingError:
            return False

    assert in_threads(push, times=inbox.MOST_WAITING + 12).count(True) == inbox.MOST_WAITING


def test_a_message_to_a_conversation_that_is_not_there_is_not_taken(engine: Engine, now: datetime) -> None:
    with pytest.raises(ConversationGoneError):
        take(engine, "0" * 32, now)


# Buttons -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def buttons(engine: Engine, conversation: str, now: datetime) -> list[dict[str, str]]:
    """The buttons of a question, as they were shown."""
    asked = take(engine, conversation, now)
    reply(engine, conversation, asked, now, Outgoing("How many cups?", buttons=CUPS))
    shown: list[dict[str, str]] = said(engine, conversation)[-1].buttons
    return shown


def test_a_button_s_payload_is_ours_and_tells_nothing(buttons: list[dict[str, str]]) -> None:
    assert [b["title"] for b in buttons] == ["Up to 10", "10 to 40"]
    assert len({b["payload"] for b in buttons}) == 2
    assert not any(b["payload"] in ("/few", "/some") for b in buttons)


def test_a_pressed_button_is_said_as_its_title_and_meant_as_its_meaning(
    engine: Engine, conversation: str, now: datetime, buttons: list[dict[str, str]]
) -> None:
    taken = take(engine, conversation, now, payload=buttons[1]["payload"])
    assert (taken.text, taken.meaning) == ("10 to 40", "/some")
    next_one = waiting(engine, conversation)
    assert next_one is not None
    assert (next_one.text, next_one.meaning) == ("10 to 40", "/some")


@pytest.mark.parametrize("payload", ["/some", "10 to 40", "made-up", "\N{SNOWMAN}"])
def test_a_button_that_was_never_shown_is_refused(
    engine: Engine, conversation: str, now: datetime, buttons: list[dict[str, str]], payload: str
) -> None:
    before = len(said(engine, conversation))
    with pytest.raises(inbox.UnknownButtonError):
        take(engine, conversation, now, payload=payload)
    assert len(said(engine, conversation)) == before


def test_a_button_of_another_conversation_is_refused(
    engine: Engine, now: datetime, buttons: list[dict[str, str]]
) -> None:
    other = open_conversation(engine, now)
    with pytest.raises(inbox.UnknownButtonError):
        take(engine, other, now, payload=buttons[0]["payload"])
    assert said(engine, other) == []


def test_a_button_may_be_pressed_after_any_number_of_plain_messages(
    engine: Engine, conversation: str, now: datetime, buttons: list[dict[str, str]]
) -> None:
    with writing(engine) as connection:
        for _ in range(inbox.BUTTONS_KEPT + 1):
            outbox.say(connection, conversation, [Outgoing("plain words")], now)
    assert take(engine, conversation, now, payload=buttons[0]["payload"]).meaning == "/few"


def test_a_button_grows_too_old_to_be_pressed_but_not_to_be_answered(
    engine: Engine, conversation: str, now: datetime, buttons: list[dict[str, str]]
) -> None:
    pressed = take(engine, conversation, now, payload=buttons[0]["payload"])
    with writing(engine) as connection:
        for _ in range(inbox.BUTTONS_KEPT):
            outbox.say(connection, conversation, [Outgoing("again?", buttons=CUPS)], now)
    with pytest.raises(inbox.UnknownButtonError):
        take(engine, conversation, now, payload=buttons[1]["payload"])
    next_one = waiting(engine, conversation)
    assert next_one is not None
    assert (next_one.message_id, next_one.text, next_one.meaning) == (pressed.message_id, "Up to 10", "/few")


# Out -----------------------------------------------------------------------------------------------------------------


def test_an_answer_is_written_with_its_replies_in_their_order(engine: Engine, conversation: str, now: datetime) -> None:
    taken = take(engine, conversation, now)
    card = {"id": "o1", "title": "An offer"}
    assert reply(engine, conversation, taken, now, Outgoing("one", "action_advise"), Outgoing("two", offer=card))
    question, one, two = said(engine, conversation)
    assert (question.state, waiting(engine, conversation)) == ("answered", None)
    assert [(m.seq, m.author, m.state, m.text, m.in_reply_to) for m in (one, two)] == [
        (2, "bot", "ready", "one", taken.message_id),
        (3, "bot", "ready", "two", taken.message_id),
    ]
    assert (one.action, one.offer, one.buttons) == ("action_advise", None, None)
    assert two.offer == card


def test_a_message_is_answered_once(engine: Engine, conversation: str, now: datetime) -> None:
    taken = take(engine, conversation, now)
    assert reply(engine, conversation, taken, now, Outgoing("one"))
    assert not reply(engine, conversation, taken, now, Outgoing("one again"))
    assert [m.text for m in said(engine, conversation)] == ["hello", "one"]
    assert take(engine, conversation, now).seq == 3, "a second answer that is not written leaves no gap"


def test_a_message_is_answered_once_by_many_hands(engine: Engine, conversation: str, now: datetime) -> None:
    taken = take(engine, conversation, now)
    done = in_threads(lambda i: reply(engine, conversation, taken, now, Outgoing(f"from {i}")))
    assert done.count(True) == 1
    assert [m.seq for m in said(engine, conversation)] == [1, 2]


def test_what_was_understood_is_kept_with_the_message(engine: Engine, conversation: str, now: datetime) -> None:
    taken = take(engine, conversation, now, "halo, buat kantor")
    entities = [{"entity": "need", "value": "office"}]
    reply(
        engine,
        conversation,
        taken,
        now,
        intent="state_need",
        confidence=0.91,
        language="id",
        action="action_note_need",
        entities=entities,
    )
    (kept,) = said(engine, conversation)
    assert (kept.intent, kept.language, kept.action, kept.entities) == (
        "state_need",
        "id",
        "action_note_need",
        entities,
    )
    assert kept.confidence == pytest.approx(0.91)


def test_the_conversation_goes_on_in_the_language_that_was_understood(
    engine: Engine, conversation: str, now: datetime
) -> None:
    first = take(engine, conversation, now)
    reply(engine, conversation, first, now, language="id")
    take(engine, conversation, now)
    next_one = waiting(engine, conversation)
    assert next_one is not None
    assert next_one.language == "id"


def test_a_message_that_is_given_up_is_failed_and_waits_no_more(
    engine: Engine, conversation: str, now: datetime
) -> None:
    taken = take(engine, conversation, now)
    with writing(engine) as connection:
        sorry = [Outgoing("I could not answer that.", "notice")]
        assert inbox.answer(connection, taken.message_id, conversation, sorry, Understood(), now, state="failed")
    assert said(engine, conversation)[0].state == "failed"
    assert waiting(engine, conversation) is None


def test_where_there_is_nothing_there_is_null_and_not_a_word_for_it(
    engine: Engine, conversation: str, now: datetime
) -> None:
    taken = take(engine, conversation, now)
    reply(engine, conversation, taken, now, Outgoing("plain"))
    with reading(engine) as connection:
        for column in (messages.c.buttons, messages.c.offer, messages.c.entities):
            there = select(func.count()).select_from(messages).where(column.is_not(None))
            assert connection.execute(there).scalar_one() == 0


# Order ---------------------------------------------------------------------------------------------------------------


def test_messages_of_a_conversation_are_answered_in_the_order_in_which_they_came(
    engine: Engine, conversation: str, now: datetime
) -> None:
    taken = [take(engine, conversation, now, f"message {i}") for i in range(3)]
    for expected in taken:
        next_one = waiting(engine, conversation)
        assert next_one is not None
        assert next_one.message_id == expected.message_id
        reply(engine, conversation, expected, now)
    assert waiting(engine, conversation) is None


def test_conversations_wait_in_the_order_of_their_oldest_message(engine: Engine, now: datetime) -> None:
    first, second, third = (open_conversation(engine, now) for _ in range(3))
    take(engine, second, now)
    take(engine, third, now + timedelta(seconds=1))
    take(engine, second, now + timedelta(seconds=2))
    answered = take(engine, first, now + timedelta(seconds=3))
    reply(engine, first, answered, now + timedelta(seconds=4))
    with reading(engine) as connection:
        assert inbox.conversations_waiting(connection) == [second, third]


def test_what_a_person_of_the_staff_holds_is_not_the_assistant_s_to_answer(
    engine: Engine, conversation: str, now: datetime
) -> None:
    take(engine, conversation, now)
    with writing(engine) as connection:
        connection.execute(update(conversations).values(state="staff"))
    assert waiting(engine, conversation) is None
    with writing(engine) as connection:
        connection.execute(update(conversations).values(state="waiting"))
    assert waiting(engine, conversation) is not None


def test_only_what_was_said_after_a_number_is_given(engine: Engine, conversation: str, now: datetime) -> None:
    for i in range(3):
        take(engine, conversation, now, f"message {i}")
    assert [m.text for m in said(engine, conversation, after=1)] == ["message 1", "message 2"]
    assert said(engine, conversation, after=3) == []
    assert said(engine, conversation, after=99) == []


def test_a_message_that_was_tried_before_says_so_and_whether_the_customer_was_told(
    engine: Engine, conversation: str, now: datetime
) -> None:
    taken = take(engine, conversation, now)
    with writing(engine) as connection:
        inbox.count_attempt(connection, taken.message_id)
    tried = waiting(engine, conversation)
    assert tried is not None
    assert (tried.attempts, tried.was_told) == (1, False)
    with writing(engine) as connection:
        outbox.notify(connection, taken.message_id, conversation, "This will take a little longer.", now)
    told = waiting(engine, conversation)
    assert told is not None
    assert (told.attempts, told.was_told) == (1, True)
    assert [(m.seq, m.action) for m in said(engine, conversation, after=1)] == [(2, "notice")]
