"""Who is speaking: sessions, devices and signed-in customers."""

import pytest
from browsing import Widget
from fakes.chat_server import ChatServer, signed
from playwright.sync_api import Page, expect

BLOCK_STORAGE = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('blocked'); }})"
CHAT = "document.querySelector('rapport-chat')"


@pytest.fixture(autouse=True)
def plain_answers(chat: ChatServer) -> None:
    chat.answer = lambda text, session: [{"text": f"heard {text} from {session.person or 'a guest'}"}]


def sign_in(page: Page, person: str) -> None:
    page.evaluate(f"{CHAT}.setAttribute('user-token', '{signed(person)}')")


def test_a_session_begins_when_the_panel_is_first_opened(widget: Widget, chat: ChatServer) -> None:
    widget.visit()
    assert not chat.posted("/v1/chat/sessions")
    widget.open()
    widget.until(lambda: chat.posted("/v1/chat/sessions") == [{"language": "en", "page": "/blank"}])


def test_a_reload_shows_the_same_conversation(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.say("one")
    widget.shows("one", "heard one from a guest")
    page.reload()
    widget.open().shows("one", "heard one from a guest")
    widget.say("two")
    widget.shows("one", "heard one from a guest", "two", "heard two from a guest")
    assert len(chat.posted("/v1/chat/sessions")) == 1


def test_a_lost_session_is_replaced_by_a_new_one_of_the_same_device(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    widget.visit().open()
    widget.say("one")
    widget.shows("one", "heard one from a guest")
    device = widget.kept()["device_token"]
    chat.lose_sessions()
    widget.say("two")
    widget.shows("one", "heard one from a guest", "two", "heard two from a guest")
    expect(page.locator(".message.line .day")).to_have_text("New conversation")
    assert [body.get("device_token") for body in chat.posted("/v1/chat/sessions")] == [None, device]
    assert widget.kept()["device_token"] != device  # the newest is kept
    assert chat.said() == ["one", "two"]


def test_a_session_idle_for_twelve_hours_is_not_resumed(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.until(lambda: "device_token" in widget.kept())
    page.goto("about:blank")
    page.goto(f"{widget.url}/shop/icon.svg")  # same origin, no widget
    kept = widget.kept() | {"used_at": 0}
    widget.keep(kept)
    widget.visit().open()
    widget.until(lambda: len(chat.posted("/v1/chat/sessions")) == 2)
    assert chat.posted("/v1/chat/sessions")[1]["device_token"] == kept["device_token"]


def test_two_tabs_that_lose_their_session_open_one_new_one(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.until(lambda: len(chat.sessions) == 1)
    other = Widget(page.context.new_page(), widget.url).visit().open()
    other.say("hi")
    widget.shows("hi", "heard hi from a guest")
    chat.lose_sessions()
    widget.until(lambda: len(chat.posted("/v1/chat/sessions")) > 1)
    other.say("ho")
    other.until(lambda: chat.said() == ["hi", "ho"])
    widget.shows("hi", "heard hi from a guest", "ho", "heard ho from a guest")
    assert len(chat.posted("/v1/chat/sessions")) == 2


def test_it_works_where_storage_is_blocked(widget: Widget, page: Page) -> None:
    page.add_init_script(BLOCK_STORAGE)
    widget.visit().open()
    widget.say("hi")
    widget.shows("hi", "heard hi from a guest")


def test_signing_in_raises_the_running_session(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.say("one")
    widget.shows("one", "heard one from a guest")
    sign_in(page, "sari")
    widget.until(lambda: len(chat.posted("/v1/chat/identify")) == 1)
    widget.say("two")
    widget.shows("one", "heard one from a guest", "two", "heard two from sari")
    assert len(chat.posted("/v1/chat/sessions")) == 1


def test_a_renewed_token_of_the_same_customer_changes_nothing(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit(f"user-token={signed('sari')}").open()
    widget.say("one")
    widget.shows("one", "heard one from sari")
    sign_in(page, "sari")
    widget.say("two")
    widget.shows("one", "heard one from sari", "two", "heard two from sari")
    assert len(chat.posted("/v1/chat/sessions")) == 1
    assert not chat.posted("/v1/chat/identify")


def test_another_customer_sees_nothing_of_the_one_before(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit(f"user-token={signed('sari')}").open()
    widget.say("my secret")
    widget.shows("my secret", "heard my secret from sari")
    sign_in(page, "budi")
    widget.shows()
    widget.say("hi")
    widget.shows("hi", "heard hi from budi")
    assert len(chat.posted("/v1/chat/sessions")) == 2


def test_a_signed_out_page_shows_nothing_of_a_signed_in_customer(widget: Widget, chat: ChatServer) -> None:
    widget.visit(f"user-token={signed('sari')}").open()
    widget.say("my secret")
    widget.shows("my secret", "heard my secret from sari")
    widget.visit().open()
    widget.until(lambda: len(chat.posted("/v1/chat/sessions")) == 2)
    widget.shows()
    assert "user_token" not in chat.posted("/v1/chat/sessions")[1]


def test_a_refused_sign_in_leaves_the_customer_the_chat(widget: Widget, chat: ChatServer) -> None:
    chat.faults.fail("refused", "/v1/chat/sessions")
    widget.visit(f"user-token={signed('sari')}").open()
    widget.say("hi")
    widget.shows("hi", "heard hi from a guest")


def test_a_new_conversation_begins_empty_on_the_same_device(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.say("one")
    widget.shows("one", "heard one from a guest")
    device = widget.kept()["device_token"]
    page.get_by_role("button", name="New conversation").click()
    widget.shows()
    expect(widget.composer).to_be_focused()
    widget.say("two")
    widget.shows("two", "heard two from a guest")
    assert chat.posted("/v1/chat/sessions")[1]["device_token"] == device


def test_reset_makes_a_device_never_seen_before(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.say("one")
    widget.shows("one", "heard one from a guest")
    page.evaluate(f"{CHAT}.reset()")
    widget.shows()
    widget.until(lambda: len(chat.posted("/v1/chat/sessions")) == 2)
    assert "device_token" not in chat.posted("/v1/chat/sessions")[1]


# Not me --------------------------------------------------------------------------------------------------------------


def says_it_is_not_me(page: Page) -> None:
    page.get_by_role("button", name="This isn't me").click()
    page.get_by_role("button", name="Start anew").click()


def test_a_stranger_is_not_asked_whether_it_is_they(widget: Widget, page: Page) -> None:
    widget.visit().open()
    expect(page.get_by_role("link", name="Privacy")).to_be_visible()
    expect(page.get_by_role("button", name="This isn't me")).to_be_hidden()


def test_whoever_is_not_the_one_who_wrote_here_starts_as_a_stranger(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    widget.visit().open()
    widget.say("my secret")
    widget.shows("my secret", "heard my secret from a guest")
    before = widget.kept()
    page.reload()
    widget.open()
    says_it_is_not_me(page)
    widget.shows()
    expect(widget.composer).to_be_focused()
    widget.say("hi")
    widget.shows("hi", "heard hi from a guest")
    assert chat.posted("/v1/chat/sign-out") == [{"device_token": before["device_token"]}]
    assert "device_token" not in chat.posted("/v1/chat/sessions")[1]
    assert not {before["session_token"], before["device_token"]} & set(map(str, widget.kept().values()))
    page.reload()
    widget.open().shows("hi", "heard hi from a guest")


def test_a_returning_device_is_asked_even_when_nothing_is_shown_yet(widget: Widget, page: Page) -> None:
    widget.visit().open()
    widget.until(lambda: "device_token" in widget.kept())
    page.reload()
    widget.open()
    expect(page.get_by_role("button", name="This isn't me")).to_be_visible()


def test_a_slip_of_the_thumb_costs_nobody_their_conversation(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.say("one")
    widget.shows("one", "heard one from a guest")
    page.get_by_role("button", name="This isn't me").click()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("button", name="This isn't me")).to_be_focused()
    widget.shows("one", "heard one from a guest")
    assert not chat.posted("/v1/chat/sign-out")


def test_a_page_that_says_who_it_is_is_not_believed_until_it_says_so_again(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    widget.visit(f"user-token={signed('sari')}").open()
    widget.say("my secret")
    widget.shows("my secret", "heard my secret from sari")
    page.evaluate(f"window.told = 0; {CHAT}.addEventListener('rapport:not-me', () => window.told++)")
    says_it_is_not_me(page)
    assert page.evaluate("window.told") == 1
    sign_in(page, "sari")
    widget.say("hi")
    widget.shows("hi", "heard hi from a guest")
    page.evaluate(f"{CHAT}.identify('{signed('sari')}')")
    widget.until(lambda: len(chat.posted("/v1/chat/identify")) == 1)
    widget.say("it is me after all")
    widget.shows("hi", "heard hi from a guest", "it is me after all", "heard it is me after all from sari")


def test_whoever_says_it_twice_is_not_signed_in_by_it(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit(f"user-token={signed('sari')}").open()
    widget.until(lambda: len(chat.sessions) == 1)
    for _ in range(2):
        says_it_is_not_me(page)
        widget.say("hi")
        widget.shows("hi", "heard hi from a guest")


SEES_LATE = """
const seen = {}, get = Storage.prototype.getItem, set = Storage.prototype.setItem;
Storage.prototype.getItem = function (key) { return key in seen ? seen[key] : get.call(this, key); };
Storage.prototype.setItem = function (key, value) { delete seen[key]; set.call(this, key, value); };
addEventListener('storage', (event) => {
    if (!event.isTrusted) return;
    event.stopImmediatePropagation();
    if (!(event.key in seen)) seen[event.key] = event.oldValue;
    setTimeout(() => {
        if (event.key in seen) seen[event.key] = event.newValue;
        if (get.call(localStorage, event.key) === event.newValue) delete seen[event.key];
        dispatchEvent(new StorageEvent('storage', { key: event.key }));
    }, 100);
});
"""
"""What another window keeps is seen a tenth of a second later than it is told: as on a busy machine."""


@pytest.mark.parametrize("attributes", ["", f"user-token={signed('sari')}"], ids=["a guest", "signed in"])
def test_another_window_shows_nothing_of_whoever_left_in_this_one(
    widget: Widget, page: Page, chat: ChatServer, attributes: str
) -> None:
    widget.visit(attributes).open()
    widget.say("my secret")
    expect(widget.messages).to_have_count(2)
    other = Widget(page.context.new_page(), widget.url).visit(attributes).open()
    expect(other.messages).to_have_count(2)
    says_it_is_not_me(page)
    other.shows()
    widget.say("hi")
    widget.shows("hi", "heard hi from a guest")
    other.shows("hi", "heard hi from a guest")


def test_two_windows_go_on_in_one_conversation_though_what_one_keeps_is_seen_late_in_the_other(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    widget.visit().open()
    widget.say("my secret")
    expect(widget.messages).to_have_count(2)
    slow = page.context.new_page()
    slow.add_init_script(SEES_LATE)
    other = Widget(slow, widget.url).visit().open()
    expect(other.messages).to_have_count(2)
    page.evaluate(
        "fetch = ((fetch) => (...asked) => new Promise((go) => setTimeout(go, 300)).then(() => fetch(...asked)))(fetch)"
    )
    says_it_is_not_me(page)
    widget.say("hi")
    other.shows("hi", "heard hi from a guest")
    widget.shows("hi", "heard hi from a guest")
    assert len(chat.posted("/v1/chat/sessions")) == 2


def test_a_late_write_of_another_window_brings_nobody_back(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.say("my secret")
    expect(widget.messages).to_have_count(2)
    late = page.context.new_page()
    late.add_init_script(
        "addEventListener('storage', ({ key, oldValue }) => oldValue && localStorage.setItem(key, oldValue))"
    )
    other = Widget(late, widget.url).visit().open()
    expect(other.messages).to_have_count(2)
    says_it_is_not_me(page)
    other.shows()
    widget.say("hi")
    widget.shows("hi", "heard hi from a guest")


def test_whoever_signs_in_after_that_is_believed(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit(f"user-token={signed('sari')}").open()
    widget.until(lambda: len(chat.sessions) == 1)
    says_it_is_not_me(page)
    sign_in(page, "budi")
    widget.say("hi")
    widget.shows("hi", "heard hi from budi")


def test_words_that_were_not_sent_are_not_the_next_one_s(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit().open()
    widget.until(lambda: len(chat.sessions) == 1)
    with chat.faults.down():
        widget.say("my secret")
        expect(widget.saying("my secret").locator(".meta")).to_have_text("Waiting for the network")
        says_it_is_not_me(page)
        widget.shows()
    page.reload()
    widget.open()
    widget.say("hi")
    widget.shows("hi", "heard hi from a guest")
    assert chat.said() == ["hi"]


def test_words_of_a_signed_in_customer_wait_until_they_are_back(widget: Widget, page: Page, chat: ChatServer) -> None:
    widget.visit(f"user-token={signed('sari')}").open()
    widget.until(lambda: len(chat.sessions) == 1)
    with chat.faults.down():
        widget.say("my secret")
        expect(widget.saying("my secret").locator(".meta")).to_have_text("Waiting for the network")
        widget.visit().open().shows()
    widget.shows()
    widget.visit(f"user-token={signed('sari')}").open()
    widget.shows("my secret", "heard my secret from sari")


def test_what_is_looked_at_is_told_once_even_when_the_response_is_lost(
    widget: Widget, page: Page, chat: ChatServer
) -> None:
    widget.visit()
    chat.faults.fail("lost", "/v1/chat/events")
    assert page.evaluate(f"{CHAT}.track('view_product', {{product: 'gayo', category: 'single_origin'}})")
    first, again = chat.posted("/v1/chat/events")
    assert first == again
    assert first.pop("event_id") and first.pop("at").endswith("Z")
    assert first == {
        "source": "widget",
        "touchpoint": "web",
        "kind": "view_product",
        "identifiers": [],
        "page": "/blank",
        "product": "gayo",
        "category": "single_origin",
    }
