"""One trained model and one running stack for each database, shared by all acceptance tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.running import Stack, running, train_if_needed
from fakes.telegram import FakeTelegram
from sqlalchemy import Engine

from crm_store.database import open_engine


@pytest.fixture(scope="session")
def model() -> None:
    """The assistant, trained when it is not."""
    train_if_needed()


@pytest.fixture(scope="session")
def telegram() -> Iterator[FakeTelegram]:
    """What the stack takes for Telegram."""
    with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def stack(
    request: pytest.FixtureRequest, model: None, telegram: FakeTelegram, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The stack with the demo business, as `make run` leaves it, on Telegram too."""
    channel = {"RAPPORT_TELEGRAM_TOKEN": telegram.token, "RAPPORT_TELEGRAM_API_URL": telegram.url}
    var: Path = tmp_path_factory.mktemp(f"stack-{request.param}")
    if request.param == "sqlite":
        with running(f"sqlite:///{var}/rapport.db", var, **channel) as stack:
            yield stack
        return
    with request.getfixturevalue("cluster").database() as url, running(url, var, **channel) as stack:
        yield stack


@pytest.fixture
def store(stack: Stack) -> Iterator[Engine]:
    """The store of the running stack, to look into."""
    engine = open_engine(stack.database_url)
    yield engine
    engine.dispose()
