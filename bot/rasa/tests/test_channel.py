"""The gateway's way into Rasa: text as text, buttons as what they mean, and a receipt that can be had again."""

from __future__ import annotations

import asyncio
import os
import unittest
from types import SimpleNamespace
from typing import Any

from rasa.core.channels.channel import UserMessage
from rasa.core.lock_store import InMemoryLockStore
from rasa.shared.core.events import ActionExecuted, BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.rasa.channel import TOKEN, RapportInput, Replies, as_text, pressed, receipt, receipt_of
from bot.rasa.remote_action import TurnFailedError
from bot.rasa.tests.test_tracker import DOMAIN, SESSION, turn

SHARED = "between the gateway and Rasa"
OFFER = {"id": "starter", "title": "Starter", "text": "…", "reason": "because"}


class TypedText(unittest.TestCase):
    def test_is_read_as_it_is(self) -> None:
        for text in ("hello", "1/2 kg", "http://example.com/a", "☕", "{name}"):
            self.assertEqual(as_text(text), text)

    def test_is_no_command_whatever_it_looks_like(self) -> None:
        for text in ("/restart", " /restart ", "//restart", "/ restart", "\t/\n/restart"):
            self.assertFalse(as_text(text).startswith("/"), text)
            self.assertIn("restart", as_text(text))

    def test_of_slashes_alone_is_something_still(self) -> None:
        for text in ("/", "///", " / "):
            self.assertEqual(as_text(text), ".")


class AButton(unittest.TestCase):
    def press(self, payload: str) -> dict[str, Any]:
        return pressed({"payload": payload, "text": "10 to 40", "language": "id"})

    def test_means_an_intent(self) -> None:
        meant = self.press("/affirm")
        self.assertEqual(meant["intent"], {"name": "affirm", "confidence": 1.0})
        self.assertEqual(meant["entities"], [{"entity": "language", "value": "id"}])
        self.assertEqual(meant["text"], "10 to 40")

    def test_may_mean_an_answer_to_a_question(self) -> None:
        meant = self.press("/answer_question cups.10_to_40")
        self.assertEqual(meant["intent"]["name"], "answer_question")
        self.assertIn({"entity": "pressed", "value": "cups.10_to_40"}, meant["entities"])


def parsed() -> dict[str, Any]:
    found = [
        {"entity": "language", "value": "id", "confidence_entity": 0.9, "extractor": "Understanding"},
        {"entity": "product", "value": "atlas", "start": 0, "end": 5, "extractor": "KnownEntities"},
    ]
    return {"text": "atlas", "intent": {"name": "ask_price", "confidence": 0.8}, "entities": found, "text_tokens": []}


def said(text: str | None = "Halo!", **data: Any) -> BotUttered:
    return BotUttered(text, data, {"utter_action": "utter_greet_guest"})


class AReceipt(unittest.TestCase):
    def test_holds_what_was_understood_and_what_is_said(self) -> None:
        buttons = [{"title": "Yes", "payload": "/affirm", "type": "postback"}]
        first = said(buttons=buttons)
        second = said("Offer", custom={"offer": OFFER, "effects": ["erase", "erase"]})
        self.assertEqual(
            receipt("m-1", parsed(), [first.message(), second.message()]),
            {
                "message_id": "m-1",
                "intent": "ask_price",
                "confidence": 0.8,
                "entities": [
                    {"entity": "language", "value": "id", "confidence_entity": 0.9},
                    {"entity": "product", "value": "atlas"},
                ],
                "effects": ["erase"],
                "replies": [
                    {
                        "text": "Halo!",
                        "action": "utter_greet_guest",
                        "buttons": [{"title": "Yes", "payload": "/affirm"}],
                        "offer": None,
                    },
                    {"text": "Offer", "action": "utter_greet_guest", "buttons": [], "offer": OFFER},
                ],
            },
        )

    def test_of_silence_has_no_replies(self) -> None:
        self.assertEqual(receipt("m-1", parsed(), [])["replies"], [])

    def test_of_a_card_without_words_has_an_empty_text(self) -> None:
        (reply,) = receipt("m-1", parsed(), [said(None, custom={"offer": OFFER}).message()])["replies"]
        self.assertEqual((reply["text"], reply["offer"]), ("", OFFER))


def talk(*events: Any) -> DialogueStateTracker:
    tracker = DialogueStateTracker("c-1", DOMAIN.slots)
    for event in events:
        tracker.update(event, DOMAIN)
    return tracker


class AReceiptHadAgain(unittest.TestCase):
    def test_of_a_finished_turn_is_the_one_that_was_given(self) -> None:
        answers = [said(buttons=[{"title": "Yes", "payload": "/affirm"}]), said("Offer", custom={"offer": OFFER})]
        heard = UserUttered("atlas", parse_data=parsed(), metadata={"message_id": "m-1"})
        given = receipt("m-1", parsed(), [answer.message() for answer in answers])
        finished = talk(
            *SESSION, heard, ActionExecuted("action_price"), *answers, ActionExecuted("action_listen"), *turn("m-2")
        )
        self.assertEqual(receipt_of(finished, "m-1"), given)

    def test_of_a_finished_turn_is_the_same_after_it_was_stored(self) -> None:
        finished = talk(*SESSION, *turn("m-1"))
        stored = DialogueStateTracker.from_dict("c-1", [event.as_dict() for event in finished.events], DOMAIN.slots)
        self.assertIsNotNone(receipt_of(finished, "m-1"))
        self.assertEqual(receipt_of(stored, "m-1"), receipt_of(finished, "m-1"))

    def test_of_an_unfinished_turn_is_none(self) -> None:
        whole = [*SESSION, *turn("m-1")]
        for length in range(len(whole)):
            self.assertIsNone(receipt_of(talk(*whole[:length]), "m-1"), length)

    def test_of_a_message_that_never_came_is_none(self) -> None:
        self.assertIsNone(receipt_of(talk(*SESSION, *turn("m-1")), "m-2"))
        self.assertIsNone(receipt_of(talk(), "m-1"))

    def test_holds_nothing_of_the_messages_before_and_after(self) -> None:
        tracker = talk(*SESSION, *turn("m-1", "satu"), *turn("m-2", "dua"), *turn("m-3", "tiga"))
        for message_id in ("m-1", "m-2", "m-3"):
            again = receipt_of(tracker, message_id)
            assert again
            self.assertEqual((again["message_id"], len(again["replies"])), (message_id, 1))


class TheRoute(unittest.IsolatedAsyncioTestCase):
    """The handler itself, with what Sanic would hand it; Rasa's part is played here."""

    def setUp(self) -> None:
        os.environ[TOKEN] = SHARED
        self.addCleanup(os.environ.pop, TOKEN)
        self.trackers: dict[str, DialogueStateTracker] = {}
        self.ran: list[UserMessage] = []
        self.failure: TurnFailedError | None = None
        routes = RapportInput.from_credentials(None).blueprint(self.take_turn)
        handlers = {route.uri: route.handler for route in routes._future_routes}
        self.turn, self.ready, self.forgetting = handlers["/turn"], handlers["/ready"], handlers["/forget"]
        self.model_is_loaded = True
        parser = SimpleNamespace(parse_message=self.parse)
        self.locks = InMemoryLockStore()
        self.agent = SimpleNamespace(
            tracker_store=self, lock_store=self.locks, processor=parser, is_ready=lambda: self.model_is_loaded
        )

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        return self.trackers.get(sender_id)

    def forget(self, sender_id: str) -> None:
        self.trackers.pop(sender_id, None)

    async def parse(self, message: UserMessage) -> dict[str, Any]:
        return {**parsed(), "text": message.text}

    async def take_turn(self, message: UserMessage) -> None:
        if self.failure:
            raise self.failure
        self.ran.append(message)
        await message.output_channel.send_response(message.sender_id, said().message())

    async def post(self, token: str = SHARED, **changed: Any) -> Any:
        body = {
            "message_id": "m-1",
            "conversation_id": "c-1",
            "language": "id",
            "text": "/restart",
            "payload": None,
            "again": False,
            **changed,
        }
        app = SimpleNamespace(ctx=SimpleNamespace(agent=self.agent))
        return await self.turn(SimpleNamespace(headers={"x-rapport-token": token}, json=body, app=app))

    async def look(self, token: str = SHARED) -> int:
        app = SimpleNamespace(ctx=SimpleNamespace(agent=self.agent))
        answer = await self.ready(SimpleNamespace(headers={"x-rapport-token": token}, app=app))
        return int(answer.status)

    async def ask_to_forget(self, *conversation_ids: str, token: str = SHARED) -> int:
        app = SimpleNamespace(ctx=SimpleNamespace(agent=self.agent))
        body = {"conversation_ids": list(conversation_ids)}
        answer = await self.forgetting(SimpleNamespace(headers={"x-rapport-token": token}, json=body, app=app))
        return int(answer.status)

    async def test_forgets_these_conversations_and_no_other(self) -> None:
        self.trackers = {conversation: talk(*SESSION, *turn("m-1")) for conversation in ("c-1", "c-2", "c-3")}
        self.assertEqual(await self.ask_to_forget("c-1", "c-3", "never-heard-of"), 204)
        self.assertEqual(set(self.trackers), {"c-2"})

    async def test_forgets_nothing_for_a_stranger(self) -> None:
        self.trackers["c-1"] = talk(*SESSION, *turn("m-1"))
        self.assertEqual(await self.ask_to_forget("c-1", token=f"not {SHARED}"), 401)
        self.assertEqual(set(self.trackers), {"c-1"})

    async def test_forgets_only_when_no_turn_of_it_is_under_way(self) -> None:
        async with self.locks.lock("c-1"):
            forgetting = asyncio.create_task(self.ask_to_forget("c-1"))
            await asyncio.sleep(0.05)
            self.trackers["c-1"] = talk(*SESSION, *turn("m-1"))
            self.assertFalse(forgetting.done())
        self.assertEqual(await forgetting, 204)
        self.assertEqual(self.trackers, {})

    async def test_says_whether_a_turn_could_be_taken_and_runs_none(self) -> None:
        self.assertEqual(await self.look(), 204)
        self.model_is_loaded = False
        self.assertEqual(await self.look(), 503)
        self.assertEqual(await self.look("another"), 401)
        self.assertEqual(self.ran, [])

    async def test_takes_a_message_through_a_turn(self) -> None:
        answer = await self.post()
        self.assertEqual(answer.status, 200)
        (message,) = self.ran
        self.assertEqual((message.sender_id, message.text, message.input_channel), ("c-1", "restart", "rapport"))
        self.assertEqual(message.metadata, {"message_id": "m-1", "language": "id"})
        self.assertEqual(message.parse_data["intent"]["name"], "ask_price")
        self.assertIn(b"utter_greet_guest", answer.body)

    async def test_reads_a_button_and_not_its_words(self) -> None:
        await self.post(text="Ya", payload="/affirm")
        self.assertEqual(self.ran[0].parse_data["intent"], {"name": "affirm", "confidence": 1.0})

    async def test_runs_no_turn_again_that_was_finished(self) -> None:
        self.trackers["c-1"] = talk(*SESSION, *turn("m-1"))
        answer = await self.post(again=True)
        self.assertEqual((answer.status, self.ran), (200, []))
        self.assertIn(b'"message_id":"m-1"', answer.body)

    async def test_runs_a_turn_again_that_was_not_finished_or_never_came(self) -> None:
        for tracker in (talk(*SESSION, *turn("m-1")[:3]), talk(*SESSION, *turn("m-0")), None):
            self.ran.clear()
            self.trackers = {"c-1": tracker} if tracker else {}
            await self.post(again=True)
            self.assertEqual(len(self.ran), 1)

    async def test_says_when_the_turn_was_not_carried_out(self) -> None:
        for refused, status in ((False, 503), (True, 500)):
            self.failure = TurnFailedError("action_greet: the reason", refused=refused)
            answer = await self.post()
            self.assertEqual(answer.status, status)
            self.assertIn(b"the reason", answer.body)

    async def test_hears_nobody_without_the_token(self) -> None:
        for token in ("", "wrong", f"{SHARED} "):
            self.assertEqual((await self.post(token)).status, 401)
        self.assertEqual(self.ran, [])

    async def test_hears_nobody_when_no_token_was_set(self) -> None:
        os.environ[TOKEN] = ""
        routes = RapportInput().blueprint(self.take_turn)._future_routes
        handlers = {route.uri: route.handler for route in routes}
        self.turn, self.ready = handlers["/turn"], handlers["/ready"]
        self.assertEqual((await self.post("")).status, 401)


class TheReplies(unittest.IsolatedAsyncioTestCase):
    async def test_are_kept_whole_and_in_order(self) -> None:
        replies = Replies()
        for text in ("one", "two"):
            await replies.send_response("c-1", said(text, custom={"offer": OFFER}).message())
        self.assertEqual([reply["text"] for reply in replies.said], ["one", "two"])
        self.assertEqual(replies.said[0]["custom"], {"offer": OFFER})
