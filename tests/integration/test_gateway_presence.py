"""What the chat API says of the people of the business: who holds the conversation, who said what; and leaving it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fakes.assistant import FakeAssistant
from fastapi import FastAPI
from guest import Clock, Guest, arrive
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import Connection, Engine
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from crm_store.access.staff import Staff, add_staff
from crm_store.conversations import desk
from crm_store.database import UnitOfWork
from crm_store.tables import conversations

OUTSIDE = "203.0.113.7"


@pytest.fixture
async def guest(http: AsyncClient) -> Guest:
    return await arrive(http, language="en")


@pytest.fixture
def rina(engine: Engine, clock: Clock) -> Staff:
    with UnitOfWork(engine) as work:
        rina = add_staff(work, "rina@example.com", "agent", "a long enough password", clock.now, "Rina")
        work.commit()
    return rina


@pytest.fixture
def at_the_desk(engine: Engine, gateway: FastAPI, guest: Guest) -> Callable[[Callable[[Connection], object]], None]:
    """Does something in the guest's conversation and tells those who listen, as the console does."""

    def work_on(does: Callable[[Connection], object]) -> None:
        with UnitOfWork(engine) as work:
            does(work.connection)
            work.commit()
        gateway.state.stack.wakeups.wake(guest.conversation_id)

    return work_on


AtTheDesk = Callable[[Callable[[Connection], object]], None]


async def asks(guest: Guest, **query: Any) -> dict[str, object]:
    answer = await guest.http.get("/v1/chat/messages", params=query, headers=guest.headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json()
    return told


# Who holds it --------------------------------------------------------------------------------------------------------


async def test_the_assistant_holds_a_conversation_until_somebody_takes_it(
    guest: Guest, rina: Staff, at_the_desk: AtTheDesk, clock: Clock
) -> None:
    await guest.say("hello")
    assert (await asks(guest, after=2)) == {"messages": [], "state": "bot"}
    at_the_desk(lambda connection: desk.take(connection, rina, guest.conversation_id, clock.now))
    assert (await asks(guest, after=2)) == {"messages": [], "state": "staff", "name": "Rina"}
    at_the_desk(lambda connection: desk.hand_back(connection, rina, guest.conversation_id, clock.now))
    assert (await asks(guest, after=2)) == {"messages": [], "state": "bot"}


async def test_what_staff_say_carries_their_name_and_nothing_else_of_them(
    guest: Guest, rina: Staff, at_the_desk: AtTheDesk, clock: Clock
) -> None:
    await guest.say("hello")
    at_the_desk(lambda connection: desk.take(connection, rina, guest.conversation_id, clock.now))
    at_the_desk(lambda connection: desk.reply(connection, rina, guest.conversation_id, "Rina here.", clock.now))
    (said,) = await guest.news()
    assert set(said) == {"seq", "id", "author", "name", "text", "at"}
    assert (said["author"], said["name"], said["text"]) == ("staff", "Rina", "Rina here.")
    assert all("name" not in message for message in guest.heard[:-1])


async def test_a_poll_that_knows_the_state_is_told_of_another_at_once(
    guest: Guest, rina: Staff, at_the_desk: AtTheDesk, clock: Clock
) -> None:
    await guest.say("hello")
    poll = asyncio.create_task(asks(guest, after=2, wait=30, state="bot"))
    assert not (await asyncio.wait({poll}, timeout=0.2))[0]
    at_the_desk(lambda connection: desk.take(connection, rina, guest.conversation_id, clock.now))
    assert await asyncio.wait_for(poll, 10) == {"messages": [], "state": "staff", "name": "Rina"}
    assert (await asyncio.wait_for(asks(guest, after=2, wait=30, state="bot"), 10))["state"] == "staff"


async def test_a_poll_that_does_not_ask_for_the_state_waits_for_words(
    guest: Guest, rina: Staff, at_the_desk: AtTheDesk, clock: Clock
) -> None:
    await guest.say("hello")
    poll = asyncio.create_task(asks(guest, after=2, wait=30))
    await asyncio.sleep(0.1)
    at_the_desk(lambda connection: desk.take(connection, rina, guest.conversation_id, clock.now))
    assert not (await asyncio.wait({poll}, timeout=0.3))[0]
    at_the_desk(lambda connection: desk.reply(connection, rina, guest.conversation_id, "Rina here.", clock.now))
    told = await asyncio.wait_for(poll, 10)
    assert told["messages"] and told["state"] == "staff"


async def test_there_are_three_states(guest: Guest) -> None:
    answer = await guest.http.get("/v1/chat/messages?state=asleep", headers=guest.headers)
    assert answer.status_code == 422


async def test_the_assistant_speaks_again_when_it_is_handed_back(
    guest: Guest, rina: Staff, at_the_desk: AtTheDesk, clock: Clock, assistant: FakeAssistant
) -> None:
    await guest.say("hi")
    at_the_desk(lambda connection: desk.take(connection, rina, guest.conversation_id, clock.now))
    await guest.send("is anybody there?")
    at_the_desk(lambda connection: desk.reply(connection, rina, guest.conversation_id, "Yes.", clock.now))
    at_the_desk(lambda connection: desk.hand_back(connection, rina, guest.conversation_id, clock.now))
    await guest.hears()
    assert (await guest.say("hello"))[0]["author"] == "bot"
    assert assistant.ran == ["hi", "hello"]


async def test_a_device_that_returns_reads_what_was_said_while_it_was_away(
    http: AsyncClient, guest: Guest, rina: Staff, at_the_desk: AtTheDesk, clock: Clock
) -> None:
    await guest.say("hello")
    at_the_desk(lambda connection: desk.take(connection, rina, guest.conversation_id, clock.now))
    clock.move(hours=13)
    at_the_desk(lambda connection: desk.reply(connection, rina, guest.conversation_id, "Found it.", clock.now))
    back = await arrive(http, device_token=guest.device_token)
    assert back.conversation_id == guest.conversation_id
    assert [message["text"] for message in await back.news()] == ["hello", "You said: hello", "Found it."]


# Signing out ---------------------------------------------------------------------------------------------------------


async def sign_out(guest: Guest, **body: str) -> Response:
    return await guest.http.post("/v1/chat/sign-out", json=body, headers=guest.headers)


async def test_whoever_signs_out_is_heard_no_more_and_not_known_again(
    http: AsyncClient, guest: Guest, engine: Engine
) -> None:
    await guest.say("hello")
    assert (await sign_out(guest, device_token=guest.device_token)).status_code == 204
    for refused in (await guest.post(text="me again"), await sign_out(guest)):
        assert refused.status_code == 401
        assert refused.json()["type"].endswith("/session-unknown")
    stranger = await arrive(http, device_token=guest.device_token)
    with UnitOfWork(engine) as work:
        found = work.connection.execute(conversations.select().where(conversations.c.id == stranger.conversation_id))
        assert found.one().assurance == "anonymous"


async def test_a_poll_ends_when_its_session_does(guest: Guest) -> None:
    poll = asyncio.create_task(
        guest.http.get("/v1/chat/messages", params={"wait": 30}, headers=guest.headers, timeout=30)
    )
    await asyncio.sleep(0.2)
    await sign_out(guest)
    assert (await asyncio.wait_for(poll, 10)).status_code == 401


# How many sessions ---------------------------------------------------------------------------------------------------


def coming_from(gateway: FastAPI, address: str) -> AsyncClient:
    transport = ASGITransport(gateway, client=(address, 4711))
    return AsyncClient(transport=transport, base_url="http://testserver")


async def test_one_address_opens_a_limited_number_of_sessions_in_a_minute(gateway: FastAPI, clock: Clock) -> None:
    async with coming_from(gateway, OUTSIDE) as many, coming_from(gateway, "203.0.113.8") as other:
        opened = [await many.post("/v1/chat/sessions", json={}) for _ in range(61)]
        assert [answer.status_code for answer in opened] == [201] * 60 + [429]
        refused = opened[-1]
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"].endswith("/too-many-sessions")
        assert refused.headers["retry-after"] == "1"
        await arrive(other)
        clock.move(seconds=1)
        await arrive(many)


async def test_behind_a_proxy_it_is_the_customer_s_address_that_counts(gateway: FastAPI) -> None:
    transport = ASGITransport(ProxyHeadersMiddleware(gateway))  # as uvicorn wraps it
    async with AsyncClient(transport=transport, base_url="http://testserver") as proxy:

        async def through(address: str) -> int:
            headers = {"x-forwarded-for": f"{OUTSIDE}, {address}"}  # the first may be anybody's invention
            return (await proxy.post("/v1/chat/sessions", json={}, headers=headers)).status_code

        assert [await through("203.0.113.8") for _ in range(61)] == [201] * 60 + [429]
        assert await through("203.0.113.9") == 201


async def test_who_has_a_session_goes_on_when_no_more_are_opened(gateway: FastAPI) -> None:
    async with coming_from(gateway, OUTSIDE) as many:
        guest = await arrive(many)
        while (await many.post("/v1/chat/sessions", json={})).status_code == 201:
            pass
        assert await guest.say("hello")


async def test_this_machine_opens_as_many_as_it_wants(http: AsyncClient) -> None:
    for _ in range(70):
        await arrive(http)
