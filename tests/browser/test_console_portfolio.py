"""The portfolio in a real browser: from a figure to the conversations, on a phone too, and as a file without a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import seeds
from colleague import only_console
from on_port import on_port
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from bot.console.portfolio.page import file_of
from bot.console.wording import Wording
from crm_store.access.staff import add_staff
from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate.calibration import Bin, NeedsCheck
from crm_store.differentiate.movers import movers
from crm_store.differentiate.portfolio import Portfolio
from crm_store.differentiate.runs import draw
from crm_store.differentiate.scoring import score

EMAIL = "rina@example.com"
PASSWORD = "a long enough password"

# The pages are the same on either database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
def drawn(engine: Engine, business: Business, now: datetime) -> Portfolio:
    """A portfolio of a dozen customers after two runs, some of whom moved."""
    with UnitOfWork(engine) as work:
        for number in range(12):
            customer = seeds.add_customer(work.connection, now)
            seeds.add_record(work.connection, customer, "pos", f"10{number}", now)
            for days in range(1 + 9 * number, 300, 40):
                at = now - timedelta(days=days)
                seeds.add_purchase(work.connection, customer, at, 90_000 * number, "office_beans")
        add_staff(work, EMAIL, "agent", PASSWORD, now, "Rina")
        work.commit()
    for days in (60, 0):
        at = now - timedelta(days=days)
        run = score(engine, business, as_of=at, horizon=365.0, now=at).run
        found = draw(engine, business, run, advance=lambda _: None)
    return found


@pytest.fixture
def address(drawn: Portfolio, engine: Engine, business: Business, now: datetime, tmp_path: Path) -> Iterator[str]:
    with on_port(only_console(engine, business, tmp_path, lambda: now)) as url:
        yield f"{url}/console"


def sign_in(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Conversations", exact=True)).to_be_visible()


def test_a_figure_leads_to_the_conversations_of_its_customers(page: Page, address: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    sign_in(page, address)
    page.get_by_role("link", name="Value", exact=True).click()
    expect(page.get_by_role("heading", name="Value by needs")).to_be_visible()
    expect(page.get_by_role("img", name="Actual value by tenths")).to_be_visible()
    expect(page.get_by_role("region", name="From tier to tier")).to_be_visible()
    table = page.get_by_role("table", name="Value by needs")
    table.get_by_role("row", name="Most valuable").get_by_role("cell").get_by_role("link").first.click()
    expect(page).to_have_url(f"{address}/?tier=most_valuable&need=office")
    assert complaints == []  # the content policy refused nothing of ours


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_and_what_moved_is_seen(page: Page, address: str, scheme: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    sign_in(page, address)
    page.goto(f"{address}/portfolio")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.locator(".movers li").first).to_be_visible()
    outside = """() => [...document.querySelectorAll(".heat td span")].filter(e => {
        const a = e.getBoundingClientRect(), cell = e.closest("td").getBoundingClientRect();
        return a.left < cell.left || a.right > cell.right || a.top < cell.top || a.bottom > cell.bottom;
    }).length"""
    assert page.evaluate(outside) == 0


def test_the_file_needs_no_network_and_is_light_on_paper(
    page: Page, drawn: Portfolio, engine: Engine, business: Business, now: datetime, tmp_path: Path
) -> None:
    bins = [Bin(0.1, 0.2, 90, 0.15, 14), Bin(0.7, 0.8, 30, 0.75, 24)]
    checked = replace(drawn, needs=NeedsCheck(60, 40, 2, bins, 0.02, 40, 41.0))
    with reading(engine) as connection:
        found = movers(connection, business, drawn)
    out = tmp_path / "out.html"
    out.write_text(file_of(checked, found, Wording(business, now)), "utf-8")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(out.as_uri())
    assert asked == [out.as_uri()]
    expect(page.get_by_role("img", name="How often what was expected came true")).to_be_visible()
    page.get_by_text("The figures").click()
    expect(page.get_by_role("rowheader", name="70 % to 80 %")).to_be_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
