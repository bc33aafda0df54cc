"""Nothing a customer writes is lost or said twice, whatever the network does."""

import pytest
from browsing import Widget
from fakes.chat_server import ChatServer
from playwright.sync_api import Page, expect


@pytest.fixture(autouse=True)
def plain_answers(chat: ChatServer) -> None:
    chat.answer = lambda text, session: [{"text": f"heard {text}"}]


def test_a_lost_response_does_not_repeat_the_message(widget: Widget, chat: ChatServer) -> None:
    chat.faults.fail("lost", "/v1/chat/messages")
    chat.faults.fail("slow", "/v1/chat/messages", method="GET", seconds=2)  # so that it has to ask again
    widget.visit().open()
    widget.say("one bag please")
    widget.until(lambda: len(chat.posted("/v1/chat/messages")) == 2)
    widget.shows("one bag please", "heard one bag please")
    expect(widget.saying("one bag please").first.locator(".meta")).to_contain_text("Sent")
    assert chat.said() == ["one bag please"]
    first, second = chat.posted("/v1/chat/messages")
    assert first == second


def test_a_lost_response_does_not_repeat_a_message_that_a_poll_brings_first(widget: Widget, chat: ChatServer) -> None:
    widget.visit().open()
    widget.say("hello")
    widget.shows("hello", "heard hello")
    chat.faults.fail("lost", "/v1/chat/messages", times=2)
    widget.say("again")
    widget.shows("hello", "heard hello", "again", "heard again")
    expect(widget.saying("again").first.locator(".meta")).to_contain_text("Sent")
    assert chat.said() == ["hello", "again"]


def test_a_server_in_trouble_is_asked_again_until_it_takes_the_message(widget: Widget, chat: ChatServer) -> None:
    chat.faults.fail("error", "/v1/chat/messages", times=2)
    widget.visit().open()
    widget.say("still there?")
    widget.shows("still there?", "heard still there?")
    assert chat.said() == ["still there?"]


def test_a_refused_message_says_so_and_can_be_tried_again(widget: Widget, page: Page, chat: ChatServer) -> None:
    chat.faults.fail("refused", "/v1/chat/messages")
    widget.visit().open()
    widget.say("one bag")
    expect(page.get_by_role("alert")).to_have_text("Not sent.")
    page.get_by_role("button", name="Try again").click()
    expect(widget.composer).to_be_focused()
    widget.shows("one bag", "heard one bag")
    assert len({body["client_id"] for body in chat.posted("/v1/chat/messages")}) == 1


def test_messages_keep_their_order_when_the_first_is_slow(widget: Widget, chat: ChatServer) -> None:
    chat.answer = lambda text, session: []
    chat.faults.fail("slow", "/v1/chat/messages", seconds=0.6)
    widget.visit().open()
    widget.say("first")
    widget.say("second")
    widget.until(lambda: chat.said() == ["first", "second"])
    widget.shows("first", "second")


def test_it_reconnects_without_losing_or_repeating(widget: Widget, chat: ChatServer) -> None:
    widget.visit().open()
    widget.say("one")
    widget.shows("one", "heard one")
    (conversation,) = chat.messages
    with chat.faults.down():
        expect(widget.wire).to_have_text("Connecting again…")
        chat.add(conversation, "staff", text="We looked it up.")
        widget.say("two")
        expect(widget.saying("two").locator(".meta")).to_have_text("Sending…")
    widget.page.evaluate("window.dispatchEvent(new Event('online'))")
    widget.shows("one", "heard one", "We looked it up.", "two", "heard two")
    expect(widget.wire).to_be_empty()
    assert chat.said() == ["one", "two"]


def test_what_is_said_in_another_tab_appears_here_too(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.say("from the first")
    widget.shows("from the first", "heard from the first")
    other = Widget(page.context.new_page(), widget.url).visit().open()
    other.shows("from the first", "heard from the first")
    other.say("from the second")
    widget.shows("from the first", "heard from the first", "from the second", "heard from the second")
    assert len(chat.messages) == 1


def test_the_server_is_left_alone_while_the_panel_is_closed(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit()
    page.wait_for_timeout(300)
    assert {path for _, path, _ in chat.faults.seen if path.startswith("/v1")} == {"/v1/chat/config"}


def test_polls_that_are_answered_at_once_do_not_become_a_flood(widget: Widget, page: Page, chat: ChatServer) -> None:
    chat.closing = True  # the fake then answers every poll at once
    widget.visit().open()
    page.wait_for_timeout(1500)
    polls = [path for method, path, _ in chat.faults.seen if (method, path) == ("GET", "/v1/chat/messages")]
    assert 2 <= len(polls) <= 6
