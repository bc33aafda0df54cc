"""A person of the business in the talk: who it is, that it is no program, and that their answer is not missed."""

import pytest
from browsing import Widget
from fakes.chat_server import ChatServer
from playwright.sync_api import Page, expect


@pytest.fixture(autouse=True)
def plain_answers(chat: ChatServer) -> None:
    chat.answer = lambda text, session: [{"text": f"heard {text}"}]


@pytest.fixture
def talk(widget: Widget, chat: ChatServer) -> str:
    """A conversation that has begun. Returns its id."""
    widget.visit().open()
    widget.say("one")
    widget.shows("one", "heard one")
    (conversation,) = chat.messages
    return conversation


# Who speaks ----------------------------------------------------------------------------------------------------------


def test_a_person_who_takes_over_is_announced_by_name_and_gone_when_they_hand_back(
    talk: str, page: Page, chat: ChatServer
) -> None:
    role = page.locator(".role")
    expect(role).to_have_text("Digital assistant")
    expect(role).to_have_attribute("role", "status")
    chat.hold(talk, "waiting")
    expect(role).to_have_text("A person will answer here")
    chat.hold(talk, "staff", "Rina")
    expect(role).to_have_text("Rina from Kopi Sudirman is here now")
    expect(page.locator(".face")).to_have_text("R")
    chat.hold(talk, "bot")
    expect(role).to_have_text("Digital assistant")
    expect(page.locator(".face")).to_have_text("K")


def test_what_a_person_says_carries_their_name_once_and_the_assistant_is_named_after_them(
    talk: str, widget: Widget, page: Page, chat: ChatServer
) -> None:
    chat.hold(talk, "staff", "Rina")
    chat.add(talk, "staff", text="Hello.", name="Rina")
    chat.add(talk, "staff", text="I looked it up.", name="Rina")
    chat.add(talk, "staff", text="Me too.", name="Adi")
    chat.hold(talk, "bot")
    widget.shows("one", "heard one", "Hello.", "I looked it up.", "Me too.")
    widget.say("two")
    expect(widget.messages).to_have_count(7)
    names = page.locator(".message .by").all_inner_texts()
    assert names == ["", "", "Rina, our team", "", "Adi, our team", "", "Digital assistant"]
    for text, speaker in (("looked it up", "Rina, our team"), ("heard two", "Digital assistant")):
        expect(widget.saying(text).locator(".unseen")).to_have_text(speaker)


def test_nothing_is_being_written_while_a_person_holds_the_conversation(
    talk: str, widget: Widget, page: Page, chat: ChatServer
) -> None:
    chat.hold(talk, "staff", "Rina")
    expect(page.locator(".role")).to_contain_text("Rina")
    widget.say("are you there?")
    expect(widget.saying("are you there?").locator(".meta")).to_contain_text("Sent")
    expect(page.locator(".typing")).to_be_hidden()
    chat.hold(talk, "bot")
    expect(page.locator(".role")).to_have_text("Digital assistant")
    expect(page.locator(".typing")).to_be_hidden()
    chat.answer_after = 0.6
    widget.say("and you?")
    expect(page.locator(".typing")).to_be_visible()
    expect(widget.messages.last).to_have_text("heard and you?")
    expect(page.locator(".typing")).to_be_hidden()


def test_a_talk_that_a_person_is_due_in_is_not_left_for_a_new_one(talk: str, page: Page, chat: ChatServer) -> None:
    fresh = page.get_by_role("button", name="New conversation")
    expect(fresh).to_be_visible()
    chat.hold(talk, "waiting")
    expect(fresh).to_be_hidden()
    chat.hold(talk, "bot")
    expect(fresh).to_be_visible()


def test_a_new_conversation_that_is_asked_for_is_a_new_one(talk: str, page: Page, chat: ChatServer) -> None:
    page.get_by_role("button", name="New conversation").click()
    page.wait_for_timeout(100)
    assert [body.get("fresh") for body in chat.posted("/v1/chat/sessions")] == [None, True]


def test_who_comes_back_finds_the_talk_and_the_person(talk: str, widget: Widget, page: Page, chat: ChatServer) -> None:
    chat.hold(talk, "staff", "Rina")
    expect(page.locator(".role")).to_contain_text("Rina")
    page.goto("about:blank")
    chat.lose_sessions()
    chat.add(talk, "staff", text="Found it.", name="Rina")
    widget.visit().open()
    widget.shows("one", "heard one", "Found it.")
    expect(page.locator(".role")).to_have_text("Rina from Kopi Sudirman is here now")
    expect(page.locator(".message.line")).to_have_count(0)


# What nobody has looked at -------------------------------------------------------------------------------------------


def test_what_comes_while_the_chat_is_closed_is_counted_until_it_is_opened(
    talk: str, widget: Widget, page: Page, chat: ChatServer
) -> None:
    chat.hold(talk, "staff", "Rina")
    expect(page.locator(".role")).to_contain_text("Rina")
    page.keyboard.press("Escape")
    for number in range(1, 3):
        chat.add(talk, "staff", text=f"Number {number}.", name="Rina")
        expect(page.get_by_role("button", name=f"Chat with us, {number} unread")).to_be_visible()
        expect(page.locator(".count")).to_have_text(f"{number}")
    page.reload()
    expect(page.get_by_role("button", name="Chat with us, 2 unread")).to_be_visible()
    widget.open()
    expect(page.locator(".count")).to_be_hidden()
    page.reload()
    expect(page.get_by_role("button", name="Chat with us", exact=True)).to_be_visible()


def test_the_count_outlives_a_reload_without_asking_the_server(
    talk: str, widget: Widget, page: Page, chat: ChatServer
) -> None:
    chat.answer_after = 0.6
    widget.say("two")
    page.keyboard.press("Escape")
    expect(page.locator(".count")).to_have_text("1")
    asked = len(chat.faults.seen)
    page.reload()
    expect(page.locator(".count")).to_have_text("1")
    assert not [path for _, path, _ in chat.faults.seen[asked:] if path == "/v1/chat/messages"]


def test_more_than_nine_are_many(talk: str, page: Page, chat: ChatServer) -> None:
    chat.hold(talk, "staff", "Rina")
    expect(page.locator(".role")).to_contain_text("Rina")
    page.keyboard.press("Escape")
    for number in range(12):
        chat.add(talk, "staff", text=f"{number}", name="Rina")
    expect(page.get_by_role("button", name="Chat with us, 12 unread")).to_be_visible()
    expect(page.locator(".count")).to_have_text("9+")


def test_a_history_that_was_read_is_not_unread(talk: str, page: Page, chat: ChatServer) -> None:
    chat.hold(talk, "waiting")
    expect(page.locator(".role")).to_have_text("A person will answer here")
    page.reload()
    page.wait_for_timeout(500)
    expect(page.locator(".count")).to_be_hidden()
    chat.add(talk, "staff", text="Hello.", name="Rina")
    expect(page.locator(".count")).to_have_text("1")


def test_a_page_out_of_view_counts_in_its_title(talk: str, page: Page, chat: ChatServer) -> None:
    chat.hold(talk, "staff", "Rina")
    expect(page.locator(".role")).to_contain_text("Rina")
    page.evaluate("document.title = 'Shop'")
    hide(page, True)
    chat.add(talk, "staff", text="Hello.", name="Rina")
    expect(page).to_have_title("(1) Shop")
    page.evaluate("document.title = 'Sale'")
    chat.add(talk, "staff", text="Hello?", name="Rina")
    expect(page).to_have_title("(2) Sale")
    hide(page, False)
    expect(page).to_have_title("Sale")
    expect(page.locator(".count")).to_be_hidden()


def test_what_is_read_in_one_window_is_read_in_the_other(
    talk: str, widget: Widget, page: Page, chat: ChatServer
) -> None:
    chat.hold(talk, "staff", "Rina")
    expect(page.locator(".role")).to_contain_text("Rina")
    page.keyboard.press("Escape")
    chat.add(talk, "staff", text="Hello.", name="Rina")
    expect(page.locator(".count")).to_have_text("1")
    other = Widget(page.context.new_page(), widget.url).visit().open()
    other.shows("one", "heard one", "Hello.")
    expect(page.locator(".count")).to_be_hidden()


def hide(page: Page, hidden: bool) -> None:
    """As if another tab were in front, which a headless browser does not know."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
