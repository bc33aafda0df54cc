"""The gateway as a whole, with a fake in Rasa's place and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from fakes.assistant import FakeAssistant
from fastapi import FastAPI
from guest import Clock
from httpx import ASGITransport, AsyncClient
from sqlalchemy import Engine
from till import Till

from bot.gateway.app import create_app
from bot.settings import Settings
from crm_store.business import Business

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
def till(http: AsyncClient, settings: Settings, clock: Clock) -> Till:
    return Till(http, settings.secret("api_key"), clock)
