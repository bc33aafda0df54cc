"""The gateway, with a fake in Rasa's place and a clock that is moved by hand, and who comes to it: guests, staff, a till."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import seeds
import uvicorn
from acceptance.running import free_port
from colleague import Colleague, hire, only_console
from commands import Rapport
from fakes.assistant import FakeAssistant
from fakes.telegram import FakeTelegram
from fakes.telegram_people import Person
from fastapi import FastAPI
from guest import Clock
from httpx import ASGITransport, AsyncClient
from sqlalchemy import Engine
from till import Till
from typer.testing import CliRunner, Result
from visitor import Visitor, arrive

from bot.channels.telegram import delivery
from bot.cli.main import app as command
from bot.gateway.app import create_app
from bot.settings import Settings
from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.database import UnitOfWork

ALLOWED = "https://shop.example"


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
async def assistant() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path, allowed_origins=[ALLOWED])


@pytest.fixture
async def gateway(
    settings: Settings, engine: Engine, business: Business, assistant: FakeAssistant, clock: Clock
) -> AsyncIterator[FastAPI]:
    """The gateway, alive: its turn worker works."""
    app = create_app(settings, engine, business, assistant, clock)
    async with app.router.lifespan_context(app):
        yield app
        assistant.let_go()


@pytest.fixture
async def http(gateway: FastAPI) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(gateway), base_url="http://testserver") as client:
        yield client


@pytest.fixture
def console_alone(engine: Engine, business: Business, clock: Clock, tmp_path: Path) -> FastAPI:
    return only_console(engine, business, tmp_path, clock)


@pytest.fixture
async def rina(gateway: FastAPI, engine: Engine, clock: Clock) -> AsyncIterator[Colleague]:
    colleague = hire(gateway, engine, clock(), "Rina")
    async with colleague.http:
        yield colleague


@pytest.fixture
async def agus(gateway: FastAPI, engine: Engine, clock: Clock) -> AsyncIterator[Colleague]:
    colleague = hire(gateway, engine, clock(), "Agus")
    async with colleague.http:
        yield colleague


@pytest.fixture
def guest(engine: Engine, business: Business, now: datetime) -> Visitor:
    """Somebody new who has opened the chat."""
    return arrive(engine, business, now)


@pytest.fixture
def till(http: AsyncClient, settings: Settings, clock: Clock) -> Till:
    return Till(http, settings.secret("api_key"), clock)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose empty SQLite store the command uses; for what does not depend on the database."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/rapport.db")
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PORT", str(free_port()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture
def ani(telegram: FakeTelegram) -> Person:
    """A customer on Telegram, who speaks English."""
    return Person(telegram, 501)


@pytest.fixture
def on_telegram(telegram: FakeTelegram, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        var=tmp_path,
        telegram_token=telegram.token,
        telegram_api_url=telegram.url,
        public_url="https://kopi.example",
    )


@pytest.fixture
async def channel(
    on_telegram: Settings,
    engine: Engine,
    business: Business,
    assistant: FakeAssistant,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[FastAPI]:
    """The gateway, alive and on Telegram."""
    monkeypatch.setattr(delivery, "SWEEP_SECONDS", 0.05)
    app = create_app(on_telegram, engine, business, assistant, clock)
    async with app.router.lifespan_context(app):
        yield app
        assistant.let_go()


@pytest.fixture
async def served(gateway: FastAPI) -> AsyncIterator[str]:
    """URL of the gateway behind uvicorn, in this event loop; its life is the fixture's."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(gateway, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving
    listening.close()


@pytest.fixture
def rapport(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Rapport:
    """Runs a command on the test's own store and folder."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))

    def run(*arguments: str) -> Result:
        monkeypatch.chdir(tmp_path)
        return CliRunner().invoke(command, arguments)

    return run


@pytest.fixture
def agent(engine: Engine, now: datetime) -> Staff:
    """Somebody of the business who says who is who."""
    with UnitOfWork(engine) as work:
        staff_id = seeds.add_colleague(work.connection, "Rina", now)
        work.commit()
    return Staff(staff_id, "rina@desk.example", "Rina", "agent", now, None)
