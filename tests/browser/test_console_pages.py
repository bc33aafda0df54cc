"""The staff console in a real browser: signing in, finding a conversation, reading it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
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
from crm_store.tables import interactions

EMAIL = "rina@example.com"
PASSWORD = "a long enough password"

# The pages are the same on either database.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
def address(engine: Engine, business: Business, now: datetime, tmp_path: Path) -> Iterator[str]:
    """Where the console is served, with conversations in it and one member of staff."""
    seeds.seed(engine, now)
    with UnitOfWork(engine) as uow:
        add_staff(uow, EMAIL, "agent", PASSWORD, now, "Rina")
        uow.commit()
    with on_port(only_console(engine, business, tmp_path, lambda: now)) as url:
        yield f"{url}/console"


def sign_in(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Conversations")).to_be_visible()


def test_staff_sign_in_open_a_transcript_and_sign_out(page: Page, address: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    sign_in(page, address)
    page.get_by_text("Filters").click()
    page.get_by_label("Channel").select_option(label="Telegram (1)")  # shown without pressing anything else
    expect(page).to_have_url(f"{address}/?channel=telegram")
    page.get_by_role("link", name="Sari Wijaya").click()
    expect(page.get_by_role("heading", name="Sari Wijaya").first).to_be_visible()
    panel = page.get_by_role("complementary", name="The customer")
    expect(panel.get_by_text("IDR 2,152,500").first).to_be_visible()
    expect(page.get_by_text("nanti aja ya, stok masih banyak")).to_be_visible()
    page.get_by_text("What it rested on").click()
    expect(page.get_by_text("value: margin")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()  # nothing was kept to go back to
    assert complaints == []  # the content policy refused nothing of ours


def test_evidence_leads_to_the_message_that_told_it(page: Page, address: str) -> None:
    sign_in(page, address)
    page.get_by_role("listitem").filter(has_text="Good choice.").click()  # a row opens wherever it is clicked
    page.get_by_role("link", name="answered here").click()
    expect(page.locator(".message:target")).to_contain_text("pressed a button")


def test_what_was_said_is_found_reviewed_tagged_and_noted_and_found_by_all_of_it(page: Page, address: str) -> None:
    sign_in(page, address)
    rows = page.locator(".conversations > li")
    search = page.get_by_label("Search what was said")
    search.fill("stok banyak")
    search.press("Enter")
    expect(page.locator("mark").first).to_have_text("stok")
    expect(rows).to_have_count(1)
    rows.get_by_role("link", name="Sari Wijaya").click()
    work = page.get_by_role("region", name="For colleagues")
    work.get_by_role("button", name="Mark reviewed").click()
    expect(work.get_by_text("Reviewed by Rina, just now")).to_be_visible()
    work.get_by_label("Add a tag").fill("Restock")
    work.get_by_label("Add a tag").press("Enter")
    expect(work.get_by_role("link", name="restock")).to_be_visible()
    work.get_by_label("Add a note for colleagues").fill("call her when the toraja is in")
    work.get_by_role("button", name="Add").last.click()
    expect(work.get_by_text("call her when the toraja is in")).to_be_visible()
    work.get_by_role("link", name="restock").click()
    expect(rows).to_have_count(1)
    search.fill("call* when")
    page.wait_for_load_state()
    page.get_by_label("Review").select_option("Reviewed")
    expect(page.locator("mark").first).to_have_text("call")
    expect(rows.get_by_text("reviewed", exact=True)).to_be_visible()
    page.wait_for_load_state()  # the scripts hear what is chosen only then
    page.get_by_label("Review").select_option("Not reviewed")
    expect(rows).to_have_count(0)


def test_a_request_is_done_where_it_stands(page: Page, address: str, engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as uow:
        row = {"source": "rapport", "interaction_id": f"{seeds.new_id()}/repair", "source_id": seeds.new_id()}
        row |= {
            "customer_id": seeds.add_customer(uow.connection, now),
            "at": now,
            "touchpoint": "web",
            "kind": "repair",
        }
        uow.connection.execute(
            interactions.insert().values(status="reported", text="no steam " * 40, attributes={}, **row)
        )
        uow.commit()
    page.set_viewport_size({"width": 360, "height": 740})
    sign_in(page, address)
    page.get_by_role("link", name="Requests").click()
    expect(page.get_by_text("no steam")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Done: A repair").click()
    expect(page.get_by_role("heading", name="Nothing is open")).to_be_visible()
    expect(page.get_by_text("Rina, just now")).to_be_visible()
    assert page.url == f"{address}/requests"  # without leaving the page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(page: Page, address: str, scheme: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    sign_in(page, address)
    for name in ("Sari Wijaya", "Guest", "Returning guest"):
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.get_by_role("link", name=name, exact=True).first.click()
        expect(page.get_by_role("link", name="What we know of this customer")).to_be_visible()
        page.get_by_label("Add a note").fill("a-very-long-word-" * 9)
        page.locator("#work").get_by_role("button", name="Add").last.click()
        expect(page.locator(".notes")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.get_by_role("link", name="All conversations").click()
    page.goto(f"{address}/?q=to*&language=id&handed_over=yes")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
