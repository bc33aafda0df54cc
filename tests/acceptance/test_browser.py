"""The running system as people see it: the real widget on the demo shop, and the staff console, in a real browser."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

import pytest
from acceptance.running import Stack, is_carried_out, until
from browsing import PATIENCE, Widget
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import Engine, select

from crm_store.database import reading
from crm_store.tables import conversations, events, metadata

# The pages are the same on either database.
pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)

SENTENCE = "hi, what do you recommend?"
TASTES = {
    "Sari": "Quick and easy",
    "Budi": "Taste|By hand",
    "Dewi": "Quick and easy|With a machine|A little",
    "Wira": "A good price|By hand",
    "Stay anonymous": "Quick and easy|With a machine",
}
"""Who one can be on the shop page, and what they would answer when asked."""


@pytest.fixture
def widget(page: Page, stack: Stack) -> Widget:
    """The widget on the shop page that the running stack serves, for a new visitor."""
    expect.set_options(timeout=PATIENCE)
    stack.wait_until_ready()
    return visit(page, stack)


def visit(page: Page, stack: Stack) -> Widget:
    page.goto(stack.url)
    expect(page.locator(".person")).to_have_count(5)
    return Widget(page, stack.url)


def answers(widget: Widget) -> Locator:
    """What was said by the assistant."""
    return widget.page.locator(".message.bot .text")


def ask(widget: Widget, text: str, *, replies: int = 1) -> str:
    """Says something and waits for so many replies; all of them together."""
    before = answers(widget).count()
    widget.say(text)
    return heard(widget, before, replies)


def press(widget: Widget, title: str, *, replies: int = 1) -> str:
    before = answers(widget).count()
    widget.page.locator(".choices button:enabled", has_text=title).first.click()
    return heard(widget, before, replies)


def heard(widget: Widget, before: int, replies: int) -> str:
    expect(answers(widget)).to_have_count(before + replies)
    return "\n".join(answers(widget).all_inner_texts()[before:])


def test_a_guest_greets_states_a_need_answers_in_own_words_and_sees_an_offer_with_its_reason(widget: Widget) -> None:
    widget.open()
    assert "assistant" in ask(widget, "hello", replies=2)
    assert "cups" in ask(widget, "I'm looking for something for the office")
    assert "cup" in ask(widget, "why do you ask?", replies=2)
    assert "For 30 cups a day, Office Blend" in ask(widget, "like 30")
    card = widget.page.locator(".offer")
    expect(card.get_by_role("heading")).to_have_text("Office Blend in 1 kg bags")
    expect(card.locator(".reason")).to_contain_text("Because you told me it is for an office of about 30 cups a day")
    card.get_by_role("link", name="Have a look").click()
    expect(widget.page).to_have_url(re.compile(r"/#office_blend$"))


def test_a_guest_does_the_same_in_indonesian_and_answers_by_button(widget: Widget, page: Page) -> None:
    page.get_by_role("button", name="Bahasa Indonesia").click()
    widget.open()
    assert "asisten" in ask(widget, "halo kak", replies=2)
    assert "cangkir" in ask(widget, "cari kopi buat kantor")
    assert "Office Blend kemasan 1 kg" in press(widget, "10 sampai 40")
    expect(page.locator(".offer .reason")).to_contain_text("Karena Anda bilang ini untuk kantor")
    expect(page.locator(".choices .chosen")).to_have_text("10 sampai 40")


def test_a_reload_shows_the_same_conversation_and_it_goes_on(widget: Widget, page: Page) -> None:
    widget.open()
    ask(widget, "something for the office")
    before = widget.messages.all_inner_texts()
    page.reload()
    widget.open()
    expect(widget.messages).to_have_text(before)
    assert "For 10 to 40 cups a day" in press(widget, "10 to 40")


def test_who_comes_back_on_the_same_device_is_welcomed_back_without_a_name(widget: Widget, page: Page) -> None:
    widget.open()
    ask(widget, "I love trying new origins")
    page.get_by_role("button", name="New conversation").click()
    expect(widget.messages).to_have_count(0)
    assert re.search(r"back|again", ask(widget, "hello"))


def test_who_asks_to_be_forgotten_sees_the_farewell_and_is_in_no_table_and_no_tracker(
    widget: Widget, page: Page, stack: Stack, store: Engine
) -> None:
    widget.open()
    unusual = "quixotic-marimba"
    ask(widget, f"something cheap for my {unusual}")
    conversation = widget.kept()["conversation_id"]
    assert unusual in everything(store)
    assert "can't be undone" in ask(widget, "please forget me")
    assert "has been deleted" in press(widget, "Yes")
    until(lambda: is_carried_out(store), "what an erasure leaves is carried out")
    for gone in (unusual, conversation):
        assert gone not in everything(store)
        assert gone not in tracked(stack)
    page.reload()
    widget.open()
    assert not re.search(r"back|again", ask(widget, "hello"))


def everything(store: Engine) -> str:
    """Every row of every table, as text."""
    with reading(store) as connection:
        return "\n".join(
            json.dumps([str(value) for value in row], ensure_ascii=False)
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
        )


def tracked(stack: Stack) -> str:
    """Everything in Rasa's tracker, as text."""
    with closing(sqlite3.connect(stack.var / "tracker.db")) as tracker:
        return "\n".join(str(row) for row in tracker.execute("SELECT * FROM events"))


def test_four_customers_and_a_stranger_say_the_same_and_are_seen_to_be_treated_differently(
    widget: Widget, page: Page
) -> None:
    seen, cards = {}, {}
    for name, tastes in TASTES.items():
        become(widget, name)
        page.locator("#say").click()
        expect(widget.composer).to_have_value(SENTENCE)
        widget.composer.press("Enter")
        answer(widget, tastes)
        seen[name] = page.locator(".log").inner_text()
        cards[name] = page.locator(".offer").all_inner_texts()
    assert "machine is ready at Menteng" in seen["Sari"]
    assert not cards["Sari"]
    for name in ("Sari", "Budi", "Dewi", "Wira"):
        assert name in seen[name]
        assert name not in seen["Stay anonymous"]
    for name in ("Budi", "Dewi", "Wira", "Stay anonymous"):
        assert len(cards[name]) == 1, name
        assert "Because " in cards[name][0], name
    assert "First taste of the new Toraja roast" in cards["Budi"][0]
    assert "Capsules at double points" in cards["Dewi"][0]
    assert "Copy" not in cards["Wira"][0]  # no discount code
    assert "Drip bags for a week of mornings" in cards["Stay anonymous"][0]  # as quick and easy as Dewi's


def become(widget: Widget, name: str) -> None:
    """Chooses who to be on the bar of the shop page; the chat of whoever was there before is out of sight then."""
    person = widget.page.locator(".person", has_text=name)
    person.click()
    expect(person).to_have_attribute("aria-pressed", "true")
    expect(widget.page.locator("rapport-chat[user-token]")).to_have_count(int(name != "Stay anonymous"))
    expect(widget.messages).to_have_count(0)


def answer(widget: Widget, tastes: str) -> None:
    """Answers whatever is asked before the offer, each by the button that is to their taste."""
    wanted = widget.page.locator(".choices button:enabled").filter(has_text=re.compile(f"^({tastes})$"))
    while True:
        expect(widget.page.locator(".offer .reason").or_(wanted).or_(widget.saying("machine is ready"))).to_be_visible()
        if not wanted.count():
            return
        before = answers(widget).count()
        wanted.click()
        expect(answers(widget)).not_to_have_count(before)


def test_who_signs_in_goes_on_with_the_talk_as_who_they_are(widget: Widget, page: Page) -> None:
    widget.open()
    ask(widget, "something for the office")
    page.locator(".person", has_text="Sari").click()
    expect(page.locator("rapport-chat[user-token]")).to_be_attached()
    assert "machine is ready at Menteng" in ask(widget, "what do you recommend?")
    expect(widget.messages.first).to_have_text("something for the office")


def test_a_product_that_is_looked_at_arrives_as_an_event_of_this_visitor(
    widget: Widget, page: Page, store: Engine
) -> None:
    page.get_by_role("button", name="Toraja").click()
    expect(page.locator("#detail")).to_contain_text("Toraja single origin")
    page.get_by_role("button", name="Ask about this").click()
    expect(widget.composer).to_have_value("How much is Toraja single origin 250 g?")
    widget.composer.press("Enter")
    expect(answers(widget)).to_contain_text("125,000")

    def arrived() -> bool:
        with reading(store) as connection:
            rows = connection.execute(
                select(events.c.kind, events.c.touchpoint, events.c.body)
                .join(conversations, conversations.c.customer_id == events.c.customer_id)
                .where(conversations.c.id == widget.kept()["conversation_id"])
            ).all()
        return [(r.kind, r.touchpoint, r.body["product"]) for r in rows] == [("view_product", "web", "toraja")]

    widget.until(arrived)


def test_staff_sign_in_see_the_newest_conversation_first_and_read_what_was_understood_and_why(
    widget: Widget, browser: Browser, stack: Stack
) -> None:
    password = json.loads(stack.rapport("staff", "add", "rina@example.com", "--json"))["password"]
    widget.open()
    ask(widget, "I'm looking for something for the office")
    ask(widget, "like 33")
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.goto(f"{stack.url}/console")
    page.get_by_label("Email").fill("rina@example.com")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Conversations")).to_be_visible()
    newest = page.locator(".conversations li:not(.waiting)").first  # what waits for staff stands before it
    expect(newest).to_contain_text("For 33 cups a day")
    expect(newest).to_contain_text("just now")
    newest.get_by_role("link").click()
    talk = page.get_by_role("region", name="Transcript")
    for shown in ("I'm looking for something for the office", "state need", "like 33", "offer office_starter"):
        expect(talk).to_contain_text(shown)
    panel = page.locator("#customer")
    for known in ("Supply for a group", "About how many cups a day is that?", "10 to 40"):
        expect(panel).to_contain_text(known)
    page.close()
