"""The call to the action server: what goes out, what is accepted back, and that a failure ends the turn."""

from __future__ import annotations

import copy
import logging
import unittest
from typing import Any

from aiohttp import ClientSession, web
from jsonschema import ValidationError, validate
from rasa.core.actions.action import RemoteAction
from rasa.core.channels.channel import CollectingOutputChannel
from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from bot.rasa.remote_action import KeptConnection, OurRemoteAction, TurnFailedError
from bot.rasa.tests.test_tracker import DOMAIN, SESSION, turn

ANSWERS: list[Any] = [
    {},
    {"events": [], "responses": []},
    {"events": [], "responses": [{"response": "utter_greet_name", "name": "Sari", "custom": {"effects": ["erase"]}}]},
    {"events": [{"event": "slot", "name": "language", "value": "id"}]},
    {"events": [{"event": "slot", "name": "language", "value": None, "timestamp": 1.5}], "responses": []},
    {"events": [{"event": "bot", "text": "hi", "data": {}}], "more": 1},
    {"events": [{"event": "user", "text": "hi", "parse_data": {"intent": {"name": "x", "confidence": 1.0}}}]},
    [],
    None,
    "text",
    7,
    {"events": None},
    {"events": {}},
    {"events": ["slot"]},
    {"events": [{}]},
    {"events": [{"event": "slot"}]},
    {"events": [{"event": "no such event"}]},
    {"events": [{"event": "action"}]},
    {"events": [{"event": "followup", "name": 3}]},
    {"responses": {}},
    {"responses": ["hello"]},
]


class TheValidator(unittest.TestCase):
    def test_accepts_and_refuses_what_jsonschema_does(self) -> None:
        action = OurRemoteAction("action_greet", None)
        verdicts = set()
        for answer in ANSWERS:
            with self.subTest(answer=answer):
                theirs = self.refused(lambda a=answer: validate(a, RemoteAction.action_response_format_spec()))
                ours = self.refused(lambda a=answer: action._validate_action_result(a))
                self.assertEqual(ours, theirs)
                verdicts.add(ours)
        self.assertEqual(verdicts, {True, False})

    def refused(self, check: Any) -> bool:
        try:
            check()
        except ValidationError:
            return True
        return False


class ActionServer:
    """An action server that answers as it is told and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.peers: set[Any] = set()
        self.status = 200
        self.answer: Any = {"events": [], "responses": []}

    async def start(self) -> str:
        app = web.Application()
        app.router.add_post("/webhook", self._respond)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}/webhook"

    async def _respond(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        self.peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        return web.json_response(self.answer, status=self.status)


class TheCall(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        logging.disable(logging.ERROR)  # Rasa says of each failure that it failed
        self.addCleanup(logging.disable, logging.NOTSET)
        self.server = ActionServer()
        self.url = await self.server.start()
        self.addAsyncCleanup(self.server.runner.cleanup)
        KeptConnection._session = ClientSession()  # of this test's loop
        self.addAsyncCleanup(KeptConnection._session.close)

    async def run_action(self, url: str = "") -> list[Any]:
        tracker = DialogueStateTracker("c-1", DOMAIN.slots)
        for event in [*SESSION, *turn("m-1"), *turn("m-2", "apa kabar?")[:2]]:
            tracker.update(event, DOMAIN)
        nlg = TemplatedNaturalLanguageGenerator({"utter_hello": [{"text": "Halo, {name}!"}]})
        action = OurRemoteAction("action_greet", EndpointConfig(url or self.url))
        return await action.run(CollectingOutputChannel(), nlg, tracker, DOMAIN)

    async def test_carries_the_latest_message_with_its_id_and_no_history(self) -> None:
        await self.run_action()
        (asked,) = self.server.asked
        self.assertEqual((asked["next_action"], asked["sender_id"]), ("action_greet", "c-1"))
        latest = asked["tracker"]["latest_message"]
        self.assertEqual(latest["metadata"], {"message_id": "m-2"})
        self.assertEqual(latest["intent"]["name"], "greet")
        self.assertEqual([e["value"] for e in latest["entities"]], ["id"])
        self.assertEqual((asked["tracker"]["events"], asked["domain"]), ([], {}))
        self.assertNotIn("halo", str(asked))

    async def test_renders_what_comes_back(self) -> None:
        card = {"offer": {"id": "o"}}
        self.server.answer = {"responses": [{"response": "utter_hello", "name": "Sari", "custom": card}]}
        (uttered,) = await self.run_action()
        said = uttered.message()
        self.assertEqual((said["text"], said["utter_action"]), ("Halo, Sari!", "utter_hello"))
        self.assertEqual(said["custom"], card)

    async def test_goes_over_one_connection(self) -> None:
        for _ in range(3):
            await self.run_action()
        self.assertEqual(len(self.server.asked), 3)
        self.assertEqual(len(self.server.peers), 1)

    async def test_that_fails_ends_the_turn(self) -> None:
        rejected = {"action_name": "action_greet", "error": "no"}
        for status, answer in (
            (500, {}),
            (502, {}),
            (404, rejected),
            (400, rejected),
            (449, {}),
            (200, {"events": "none"}),
            (200, "hello"),
            (200, {"events": [{"event": "no such event"}]}),
        ):
            with self.subTest(status=status, answer=answer):
                self.server.status, self.server.answer = status, answer
                failed = await self.assert_it_passes_what_catches_exceptions()
                self.assertEqual(failed.refused, status == 500)

    async def test_to_a_server_that_is_not_there_ends_the_turn(self) -> None:
        await self.server.runner.cleanup()
        failed = await self.assert_it_passes_what_catches_exceptions()
        self.assertFalse(failed.refused)

    async def test_works_again_after_one_that_failed(self) -> None:
        self.server.status = 500
        await self.assert_it_passes_what_catches_exceptions()
        self.server.status = 200
        self.assertEqual(await self.run_action(), [])

    async def assert_it_passes_what_catches_exceptions(self) -> TurnFailedError:
        async def as_rasa_calls_it() -> Any:
            try:
                return await self.run_action()
            except Exception:
                return "swallowed"

        with self.assertRaises(TurnFailedError) as failed:
            await as_rasa_calls_it()
        self.assertTrue(str(failed.exception).startswith("action_greet: "))
        self.assertNotIsInstance(failed.exception, Exception)
        return failed.exception


class TheEndpoint(unittest.TestCase):
    def test_keeps_the_settings_that_rasa_reads(self) -> None:
        endpoint = EndpointConfig("http://127.0.0.1:5055/webhook", enable_selective_domain=False)
        kept = KeptConnection(copy.copy(endpoint))
        self.assertEqual((kept.url, kept.kwargs), (endpoint.url, endpoint.kwargs))
