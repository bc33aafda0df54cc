"""The gateway's way into Rasa: one message in, one receipt out.

A message that the tracker has already answered is not run again: its receipt is rebuilt from what was said then. Text that
looks like a Rasa command is text; a button's meaning comes apart from the words. Loopback only, with a shared token.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any

from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from rasa.shared.core.events import ActionExecuted, BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.rasa.remote_action import TurnFailedError
from bot.rasa.tracker import forget_conversation

TOKEN = "RAPPORT_INTERNAL_TOKEN"  # noqa: S105  the name of the setting


class Replies(OutputChannel):
    """Collects what is said in one turn, whole, as Rasa's `BotUttered` events have it."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    @classmethod
    def name(cls) -> str:
        return "rapport"

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        self.said.append(message)


class RapportInput(InputChannel):
    """`POST /webhooks/rapport/turn` -> receipt; `GET /webhooks/rapport/ready` -> whether a turn could be taken;
    `POST /webhooks/rapport/forget` -> 204 when nothing of these conversations is remembered any more.

    When the turn was not carried out nothing is kept: 503 when the action server was not there, 500 when it failed on
    this message. Every route answers 401 to who does not have the shared token.
    """

    @classmethod
    def name(cls) -> str:
        return "rapport"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> InputChannel:
        return cls()

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        routes = Blueprint("rapport", url_prefix="/webhooks/rapport")
        token = os.environ.get(TOKEN, "")

        def is_stranger(request: Request) -> bool:
            return not token or not hmac.compare_digest(request.headers.get("x-rapport-token", ""), token)

        @routes.get("/ready")
        async def ready(request: Request) -> HTTPResponse:
            if is_stranger(request):
                return response.json({"error": "wrong token"}, status=401)
            return response.empty(status=204 if request.app.ctx.agent.is_ready() else 503)

        @routes.post("/forget")
        async def forget(request: Request) -> HTTPResponse:
            if is_stranger(request):
                return response.json({"error": "wrong token"}, status=401)
            agent = request.app.ctx.agent
            for conversation_id in request.json["conversation_ids"]:
                # Behind the lock of its turns: one under way would write down once more what it heard.
                async with agent.lock_store.lock(conversation_id):
                    forget_conversation(agent.tracker_store, conversation_id)
            return response.empty(status=204)

        @routes.post("/turn")
        async def turn(request: Request) -> HTTPResponse:
            if is_stranger(request):
                return response.json({"error": "wrong token"}, status=401)
            body = request.json
            agent = request.app.ctx.agent
            if body.get("again"):
                tracker = await agent.tracker_store.retrieve(body["conversation_id"])
                done = receipt_of(tracker, body["message_id"]) if tracker else None
                if done:
                    return response.json(done)
            try:
                return response.json(await _run(agent, body, on_new_message))
            except TurnFailedError as error:
                return response.json({"error": str(error)}, status=500 if error.refused else 503)

        return routes


async def _run(
    agent: Any, body: dict[str, Any], on_new_message: Callable[[UserMessage], Awaitable[Any]]
) -> dict[str, Any]:
    replies = Replies()
    message = UserMessage(
        text=as_text(body["text"]),
        output_channel=replies,
        sender_id=body["conversation_id"],
        input_channel="rapport",
        metadata={"message_id": body["message_id"], "language": body["language"]},
    )
    if body.get("payload"):
        message.parse_data = pressed(body)
    else:
        message.parse_data = await agent.processor.parse_message(message)
    await on_new_message(message)
    return receipt(body["message_id"], message.parse_data, replies.said)


def as_text(text: str) -> str:
    """Typed text for Rasa to read. Rasa takes a leading slash for a command; ours never comes as text."""
    return re.sub(r"^[\s/]+", "", text).strip() or "."


def pressed(body: dict[str, Any]) -> dict[str, Any]:
    """What a button means: `/intent`, or `/intent question.option`, as the responses write it."""
    intent, _, answer = body["payload"].lstrip("/").partition(" ")
    found = [{"entity": "language", "value": body["language"]}]
    if answer:
        found.append({"entity": "pressed", "value": answer})
    return {"text": body["text"], "intent": {"name": intent, "confidence": 1.0}, "entities": found}


def receipt(message_id: str, parsed: dict[str, Any], said: list[dict[str, Any]]) -> dict[str, Any]:
    """What the gateway needs of a turn: what was understood and what is to be said."""
    return {
        "message_id": message_id,
        "intent": parsed["intent"].get("name"),
        "confidence": parsed["intent"].get("confidence"),
        "entities": [{k: e[k] for k in ("entity", "value", "confidence_entity") if k in e} for e in parsed["entities"]],
        "effects": sorted({e for m in said for e in (m.get("custom") or {}).get("effects", ())}),
        "replies": [
            {
                "text": m.get("text") or "",
                "action": m.get("utter_action"),
                "buttons": [{"title": b["title"], "payload": b["payload"]} for b in m.get("buttons") or []],
                "offer": (m.get("custom") or {}).get("offer"),
            }
            for m in said
        ],
    }


def receipt_of(tracker: DialogueStateTracker, message_id: str) -> dict[str, Any] | None:
    """The receipt of a turn that the tracker holds to its end; None when it holds none."""
    events = list(tracker.events)
    start = next(
        (i for i, e in enumerate(events) if isinstance(e, UserUttered) and e.metadata.get("message_id") == message_id),
        None,
    )
    if start is None:
        return None
    said: list[dict[str, Any]] = []
    for event in events[start + 1 :]:
        if isinstance(event, BotUttered):
            said.append(event.message())
        elif isinstance(event, ActionExecuted) and event.action_name == "action_listen":
            return receipt(message_id, events[start].parse_data, said)
    return None
