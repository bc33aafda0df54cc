"""A real browser for the pages that people see, and the widget on them as a customer uses it.

A plugin of every test (`tests/conftest.py`); knows nothing of what answers behind the page.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

# No sandbox: test machines run as root. The rest keeps the browser from calling home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000  # ms; a machine busy with other tests is slow, a broken page never gets there


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium. Per module: the sync API holds an event loop that asyncio tests elsewhere would trip over."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing = "no chromium is installed: apt-get install chromium"
        if os.environ.get("RAPPORT_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new visitor's page; the test fails when a script on it threw."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB", timezone_id="Asia/Jakarta")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    yield page
    context.close()
    assert not thrown


class Widget:
    """The widget on a page, as a customer uses it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.launcher = page.locator(".launcher")
        self.panel = page.get_by_role("dialog")
        self.composer = page.locator("textarea")
        self.messages = page.locator(".message .text")
        self.wire = page.locator(".wire")

    def visit(self, attributes: str = "", lang: str = "en") -> "Widget":
        """An otherwise empty page in `lang` that embeds the widget with `attributes`."""
        self.page.goto(f"{self.url}/blank?lang={lang}&attributes={attributes}")
        expect(self.launcher).to_be_visible()
        return self

    def open(self) -> "Widget":
        self.launcher.click()
        expect(self.panel).to_be_visible()
        return self

    def say(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def shows(self, *texts: str) -> None:
        """Exactly these messages, in this order."""
        expect(self.messages).to_have_text(list(texts))

    def saying(self, text: str) -> Locator:
        return self.page.locator(".message", has_text=text)

    def kept(self) -> dict[str, str]:
        """What the browser keeps for this server."""
        kept: dict[str, str] = self.page.evaluate(f"JSON.parse(localStorage.getItem('rapport:{self.url}')) || {{}}")
        return kept

    def keep(self, facts: Mapping[str, object]) -> None:
        """Has the browser keep `facts` for this server, instead of what it kept."""
        self.page.evaluate(
            "([key, kept]) => localStorage.setItem(key, JSON.stringify(kept))", [f"rapport:{self.url}", facts]
        )

    def until(self, condition: Callable[[], bool]) -> None:
        """Waits for something on the server's side of the wire."""
        for _ in range(PATIENCE // 20):
            if condition():
                return
            self.page.wait_for_timeout(20)
        pytest.fail("what was waited for never happened")
