"""The pages for the phone and the IDIC report in a real browser: by keyboard, in light and dark, narrow and wide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import seeds
from colleague import only_console
from on_port import on_port
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from crm_store.access.staff import add_staff
from crm_store.business import Business
from crm_store.database import UnitOfWork

EMAIL = "rina@example.com"
PASSWORD = "a long enough password"
WIDTHS = (360, 768, 1280, 1920)

# The pages are the same on either database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
def address(engine: Engine, business: Business, now: datetime, tmp_path: Path) -> Iterator[str]:
    """Where the console is served, with conversations in it, two of one surname, and one member of staff."""
    seeds.seed(engine, now)
    with UnitOfWork(engine) as uow:
        for name, phone in (("Dewi", "+628115550003"), ("Adi", "+628115550004")):
            customer = seeds.add_customer(uow.connection, now - timedelta(days=90))
            about = {"given_name": name, "family_name": "Lestari", "postcode": "15111", "date_of_birth": "1990-01-02"}
            seeds.add_record(
                uow.connection,
                customer,
                "web",
                name.lower(),
                now - timedelta(days=90),
                **about,
                phone=phone,
                language="id",
            )
        add_staff(uow, EMAIL, "agent", PASSWORD, now, "Rina")
        uow.commit()
    with on_port(only_console(engine, business, tmp_path, lambda: now)) as url:
        yield f"{url}/console"


@pytest.fixture
def agent(page: Page, address: str) -> Iterator[Page]:
    """Somebody who is signed in; the test fails when the content policy refused something of ours."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{address}/call")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Find a caller")).to_be_visible()  # signing in led to what was asked for
    yield page
    assert [text for text in complaints if "Content Security Policy" in text] == []


def test_a_call_by_keyboard_alone(agent: Page) -> None:
    agent.keyboard.type("0811 5550 003")  # the box has the focus
    agent.keyboard.press("Enter")
    expect(agent.get_by_role("heading", name="Dewi Lestari")).to_be_visible()
    expect(agent.get_by_text("Date of birth")).to_be_visible()

    agent.get_by_role("button", name="Two agree").focus()
    agent.keyboard.press("Enter")
    expect(agent.get_by_text("Compared, they agree")).to_be_visible()

    asked = agent.get_by_text("Apa yang paling penting untuk secangkir kopi Anda?")
    expect(asked).to_have_attribute("lang", "id")
    agent.get_by_role("button", name="Rasa", exact=True).focus()
    agent.keyboard.press("Enter")
    expect(agent.get_by_text("Before in this call (1)")).to_be_visible()
    agent.get_by_text("Where they come from").click()
    expect(agent.get_by_text("told by staff: Rina")).to_be_visible()

    agent.get_by_role("radio", name="A complaint").focus()
    agent.keyboard.press("Space")
    agent.get_by_role("radio", name="Still open").focus()
    agent.keyboard.press("Space")
    agent.get_by_role("button", name="Keep").focus()
    agent.keyboard.press("Enter")
    refused = agent.get_by_role("alert")
    expect(refused).to_contain_text("Write what is wrong")
    text = agent.get_by_label("What a colleague needs to know")
    expect(text).to_be_focused()  # where the mend is
    expect(agent.get_by_role("radio", name="A complaint")).to_be_checked()
    agent.keyboard.type("The beans were stale.")
    agent.get_by_label("Minutes").fill("4")
    agent.keyboard.press("Enter")
    expect(agent.get_by_text("A complaint, still open: The beans were stale.")).to_be_visible()
    say = agent.get_by_role("region", name="Say and ask now")
    expect(say.get_by_text("Complaint: open")).to_be_visible()

    agent.get_by_role("button", name="Settled", exact=True).click()
    expect(say.get_by_text("Complaint: open")).to_have_count(0)


def test_one_of_several_is_picked(agent: Page) -> None:
    agent.get_by_role("searchbox").fill("lestari")
    agent.keyboard.press("Enter")
    expect(agent.get_by_text("2 customers may be meant")).to_be_visible()
    agent.get_by_role("listitem").filter(has_text="web adi").click()  # a row opens wherever it is clicked
    expect(agent.get_by_role("heading", name="Adi Lestari")).to_be_visible()
    agent.get_by_role("button", name="They do not").click()
    expect(agent.get_by_text("The caller is not shown to be this customer")).to_be_visible()
    expect(agent.get_by_text("1990-01-02")).to_have_count(0)


def test_a_call_of_somebody_who_is_in_no_system_and_a_word_on_consent(agent: Page, address: str) -> None:
    agent.get_by_text("Keep a call of somebody").click()
    agent.get_by_text("A question").click()
    agent.get_by_text("We call back").click()
    agent.get_by_role("button", name="Keep").click()
    expect(agent.get_by_role("status")).to_have_text("The call is kept")
    agent.goto(f"{address}/call?phone=%2B628115550003")
    agent.get_by_role("button", name="They withdraw: Being offered things").click()
    expect(agent.get_by_role("button", name="They allow it again: Being offered things")).to_be_visible()
    agent.goto(f"{address}/requests")
    expect(agent.get_by_text("call back", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_screen(agent: Page, address: str, scheme: str) -> None:
    agent.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for path in (
        "call",
        "call?q=nobody@example.com",
        "call?name=lestari",
        "call?phone=%2B628115550003",
        "report",
        "matches",
        "requests",
    ):
        agent.goto(f"{address}/{path}")
        for width in WIDTHS:
            agent.set_viewport_size({"width": width, "height": 800})
            assert agent.evaluate("document.documentElement.scrollWidth") <= width, path
            assert _faintest(agent) >= 4.5, (path, width)


def test_the_report_s_table_is_scrolled_by_keyboard_and_keeps_the_names(agent: Page, address: str) -> None:
    agent.set_viewport_size({"width": 360, "height": 800})
    agent.goto(f"{address}/report")
    table = agent.get_by_role("region", name="Identify").locator(".scroll")
    table.focus()
    for _ in range(8):
        agent.keyboard.press("ArrowRight")
    while table.evaluate("element => element.scrollLeft") < 100:
        agent.wait_for_timeout(20)
    name = table.get_by_role("rowheader", name="New identifiers").bounding_box()
    assert name
    assert name["x"] >= 0
    agent.get_by_label("From").fill("2026-02-01")
    agent.get_by_label("to", exact=True).fill("2026-02-28")
    agent.get_by_role("button", name="Show").click()
    expect(agent.get_by_text("1 February 2026 to 28 February 2026")).to_be_visible()


_CONTRAST = """() => {
  const pixel = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour, below) => {
    pixel.fillStyle = below; pixel.fillRect(0, 0, 1, 1);
    pixel.fillStyle = colour; pixel.fillRect(0, 0, 1, 1);
    return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const css = (c) => `rgb(${c.join(',')})`;
  const light = (c) => c.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    const above = element.parentElement ? ground(element.parentElement) : rgb('white', 'white');
    return rgb(getComputedStyle(element).backgroundColor, css(above));
  };
  let least = 21;
  for (const element of document.querySelectorAll('main *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest('option, .unseen, [aria-hidden]')) continue;
    const below = ground(element), ink = rgb(getComputedStyle(element).color, css(below));
    const [a, b] = [light(ink), light(below)].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least;
}"""


def _faintest(page: Page) -> float:
    """The least contrast of any text of the page with what is behind it (WCAG 2: 4.5 or more)."""
    found: float = page.evaluate(_CONTRAST)
    return found
