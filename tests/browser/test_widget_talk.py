"""Talking through the widget: what a customer does and sees in one undisturbed conversation."""

from browsing import Widget
from fakes.chat_script import QUESTION
from fakes.chat_server import ChatServer
from playwright.sync_api import Page, expect

EVIL = '<img src=x onerror="window.hit=1"><script>window.hit=1</script> **bold** <b>bold</b>'


def test_a_customer_opens_greets_reads_and_closes_by_keyboard_only(widget: Widget, page: Page) -> None:
    widget.visit()
    page.get_by_role("link", name="before").focus()
    page.keyboard.press("Tab")
    expect(widget.launcher).to_be_focused()
    page.keyboard.press("Enter")
    expect(widget.composer).to_be_focused()
    page.keyboard.type("hi")
    page.keyboard.press("Enter")
    widget.shows("hi", "Hello, welcome to Kopi Sudirman.")
    expect(widget.composer).to_be_focused()
    page.keyboard.press("Escape")
    expect(widget.panel).to_be_hidden()
    expect(widget.launcher).to_be_focused()


def test_the_panel_is_a_dialog_named_after_the_business_and_the_log_is_polite(widget: Widget, page: Page) -> None:
    widget.visit().open()
    expect(page.get_by_role("dialog", name="Kopi Sudirman")).to_be_visible()
    expect(page.get_by_role("log", name="Conversation")).to_have_attribute("aria-live", "polite")
    expect(page.get_by_role("textbox", name="Write a message")).to_be_visible()
    for name in ("New conversation", "Close the chat", "Send"):
        expect(widget.panel.get_by_role("button", name=name)).to_be_visible()


def test_shift_and_enter_make_a_new_line_and_empty_messages_are_not_sent(widget: Widget, chat: ChatServer) -> None:
    widget.visit().open()
    widget.say("   ")
    widget.composer.fill("one")
    widget.composer.press("Shift+Enter")
    widget.composer.press_sequentially("two")
    widget.composer.press("Enter")
    widget.until(lambda: chat.said() == ["one\ntwo"])


def test_a_message_has_at_most_4000_characters(widget: Widget, page: Page) -> None:
    widget.visit().open()
    page.keyboard.insert_text("a" * 5000)
    assert len(widget.composer.input_value()) == 4000


def test_text_is_never_html(widget: Widget, page: Page, chat: ChatServer) -> None:
    chat.answer = lambda text, session: [{"text": EVIL, "buttons": [{"title": EVIL, "payload": EVIL}]}]
    widget.visit().open()
    widget.say(EVIL)
    widget.shows(EVIL, EVIL)
    expect(page.locator(".choices button")).to_have_text(EVIL)
    assert page.locator("rapport-chat img, rapport-chat script, rapport-chat b").count() == 0
    assert page.evaluate("window.hit") is None


def test_an_offer_cannot_smuggle_in_a_script_or_a_plain_foreign_picture(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    offer = {"id": "1", "title": EVIL, "text": EVIL, "reason": EVIL, "code": EVIL}
    bad = [
        {"url": "javascript:window.hit=1", "image": "javascript:window.hit=1"},
        {"url": "data:text/html,<script>window.hit=1</script>", "image": "http://elsewhere.invalid/a.png"},
    ]
    chat.answer = lambda text, session: [{"text": "look", "offer": offer | more} for more in bad]
    widget.visit().open()
    widget.say("hi")
    expect(page.locator(".offer")).to_have_count(2)
    assert page.locator(".offer a, .offer img, .offer b, .offer script").count() == 0
    assert page.evaluate("window.hit") is None


def test_a_button_is_sent_as_its_payload_and_the_focus_returns_to_the_composer(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    widget.visit().open()
    widget.say("what do you recommend?")
    page.get_by_role("button", name="10 to 40", exact=True).click()
    expect(widget.composer).to_be_focused()
    for title in ("Up to 10", "10 to 40", "More than 40"):
        expect(page.get_by_role("button", name=title, exact=True)).to_be_disabled()
    expect(page.get_by_role("button", name="10 to 40", exact=True)).to_have_class("chosen")
    expect(page.locator(".offer")).to_be_visible()
    body = chat.posted("/v1/chat/messages")[-1]
    assert set(body) == {"client_id", "payload"}
    assert body["payload"] == QUESTION["en"]["buttons"][1]["payload"]


def test_buttons_are_off_as_soon_as_there_is_a_newer_message(widget: Widget, page: Page) -> None:
    widget.visit().open()
    widget.say("what do you recommend?")
    expect(page.get_by_role("button", name="Up to 10", exact=True)).to_be_enabled()
    widget.say("never mind")
    expect(page.get_by_role("button", name="Up to 10", exact=True)).to_be_disabled()


def test_buttons_stay_on_while_the_same_answer_goes_on(widget: Widget, page: Page, chat: ChatServer) -> None:
    chat.answer = lambda text, session: [QUESTION["en"], {"text": "Take your time."}]
    widget.visit().open()
    widget.say("hi")
    widget.shows("hi", QUESTION["en"]["text"], "Take your time.")
    expect(page.get_by_role("button", name="Up to 10", exact=True)).to_be_enabled()


def test_a_button_that_the_server_knows_no_longer_is_said_in_words(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    widget.visit().open()
    widget.say("what do you recommend?")
    button = page.get_by_role("button", name="10 to 40", exact=True)
    expect(button).to_be_enabled()
    chat.faults.fail("refused", "/v1/chat/messages")
    button.click()
    expect(page.locator(".offer")).to_be_visible()
    assert chat.said() == ["what do you recommend?", "10 to 40"]


def test_an_offer_card_says_why_and_its_code_can_be_copied(widget: Widget, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    widget.visit().open()
    widget.say("10 to 40")
    card = page.locator(".offer")
    expect(card.get_by_role("heading")).to_have_text("Office Blend in 1 kg bags")
    expect(card.locator(".reason")).to_have_text(
        "Because you told me it is for an office of about 10 to 40 cups a day."
    )
    link = card.get_by_role("link")
    expect(link).to_have_attribute("href", f"{widget.url}/#office_blend")
    expect(link).to_have_attribute("rel", "noopener")
    card.get_by_role("button", name="Copy").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "OFFICE10"


def test_what_the_words_beside_a_card_say_is_not_read_twice(widget: Widget, page: Page, chat: ChatServer) -> None:
    offer = {"id": "1", "title": "Drip bags", "text": "A cup and hot water, nothing else.", "reason": "it fits"}
    chat.answer = lambda text, session: [{"text": f"This could suit you. {offer['text']}", "offer": offer}]
    widget.visit().open()
    widget.say("hi")
    expect(page.locator(".offer")).to_have_text("Drip bagsBecause it fits.")
    expect(page.get_by_text("nothing else")).to_have_count(1)


def test_a_link_within_the_shop_leads_there(widget: Widget, page: Page) -> None:
    widget.visit().open()
    widget.say("10 to 40")
    page.locator(".offer").get_by_role("link").click()
    expect(page).to_have_url(f"{widget.url}/#office_blend")
    page.goto(f"{widget.url}/blank")
    widget.open()
    page.get_by_role("link", name="Privacy").click()
    expect(page).to_have_url(f"{widget.url}/privacy")


def test_a_link_to_elsewhere_opens_its_own_tab(widget: Widget, page: Page, chat: ChatServer) -> None:
    elsewhere = "https://elsewhere.invalid/"
    page.context.route(elsewhere, lambda route: route.fulfill(body="elsewhere"))
    chat.answer = lambda text, session: [
        {"text": "", "offer": {"id": "1", "title": "T", "text": "t", "url": elsewhere}}
    ]
    widget.visit().open()
    widget.say("hi")
    link = page.locator(".offer a")
    expect(link).to_have_attribute("rel", "noopener")
    with page.context.expect_page() as opened:
        link.click()
    expect(opened.value).to_have_url(elsewhere)
    expect(widget.panel).to_be_visible()


def test_a_picture_is_shown_from_the_same_origin(widget: Widget, page: Page, chat: ChatServer) -> None:
    offer = {"id": "1", "title": "T", "text": "t", "reason": "because it fits", "image": "/shop/icon.svg"}
    chat.answer = lambda text, session: [{"text": "", "offer": offer}]
    widget.visit().open()
    widget.say("hi")
    expect(page.locator(".offer img")).to_have_js_property("naturalWidth", 40)
    expect(page.locator(".reason")).to_have_text("Because it fits.")


def test_typing_is_shown_until_the_answer_is_there(widget: Widget, page: Page, chat: ChatServer) -> None:
    chat.answer_after = 0.6
    widget.visit().open()
    expect(page.locator(".typing")).to_be_hidden()
    widget.say("hi")
    expect(page.locator(".typing")).to_be_visible()
    widget.shows("hi", "Hello, welcome to Kopi Sudirman.")
    expect(page.locator(".typing")).to_be_hidden()


def test_an_answer_that_comes_after_closing_is_announced_on_the_launcher(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    chat.answer_after = 0.6
    widget.visit().open()
    widget.say("hi")
    expect(page.locator(".typing")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Chat with us, 1 unread", exact=True)).to_be_visible()
    widget.open()
    widget.shows("hi", "Hello, welcome to Kopi Sudirman.")


def test_the_privacy_line_links_to_the_policy_of_the_business(widget: Widget, page: Page) -> None:
    widget.visit().open()
    expect(page.get_by_role("link", name="Privacy")).to_have_attribute("href", f"{widget.url}/privacy")
