"""The widget on the real gateway: what the two promise each other about people, returning and leaving holds between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import PATIENCE, Widget
from fakes.assistant import FakeAssistant
from on_port import on_port
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, Engine, select

from bot.gateway.app import create_app, now
from bot.settings import Settings
from crm_store.access.staff import Staff, add_staff
from crm_store.business import Business
from crm_store.conversations import desk
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, device_tokens, sessions

# What is seen is the same on either database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
Does = Callable[[Connection, Staff, str], object]


class Gateway:
    """The gateway at an address, and what a member of staff does there."""

    def __init__(self, engine: Engine, url: str) -> None:
        self.engine, self.url = engine, url
        with UnitOfWork(engine) as work:
            self.rina = add_staff(work, "rina@example.com", "agent", "a long enough password", now(), "Rina")
            work.commit()

    def does(self, does: Does) -> None:
        """In the conversation that was begun last. Nobody is woken: a poll hears of it with the customer's next message."""
        with UnitOfWork(self.engine) as work:
            latest = select(conversations.c.id).where(conversations.c.last_seq > 0)
            talk = work.connection.execute(latest.order_by(conversations.c.started_at.desc())).scalars().first()
            does(work.connection, self.rina, str(talk))
            work.commit()


@pytest.fixture
def gateway(engine: Engine, business: Business, tmp_path: Path) -> Iterator[Gateway]:
    with on_port(create_app(Settings(var=tmp_path, _env_file=None), engine, business, FakeAssistant())) as url:
        yield Gateway(engine, url)


@pytest.fixture
def shop(gateway: Gateway, page: Page) -> Widget:
    expect.set_options(timeout=PATIENCE)
    page.goto(gateway.url)
    return Widget(page, gateway.url).open()


def takes(connection: Connection, rina: Staff, talk: str) -> None:
    desk.take(connection, rina, talk, now())


def says(text: str) -> Does:
    return lambda connection, rina, talk: desk.reply(connection, rina, talk, text, now())


def hands_back(connection: Connection, rina: Staff, talk: str) -> None:
    desk.hand_back(connection, rina, talk, now())


def test_a_person_takes_over_answers_and_hands_back(shop: Widget, gateway: Gateway) -> None:
    shop.say("hello")
    shop.shows("hello", "You said: hello")
    role = shop.page.locator(".role")
    gateway.does(takes)
    shop.say("is anybody there?")  # and the poll comes back with it
    expect(role).to_have_text("Rina from Kopi Sudirman is here now")
    gateway.does(says("Yes, Rina here."))
    shop.say("good")
    shop.shows("hello", "You said: hello", "is anybody there?", "Yes, Rina here.", "good")
    expect(shop.saying("Rina here").locator(".by")).to_have_text("Rina, our team")
    gateway.does(hands_back)
    shop.say("bye")
    expect(shop.messages.last).to_have_text("You said: bye")
    expect(role).to_have_text("Digital assistant")


def test_who_comes_back_days_later_finds_the_answer_of_a_person(shop: Widget, gateway: Gateway) -> None:
    shop.say("hello")
    shop.shows("hello", "You said: hello")
    gateway.does(takes)
    shop.say("please look it up")
    expect(shop.page.locator(".role")).to_contain_text("Rina")
    shop.page.goto("about:blank")
    with UnitOfWork(gateway.engine) as work:
        work.connection.execute(sessions.delete())
        work.commit()
    gateway.does(says("Found it."))
    shop.page.goto(gateway.url)
    expect(shop.page.get_by_role("button", name="Chat with us, 1 unread")).to_be_visible()
    shop.open().shows("hello", "You said: hello", "please look it up", "Found it.")


def test_this_is_not_me_leaves_no_device_that_is_known(shop: Widget, gateway: Gateway) -> None:
    shop.say("my secret")
    shop.shows("my secret", "You said: my secret")
    before = shop.kept()["device_token"]
    shop.page.get_by_role("button", name="This isn't me").click()
    shop.page.get_by_role("button", name="Start anew").click()
    shop.shows()
    shop.say("hi")
    shop.shows("hi", "You said: hi")
    assert shop.kept()["device_token"] != before
    with reading(gateway.engine) as connection:
        (kept,) = connection.execute(select(device_tokens)).all()
        latest = select(conversations).order_by(conversations.c.started_at.desc())
        assert connection.execute(latest).first().customer_id == kept.customer_id  # type: ignore[union-attr]


def test_what_is_written_offline_arrives_once_and_in_order(shop: Widget, gateway: Gateway) -> None:
    shop.say("one")
    shop.shows("one", "You said: one")
    shop.page.context.set_offline(True)
    shop.say("two")
    shop.say("two")
    expect(shop.wire).to_contain_text("You are offline")
    shop.page.context.set_offline(False)
    expect(shop.messages).to_have_count(6)
    expect(shop.page.locator(".customer .text")).to_have_text(["one", "two", "two"])
