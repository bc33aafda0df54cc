"""Staff and a customer at the same gateway, each in a browser: what one says the other reads without doing anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import seeds
from browsing import PATIENCE, Widget
from fakes.assistant import FakeAssistant
from on_port import on_port
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import Engine, select, update

from bot.gateway.app import create_app
from bot.settings import Settings
from crm_store.access.staff import add_staff
from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, messages

PASSWORD = "a long enough password"

# What happens in the browser is the same on either database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@dataclass
class Shop:
    url: str
    engine: Engine

    def conversation(self) -> str:
        """The newest one."""
        with reading(self.engine) as connection:
            newest = select(conversations.c.id).order_by(conversations.c.last_at.desc()).limit(1)
            return str(connection.execute(newest).scalar_one())

    def call_for_person(self) -> None:
        """The newest conversation waits for a person, as after a turn in which one was asked for."""
        with UnitOfWork(self.engine) as work:
            here = conversations.c.id == self.conversation()
            work.connection.execute(update(conversations).where(here).values(state="waiting"))
            work.commit()


@pytest.fixture
def shop(engine: Engine, business: Business, tmp_path: Path) -> Iterator[Shop]:
    """The gateway with two members of staff and an assistant that echoes."""
    expect.set_options(timeout=PATIENCE)
    with UnitOfWork(engine) as uow:
        for name in ("Rina", "Agus"):
            add_staff(uow, f"{name.lower()}@example.com", "agent", PASSWORD, datetime.now(UTC), name)
        uow.commit()
    gateway = create_app(Settings(var=tmp_path, demo=True), engine, business, FakeAssistant())
    with on_port(gateway) as url:
        yield Shop(url, engine)


@pytest.fixture
def widget(page: Page, shop: Shop) -> Widget:
    """A customer who has said hello in the chat of the demo shop, and was answered."""
    page.goto(shop.url)
    widget = Widget(page, shop.url).open()
    widget.say("hello")
    expect(widget.saying("You said: hello")).to_be_visible()
    return widget


@pytest.fixture
def desk(browser: Browser, shop: Shop) -> Iterator[Page]:
    """The browser of Rina, who is signed in; fails when a script threw or the content policy refused something."""
    yield from staff_browser(browser, shop, "rina")


@pytest.fixture
def other_desk(browser: Browser, shop: Shop) -> Iterator[Page]:
    yield from staff_browser(browser, shop, "agus")


def staff_browser(browser: Browser, shop: Shop, name: str, *, scripts: bool = True) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 800}, java_script_enabled=scripts)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.on("console", lambda told: thrown.append(told.text) if "Content Security Policy" in told.text else None)
    page.goto(f"{shop.url}/console")
    page.get_by_label("Email").fill(f"{name}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Conversations", exact=True)).to_be_visible()
    yield page
    context.close()
    assert not thrown


def test_staff_take_over_talk_hand_back_and_the_assistant_speaks_again(widget: Widget, desk: Page, shop: Shop) -> None:
    desk.get_by_role("link", name="Guest", exact=True).click()
    desk.get_by_role("button", name="Take over").click()
    expect(desk.get_by_text("You hold this conversation.")).to_be_visible()
    reply = desk.get_by_label("Reply to Guest")
    reply.fill("Hello, Rina here.")
    reply.press("Enter")
    expect(widget.saying("Hello, Rina here.")).to_be_visible()
    expect(widget.page.get_by_text("Rina").first).to_be_visible()
    expect(reply).to_have_value("")
    desk.bring_to_front()
    expect(reply).to_be_focused()
    widget.say("oh, a person! do you have toraja?")
    said = desk.locator("#said")
    expect(said.get_by_text("oh, a person! do you have toraja?")).to_be_visible()
    expect(desk.locator("#heard")).to_have_text("Customer: oh, a person! do you have toraja?")
    reply.fill("Yes,")
    reply.press("Shift+Enter")
    reply.press_sequentially("in Kemang.")
    reply.press("Enter")
    expect(widget.saying("in Kemang.")).to_be_visible()
    desk.get_by_role("button", name="Hand back").click()
    expect(desk.get_by_text("The assistant answers here.")).to_be_visible()
    expect(said.get_by_text("Rina handed back")).to_be_visible()
    expect(widget.saying("You are talking with the assistant again.")).to_be_visible()
    widget.say("thanks")
    expect(widget.saying("You said: thanks")).to_be_visible()
    expect(said.get_by_text("You said: thanks")).to_be_visible()
    desk.get_by_label("Add a tag").fill("stock")
    desk.get_by_label("Add a tag").press("Enter")
    expect(desk.locator("#work").get_by_role("link", name="stock")).to_be_visible()
    desk.get_by_role("button", name="Mark reviewed").click()
    expect(desk.get_by_text("Reviewed by Rina, just now.")).to_be_visible()
    desk.get_by_role("link", name="All conversations").click()
    desk.get_by_label("Search what was said").fill("tora*")
    desk.get_by_label("Search what was said").press("Enter")
    desk.get_by_role("link", name="do you have toraja").click()
    expect(desk.locator(".message:target mark")).to_have_text("toraja")
    assert widget.messages.count() == 8


def test_what_is_pressed_while_a_reply_is_on_its_way_is_done_after_it(widget: Widget, desk: Page, shop: Shop) -> None:
    desk.get_by_role("link", name="Guest", exact=True).click()
    desk.get_by_role("button", name="Take over").click()
    expect(desk.get_by_text("You hold this conversation.")).to_be_visible()
    on_the_way: list[Route] = []
    desk.route("**/reply", lambda route: on_the_way.append(route))  # noqa: PLW0108 - wants a function of its own
    reply = desk.get_by_label("Reply to Guest")
    reply.fill("Goodbye.")
    reply.press("Enter")
    reply.press("Enter")  # and not said twice
    desk.get_by_role("button", name="Hand back").click()
    widget.until(lambda: len(on_the_way) == 1)
    on_the_way[0].continue_()
    expect(desk.get_by_text("The assistant answers here.")).to_be_visible()
    expect(widget.saying("Goodbye.")).to_have_count(1)


def test_who_waits_appears_in_list_title_and_navigation_without_a_reload(
    widget: Widget, desk: Page, shop: Shop
) -> None:
    expect(desk).to_have_title("Conversations · Kopi Sudirman")
    shop.call_for_person()
    widget.say("is anybody there?")
    expect(desk.get_by_role("heading", name="Waiting for a person")).to_be_visible()
    expect(desk).to_have_title("(1) Conversations · Kopi Sudirman")
    expect(desk.get_by_role("link", name="Conversations 1 waiting for a person")).to_be_visible()
    waiting = desk.locator(".waiting-now")
    expect(waiting.get_by_text("Customer: is anybody there?")).to_be_visible()
    waiting.get_by_role("button", name="Take over").click()
    expect(desk.get_by_text("You hold this conversation.")).to_be_visible()
    desk.bring_to_front()
    expect(desk.get_by_label("Reply to Guest")).to_be_focused()
    expect(desk).to_have_title("Guest · Kopi Sudirman")


def test_a_reply_to_who_waits_takes_the_conversation_over(widget: Widget, desk: Page, shop: Shop) -> None:
    shop.call_for_person()
    desk.goto(f"{shop.url}/console/conversations/{shop.conversation()}")
    desk.get_by_label("Reply to Guest").fill("I am here.")
    desk.get_by_role("button", name="Take over and send").click()
    expect(widget.saying("I am here.")).to_be_visible()
    expect(desk.get_by_text("You hold this conversation.")).to_be_visible()


def test_news_take_nothing_from_who_is_typing_or_has_unfolded_something(widget: Widget, desk: Page, shop: Shop) -> None:
    here = shop.conversation()
    with UnitOfWork(shop.engine) as work:
        first = select(messages.c.id).where(messages.c.conversation_id == here).order_by(messages.c.seq).limit(1)
        talk = seeds.Talk(work.connection, seeds.add_customer(work.connection, datetime.now(UTC)), datetime.now(UTC))
        talk.id, talk.last_message = here, work.connection.execute(first).scalar_one()
        talk.decide("guest", "guest: the usual offers", facts={"tier": "migrator"})
        work.commit()
    desk.goto(f"{shop.url}/console/conversations/{here}")
    desk.get_by_role("button", name="Take over").click()
    desk.get_by_text("What it rested on").click()
    reply, note = desk.get_by_label("Reply to Guest"), desk.get_by_label("Add a note")
    note.fill("half a no")
    reply.fill("half an answ")
    widget.say("one more thing")
    expect(desk.get_by_text("one more thing").first).to_be_visible()
    desk.bring_to_front()
    expect(reply).to_be_focused()
    reply.press_sequentially("er")
    expect(reply).to_have_value("half an answer")
    expect(note).to_have_value("half a no")
    expect(desk.get_by_text("migrator")).to_be_visible()
    note.focus()
    desk.get_by_label("Add a tag").fill("x")
    desk.get_by_label("Add a tag").press("Enter")  # its part of the page is made anew
    expect(desk.locator("#work").get_by_role("link", name="x", exact=True)).to_be_visible()
    expect(note).to_have_value("half a no")


def test_a_colleague_sees_who_holds_it_and_is_asked_before_taking_it(
    widget: Widget, desk: Page, other_desk: Page, shop: Shop
) -> None:
    for page in (desk, other_desk):
        page.goto(f"{shop.url}/console/conversations/{shop.conversation()}")
    desk.get_by_role("button", name="Take over").click()
    expect(other_desk.get_by_text("Rina holds this conversation.")).to_be_visible()
    desk.get_by_label("Reply to Guest").fill("a careful answer")
    other_desk.get_by_text("Take over…").click()
    other_desk.get_by_role("button", name="Take it over from Rina").click()
    expect(other_desk.get_by_text("You hold this conversation.")).to_be_visible()
    expect(desk.get_by_text("Agus holds this conversation.")).to_be_visible()
    expect(desk.get_by_label("What you wrote was not sent")).to_have_value("a careful answer")
    expect(widget.messages).to_have_count(2)


def test_who_is_signed_out_elsewhere_is_told_and_loses_no_words(widget: Widget, desk: Page, shop: Shop) -> None:
    desk.goto(f"{shop.url}/console/conversations/{shop.conversation()}")
    desk.get_by_role("button", name="Take over").click()
    desk.get_by_label("Reply to Guest").fill("a careful answer")
    other_tab = desk.context.new_page()
    other_tab.goto(f"{shop.url}/console")
    other_tab.get_by_role("button", name="Sign out").click()
    widget.say("hello?")
    expect(desk.get_by_text("Your session is over")).to_be_visible()
    expect(desk.get_by_label("Reply to Guest")).to_have_value("a careful answer")


def test_all_of_it_works_without_scripts(widget: Widget, browser: Browser, shop: Shop) -> None:
    for desk in staff_browser(browser, shop, "agus", scripts=False):
        desk.get_by_role("link", name="Guest", exact=True).click()
        desk.get_by_role("button", name="Take over").click()
        desk.get_by_label("Reply to Guest").fill("Agus here.")
        desk.get_by_role("button", name="Send").click()
        expect(widget.saying("Agus here.")).to_be_visible()
        widget.say("ah, good")
        expect(widget.saying("ah, good")).to_be_visible()
        desk.get_by_role("link", name="Look for new messages").click()
        expect(desk.get_by_text("ah, good")).to_be_visible()
        desk.get_by_label("Add a note").fill("all well")
        desk.locator("#work").get_by_role("button", name="Add").last.click()
        expect(desk.get_by_text("all well")).to_be_visible()
        desk.get_by_role("button", name="Mark reviewed").click()
        expect(desk.get_by_text("Reviewed by Agus")).to_be_visible()
        desk.get_by_role("button", name="Hand back").click()
        expect(desk.get_by_text("The assistant answers here.")).to_be_visible()
        desk.get_by_role("link", name="All conversations").click()
        desk.get_by_text("Filters").click()
        desk.locator("#f-reviewed").select_option(label="Reviewed")
        desk.get_by_role("button", name="Apply").click()
        expect(desk.get_by_role("link", name="Guest", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_a_held_conversation_can_be_read_and_answered(
    desk: Page, shop: Shop, widget: Widget, scheme: str
) -> None:
    desk.set_viewport_size({"width": 360, "height": 640})
    desk.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    with UnitOfWork(shop.engine) as work:
        now = datetime.now(UTC)
        talk = seeds.Talk(work.connection, seeds.add_customer(work.connection, now), now - timedelta(minutes=9))
        for n in range(12):
            talk.customer_says(f"question {n}")
        work.commit()
    desk.goto(f"{shop.url}/console/conversations/{talk.id}")
    desk.get_by_role("button", name="Take over").click()
    reply = desk.get_by_label("Reply to Guest")
    reply.fill("the answer")
    desk.get_by_role("button", name="Send").click()
    answer = desk.locator(".message.staff").get_by_text("the answer")
    expect(answer).to_be_in_viewport()
    place, box = answer.bounding_box(), desk.locator("#desk").bounding_box()
    assert place
    assert box
    assert place["y"] + place["height"] <= box["y"]  # not under the box to reply in
    assert desk.evaluate("document.documentElement.scrollWidth") <= 360
