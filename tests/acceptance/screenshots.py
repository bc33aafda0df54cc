"""Takes the pictures of the README from the running system: `pytest tests/acceptance/screenshots.py` writes docs/images/ anew.

Not part of the test run. What is shown is said here; nothing on the pictures is drawn.
"""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from acceptance.running import Stack, Talker
from browsing import PATIENCE, Widget
from playwright.sync_api import Browser, Page, expect

from bot.cli.training import RASA_PYTHON
from bot.settings import ROOT
from demo.people import PEOPLE

pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)

IMAGES = ROOT / "docs/images"
FEWER_COLOURS = """
import sys
from PIL import Image
picture = Image.open(sys.argv[1]).convert("RGB").quantize(256, dither=Image.Dither.NONE)
picture.save(sys.argv[1], optimize=True)
"""
"""A third of the bytes, and nobody sees it. Rasa's environment has Pillow."""
SENTENCE = "hi, what do you recommend?"
Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    """Opens a page of the running stack as somebody who was never there."""
    expect.set_options(timeout=PATIENCE)
    stack.wait_until_ready()

    def open_page(path: str, width: int, height: int, colours: Literal["light", "dark"] = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=colours,
            locale="en-GB",
            timezone_id="Asia/Jakarta",
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto(stack.url + path)
        return page

    yield open_page
    for context in browser.contexts:
        context.close()


def test_the_chat_on_the_shop_page(visit: Visit) -> None:
    page = visit("/", 1020, 880)
    talk(page, "hi, looking for something for the office", "like 30")
    expect(page.locator(".offer")).to_be_visible()
    keep(page, "widget-light")


def test_the_chat_on_a_phone_in_dark_colours(visit: Visit) -> None:
    page = visit("/", 412, 880, "dark")
    talk(page, "hi, I am looking for something for our office", "like 30")
    expect(page.locator(".offer")).to_be_visible()
    keep(page, "widget-dark")


def test_the_chat_in_indonesian(visit: Visit) -> None:
    page = visit("/", 412, 880)
    page.get_by_role("button", name="Bahasa Indonesia").click()
    talk(page, "halo kak, cari kopi buat kantor", "sekitar 30 cangkir")
    expect(page.locator(".offer")).to_be_visible()
    keep(page, "widget-id")


def test_the_same_sentence_from_four_customers_and_what_staff_see_of_it(visit: Visit, stack: Stack) -> None:
    who_waits = others(stack)
    tastes = {"Wira": "By hand|A good price", "Sari": "", "Dewi": "Quick and easy|A little", "Budi": "Taste"}
    panels = {}
    for name, wanted in tastes.items():
        page = visit("/", 1000, 900)
        page.locator(".person", has_text=name).click()
        expect(page.locator("rapport-chat[user-token]")).to_be_attached()
        talk(page, SENTENCE)
        choose(page, wanted)
        panels[name] = page.locator(".panel").screenshot()
    talk(page, "yes please")
    keep(side_by_side(visit("/privacy", 1200, 625), panels), "four-customers")
    password = json.loads(stack.rapport("staff", "add", "rina@example.com", "--name", "Rina", "--json"))["password"]
    page = visit("/console", 1200, 740)
    page.get_by_label("Email").fill("rina@example.com")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Conversations")).to_be_visible()
    keep(page, "console-list")
    page.set_viewport_size({"width": 1200, "height": 1080})
    page.get_by_role("link", name="Budi Hartono").first.click()
    expect(page.locator("#customer")).to_be_visible()
    keep(page, "console-transcript")
    page.set_viewport_size({"width": 1200, "height": 640})
    page.get_by_role("link", name="Requests").click()
    expect(page.get_by_role("heading", name="Requests")).to_be_visible()
    keep(page, "console-requests")
    take_over(page, who_waits)
    keep(page, "console-takeover")
    page.get_by_role("link", name="All conversations").click()
    search(page, "office*")
    keep(page, "console-search")
    page.set_viewport_size({"width": 1200, "height": 980})
    page.goto(f"{stack.url}/console/call?order={next(p.order for p in PEOPLE if p.id == 'sari')}")
    expect(page.get_by_role("heading", name="Sari Wijaya")).to_be_visible()
    keep(page, "console-call")
    for days in (60, 0):
        day = datetime.now(UTC) - timedelta(days=days)
        stack.rapport("score", "--as-of", f"{day:%Y-%m-%d}")
    page.goto(f"{stack.url}/console/portfolio")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    keep(page, "console-portfolio")
    page.goto(f"{stack.url}/console/report")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    keep(page, "console-report")


def take_over(page: Page, customer: Talker) -> None:
    """Staff and a customer who waits for a person, in a conversation of theirs."""
    page.set_viewport_size({"width": 1200, "height": 960})
    page.get_by_role("link", name="Conversations").click()
    page.locator(".waiting-now li", has_text="petugas").get_by_role("button", name="Take over").first.click()
    reply = page.get_by_label(re.compile("^Reply to"))
    reply.fill("Halo, saya Rina. Ada yang bisa saya bantu?")
    reply.press("Enter")
    customer.answer()
    customer.send(text="mesin kopi saya bocor, apa masih garansi?")
    expect(page.locator("#said").get_by_text("apa masih garansi")).to_be_visible()
    reply.fill("Masih, dua tahun. Boleh dibawa ke toko Menteng atau kami jemput besok?")
    page.get_by_label("Add a tag").fill("garansi")
    page.get_by_label("Add a tag").press("Enter")
    expect(page.locator("#work").get_by_role("link", name="garansi")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")


def search(page: Page, words: str) -> None:
    page.get_by_label("Search what was said").fill(words)
    page.get_by_label("Search what was said").press("Enter")
    expect(page.locator(".hits mark").first).to_be_visible()
    page.get_by_text("Filters", exact=True).click()
    page.locator("#f-language").select_option("en")
    expect(page.locator(".chip")).to_be_visible()


def others(stack: Stack) -> Talker:
    """Who else was there this morning, in either language. Returns who waits for a person."""
    Talker(stack, "id").say("tokonya di mana ya?")
    office = Talker(stack)
    office.say("coffee for the office please")
    office.say("like 30")
    Talker(stack).say("my order arrived broken, I want to complain")
    waits = Talker(stack, "id")
    waits.say("mau bicara dengan petugas")
    returning = Talker(stack)
    returning.say("how much is the gayo?")
    Talker(stack, device_token=returning.device_token).say("hello")
    return waits


def choose(page: Page, wanted: str) -> None:
    """Answers what is asked by the button that is wanted, until there is no such question."""
    buttons = page.locator(".choices button:enabled").filter(has_text=re.compile(f"^({wanted})$"))
    while buttons.count():
        before = page.locator(".message.bot").count()
        buttons.first.click()
        expect(page.locator(".message.bot")).not_to_have_count(before)
        settle(page)


def side_by_side(page: Page, panels: dict[str, bytes]) -> Page:
    figures = "".join(
        f"<figure><figcaption>{name}</figcaption><img src='data:image/png;base64,{b64encode(panel).decode()}'></figure>"
        for name, panel in sorted(panels.items(), key=lambda named: "Sari Budi Dewi Wira".index(named[0]))
    )
    page.set_content(
        "<style>body{margin:12px 16px;display:flex;gap:16px;font:600 17px system-ui;text-align:center;background:#fff}"
        "figure{margin:0;flex:1}figcaption{margin-bottom:8px}"
        f"img{{width:100%;border-radius:18px;border:1px solid #ddd}}</style>{figures}"
    )
    return page


def talk(page: Page, *sentences: str) -> None:
    """Says these, each after the answer to the one before."""
    widget = Widget(page, page.url)
    if not widget.panel.is_visible():
        widget.open()
    for sentence in sentences:
        before = page.locator(".message.bot").count()
        widget.say(sentence)
        expect(page.locator(".message.bot")).not_to_have_count(before)
    settle(page)


def settle(page: Page) -> None:
    """Waits until nothing moves any more."""
    expect(page.locator(".typing")).to_be_hidden()
    page.locator("textarea").blur()
    page.wait_for_timeout(300)


def keep(page: Page, name: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    subprocess.run([RASA_PYTHON, "-c", FEWER_COLOURS, path], check=True)
