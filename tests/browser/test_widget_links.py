"""From the widget to Telegram and back, by a link that works once: the widget on the real gateway, Telegram's side in the store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from browsing import PATIENCE, Widget
from fakes.assistant import FakeAssistant
from on_port import on_port
from playwright.sync_api import Page, expect
from pydantic import SecretStr
from sqlalchemy import Engine, select

from bot.gateway.app import create_app, now
from bot.settings import Settings
from crm_store.business import Business
from crm_store.conversations.chats import Place, chat_of
from crm_store.database import UnitOfWork, reading
from crm_store.identify.accounts import prove_phone
from crm_store.identify.links import FORM, make_link
from crm_store.tables import conversations

# What is seen is the same on either database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
def url(engine: Engine, business: Business, tmp_path: Path) -> Iterator[str]:
    settings = Settings(
        _env_file=None,
        var=tmp_path,
        telegram_token=SecretStr("70001:AAfake-token-of-the-tests-0123456789abc"),
        telegram_bot="KopiBot",
        telegram_api_url="http://127.0.0.1:9",  # nobody is there, and nobody has to be
    )
    with on_port(create_app(settings, engine, business, FakeAssistant())) as url:
        yield url


@pytest.fixture
def shop(url: str, page: Page) -> Widget:
    expect.set_options(timeout=PATIENCE)
    page.goto(url)
    return Widget(page, url)


def link_from_telegram(engine: Engine) -> str:
    """Of an account that has proven its number."""
    with UnitOfWork(engine) as work:
        chat = chat_of(work.connection, Place("telegram", "501", "en"), "501", now(), timedelta(hours=12))
        prove_phone(work.connection, "telegram", chat.profile, chat.conversation_id, "+628115550001", now())
        link = make_link(work.connection, chat.conversation_id, now())
        work.commit()
    return link.token


def test_a_link_from_telegram_opens_the_chat_and_leaves_the_address_at_once(
    shop: Widget, engine: Engine, url: str
) -> None:
    shop.page.goto("about:blank")
    shop.page.goto(f"{url}/#rapport={link_from_telegram(engine)}")
    expect(shop.panel).to_be_visible()
    expect(shop.messages).to_contain_text("We can go on here: I know that it is you")
    assert "#" not in shop.page.url
    with reading(engine) as connection:
        here = select(conversations.c.assurance).where(conversations.c.channel == "web")
        assert connection.execute(here).scalars().all() == ["verified"]
    shop.page.reload()
    shop.open().shows("We can go on here: I know that it is you, as on Telegram. What would you like to know?")


def test_a_link_that_is_no_longer_good_says_so(shop: Widget, url: str) -> None:
    shop.page.goto("about:blank")
    shop.page.goto(f"{url}/#rapport=go-{'x' * 32}")
    expect(shop.messages).to_contain_text("That link is no longer good")


def test_who_was_here_before_goes_on_on_telegram_with_one_press(shop: Widget) -> None:
    shop.page.context.route("https://t.me/**", lambda route: route.fulfill(body="Telegram"))
    shop.open().say("hello")
    shop.shows("hello", "You said: hello")
    onward = shop.page.get_by_role("button", name="Continue on Telegram")
    with shop.page.expect_popup():
        onward.click()
    expect(shop.page.get_by_role("alert").filter(has_text="once we know you")).to_be_visible()
    shop.page.get_by_role("button", name="New conversation").click()
    shop.say("hello again")
    expect(shop.messages.last).to_have_text("You said: hello again")
    with shop.page.expect_popup() as opened:
        onward.click()
    opened.value.wait_for_url(re.compile(r"https://t\.me/.*"))
    bot, _, token = opened.value.url.partition("?start=")
    assert bot == "https://t.me/KopiBot"
    assert FORM.fullmatch(token)
