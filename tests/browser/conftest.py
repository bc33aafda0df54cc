"""The fake chat server that the customer's pages talk to here."""

from collections.abc import Iterator

import pytest
from browsing import PATIENCE, Widget
from fakes.chat_script import scripted
from fakes.chat_server import ChatServer, Running
from playwright.sync_api import Page, expect


@pytest.fixture
def chat() -> ChatServer:
    return ChatServer(answer=scripted)


@pytest.fixture
def server(chat: ChatServer) -> Iterator[Running]:
    with Running(chat) as running:
        yield running


@pytest.fixture
def widget(page: Page, server: Running) -> Widget:
    expect.set_options(timeout=PATIENCE)
    return Widget(page, server.url)
