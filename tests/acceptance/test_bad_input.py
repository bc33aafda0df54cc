"""What comes in that nobody meant to send: refused with a reason or taken as the text it is, and nothing else suffers."""

from __future__ import annotations

import json
from uuid import uuid4

import httpx
import pytest
from acceptance.running import Stack, Talker
from sqlalchemy import Engine, func, select

from crm_store.database import reading
from crm_store.tables import conversations, messages

# What comes in is judged before it reaches the database.
pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)

ZERO_WIDTH = "\u200b\u200c\u2060\ufeff"
RIGHT_TO_LEFT = "\u202e"
HALF = json.dumps({"client_id": "1", "text": "half a character: \ud83d"}).encode()


@pytest.mark.parametrize(
    "text",
    ["", "   \n\t ", "\x00\x01\x1b\x7f", ZERO_WIDTH, RIGHT_TO_LEFT, "\u200d", "a" * 4001],
    ids=["empty", "blank", "control", "zero-width", "direction", "joiner", "too-long"],
)
def test_what_cannot_be_read_is_refused_and_the_talk_goes_on(stack: Stack, text: str) -> None:
    guest = Talker(stack)
    refused = guest.post(text=text)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["errors"][0]["at"] == "body.text"
    assert guest.say("hello")
    assert [m["text"] for m in guest.heard if m["author"] == "customer"] == ["hello"]


def test_a_body_of_100_kB_is_refused_before_it_is_read(stack: Stack) -> None:  # noqa: N802
    guest = Talker(stack)
    refused = guest.post(text="a" * 100_000)
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"
    assert guest.say("hello")


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'"hello"', b"{}", b"\xff\xfe\x00", b'{"text": 1}', HALF])
def test_what_is_no_message_is_refused(stack: Stack, body: bytes) -> None:
    guest = Talker(stack)
    refused = _post(stack, guest.session_token, body)
    assert refused.status_code in (400, 422)
    assert refused.headers["content-type"] == "application/problem+json"
    assert guest.say("hello")


@pytest.mark.parametrize("token", [None, "wrong", "é", "a" * 5000])
def test_nobody_is_heard_without_their_token(stack: Stack, token: str | None) -> None:
    body = json.dumps({"client_id": "1", "text": "hello"}).encode()
    for answered in (_post(stack, token, body), _get(stack, token)):
        assert answered.status_code == 401
        assert answered.json()["type"].endswith("/session-unknown")


@pytest.mark.parametrize("payload", ["x", "/affirm", "/answer_question cups.over_40", "' OR 1=1 --"])
def test_a_button_that_was_never_shown_is_refused(stack: Stack, payload: str) -> None:
    guest = Talker(stack)
    guest.say("what do you recommend?")
    refused = guest.post(payload=payload)
    assert refused.status_code == 422
    assert refused.json()["type"].endswith("/unknown-button")
    assert guest.press("Taste")


def test_a_button_that_was_shown_to_somebody_else_is_refused(stack: Stack) -> None:
    somebody, else_ = Talker(stack), Talker(stack)
    payload = somebody.say("what do you recommend?")[-1]["buttons"][0]["payload"]
    else_.say("what do you recommend?")
    assert else_.post(payload=payload).status_code == 422


AS_TYPED = {
    "emoji": "😀",
    "emoji-joined": "👩\u200d👩\u200d👧 ☕️",
    "arabic": "مرحبا، أريد قهوة من فضلك",
    "hebrew": "שלום, אני רוצה קפה",
    "html": "<b>hello</b> &amp; <a href='javascript:alert(1)'>there</a>",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "braces": "{name} {pitch} {{7*7}} ${x} %s %(name)s",
    "sql": "'; DROP TABLE messages; --",
    "json": '{"text": "hello"}',
    "lines": "hello\n\nis anybody there?",
    "restart": "/restart",
    "session": "/session_start",
    "intent": '/greet{"name": "Sari"}',
    "wish": "/forget_me",
    "slot": '/state_need{"need": "office", "language": "id"}',
    "longest": "a" * 4000,
}


@pytest.mark.parametrize("text", AS_TYPED.values(), ids=AS_TYPED)
def test_text_is_stored_shown_and_answered_as_the_text_it_is(stack: Stack, store: Engine, text: str) -> None:
    guest = Talker(stack)
    message_id = guest.send(text=text)
    (answer, *_) = guest.answer()
    assert answer["in_reply_to"] == message_id
    assert answer["text"]
    assert guest.heard[0]["text"] == text
    with reading(store) as connection:
        row = connection.execute(select(messages.c.text, messages.c.state).where(messages.c.id == message_id)).one()
    assert (row.text, row.state) == (text, "answered")


def test_what_nobody_can_see_is_taken_out_of_what_can_be_seen(stack: Stack) -> None:
    guest = Talker(stack)
    guest.say(f"{RIGHT_TO_LEFT}he{ZERO_WIDTH}llo\x00\x1b")
    assert guest.heard[0]["text"] == "hello"


@pytest.mark.parametrize("typed", ["/restart", "/session_start", "/affirm"])
def test_a_typed_command_changes_nothing_of_the_talk(stack: Stack, typed: str) -> None:
    guest = Talker(stack)
    assert "cups" in guest.say("looking for something for the office")[-1]["text"]
    assert all("offer" not in said for said in guest.say(typed))
    assert "For 30 cups a day" in guest.say("like 30")[-1]["text"]


def test_a_typed_yes_in_rasas_own_words_forgets_nobody(stack: Stack, store: Engine) -> None:
    guest = Talker(stack)
    guest.say("forget me")
    guest.say('/affirm{"really": true}')
    with reading(store) as connection:
        here = conversations.c.id == guest.conversation_id
        assert connection.execute(select(conversations.c.id).where(here)).first()


def test_what_has_no_words_leaves_the_language_of_the_talk_as_it_is(stack: Stack) -> None:
    for language, expected in (("en", "assistant"), ("id", "asisten")):
        for nothing in ("☕", "مرحبا", "שלום"):
            assert expected in Talker(stack, language).say(nothing)[0]["text"], nothing


def test_the_same_message_sent_again_is_taken_once(stack: Stack) -> None:
    guest = Talker(stack)
    body = json.dumps({"client_id": uuid4().hex, "text": "hello"}).encode()
    first, again = (_post(stack, guest.session_token, body) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    guest.answer()
    assert [m["text"] for m in guest.heard if m["author"] == "customer"] == ["hello"]


def test_good_and_bad_all_at_once_are_answered_in_the_order_in_which_they_came(stack: Stack, store: Engine) -> None:
    guest = Talker(stack)
    taken = []
    for text in ("hello", "", "/restart", "<script>", "a" * 5000, "😀", "where are your stores?", "\x00", "thanks"):
        posted = guest.post(text=text)
        assert posted.status_code in (202, 422)
        if posted.status_code == 202:
            taken.append(posted.json()["message_id"])
    assert len(taken) == 6
    answered: list[str] = []
    while taken[-1] not in answered:
        answered += [m["in_reply_to"] for m in guest.answer()]
    assert list(dict.fromkeys(answered)) == taken
    with reading(store) as connection:
        here = messages.c.conversation_id == guest.conversation_id
        waiting = select(func.count()).where(here, messages.c.state == "received")
        assert connection.execute(waiting).scalar_one() == 0


def _post(stack: Stack, token: str | None, body: bytes) -> httpx.Response:
    return stack.http.post("/v1/chat/messages", content=body, headers=_headers(token))


def _get(stack: Stack, token: str | None) -> httpx.Response:
    return stack.http.get("/v1/chat/messages", headers=_headers(token))


def _headers(token: str | None) -> dict[str, bytes]:
    given = {"content-type": b"application/json"}
    return given if token is None else given | {"authorization": b"Bearer " + token.encode()}
