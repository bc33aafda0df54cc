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
        expect(widget.saying("two").locator(".meta")).to_have_text("Waiting for the network")
    widget.page.evaluate("window.dispatchEvent(new Event('online'))")
    widget.shows("one", "heard one", "We looked it up.", "two", "heard two")
    expect(widget.wire).to_be_empty()
    assert chat.said() == ["one", "two"]


def test_what_is_written_offline_is_kept_over_a_reload_and_sent_once_and_in_order(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    widget.visit().open()
    widget.say("one")
    widget.shows("one", "heard one")
    with chat.faults.down():
        for text in ("two", "three", "three"):
            widget.say(text)
        expect(widget.saying("three").last.locator(".meta")).to_have_text("Waiting for the network")
        page.reload()
        widget.open()
        expect(widget.messages).to_have_text(["two", "three", "three"])
        widget.say("four")
        widget.until(lambda: [item["text"] for item in widget.kept()["unsent"]] == ["two", "three", "three", "four"])
    page.evaluate("window.dispatchEvent(new Event('online'))")
    widget.until(lambda: chat.said() == ["one", "two", "three", "three", "four"])
    expect(widget.messages).to_have_count(10)
    expect(widget.saying("four").first.locator(".meta")).to_contain_text("Sent")
    assert widget.kept()["unsent"] == []
    page.reload()
    widget.open()
    expect(widget.messages).to_have_count(10)
    assert chat.said() == ["one", "two", "three", "three", "four"]


def test_a_message_whose_response_was_lost_before_a_reload_is_not_said_twice(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    widget.visit().open()
    widget.say("yes")
    widget.shows("yes", "heard yes")
    chat.faults.fail("lost", "/v1/chat/messages", times=9)
    chat.faults.fail("cut", "/v1/chat/messages", method="GET", times=9)
    widget.say("yes")
    widget.until(lambda: chat.said() == ["yes", "yes"])
    chat.faults.told.clear()
    page.reload()
    widget.open().shows("yes", "heard yes", "yes", "heard yes")
    widget.until(lambda: widget.kept()["unsent"] == [])
    assert chat.said() == ["yes", "yes"]


def test_what_waits_is_sent_without_the_chat_being_opened(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    with chat.faults.down():
        widget.say("one bag please")
        expect(widget.saying("one bag please").locator(".meta")).to_have_text("Waiting for the network")
        page.reload()
    widget.until(lambda: chat.said() == ["one bag please"])
    expect(page.get_by_role("button", name="Chat with us, 1 unread")).to_be_visible()


def test_words_that_lie_unsent_for_half_a_day_are_let_go(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.until(lambda: "session_token" in widget.kept())
    page.goto(f"{widget.url}/shop/icon.svg")  # same origin, no widget
    old = {"text": "old", "client_id": "c-1", "at": "2001-01-01T00:00:00Z", "person": ""}
    widget.keep(widget.kept() | {"unsent": [old]})
    widget.visit().open()
    widget.say("new")
    widget.shows("new", "heard new")


def test_without_a_network_it_says_so_at_once_and_that_nothing_is_lost(widget: Widget, page: Page) -> None:
    widget.visit().open()
    widget.say("one")
    widget.shows("one", "heard one")
    page.context.set_offline(True)
    expect(widget.wire).to_have_text("You are offline. What you write is sent when you are back.")
    widget.say("two")
    expect(widget.saying("two").locator(".meta")).to_have_text("Waiting for the network")
    page.context.set_offline(False)
    widget.shows("one", "heard one", "two", "heard two")
    expect(widget.wire).to_be_empty()


def test_a_chat_that_cannot_be_loaded_says_so_and_can_be_opened_when_it_can(widget: Widget, page: Page) -> None:
    widget.visit()
    page.context.set_offline(True)
    widget.launcher.click()
    expect(page.get_by_role("alert")).to_have_text("The chat cannot be loaded right now. Please try again.")
    page.context.set_offline(False)
    widget.open()
    expect(page.get_by_role("alert")).to_be_hidden()
    widget.say("hi")
    widget.shows("hi", "heard hi")


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
