"""What the gateway may expect of an assistant: of Rasa over HTTP, and of the fake that stands for it elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from fakes.assistant import FakeAssistant, echo

from bot.gateway import rasa
from bot.gateway.rasa import Assistant, Rasa, RasaUnavailableError, Receipt, TurnRefusedError
from crm_store.conversations.inbox import Understood, Waiting
from crm_store.conversations.outbox import Outgoing

TOKEN = "between the gateway and Rasa"
MESSAGE = Waiting("m" * 32, "c" * 32, "web", "id", "halo", None, 0, was_told=False)
PRESSED = Waiting("p" * 32, "c" * 32, "web", "en", "Yes", "/affirm", 0, was_told=False)


class RasaServer:
    """Plays the Rasa process and the action server, as far as the gateway sees them. `status`: what turns get."""

    def __init__(self) -> None:
        self.status = 200
        self.is_slow = False
        self.actions_live = True
        self.body: Any = None
        """What is answered instead of a receipt."""
        self.posted: list[tuple[str | None, Any]] = []
        self.ran: list[str] = []
        self._receipts: dict[str, Any] = {}

    async def __aenter__(self) -> RasaServer:
        app = web.Application()
        app.router.add_post("/webhooks/rapport/turn", self._turn)
        app.router.add_get("/webhooks/rapport/ready", self._ready)
        app.router.add_get("/health", self._health)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _turn(self, request: web.Request) -> web.StreamResponse:
        message = await request.json()
        self.posted.append((request.headers.get("x-rapport-token"), message))
        if self.is_slow:
            await asyncio.sleep(60)
        if self.status != 200:
            return web.json_response({"error": "told to fail"}, status=self.status)
        if self.body is not None:
            return web.Response(text=self.body, content_type="application/json")
        if not (message["again"] and message["message_id"] in self._receipts):
            self.ran.append(message["text"])
            self._receipts[message["message_id"]] = receipt(message)
        return web.json_response(self._receipts[message["message_id"]])

    async def _ready(self, _request: web.Request) -> web.Response:
        return web.Response(status=204 if self.status == 200 else self.status)

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(status=200 if self.actions_live else 500)


def receipt(message: dict[str, Any]) -> dict[str, Any]:
    """An echo, in the form of `bot.rasa.channel.receipt`."""
    reply = {"text": f"You said: {message['text']}", "action": "utter_greet_guest", "buttons": [], "offer": None}
    found = [{"entity": "language", "value": message["language"], "confidence_entity": 0.9}]
    return {
        "message_id": message["message_id"],
        "intent": "greet",
        "confidence": 0.9,
        "entities": found,
        "effects": [],
        "replies": [reply],
    }


@pytest.fixture
async def server() -> AsyncIterator[RasaServer]:
    async with RasaServer() as server:
        yield server


@pytest.fixture
async def over_http(server: RasaServer) -> AsyncIterator[Rasa]:
    assistant = Rasa(server.url, server.url, TOKEN)
    yield assistant
    await assistant.close()


@pytest.fixture(params=["fake", "rasa"])
def player(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def assistant(player: str, server: RasaServer, over_http: Rasa) -> Assistant:
    return FakeAssistant() if player == "fake" else over_http


def ran(assistant: Assistant, server: RasaServer) -> list[str]:
    return assistant.ran if isinstance(assistant, FakeAssistant) else server.ran


# What both do --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [MESSAGE, PRESSED])
async def test_a_turn_comes_back_as_a_receipt(assistant: Assistant, message: Waiting) -> None:
    assert await assistant.take_turn(message, again=False) == echo(message)


async def test_a_message_that_has_been_through_its_turn_is_not_run_again(
    assistant: Assistant, server: RasaServer
) -> None:
    first = await assistant.take_turn(MESSAGE, again=False)
    assert await assistant.take_turn(MESSAGE, again=True) == first
    assert ran(assistant, server) == ["halo"]


async def test_a_message_that_only_may_have_been_is_run(assistant: Assistant, server: RasaServer) -> None:
    assert await assistant.take_turn(MESSAGE, again=True) == echo(MESSAGE)
    assert ran(assistant, server) == ["halo"]


async def test_an_assistant_that_is_down_is_unavailable_until_it_is_back(
    assistant: Assistant, server: RasaServer
) -> None:
    def go(down: bool) -> None:
        if isinstance(assistant, FakeAssistant):
            assistant.is_down = down
        else:
            server.status = 503 if down else 200

    go(down=True)
    with pytest.raises(RasaUnavailableError):
        await assistant.take_turn(MESSAGE, again=False)
    assert await assistant.missing()
    go(down=False)
    assert await assistant.missing() is None
    assert await assistant.take_turn(MESSAGE, again=True) == echo(MESSAGE)
    assert ran(assistant, server) == ["halo"]


async def test_a_message_that_it_cannot_work_on_is_refused(assistant: Assistant, server: RasaServer) -> None:
    if isinstance(assistant, FakeAssistant):
        assistant.refused = {"halo"}
    else:
        server.status = 500
    with pytest.raises(TurnRefusedError):
        await assistant.take_turn(MESSAGE, again=False)
    assert ran(assistant, server) == []


# What only the real one can do ---------------------------------------------------------------------------------------


async def test_rasa_is_told_who_asks_and_what_was_said(over_http: Rasa, server: RasaServer) -> None:
    await over_http.take_turn(MESSAGE, again=False)
    await over_http.take_turn(PRESSED, again=True)
    assert [token for token, _ in server.posted] == [TOKEN, TOKEN]
    assert server.posted[0][1] == {
        "message_id": "m" * 32,
        "conversation_id": "c" * 32,
        "language": "id",
        "text": "halo",
        "payload": None,
        "again": False,
    }
    assert (server.posted[1][1]["payload"], server.posted[1][1]["again"]) == ("/affirm", True)


async def test_the_language_is_taken_out_of_the_entities(over_http: Rasa, server: RasaServer) -> None:
    buttons = [{"title": "Ya", "payload": "/affirm"}]
    offer = {"id": "o", "title": "t", "text": "x", "reason": "r"}
    found = [{"entity": "number", "value": "30"}, {"entity": "language", "value": "id"}]
    replies = [
        {"text": "Satu", "action": "utter_one", "buttons": buttons, "offer": None},
        {"text": "", "action": None, "buttons": [], "offer": offer},
    ]
    whole = {"intent": "answer_question", "confidence": 0.7, "entities": found, "effects": ["erase"]}
    server._receipts["m" * 32] = {"message_id": "m" * 32, "replies": replies, **whole}
    assert await over_http.take_turn(MESSAGE, again=True) == Receipt(
        Understood("answer_question", 0.7, "id", "utter_one", [{"entity": "number", "value": "30"}]),
        [Outgoing("Satu", "utter_one", buttons, None), Outgoing("", None, [], offer)],
        ["erase"],
    )


async def test_a_turn_that_says_nothing_has_no_replies(over_http: Rasa, server: RasaServer) -> None:
    nothing = {"intent": None, "confidence": None, "entities": [], "effects": [], "replies": []}
    server._receipts["m" * 32] = nothing
    assert await over_http.take_turn(MESSAGE, again=True) == Receipt(Understood(), [], [])


async def test_a_rasa_that_takes_too_long_is_unavailable(
    over_http: Rasa, server: RasaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rasa, "TIMEOUT_SECONDS", 0.05)
    server.is_slow = True
    with pytest.raises(RasaUnavailableError):
        await over_http.take_turn(MESSAGE, again=False)


async def test_a_rasa_that_is_not_there_is_unavailable(over_http: Rasa, server: RasaServer) -> None:
    await over_http.take_turn(MESSAGE, again=False)
    await server.__aexit__()
    with pytest.raises(RasaUnavailableError):
        await over_http.take_turn(MESSAGE, again=True)
    assert await over_http.missing() == "Rasa does not answer yet."


async def test_a_rasa_with_another_token_is_unavailable_since_no_message_is_to_blame(
    over_http: Rasa, server: RasaServer
) -> None:
    server.status = 401
    with pytest.raises(RasaUnavailableError):
        await over_http.take_turn(MESSAGE, again=False)
    assert "RAPPORT_INTERNAL_TOKEN" in str(await over_http.missing())


@pytest.mark.parametrize("body", ["", "hello", "[]", "null", "{}", '{"replies": [{}], "entities": [], "effects": []}'])
async def test_a_receipt_that_cannot_be_read_is_a_refusal(over_http: Rasa, server: RasaServer, body: str) -> None:
    server.body = body
    with pytest.raises(TurnRefusedError):
        await over_http.take_turn(MESSAGE, again=False)


async def test_without_the_action_server_rasa_is_not_ready(over_http: Rasa, server: RasaServer) -> None:
    assert await over_http.missing() is None
    server.actions_live = False
    assert await over_http.missing() == "The action server does not answer yet."


async def test_closing_what_was_never_used_is_fine(server: RasaServer) -> None:
    await Rasa(server.url, server.url, TOKEN).close()
