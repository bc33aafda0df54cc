"""The demo shop: within a minute, different customers are seen to be treated differently."""

import re

import pytest
from browsing import PATIENCE, Widget
from fakes.chat_server import ROOT, ChatServer
from playwright.sync_api import Page, expect
from ruamel.yaml import YAML

BUSINESS = YAML(typ="safe").load(ROOT / "demo" / "business.yml")


@pytest.fixture
def shop(widget: Widget, page: Page) -> Page:
    expect.set_options(timeout=PATIENCE)
    page.goto(widget.url)
    expect(page.locator(".person")).to_have_count(4)
    return page


def test_products_cost_and_mean_what_the_business_file_says(shop: Page) -> None:
    shown = shop.locator("#grid li").evaluate_all(
        "items => items.map(({id, dataset}) => [id, dataset.category, Number(dataset.price)])"
    )
    assert shown == [[p["id"], p["category"], p["price"]] for p in BUSINESS["products"]]


def test_every_offer_leads_to_a_place_on_the_page(shop: Page) -> None:
    for offer in BUSINESS["offers"]:
        assert shop.locator(re.sub(r"^/", "", offer["url"])).count() == 1, offer["url"]


def test_a_product_that_is_looked_at_is_told_to_rapport(shop: Page, widget: Widget, chat: ChatServer) -> None:
    shop.get_by_role("button", name="Gayo").click()
    expect(shop.locator("#detail")).to_contain_text("Gayo single origin")
    widget.until(lambda: len(chat.events) == 1)
    event = chat.events[0]
    assert (event["kind"], event["product"], event["category"]) == ("view_product", "gayo", "single_origin")
    shop.get_by_role("button", name="Ask about this").click()
    expect(widget.composer).to_have_value("How much is Gayo single origin 250 g?")


def test_the_suggested_sentence_goes_into_the_composer(shop: Page, widget: Widget) -> None:
    shop.get_by_role("button", name="hi, what do you recommend?").click()
    expect(widget.composer).to_have_value("hi, what do you recommend?")
    expect(widget.composer).to_be_focused()


def test_two_people_and_a_guest_are_greeted_differently(shop: Page, widget: Widget, chat: ChatServer) -> None:
    def greeting() -> str:
        shop.locator("#say").click()
        widget.composer.press("Enter")
        expect(widget.messages).to_have_count(3)
        return widget.messages.nth(1).inner_text()

    guest = greeting()
    shop.get_by_role("button", name="Budi Hartono").click()
    expect(shop.get_by_role("button", name="Budi Hartono")).to_have_attribute("aria-pressed", "true")
    shop.get_by_role("button", name="Sari Wijaya").click()
    expect(widget.messages).to_have_count(0)
    sari = greeting()
    shop.get_by_role("button", name="Stay anonymous").click()
    expect(widget.messages).to_have_count(0)
    assert (guest, sari, greeting()) == (
        "Hello, welcome to Kopi Sudirman.",
        "Welcome back, Sari.",
        "Hello, welcome to Kopi Sudirman.",
    )
    assert not any("device_token" in body for body in chat.posted("/v1/chat/sessions"))


def test_who_is_signed_in_sees_their_order_and_a_guest_sees_none(shop: Page, widget: Widget) -> None:
    order = shop.locator("#order-number")
    expect(order).to_be_hidden()
    shop.get_by_role("button", name="Sari Wijaya").click()
    expect(order).to_have_text("ORD-200001")
    order.click()
    expect(widget.composer).to_have_value("Where is my order ORD-200001?")
    shop.get_by_role("button", name="Stay anonymous").click()
    expect(order).to_be_hidden()


def test_a_sign_in_survives_a_reload(shop: Page) -> None:
    shop.get_by_role("button", name="Sari Wijaya").click()
    expect(shop.locator("rapport-chat")).to_have_attribute("user-token", re.compile("."))
    shop.reload()
    expect(shop.locator("rapport-chat")).to_have_attribute("user-token", re.compile("."))
    expect(shop.get_by_role("button", name="Sari Wijaya")).to_have_attribute("aria-pressed", "true")


def test_who_says_that_it_is_not_them_is_signed_out_of_the_shop_too(
    shop: Page, widget: Widget, chat: ChatServer
) -> None:
    shop.get_by_role("button", name="Sari Wijaya").click()
    expect(shop.locator("rapport-chat")).to_have_attribute("user-token", re.compile("."))
    widget.open()
    shop.get_by_role("button", name="This isn't me").click()
    shop.get_by_role("button", name="Start anew").click()
    expect(shop.get_by_role("button", name="Stay anonymous")).to_have_attribute("aria-pressed", "true")
    widget.say("hi")
    widget.shows("hi", "Hello, welcome to Kopi Sudirman.")
    assert len(chat.posted("/v1/chat/sign-out")) == 1


def test_the_page_and_the_widget_change_language_together(shop: Page, widget: Widget) -> None:
    shop.get_by_role("button", name="Bahasa Indonesia").click()
    expect(shop.get_by_role("heading", name="Di rak kami")).to_be_visible()
    expect(shop.locator("html")).to_have_attribute("lang", "id")
    widget.open()
    expect(widget.composer).to_have_attribute("placeholder", "Tulis pesan")
    empty = shop.locator("[data-say]").evaluate_all("all => all.filter((one) => !one.textContent.trim()).length")
    assert empty == 0


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_nothing_is_wider_than_the_screen(shop: Page, width: int) -> None:
    shop.set_viewport_size({"width": width, "height": 800})
    assert shop.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_nothing_is_fetched_from_elsewhere(widget: Widget, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(widget.url)
    expect(page.locator(".person")).to_have_count(4)
    assert {re.sub(r"(://[^/]*).*", r"\1", url) for url in asked} == {widget.url}
