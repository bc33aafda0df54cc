"""The chat API over HTTP, with everything behind it but Rasa: what is taken, what is refused, and what comes back when."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fakes.assistant import FakeAssistant, says
from fastapi import FastAPI
from guest import Clock, Guest, arrive, user_token
from httpx import AsyncClient, Response
from sqlalchemy import Engine, select, update
from sqlalchemy import text as sql

from bot.gateway import health
from bot.gateway.app import create_app
from bot.gateway.rasa import Receipt
from bot.settings import Settings
from crm_store.business import Business
from crm_store.conversations import inbox
from crm_store.conversations.inbox import Understood, Waiting
from crm_store.conversations.outbox import Outgoing
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, customers, events, messages

ALLOWED = "https://shop.example"
BUTTONS = [{"title": "Yes", "payload": "/affirm"}, {"title": "10 to 40", "payload": "/answer_question cups.10_to_40"}]
OFFER = {"id": "office_starter", "title": "For the office", "text": "10 % off", "reason": "because you told me so"}


@pytest.fixture
async def guest(http: AsyncClient) -> Guest:
    return await arrive(http, language="en")


def is_problem(answer: Response, status: int, slug: str) -> bool:
    """Whether an answer is this problem, in the form that all of them have."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    return (answer.status_code, body["type"].rpartition("/")[2]) == (status, slug)


def asks(message: Waiting) -> Receipt:
    """Asks for a choice whatever is said."""
    understood = Understood("ask_advice", 0.8, message.language, "utter_ask_cups", [])
    return Receipt(understood, [Outgoing("How many?", "utter_ask_cups", BUTTONS, None)])


# Sessions ------------------------------------------------------------------------------------------------------------


async def test_a_session_opens_with_tokens_that_nobody_guesses(http: AsyncClient) -> None:
    opened = await http.post("/v1/chat/sessions", json={})
    assert opened.status_code == 201
    assert set(opened.json()) == {"session_token", "device_token", "conversation_id"}
    again = (await http.post("/v1/chat/sessions", json={})).json()
    for name in ("session_token", "device_token"):
        assert len(again[name]) * 6 >= 128
        assert again[name] != opened.json()[name]


async def test_the_chat_speaks_the_wanted_language_or_the_business_s_own(http: AsyncClient, engine: Engine) -> None:
    for wanted, spoken in (
        ("id", "id"),
        ("id-ID", "id"),
        ("EN_us", "en"),
        ("de", "en"),
        ("", "en"),
        (None, "en"),
        ("☕", "en"),
    ):
        guest = await arrive(http, language=wanted)
        with reading(engine) as connection:
            language = select(conversations.c.language).where(conversations.c.id == guest.conversation_id)
            assert connection.execute(language).scalar_one() == spoken, wanted


NO_REQUESTS: list[Any] = [
    {"language": "x" * 36},
    {"device_token": "x" * 201},
    {"page": 7},
    {"page": "/beans\u0000"},
    {"surprise": True},
    [],
    None,
]


async def test_a_session_is_refused_to_what_is_no_request_for_one(http: AsyncClient) -> None:
    for body in NO_REQUESTS:
        assert is_problem(await http.post("/v1/chat/sessions", json=body), 422, "invalid-request"), body


async def test_a_device_that_returns_is_recognised_and_one_that_lies_is_new(
    http: AsyncClient, guest: Guest, engine: Engine
) -> None:
    back = await arrive(http, device_token=guest.device_token)
    liar = await arrive(http, device_token="made up")
    assert [assurance(engine, g) for g in (guest, back, liar)] == ["anonymous", "recognised", "anonymous"]


async def test_a_session_ends_when_its_hours_are_over(
    http: AsyncClient, guest: Guest, settings: Settings, clock: Clock
) -> None:
    clock.move(hours=settings.session_hours, seconds=-1)
    await guest.send("still here")
    clock.move(seconds=1)
    assert is_problem(await guest.post(text="too late"), 401, "session-unknown")
    assert is_problem(await http.get("/v1/chat/messages", headers=guest.headers), 401, "session-unknown")


async def test_the_widget_is_told_of_the_business(http: AsyncClient) -> None:
    about = (await http.get("/v1/chat/config")).json()
    assert about["business"] == "Kopi Sudirman"
    assert (about["languages"], about["default_language"]) == (["en", "id"], "en")
    assert set(about) == {"business", "languages", "default_language", "privacy_url", "accent", "telegram"}


# Who it is -----------------------------------------------------------------------------------------------------------


async def test_a_user_token_opens_a_verified_session(
    http: AsyncClient, settings: Settings, clock: Clock, engine: Engine
) -> None:
    sari = await arrive(http, user_token=user_token(settings.secret("user_token_secret"), clock.now))
    assert assurance(engine, sari) == "verified"


async def test_an_expired_user_token_opens_no_session(http: AsyncClient, settings: Settings, clock: Clock) -> None:
    token = user_token(settings.secret("user_token_secret"), clock.now, minutes=-1)
    assert is_problem(await http.post("/v1/chat/sessions", json={"user_token": token}), 401, "user-token-invalid")


async def test_a_user_token_that_proves_nothing_raises_no_session(guest: Guest, engine: Engine) -> None:
    for token in ("", "nonsense", "a.b.c"):
        assert is_problem(await identify(guest, token), 401, "user-token-invalid"), token
    assert assurance(engine, guest) == "anonymous"


async def test_a_running_session_is_raised(guest: Guest, settings: Settings, clock: Clock, engine: Engine) -> None:
    raised = await identify(guest, user_token(settings.secret("user_token_secret"), clock.now))
    assert (raised.status_code, raised.json()) == (200, {"assurance": "verified"})
    assert assurance(engine, guest) == "verified"
    assert (await guest.say("hello"))[0]["text"] == "You said: hello"


async def test_a_session_of_one_customer_is_not_raised_to_another(
    guest: Guest, settings: Settings, clock: Clock
) -> None:
    secret = settings.secret("user_token_secret")
    await identify(guest, user_token(secret, clock.now, "sari.w"))
    assert is_problem(await identify(guest, user_token(secret, clock.now, "budi.h")), 409, "other-customer")
    assert (await identify(guest, user_token(secret, clock.now, "sari.w"))).status_code == 200


async def test_nobody_is_raised_without_a_session(http: AsyncClient, settings: Settings, clock: Clock) -> None:
    body = {"user_token": user_token(settings.secret("user_token_secret"), clock.now)}
    for headers in ({}, {"authorization": "Bearer made-up"}, {"authorization": "Basic abc"}):
        refused = await http.post("/v1/chat/identify", json=body, headers=headers)
        assert is_problem(refused, 401, "session-unknown")


async def test_a_new_customer_who_opens_many_tabs_at_once_is_one(
    http: AsyncClient, settings: Settings, clock: Clock, engine: Engine
) -> None:
    token = user_token(settings.secret("user_token_secret"), clock.now)
    tabs = await asyncio.gather(*(arrive(http, user_token=token) for _ in range(6)))
    assert {assurance(engine, tab) for tab in tabs} == {"verified"}
    with reading(engine) as connection:
        assert len(set(connection.execute(select(customers.c.canonical_id)).scalars())) == 1


async def identify(guest: Guest, token: str) -> Response:
    return await guest.http.post("/v1/chat/identify", json={"user_token": token}, headers=guest.headers)


def assurance(engine: Engine, guest: Guest) -> str:
    with reading(engine) as connection:
        here = select(conversations.c.assurance).where(conversations.c.id == guest.conversation_id)
        return str(connection.execute(here).scalar_one())


# Messages in ---------------------------------------------------------------------------------------------------------


async def test_a_message_is_taken_and_answered(guest: Guest, assistant: FakeAssistant) -> None:
    taken = await guest.post(text="hello", client_id="c-1")
    assert taken.status_code == 202
    assert taken.json() == {"message_id": taken.json()["message_id"], "seq": 1}
    (answer,) = await guest.hears()
    assert (answer["author"], answer["text"], answer["seq"]) == ("bot", "You said: hello", 2)
    assert answer["in_reply_to"] == taken.json()["message_id"]
    assert [m["text"] for m in guest.heard] == ["hello", "You said: hello"]
    ((message, again),) = assistant.turns
    assert (message.text, message.language, message.channel, again) == ("hello", "en", "web", False)


async def test_the_same_message_again_is_the_same_message(guest: Guest, assistant: FakeAssistant) -> None:
    first = await guest.post(text="hello", client_id="c-1")
    await guest.hears()
    again = await guest.post(text="something else", client_id="c-1")
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json()
    await guest.say("next")
    assert assistant.ran == ["hello", "next"]


async def test_the_same_message_many_times_at_once_is_taken_once(guest: Guest, assistant: FakeAssistant) -> None:
    taken = await asyncio.gather(*(guest.post(text="hello", client_id="c-1") for _ in range(6)))
    assert sorted(t.status_code for t in taken) == [200] * 5 + [202]
    assert len({t.text for t in taken}) == 1
    await guest.say("next")
    await guest.hears()
    assert assistant.ran == ["hello", "next"]


async def test_nobody_is_heard_without_a_session(http: AsyncClient) -> None:
    body = {"client_id": "c-1", "text": "hello"}
    for headers in ({}, {"authorization": "Bearer"}, {"authorization": "Bearer made-up"}, {"authorization": "x y"}):
        for answer in (
            await http.post("/v1/chat/messages", json=body, headers=headers),
            await http.get("/v1/chat/messages", headers=headers),
            await http.get("/v1/chat/stream", headers=headers),
        ):
            assert is_problem(answer, 401, "session-unknown")


NO_MESSAGES: list[Any] = [
    {},
    {"text": "no client_id"},
    {"client_id": "", "text": "x"},
    {"client_id": "c" * 129, "text": "x"},
    {"client_id": 7, "text": "x"},
    {"client_id": "c\u0000", "text": "x"},
    {"client_id": "c"},
    {"client_id": "c", "text": "x", "payload": "y"},
    {"client_id": "c", "text": 7},
    {"client_id": "c", "text": ["x"]},
    {"client_id": "c", "text": "x" * 4001},
    {"client_id": "c", "payload": ""},
    {"client_id": "c", "payload": "p" * 201},
    [],
    "hello",
    None,
]
NO_JSON = [b"", b"{", b"\xff\xfe", b'{"client_id": "c", "text": "half \\ud83d"}']


async def test_what_is_no_message_is_refused(guest: Guest) -> None:
    headers = guest.headers | {"content-type": "application/json"}
    for body in [*NO_JSON, *(json.dumps(content).encode() for content in NO_MESSAGES)]:
        refused = await guest.http.post("/v1/chat/messages", content=body, headers=headers)
        assert is_problem(refused, 422, "invalid-request"), body
        assert refused.json()["errors"]
    assert [m["text"] for m in await guest.say("hello")] == ["You said: hello"]


async def test_what_was_sent_is_not_sent_back_in_a_refusal(guest: Guest) -> None:
    refused = await guest.http.post("/v1/chat/messages", json={"text": ["my secret"]}, headers=guest.headers)
    assert "my secret" not in refused.text


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_of_100_kilobytes_is_refused(guest: Guest, is_chunked: bool) -> None:
    whole = json.dumps({"client_id": "c-1", "text": "x" * 100_000}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(whole), 10_000):
            yield whole[start : start + 10_000]

    headers = guest.headers | {"content-type": "application/json", "origin": ALLOWED}
    content = chunks() if is_chunked else whole
    refused = await guest.http.post("/v1/chat/messages", content=content, headers=headers)
    assert is_problem(refused, 413, "too-large")
    assert refused.headers["access-control-allow-origin"] == ALLOWED
    assert await guest.say("hello")


async def test_what_nobody_can_see_is_no_message(guest: Guest) -> None:
    for text in ("", " \n\t ", "\u200b\u200c\u2060\ufeff", "\u200d", "\u202e", "\x00\x07\x1b", "\u00ad"):
        assert is_problem(await guest.post(text=text), 422, "invalid-request"), ascii(text)


AS_SEEN = [
    ("he\x00l\x1blo\x7f", "hello"),
    ("\u202ehe\u200bllo", "hello"),
    ("  two\nlines\t ", "two\nlines"),
    ("☕", "☕"),
    ("👩\u200d👩\u200d👧 🇮🇩", "👩\u200d👩\u200d👧 🇮🇩"),
    ("🩷", "🩷"),  # newer than this Python's table of characters
    ("مرحبا", "مرحبا"),
    ("x" * 4000, "x" * 4000),
]


async def test_what_can_be_seen_is_taken_as_it_is(guest: Guest) -> None:
    for sent, taken in AS_SEEN:
        (answer,) = await guest.say(sent)
        assert answer["text"] == f"You said: {taken}"
        assert guest.heard[-2]["text"] == taken


async def test_what_is_typed_reaches_the_assistant_as_typed(guest: Guest, assistant: FakeAssistant) -> None:
    for typed in ("/restart", "/affirm", '/state_need{"need": "office"}', "1/2"):
        await guest.say(typed)
        message, _ = assistant.turns[-1]
        assert (message.text, message.meaning) == (typed, None)


async def test_more_than_can_wait_are_refused_until_some_are_answered(guest: Guest, assistant: FakeAssistant) -> None:
    assistant.hold()
    for number in range(inbox.MOST_WAITING):
        await guest.post(text=f"{number}", client_id=f"c-{number}")
    assert is_problem(await guest.post(text="one more"), 429, "too-many-waiting")
    assert (await guest.post(text="0", client_id="c-0")).status_code == 200
    assistant.let_go()
    await guest.hears(inbox.MOST_WAITING)
    await guest.say("one more")


async def test_a_conversation_that_a_person_holds_is_not_answered(
    http: AsyncClient, guest: Guest, assistant: FakeAssistant, engine: Engine
) -> None:
    with UnitOfWork(engine) as work:
        here = conversations.c.id == guest.conversation_id
        work.connection.execute(update(conversations).where(here).values(state="staff"))
        work.commit()
    await guest.send("is anybody there?")
    other = await arrive(http)
    await other.say("hello")
    assert assistant.ran == ["hello"]


# Order and overlap ---------------------------------------------------------------------------------------------------


async def test_messages_sent_fast_are_answered_in_order_one_at_a_time(guest: Guest, assistant: FakeAssistant) -> None:
    assistant.hold()
    sent = [await guest.send(f"number {number}") for number in range(6)]
    assistant.let_go()
    answers = await guest.hears(6)
    assert [a["in_reply_to"] for a in answers] == sent
    assert [a["text"] for a in answers] == [f"You said: number {number}" for number in range(6)]
    assert assistant.ran == [f"number {number}" for number in range(6)]
    assert not assistant.crowded


async def test_messages_that_come_at_once_are_answered_in_the_order_of_their_numbers(
    guest: Guest, assistant: FakeAssistant
) -> None:
    await asyncio.gather(*(guest.send(f"number {number}") for number in range(8)))
    answers = await guest.hears(8)
    said = [m["text"] for m in guest.heard if m["author"] == "customer"]
    assert [a["text"] for a in answers] == [f"You said: {text}" for text in said]
    assert assistant.ran == said
    assert not assistant.crowded
    assert [m["seq"] for m in guest.heard] == list(range(1, 17))


async def test_conversations_do_not_wait_for_each_other(http: AsyncClient, assistant: FakeAssistant) -> None:
    assistant.hold()
    several = [await arrive(http) for _ in range(4)]
    for guest in several:
        for number in range(3):
            await guest.send(f"number {number}")
    await assistant.asked(4)
    assert assistant.most_at_once == 4
    assistant.let_go()
    for guest in several:
        assert [m["text"] for m in await guest.hears(3)] == [f"You said: number {number}" for number in range(3)]
    assert not assistant.crowded


# Messages out --------------------------------------------------------------------------------------------------------


async def test_a_poll_returns_at_once_what_there_is(guest: Guest) -> None:
    await guest.say("hello")
    everything = await get(guest, after=0, wait=30)
    assert [m["seq"] for m in everything] == [1, 2]
    assert [m["seq"] for m in await get(guest, after=1, wait=30)] == [2]
    assert await get(guest, after=2) == []
    assert await get(guest, after=10**18) == []


async def test_a_poll_waits_and_is_woken_by_the_answer(guest: Guest, assistant: FakeAssistant) -> None:
    assistant.hold()
    await guest.send("hello")
    poll = asyncio.create_task(get(guest, after=1, wait=30))
    assert not (await asyncio.wait({poll}, timeout=0.2))[0]
    assistant.let_go()
    (answer,) = await asyncio.wait_for(poll, 10)
    assert answer["text"] == "You said: hello"


async def test_a_poll_is_woken_by_what_is_sent_in_another_tab(guest: Guest, assistant: FakeAssistant) -> None:
    assistant.hold()
    poll = asyncio.create_task(get(guest, wait=30))
    assert not (await asyncio.wait({poll}, timeout=0.2))[0]
    await guest.send("hello")
    (mine,) = await asyncio.wait_for(poll, 10)
    assert (mine["author"], mine["text"]) == ("customer", "hello")


async def test_a_poll_in_vain_returns_nothing_after_its_time(guest: Guest) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await get(guest, wait=0.2) == []
    assert loop.time() - began >= 0.2


async def test_a_poll_for_what_cannot_be_is_refused(guest: Guest) -> None:
    for query in ("after=-1", "after=x", "wait=31", "wait=-1", "wait=nan"):
        answer = await guest.http.get(f"/v1/chat/messages?{query}", headers=guest.headers)
        assert is_problem(answer, 422, "invalid-request"), query


async def test_a_message_comes_with_what_belongs_to_it_and_no_more(guest: Guest, assistant: FakeAssistant) -> None:
    replies = [Outgoing("One", "utter_offer_standard", [], OFFER), Outgoing("Two", "utter_ask_cups", BUTTONS, None)]
    assistant.answer = lambda _: Receipt(Understood("ask_advice", 0.8, "en", None, []), replies)
    await guest.send("any advice?")
    offer, question = await guest.hears(2)
    assert set(offer) == {"seq", "id", "author", "text", "offer", "at", "in_reply_to"}
    assert offer["offer"] == OFFER
    assert set(question) == {"seq", "id", "author", "text", "buttons", "at", "in_reply_to"}
    assert set(guest.heard[0]) == {"seq", "id", "client_id", "author", "text", "at"}
    assert guest.heard[0]["at"].endswith("+00:00")


async def test_the_language_of_the_talk_follows_the_customer(guest: Guest, assistant: FakeAssistant) -> None:
    assistant.answer = lambda _: says("Halo!", language="id")
    await guest.say("halo")
    await guest.say("apa kabar")
    assert [message.language for message, _ in assistant.turns] == ["en", "id"]


async def get(guest: Guest, **query: float) -> list[dict[str, Any]]:
    answer = await guest.http.get("/v1/chat/messages", params=query, headers=guest.headers)
    assert answer.status_code == 200, answer.text
    said: list[dict[str, Any]] = answer.json()["messages"]
    return said


# Buttons -------------------------------------------------------------------------------------------------------------


async def test_a_button_that_is_pressed_reaches_the_assistant_as_what_it_means(
    guest: Guest, assistant: FakeAssistant
) -> None:
    assistant.answer = asks
    (question,) = await guest.say("any advice?")
    assert [b["title"] for b in question["buttons"]] == ["Yes", "10 to 40"]
    assert (await guest.post(payload=question["buttons"][1]["payload"])).status_code == 202
    await guest.hears()
    assert guest.heard[-2]["text"] == "10 to 40"
    message, _ = assistant.turns[-1]
    assert (message.text, message.meaning) == ("10 to 40", "/answer_question cups.10_to_40")


async def test_payloads_are_opaque_and_never_the_same(guest: Guest, assistant: FakeAssistant) -> None:
    assistant.answer = asks
    shown = [(await guest.say("any advice?"))[0]["buttons"] for _ in range(2)]
    payloads = {b["payload"] for buttons in shown for b in buttons}
    assert len(payloads) == 4
    assert all("/" not in p and "affirm" not in p and "answer" not in p for p in payloads)
    assert all(set(b) == {"title", "payload"} for buttons in shown for b in buttons)


async def test_a_button_that_was_never_shown_is_refused(guest: Guest, assistant: FakeAssistant) -> None:
    assistant.answer = asks
    await guest.say("any advice?")
    for payload in ("x", "/affirm", "/answer_question cups.10_to_40", "\u0000", "☕"):
        assert is_problem(await guest.post(payload=payload), 422, "unknown-button"), ascii(payload)


async def test_a_button_of_another_conversation_is_refused(
    http: AsyncClient, guest: Guest, assistant: FakeAssistant
) -> None:
    assistant.answer = asks
    (question,) = await guest.say("any advice?")
    stranger = await arrive(http)
    await stranger.say("any advice?")
    for button in question["buttons"]:
        assert is_problem(await stranger.post(payload=button["payload"]), 422, "unknown-button")
    assert await guest.post(payload=question["buttons"][0]["payload"])


# The stream, over a real socket --------------------------------------------------------------------------------------


class Stream:
    """Server-sent events of one conversation, as they come."""

    def __init__(self, answer: Response) -> None:
        assert answer.headers["content-type"].startswith("text/event-stream")
        self._lines = answer.aiter_lines()

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Id and content of the next event."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if line and name:
                    fields[name] = value
                elif "data" in fields:
                    assert fields["event"] == "message"
                    return fields["id"], json.loads(fields["data"])
        raise AssertionError("the stream has ended")

    async def ends(self) -> None:
        """Until it is over; nothing may come before."""
        async with asyncio.timeout(10):
            assert not [line async for line in self._lines if line]


def streaming(guest: Guest, client: AsyncClient, after: int = 0, **headers: str) -> Any:
    everything = guest.headers | headers
    return client.stream("GET", "/v1/chat/stream", params={"after": after}, headers=everything)


async def test_a_stream_tells_what_was_and_what_comes(served: str, assistant: FakeAssistant) -> None:
    async with AsyncClient(base_url=served) as client:
        guest = await arrive(client)
        await guest.say("hello")
        async with streaming(guest, client) as answer:
            stream = Stream(answer)
            assert [(await stream.next())[0] for _ in range(2)] == ["1", "2"]
            await guest.send("and now?")
            assert (await stream.next())[1]["text"] == "and now?"
            number, said = await stream.next()
            assert (number, said["seq"], said["text"]) == ("4", 4, "You said: and now?")
            assert said == (await get(guest, after=3))[0]


async def test_a_stream_goes_on_after_the_last_event_that_arrived(served: str) -> None:
    async with AsyncClient(base_url=served) as client:
        guest = await arrive(client)
        for text in ("one", "two"):
            await guest.say(text)
        for after, last, first in ((0, "2", "3"), (0, "3", "4"), (3, "1", "2"), (2, "", "3"), (3, "x", "4")):
            async with streaming(guest, client, after, **{"last-event-id": last}) as answer:
                assert (await Stream(answer).next())[0] == first


async def test_a_stream_says_who_holds_the_conversation(served: str, gateway: FastAPI, engine: Engine) -> None:
    def hold(state: str) -> None:
        with UnitOfWork(engine) as work:
            work.connection.execute(update(conversations).values(state=state))
            work.commit()
        gateway.state.stack.wakeups.wake(guest.conversation_id)

    async with AsyncClient(base_url=served) as client:
        guest = await arrive(client)
        await guest.say("hello")
        hold("waiting")
        told = []
        async with asyncio.timeout(10), streaming(guest, client, after=2) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    told.append(json.loads(line.removeprefix("data: ")))
                    hold("staff" if len(told) == 1 else "bot")
                assert not line.startswith("id:"), "a state is no message to go on after"
                if len(told) == 3:
                    break
        assert told == [{"state": "waiting"}, {"state": "staff"}, {"state": "bot"}]


async def test_a_last_event_that_is_no_number_is_passed_over(served: str) -> None:
    async with AsyncClient(base_url=served) as client:
        guest = await arrive(client)
        await guest.say("hello")
        for last in ("\u00b2", "9" * 5000, "-1", "1.5", "\u00e9"):
            strange: Any = {"last-event-id": last.encode("latin-1")}
            async with streaming(guest, client, **strange) as answer:
                assert (await Stream(answer).next())[0] == "1", ascii(last)


async def test_a_stream_ends_with_the_session(
    served: str, gateway: FastAPI, clock: Clock, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncClient(base_url=served) as client:
        guest = await arrive(client)
        async with streaming(guest, client) as answer:
            stream = Stream(answer)
            await guest.send("hello")
            assert (await stream.next())[0] == "1"
            assert (await stream.next())[0] == "2"
            clock.move(hours=settings.session_hours)
            gateway.state.stack.wakeups.wake(guest.conversation_id)
            await stream.ends()
        async with streaming(guest, client) as answer:
            await answer.aread()
            assert is_problem(answer, 401, "session-unknown")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# Page events ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def page_event(clock: Clock) -> dict[str, Any]:
    return {
        "source": "web",
        "event_id": "e-1",
        "at": clock.now.isoformat(),
        "touchpoint": "web",
        "kind": "view_product",
        "identifiers": [{"type": "email", "value": "somebody@example.com"}],
        "product": "office_blend",
    }


async def tell(guest: Guest, event: dict[str, Any]) -> Response:
    return await guest.http.post("/v1/chat/events", json=event, headers=guest.headers)


async def test_a_page_event_is_kept_once_under_the_profile_of_the_session(
    guest: Guest, page_event: dict[str, Any], engine: Engine
) -> None:
    assert [(await tell(guest, page_event)).status_code for _ in range(2)] == [202, 200]
    with reading(engine) as connection:
        (kept,) = connection.execute(select(events)).all()
        here = select(conversations.c.customer_id).where(conversations.c.id == guest.conversation_id)
        assert kept.customer_id == connection.execute(here).scalar_one()
    assert (kept.kind, kept.body["product"], kept.touchpoint) == ("view_product", "office_blend", "web")


async def test_what_a_browser_says_of_time_and_place_is_not_believed(
    http: AsyncClient, guest: Guest, page_event: dict[str, Any], engine: Engine, clock: Clock
) -> None:
    await tell(guest, page_event | {"at": "2001-01-01T00:00:00", "touchpoint": "store", "source": "pos"})
    await tell(await arrive(http), page_event | {"source": "pos"})
    with reading(engine) as connection:
        kept = connection.execute(select(events)).all()
    assert len(kept) == 2, "one browser's ids are in no other's way"
    assert {(row.at, row.touchpoint) for row in kept} == {(clock.now, "web")}
    assert all(row.source.startswith("page:") for row in kept)


async def test_a_browser_tells_of_pages_only(guest: Guest, page_event: dict[str, Any]) -> None:
    for kind in ("purchase", "return", "repair", "complaint", "chat", "view"):
        assert is_problem(await tell(guest, page_event | {"kind": kind}), 422, "kind-not-allowed"), kind


async def test_page_events_need_a_session(http: AsyncClient, page_event: dict[str, Any], settings: Settings) -> None:
    for token in ("made-up", settings.secret("api_key")):
        headers = {"authorization": f"Bearer {token}"}
        refused = await http.post("/v1/chat/events", json=page_event, headers=headers)
        assert is_problem(refused, 401, "session-unknown")


NO_EVENTS: list[dict[str, Any]] = [
    {"event_id": ""},
    {"event_id": "e\u0000"},
    {"event_id": "e" * 129},
    {"at": "noon"},
    {"kind": "View Page"},
    {"source": ""},
]


async def test_what_is_no_event_is_refused(guest: Guest, page_event: dict[str, Any]) -> None:
    for changed in NO_EVENTS:
        assert is_problem(await tell(guest, page_event | changed), 422, "invalid-request"), changed


# Around it -----------------------------------------------------------------------------------------------------------


async def test_pages_of_allowed_origins_may_read_answers(http: AsyncClient) -> None:
    answer = await http.get("/v1/chat/config", headers={"origin": ALLOWED})
    assert answer.headers["access-control-allow-origin"] == ALLOWED
    refused = await http.get("/v1/chat/messages", headers={"origin": ALLOWED})
    assert refused.headers["access-control-allow-origin"] == ALLOWED


async def test_pages_of_allowed_origins_may_ask(http: AsyncClient) -> None:
    for header in ("authorization", "content-type", "last-event-id"):
        asked = {"origin": ALLOWED, "access-control-request-method": "POST", "access-control-request-headers": header}
        allowed = await http.options("/v1/chat/messages", headers=asked)
        assert allowed.status_code == 200
        assert header in allowed.headers["access-control-allow-headers"].lower()


async def test_pages_of_other_origins_may_not(http: AsyncClient) -> None:
    for origin in ("https://evil.example", "https://shop.example.evil.example", "null"):
        answer = await http.get("/v1/chat/config", headers={"origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        asked = {"origin": origin, "access-control-request-method": "POST"}
        assert (await http.options("/v1/chat/messages", headers=asked)).status_code == 400


async def test_the_gateway_says_that_it_lives_and_whether_it_is_ready(
    http: AsyncClient, assistant: FakeAssistant
) -> None:
    assert (await http.get("/healthz")).json() == {"status": "alive"}
    assert (await http.get("/readyz")).json() == {"status": "ready"}
    assistant.is_down = True
    told = await http.get("/readyz")
    assert is_problem(told, 503, "not-ready")
    assert told.json()["detail"] == "Told to be down."
    assert (await http.get("/healthz")).status_code == 200


async def test_a_gateway_without_its_database_lives_but_is_not_ready(http: AsyncClient, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sql("ALTER TABLE conversations RENAME TO elsewhere"))
    told = await http.get("/readyz")
    assert is_problem(told, 503, "not-ready")
    assert "database" in told.json()["detail"]
    assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("backend", ["postgresql"])  # a reader of SQLite waits for nobody
async def test_a_database_that_hangs_is_not_waited_for(
    http: AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "STORE_SECONDS", 0.2)
    with engine.begin() as connection:
        connection.execute(sql("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE"))
        told = await http.get("/readyz")
    assert is_problem(told, 503, "not-ready")
    assert "has not answered" in told.json()["detail"]


async def test_the_gateway_counts(http: AsyncClient, guest: Guest, assistant: FakeAssistant) -> None:
    before = await figures(http)
    await guest.say("hello")
    assistant.hold()
    await guest.send("and now?")
    await assistant.asked(2)
    after = await figures(http)
    assert after["rapport_backlog"] == 1
    for name, grown in (('rapport_messages_total{channel="web"}', 2), ('rapport_turns_total{outcome="answered"}', 1)):
        assert after[name] - before.get(name, 0) == grown


async def figures(http: AsyncClient) -> dict[str, float]:
    told = await http.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain")
    lines = [line.rsplit(" ", 1) for line in told.text.splitlines() if line.startswith("rapport_")]
    return {name: float(value) for name, value in lines}


async def test_what_is_not_there_is_a_problem_too(http: AsyncClient) -> None:
    for method, path, status in (
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/chat/messages", 405),
    ):
        assert is_problem(await http.request(method, path), status, "http"), path


async def test_what_goes_wrong_here_is_a_problem_too(gateway: FastAPI, guest: Guest, engine: Engine) -> None:
    def break_down() -> None:
        raise RuntimeError("with a secret in it")

    gateway.add_api_route("/broken", break_down)
    transport = httpx.ASGITransport(gateway, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://testserver") as client:
        answer = await client.get("/broken")
    assert is_problem(answer, 500, "internal")
    assert "secret" not in answer.text


async def test_a_gateway_that_ends_lets_go_of_the_assistant(
    settings: Settings, engine: Engine, business: Business, clock: Clock
) -> None:
    assistant = FakeAssistant()
    app = create_app(settings, engine, business, assistant, clock)
    async with app.router.lifespan_context(app):
        assert not assistant.is_closed
    assert assistant.is_closed


async def test_a_message_that_was_taken_is_in_the_store(guest: Guest, assistant: FakeAssistant, engine: Engine) -> None:
    assistant.hold()
    taken = (await guest.post(text="hello", client_id=uuid4().hex)).json()
    with reading(engine) as connection:
        row = connection.execute(select(messages).where(messages.c.id == taken["message_id"])).one()
    assert (row.state, row.seq, row.text, row.author) == ("received", 1, "hello", "customer")
