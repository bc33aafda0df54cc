"""How the channel lives: webhooks and their secret, a wrong token, Telegram away, and a gateway that goes on whatever happens."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import uvicorn
from fakes.assistant import FakeAssistant
from fakes.telegram import FakeTelegram
from fakes.telegram_people import Person
from fastapi import FastAPI
from guest import Clock, arrive
from httpx import ASGITransport, AsyncClient
from prometheus_client import REGISTRY
from sqlalchemy import Engine
from telegram_talk import count, hears, said_by_customers, text, until, until_stored

from bot.gateway import telegram as gateway_telegram
from bot.gateway.app import create_app
from bot.settings import Settings
from crm_store.business import Business
from crm_store.conversations.updates import KEPT, note_update
from crm_store.database import UnitOfWork
from crm_store.tables import telegram_updates

SECRET = "X-Telegram-Bot-Api-Secret-Token"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_telegram, "FIRST_PAUSE_SECONDS", 0.05)


# Webhooks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def webhook_settings(on_telegram: Settings) -> Settings:
    return on_telegram.model_copy(update={"telegram_mode": "webhook"})


@pytest.fixture
async def by_webhook(
    webhook_settings: Settings, engine: Engine, business: Business, assistant: FakeAssistant, clock: Clock
) -> AsyncIterator[AsyncClient]:
    app = create_app(webhook_settings, engine, business, assistant, clock)
    async with alive(app), AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        yield client


async def test_telegram_is_told_where_to_bring_updates_and_with_what_secret(
    by_webhook: AsyncClient, telegram: FakeTelegram, webhook_settings: Settings
) -> None:
    webhook = await until(telegram, lambda: telegram.webhook)
    assert webhook["url"] == "https://kopi.example/telegram/webhook"
    assert webhook["secret_token"] == webhook_settings.telegram_secret
    assert telegram.token not in webhook["secret_token"]


async def test_an_update_is_committed_when_its_call_is_answered(
    by_webhook: AsyncClient, ani: Person, webhook_settings: Settings, engine: Engine
) -> None:
    update = {"update_id": 7, "message": ani.message(text="hello")}
    for _ in range(2):
        answered = await by_webhook.post(
            "/telegram/webhook", json=update, headers={SECRET: webhook_settings.telegram_secret}
        )
        assert answered.status_code == 200
        assert [m.text for m in said_by_customers(engine)] == ["hello"]
    assert (await hears(ani))[0].text == "You said: hello"


@pytest.mark.parametrize("headers", [{}, {SECRET: "guessed"}, {SECRET: ""}])
async def test_who_does_not_know_the_secret_brings_nothing(
    by_webhook: AsyncClient, ani: Person, engine: Engine, headers: dict[str, str]
) -> None:
    update = {"update_id": 7, "message": ani.message(text="hello")}
    answered = await by_webhook.post("/telegram/webhook", json=update, headers=headers)
    assert answered.status_code == 401
    assert answered.json()["type"].endswith("/wrong-secret")
    assert count(engine, telegram_updates) == 0


async def test_an_update_that_cannot_be_read_is_passed_over_and_not_brought_again(
    by_webhook: AsyncClient, webhook_settings: Settings
) -> None:
    for body in ("{", "[]", '{"update_id": 1, "message": {"text": 1}}'):
        answered = await by_webhook.post(
            "/telegram/webhook", content=body, headers={SECRET: webhook_settings.telegram_secret}
        )
        assert answered.status_code == 200, body


async def test_while_the_gateway_polls_nobody_can_bring_it_updates(channel: FastAPI, ani: Person) -> None:
    async with AsyncClient(transport=ASGITransport(channel), base_url="http://testserver") as client:
        answered = await client.post("/telegram/webhook", json={"update_id": 7, "message": ani.message(text="hello")})
    assert answered.status_code == 404


async def test_updates_brought_by_telegram_itself_are_answered(
    telegram: FakeTelegram, ani: Person, webhook_settings: Settings, engine: Engine, business: Business, clock: Clock
) -> None:
    with listening() as (port, bound):
        settings = webhook_settings.model_copy(update={"public_url": f"http://127.0.0.1:{port}"})
        app = create_app(settings, engine, business, FakeAssistant(), clock)
        with served(app, bound):
            for words in ("one", "two", "three"):
                ani.says(words)
            assert [sent.text for sent in await hears(ani, 3)] == [f"You said: {w}" for w in ("one", "two", "three")]
    assert not telegram.refusals


async def test_without_a_public_address_there_is_no_webhook_and_everything_else_works(
    telegram: FakeTelegram, webhook_settings: Settings, engine: Engine, business: Business, clock: Clock
) -> None:
    settings = webhook_settings.model_copy(update={"public_url": None})
    app = create_app(settings, engine, business, FakeAssistant(), clock)
    async with alive(app):
        await until_stored(lambda: app.state.telegram.state == "no RAPPORT_PUBLIC_URL")
        await chat_works(app)
    assert telegram.webhook is None


# What may be wrong ---------------------------------------------------------------------------------------------------


async def test_without_a_token_nothing_of_telegram_is_started(gateway: FastAPI, telegram: FakeTelegram) -> None:
    assert gateway.state.telegram is None
    assert not telegram.calls


@pytest.mark.parametrize("token", ["70001:wrong", "nonsense"])
async def test_a_wrong_token_is_told_and_tried_again_and_the_gateway_goes_on(
    telegram: FakeTelegram, ani: Person, on_telegram: Settings, engine: Engine, business: Business, clock: Clock, token: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    right, telegram.token = telegram.token, token[::-1]
    app = create_app(on_telegram, engine, business, FakeAssistant(), clock)
    async with alive(app):
        await until_stored(lambda: app.state.telegram.state == "wrong token")
        await chat_works(app)
        assert up() == 0
        telegram.token = right
        assert await text(ani, "hello") == "You said: hello"
        assert app.state.telegram.state == "connected"
        assert up() == 1
    assert right not in caplog.text


async def test_telegram_away_at_the_start_is_waited_for(
    telegram: FakeTelegram, ani: Person, on_telegram: Settings, engine: Engine, business: Business, clock: Clock
) -> None:
    app = create_app(on_telegram, engine, business, FakeAssistant(), clock)
    with telegram.away():
        context = alive(app)
        await context.__aenter__()
        await until_stored(lambda: app.state.telegram.state == "away")
        await chat_works(app)
    try:
        assert await text(ani, "hello") == "You said: hello"
    finally:
        await context.__aexit__(None, None, None)


async def test_another_program_that_polls_the_same_bot_is_named_as_the_trouble(
    telegram: FakeTelegram, ani: Person, on_telegram: Settings, engine: Engine, business: Business, clock: Clock
) -> None:
    telegram.fail("conflict", "getUpdates", times=2)
    app = create_app(on_telegram, engine, business, FakeAssistant(), clock)
    async with alive(app):
        await until_stored(lambda: app.state.telegram.state == "another program asks for its updates")
        assert await text(ani, "hello") == "You said: hello"


async def test_an_update_at_which_we_fail_is_given_up_before_it_holds_up_all_others(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram.bring(message=ani.message(text="hello", chat={"id": 10**70, "type": "private"}))
    assert await text(ani, "hello") == "You said: hello"
    assert count(engine, telegram_updates) == 2


async def test_old_updates_are_forgotten(
    on_telegram: Settings, engine: Engine, business: Business, clock: Clock
) -> None:
    with UnitOfWork(engine) as work:
        note_update(work.connection, "70001", 1, clock() - KEPT * 1.01)
        note_update(work.connection, "70001", 2, clock())
        work.commit()
    async with alive(create_app(on_telegram, engine, business, FakeAssistant(), clock)):
        await until_stored(lambda: count(engine, telegram_updates) == 1)


@asynccontextmanager
async def alive(app: FastAPI) -> AsyncIterator[None]:
    async with app.router.lifespan_context(app):
        yield


async def chat_works(app: FastAPI) -> None:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        guest = await arrive(client)
        assert (await guest.say("hello"))[0]["text"] == "You said: hello"


@contextmanager
def listening() -> Iterator[tuple[int, socket.socket]]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1], bound


@contextmanager
def served(app: Any, bound: socket.socket) -> Iterator[None]:
    """The app at a real port, in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def up() -> float | None:
    return REGISTRY.get_sample_value("rapport_telegram_up")
