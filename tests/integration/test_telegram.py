"""Telegram over a real store, a fake in Telegram's place and one in Rasa's: what comes in is taken once, what is said arrives."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.assistant import FakeAssistant, says
from fakes.telegram import FakeTelegram
from fakes.telegram_people import Person
from fastapi import FastAPI
from guest import Clock
from sqlalchemy import Engine, select
from telegram_talk import count, hears, rows, said_by_customers, text, until, with_buttons

from bot.gateway.app import create_app
from bot.settings import Settings
from crm_store.access.rights import ERASE
from crm_store.business import Business
from crm_store.tables import conversations, messages, telegram_updates

ANI, BUDI = 501, 502


# What comes in -------------------------------------------------------------------------------------------------------


async def test_what_somebody_writes_is_answered_in_their_chat(channel: FastAPI, ani: Person) -> None:
    assert await text(ani, "hello") == "You said: hello"


async def test_it_is_kept_as_any_other_conversation_is(channel: FastAPI, ani: Person, engine: Engine) -> None:
    await text(ani, "hello")
    (talk,) = rows(engine, select(conversations))
    assert (talk.channel, talk.address, talk.assurance, talk.language) == ("telegram", "501", "anonymous", "en")
    said = rows(engine, select(messages).order_by(messages.c.seq))
    assert [(m.author, m.text, m.state) for m in said] == [
        ("customer", "hello", "answered"),
        ("bot", "You said: hello", "ready"),
    ]


async def test_an_update_that_is_brought_twice_is_taken_once(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, engine: Engine
) -> None:
    message = ani.message(text="hello")
    update = telegram.bring(message=message)
    await hears(ani)
    telegram.bring_again(update, message=message)
    assert await text(ani, "and now?") == "You said: and now?"
    assert telegram.brought[update] == 2
    assert [m.text for m in said_by_customers(engine)] == ["hello", "and now?"]


async def test_what_was_written_while_the_gateway_was_down_is_answered_in_order(
    telegram: FakeTelegram, ani: Person, on_telegram: Settings, engine: Engine, business: Business, clock: Clock
) -> None:
    for number in range(5):
        ani.says(f"number {number}")
    app = create_app(on_telegram, engine, business, FakeAssistant(), clock)
    async with app.router.lifespan_context(app):
        assert [sent.text for sent in await hears(ani, 5)] == [f"You said: number {n}" for n in range(5)]


async def test_the_offset_moves_only_behind_what_is_committed(
    telegram: FakeTelegram, ani: Person, channel: FastAPI, engine: Engine
) -> None:
    for number in range(3):
        ani.says(f"number {number}")
    await until(telegram, lambda: telegram.unconfirmed == 0)
    assert count(engine, telegram_updates) == 3
    assert len(said_by_customers(engine)) == 3


async def test_a_language_that_the_business_speaks_is_taken_from_the_account(
    channel: FastAPI, telegram: FakeTelegram, assistant: FakeAssistant
) -> None:
    for account, code in ((1, "id"), (2, "en-GB"), (3, "fr"), (4, None)):
        await text(Person(telegram, account, code), "kopi")
    assert sorted(turn.language for turn, _ in assistant.turns) == ["en", "en", "en", "id"]


async def test_typing_is_shown_while_an_answer_takes_its_time(
    channel: FastAPI, telegram: FakeTelegram, ani: Person, assistant: FakeAssistant
) -> None:
    assistant.hold()
    ani.says("hello")
    await until(telegram, lambda: telegram.actions == [ANI])
    assistant.let_go()
    assert (await hears(ani))[0].text == "You said: hello"


async def test_more_than_twenty_unanswered_messages_are_refused_honestly(
    channel: FastAPI, ani: Person, assistant: FakeAssistant, telegram: FakeTelegram, engine: Engine
) -> None:
    assistant.hold()
    for number in range(25):
        ani.says(f"number {number}")
    (refused,) = await hears(ani)
    assert "I did not take your last message" in refused.text
    await until(telegram, lambda: telegram.unconfirmed == 0)
    assert len(said_by_customers(engine)) == 20


# What is no plain text -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kept", "answer"),
    [
        ({"photo": [{"file_id": "a", "file_unique_id": "a", "width": 1, "height": 1}], "caption": "is this it?"},
         "(photo) is this it?", "I can't look at photos"),
        ({"voice": {"file_id": "a", "file_unique_id": "a", "duration": 2}}, "(voice message)", "I can't listen"),
        ({"sticker": {"file_id": "a", "file_unique_id": "a", "width": 1, "height": 1, "is_animated": False,
                      "is_video": False, "type": "regular"}}, "(sticker)", "I can't read stickers"),
        ({"document": {"file_id": "a", "file_unique_id": "a"}}, "(file)", "I can't open files"),
        ({"location": {"latitude": -6.2, "longitude": 106.8}}, "(location)", "I can't make use of a location"),
        ({"dice": {"emoji": "🎲", "value": 3}}, "(something that is not text)", "I can only read words"),
        ({"text": "\u200b\u2063"}, "(something that is not text)", "I can only read words"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_said_and_kept(
    channel: FastAPI, ani: Person, engine: Engine, assistant: FakeAssistant, content: Any, kept: str, answer: str
) -> None:
    ani.sends(**content)
    assert answer in (await hears(ani))[0].text
    question, said = rows(engine, select(messages).order_by(messages.c.seq))
    assert (question.text, question.state, said.in_reply_to) == (kept, "answered", question.id)
    assert not assistant.turns


async def test_the_same_in_the_customers_language(channel: FastAPI, telegram: FakeTelegram) -> None:
    budi = Person(telegram, BUDI, "id")
    budi.sends(location={"latitude": -6.2, "longitude": 106.8})
    assert "Saya tidak bisa memakai lokasi" in (await hears(budi))[0].text


async def test_ten_photos_at_once_are_answered_once(channel: FastAPI, ani: Person) -> None:
    for _ in range(10):
        ani.sends(photo=[{"file_id": "a", "file_unique_id": "a", "width": 1, "height": 1}], media_group_id="1")
    await hears(ani)
    assert await text(ani, "it is broken") == "You said: it is broken"


async def test_who_edits_a_message_is_told_that_it_was_answered_as_it_was(
    channel: FastAPI, ani: Person, engine: Engine
) -> None:
    await text(ani, "helo")
    ani.edits("hello")
    assert "send it as a new message" in (await hears(ani))[0].text
    assert [m.text for m in said_by_customers(engine)] == ["helo", "(edited) hello"]


async def test_in_a_group_it_says_once_that_it_talks_in_private_and_keeps_nobodys_words(
    channel: FastAPI, telegram: FakeTelegram, ani: Person, engine: Engine
) -> None:
    group = {"id": -100900, "type": "supergroup", "title": "Coffee"}
    for words in ("where is my order ORD-1?", "hello?"):
        telegram.bring(message=ani.message(text=words, chat=group))
    telegram.bring(channel_post={**ani.message(text="news", chat={**group, "type": "channel"}), "from": None})
    assert await text(ani, "hello") == "You said: hello"
    assert [sent.text for sent in telegram.to(-100900)] == [
        "I talk with one customer at a time. Please write to me in a private chat."
    ]
    assert [m.text for m in said_by_customers(engine)] == ["(message in a group)", "hello"]


async def test_what_nobody_said_is_passed_over(channel: FastAPI, telegram: FakeTelegram, ani: Person) -> None:
    ani.sends(pinned_message={**ani.message(text="hello"), "date": 1})
    ani.sends(new_chat_title="a title")
    telegram.bring(message=ani.message(text="hello", sender={"id": 9, "is_bot": True, "first_name": "Bot"}))
    telegram.bring(poll_answer={"poll_id": "1", "option_ids": [1]})
    assert await text(ani, "hello") == "You said: hello"


async def test_an_update_that_the_library_cannot_read_holds_up_nothing(
    channel: FastAPI, telegram: FakeTelegram, ani: Person
) -> None:
    ani.sends(poll={"id": "1"})
    assert await text(ani, "hello") == "You said: hello"


# Commands and buttons ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "meaning"),
    [
        ("/start", "/greet"),
        ("/start from_the_shop", "/greet"),
        ("/privacy", "/ask_privacy"),
        ("/forget@kopi_sudirman_bot", "/forget_me"),
        ("/language id", "/change_language id"),
        ("/language Inggris", "/change_language en"),
    ],
)
async def test_a_command_means_what_the_assistant_knows(
    channel: FastAPI, ani: Person, assistant: FakeAssistant, command: str, meaning: str
) -> None:
    await text(ani, command)
    ((turn, _),) = assistant.turns
    assert (turn.text, turn.meaning) == (command, meaning)


async def test_help_and_an_unknown_command_are_answered_here(
    channel: FastAPI, ani: Person, assistant: FakeAssistant
) -> None:
    assert "I'm an assistant, not a person" in await text(ani, "/help")
    assert (await text(ani, "/order")).startswith("I don't know that command.")
    assert not assistant.turns


async def test_a_slash_that_begins_no_command_is_text(channel: FastAPI, ani: Person) -> None:
    assert await text(ani, "/ 2 cups") == "You said: / 2 cups"


async def test_language_without_a_name_asks_which(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, assistant: FakeAssistant
) -> None:
    assert await text(ani, "/language klingon") == "Which language shall I speak?"
    ani.presses("Bahasa Indonesia")
    await hears(ani)
    ((turn, _),) = assistant.turns
    assert (turn.text, turn.meaning) == ("Bahasa Indonesia", "/change_language id")


async def test_the_menu_of_commands_is_shown_in_both_languages(channel: FastAPI, telegram: FakeTelegram) -> None:
    await until(telegram, lambda: telegram.calls["getUpdates"])
    assert [c["command"] for c in telegram.menu["id"]] == ["help", "language", "link", "privacy", "forget"]
    assert telegram.menu["id"] != telegram.menu["en"] == telegram.menu[""]


async def test_a_button_is_pressed_and_acknowledged(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, assistant: FakeAssistant
) -> None:
    assistant.answer = with_buttons
    await text(ani, "hello")
    ani.presses("10 to 40")
    await hears(ani)
    turn, _ = assistant.turns[-1]
    assert (turn.text, turn.meaning) == ("10 to 40", "/answer_question cups.10_to_40")
    await until(telegram, lambda: len(telegram.acknowledged) == 1)


async def test_a_button_that_is_too_old_is_answered_with_an_honest_word(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, assistant: FakeAssistant, engine: Engine
) -> None:
    assistant.answer = with_buttons
    await text(ani, "hello")
    ani.presses_data("never-shown", telegram.sent[-1])
    ani.presses_data("never-shown", telegram.sent[-1])
    assert "That button is too old" in (await hears(ani, 2))[0].text
    await until(telegram, lambda: len(telegram.acknowledged) == 2)
    assert [m.text for m in said_by_customers(engine)] == ["hello", "(button)", "(button)"]
    assert len(assistant.turns) == 1


# Coming back and being forgotten -------------------------------------------------------------------------------------


async def test_after_a_long_silence_a_new_conversation_begins_that_knows_the_account(
    channel: FastAPI, ani: Person, engine: Engine, clock: Clock
) -> None:
    await text(ani, "hello")
    clock.move(hours=11)
    await text(ani, "still there?")
    clock.move(hours=13)
    await text(ani, "hello again")
    first, second = rows(engine, select(conversations).order_by(conversations.c.started_at))
    assert (first.assurance, second.assurance) == ("anonymous", "recognised")
    assert first.customer_id == second.customer_id


async def test_a_conversation_that_waits_for_a_person_goes_on_for_as_long_as_it_takes(
    channel: FastAPI, ani: Person, engine: Engine, clock: Clock
) -> None:
    await text(ani, "a person please")
    with engine.begin() as connection:
        connection.execute(conversations.update().values(state="waiting"))
    clock.move(days=3)
    await text(ani, "anybody?")
    assert count(engine, conversations) == 1


async def test_who_is_forgotten_hears_so_in_their_chat_and_is_a_stranger_from_then_on(
    channel: FastAPI, ani: Person, engine: Engine, assistant: FakeAssistant, clock: Clock
) -> None:
    await text(ani, "a secret")
    assistant.answer = lambda _: says("Deleted.", effects=(ERASE,))
    assert await text(ani, "yes, forget me") == "Deleted."
    assert {m.text for m in rows(engine, select(messages))} <= {"Deleted."}, "goodbye itself goes when it has arrived"
    assistant.answer = lambda message: says(f"You said: {message.text}")
    await text(ani, "hello")
    (talk,) = rows(engine, select(conversations))
    assert talk.assurance == "anonymous"
    clock.move(hours=13)
    await text(ani, "hello")
    assert rows(engine, select(conversations).order_by(conversations.c.started_at))[-1].assurance == "recognised"
