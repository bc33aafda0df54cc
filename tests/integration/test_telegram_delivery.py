"""Deliveries to Telegram: each message arrives once and in its place, or it is known and shown that nobody can say."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from fakes.assistant import FakeAssistant, says
from fakes.telegram import FakeTelegram
from fakes.telegram_people import Person
from fastapi import FastAPI
from guest import Clock
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import Engine, insert, select, update
from telegram_talk import hears, replies, rows, text, until, until_stored

from bot.channels.telegram import api, delivery
from bot.channels.telegram.rendering import split
from bot.gateway.app import create_app
from bot.settings import Settings
from crm_store.business import Business
from crm_store.conversations.deliveries import begin, delivery_states
from crm_store.conversations.outbox import Outgoing, say
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, messages, outbox, staff

OFFER = {
    "id": "office_starter",
    "title": "Office Blend in 1 kg bags",
    "text": "The first kilo is 10 % off.",
    "reason": "Because you told me it is for 30 cups.",
    "code": "OFFICE10",
    "url": "/#office_blend",
}


async def test_a_message_that_arrived_is_sent_under_telegrams_number(
    channel: FastAPI, ani: Person, engine: Engine
) -> None:
    await text(ani, "hello")
    await settled(engine, "sent")
    ((row,),) = [rows(engine, select(outbox))]
    assert (row.external_id, row.attempts, row.problem) == ("1", 1, None)
    assert row.settled_at


async def test_too_many_at_once_is_tried_again_when_telegram_says(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, engine: Engine, clock: Clock
) -> None:
    telegram.fail("flood", seconds=30)
    ani.says("hello")
    await until(telegram, lambda: telegram.calls["sendMessage"] == 1)
    await until_stored(lambda: states(engine) == ["due"])
    await asyncio.sleep(0.3)
    assert telegram.calls["sendMessage"] == 1
    clock.move(seconds=31)
    assert (await hears(ani))[0].text == "You said: hello"


async def test_what_was_said_later_waits_behind_what_has_to_be_tried_again(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, engine: Engine, clock: Clock
) -> None:
    telegram.fail("flood", seconds=30)
    ani.says("one")
    await until_stored(lambda: states(engine) == ["due"])
    ani.says("two")
    await until_stored(lambda: states(engine) == ["due", "due"])
    other = Person(telegram, 502)
    assert await text(other, "hello") == "You said: hello", "another chat does not wait"
    clock.move(seconds=31)
    assert [sent.text for sent in await hears(ani, 2)] == ["You said: one", "You said: two"]


@pytest.mark.parametrize("fault", ["lost", "cut", "error"])
async def test_a_send_whose_outcome_nobody_knows_is_ambiguous_and_not_sent_again(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, engine: Engine, fault: str
) -> None:
    before = counted("ambiguous")
    telegram.fail(fault)
    ani.says("one")
    await settled(engine, "ambiguous")
    assert await text(Person(telegram, 502), "hello"), "others are served on"
    ani.says("two")
    await until(telegram, lambda: telegram.to(501) and telegram.to(501)[-1].text == "You said: two")
    heard = [sent.text for sent in telegram.to(501)]
    assert heard == (["You said: one", "You said: two"] if fault == "lost" else ["You said: two"])
    assert counted("ambiguous") == before + 1
    with reading(engine) as connection:
        first = connection.execute(select(messages.c.id).where(messages.c.text == "You said: one")).scalar_one()
        shown = delivery_states(connection, [first])[first]
    assert (shown.state, shown.attempts, bool(shown.problem)) == ("ambiguous", 1, True)


async def test_an_answer_that_takes_too_long_is_ambiguous(
    telegram: FakeTelegram,
    ani: Person,
    on_telegram: Settings,
    engine: Engine,
    business: Business,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api, "ANSWER_SECONDS", 0.3)
    telegram.fail("hang", seconds=2)
    app = create_app(on_telegram, engine, business, FakeAssistant(), clock)
    async with app.router.lifespan_context(app):
        ani.says("hello")
        await settled(engine, "ambiguous")
    assert rows(engine, select(outbox.c.problem))[0].problem == "UnclearError: ReadTimeout"


async def test_what_was_under_way_when_the_process_died_is_ambiguous(
    telegram: FakeTelegram, ani: Person, on_telegram: Settings, engine: Engine, business: Business, clock: Clock
) -> None:
    conversation = talk(engine, clock, ("first", "second"))
    with UnitOfWork(engine) as work:
        assert begin(work.connection, "501", clock())
        work.commit()
    app = create_app(on_telegram, engine, business, FakeAssistant(), clock)
    async with app.router.lifespan_context(app):
        assert (await hears(ani))[0].text == "second"
        await until_stored(lambda: states(engine) == ["ambiguous", "sent"])
    assert conversation


async def test_while_telegram_is_away_messages_wait_and_then_arrive_in_order(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await text(ani, "hello")
    await settled(engine, "sent")
    with telegram.away():
        for words in ("one", "two"):
            tell(engine, clock, words)
        await until_stored(lambda: attempts(engine, "one") == 1)
        await until_stored(lambda: states(engine) == ["sent", "due", "due"])
        assert channel.state.telegram.state != "connected"
    clock.move(seconds=60)
    assert [sent.text for sent in await hears(ani, 2)] == ["one", "two"]
    await until_stored(lambda: channel.state.telegram.state == "connected")


async def test_who_has_blocked_the_bot_gets_no_more_and_it_is_shown(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, engine: Engine
) -> None:
    telegram.fail("blocked")
    ani.says("hello")
    await settled(engine, "failed")
    assert "blocked" in rows(engine, select(outbox.c.problem))[0].problem


async def test_a_message_that_nobody_announced_is_found(
    channel: FastAPI, ani: Person, engine: Engine, clock: Clock
) -> None:
    await text(ani, "hello")
    tell(engine, clock, "by somebody else")
    assert (await hears(ani))[0].text == "by somebody else"


async def test_an_answer_leaves_at_once(
    channel: FastAPI, ani: Person, monkeypatch: pytest.MonkeyPatch, telegram: FakeTelegram
) -> None:
    monkeypatch.setattr(delivery, "SWEEP_SECONDS", 3600)
    await asyncio.sleep(0.2)
    for words in ("one", "two", "three"):
        assert await text(ani, words) == f"You said: {words}"


async def test_chats_are_served_side_by_side(channel: FastAPI, ani: Person, telegram: FakeTelegram) -> None:
    telegram.fail("hang", seconds=5, chat=501)
    ani.says("hello")
    await until(telegram, lambda: telegram.to(501))
    assert await text(Person(telegram, 502), "hello") == "You said: hello"


async def test_what_is_said_in_a_later_conversation_goes_behind_what_waits_from_an_earlier_one(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, engine: Engine, clock: Clock
) -> None:
    telegram.fail("flood", seconds=24 * 3600)
    for words in ("one", "two", "three"):
        ani.says(words)
    await until_stored(lambda: states(engine) == ["due"] * 3)
    clock.move(hours=13)
    ani.says("a new day")
    await until_stored(lambda: states(engine) == ["due"] * 4)
    clock.move(hours=12)
    assert [sent.text for sent in await hears(ani, 4)] == [
        "You said: one",
        "You said: two",
        "You said: three",
        "You said: a new day",
    ]


# How it looks --------------------------------------------------------------------------------------------------------


async def test_an_offer_is_told_with_its_reason_code_and_address(
    channel: FastAPI, ani: Person, assistant: FakeAssistant
) -> None:
    assistant.answer = lambda _: replies(Outgoing("This could suit you.", "utter_offer_standard", [], OFFER))
    assert await text(ani, "hello") == (
        "This could suit you.\n\nOffice Blend in 1 kg bags\nThe first kilo is 10 % off.\n"
        "Because you told me it is for 30 cups.\nCode: OFFICE10\nhttps://kopi.example/#office_blend"
    )


async def test_what_the_message_says_of_an_offer_is_not_said_again(
    channel: FastAPI, ani: Person, assistant: FakeAssistant
) -> None:
    pitch = f"This could suit you. {OFFER['text']}"
    assistant.answer = lambda _: replies(Outgoing(pitch, "utter_offer_standard", [], OFFER))
    assert (await text(ani, "hello")).count(OFFER["text"]) == 1


async def test_a_text_too_long_for_telegram_comes_in_parts_with_the_buttons_under_the_last(
    channel: FastAPI, ani: Person, assistant: FakeAssistant, telegram: FakeTelegram, engine: Engine, clock: Clock
) -> None:
    words = "\n".join(f"line {n} of many that do not fit" for n in range(300))
    assistant.answer = lambda _: replies(Outgoing(words, None, [{"title": "Yes", "payload": "/affirm"}]))
    ani.says("tell me all")
    parts = await hears(ani, 3)
    assert "\n".join(part.text for part in parts) == words
    assert [list(part.buttons) for part in parts] == [[], [], ["Yes"]]


async def test_of_a_message_in_parts_only_what_has_not_arrived_is_tried_again(
    channel: FastAPI, ani: Person, assistant: FakeAssistant, telegram: FakeTelegram, engine: Engine, clock: Clock
) -> None:
    assistant.answer = lambda _: says("a" * 4096 + "b" * 4096)
    await until(telegram, lambda: telegram.calls["getUpdates"])
    telegram.fail("hang", seconds=0, times=1)
    telegram.fail("flood", seconds=1, times=1)
    ani.says("tell me all")
    await until_stored(lambda: [(r.state, r.parts_sent) for r in rows(engine, select(outbox))] == [("due", 1)])
    clock.move(seconds=2)
    assert [sent.text[0] for sent in await hears(ani, 2)] == ["a", "b"]
    assert len(telegram.sent) == 2


async def test_what_staff_say_carries_their_name(channel: FastAPI, ani: Person, engine: Engine, clock: Clock) -> None:
    await text(ani, "hello")
    with UnitOfWork(engine) as work:
        work.connection.execute(
            insert(staff).values(
                id="rina", email="rina@kopi.example", name="Rina", role="agent", password_hash="-", created_at=clock()
            )
        )
        work.connection.execute(update(conversations).values(state="staff", held_by="rina"))
        (conversation,) = work.connection.execute(select(conversations.c.id)).scalars()
        say(work.connection, conversation, [Outgoing("I am looking into it.")], clock(), staff_id="rina")
        work.commit()
    assert (await hears(ani))[0].text == "Rina: I am looking into it."


@given(st.text(alphabet="ab \n😀", max_size=200), st.integers(2, 20))
def test_parts_are_never_too_long_and_lose_nothing_that_is_seen(text: str, longest: int) -> None:
    parts = split(text, longest)
    assert all(len(part.encode("utf-16-le")) // 2 <= longest for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def talk(engine: Engine, clock: Clock, texts: tuple[str, ...]) -> str:
    """A conversation on Telegram in which we have said something that is due."""
    from crm_store.conversations.chats import Place, chat_of

    with UnitOfWork(engine) as work:
        chat = chat_of(work.connection, Place("telegram", "501", "en"), "501", clock(), timedelta(hours=12))
        say(work.connection, chat.conversation_id, [Outgoing(text) for text in texts], clock())
        work.commit()
    return chat.conversation_id


def tell(engine: Engine, clock: Clock, words: str) -> None:
    """Says something in the one conversation there is, as another process would."""
    with UnitOfWork(engine) as work:
        (conversation,) = work.connection.execute(select(conversations.c.id)).scalars()
        say(work.connection, conversation, [Outgoing(words)], clock())
        work.commit()


def states(engine: Engine) -> list[str]:
    ordered = select(outbox.c.state).join(messages, messages.c.id == outbox.c.message_id)
    return [row.state for row in rows(engine, ordered.order_by(messages.c.at, messages.c.seq))]


def attempts(engine: Engine, words: str) -> int:
    query = select(outbox.c.attempts).join(messages, messages.c.id == outbox.c.message_id)
    return int(rows(engine, query.where(messages.c.text == words))[0].attempts)


async def settled(engine: Engine, state: str) -> Any:
    return await until_stored(lambda: state in states(engine))


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("rapport_deliveries_total", {"outcome": outcome}) or 0.0
