"""The one way from an action to the store, the same for all: what Rasa understood in, the replies to render out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from crm_store.moment import Reply, TurnResult, Understanding
from crm_store.turn import TurnRequest

TakeTurn = Callable[[TurnRequest], TurnResult]


class StoreAction(Action):
    """An action that is carried out by the store. Subclasses only name themselves."""

    action: ClassVar[str]
    take_turn: ClassVar[TakeTurn]
    """Set once, when the server starts (`actions.__main__`)."""

    def name(self) -> str:
        return self.action

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        request = TurnRequest(_message_id(tracker), self.action, understanding_of(tracker.latest_message))
        # The database blocks; other conversations go on meanwhile.
        result = await asyncio.to_thread(type(self).take_turn, request)
        for reply in result.replies:
            say(dispatcher, reply, result.effects)
        return []


def say(dispatcher: CollectingDispatcher, reply: Reply, effects: Sequence[str] = ()) -> None:
    """Has Rasa render the reply in the customer's language; the card and the effects go beside the text."""
    beside = {"offer": reply.offer, "effects": list(effects)}
    values: dict[str, Any] = reply.values
    dispatcher.utter_message(
        response=reply.response,
        json_message={k: v for k, v in beside.items() if v} or None,
        buttons=list(reply.buttons),
        **values,
    )


def understanding_of(latest: dict[str, Any]) -> Understanding:
    """Rasa's latest message as the store takes it."""
    entities = latest.get("entities") or []
    said = latest.get("metadata") or {}
    language = next((e["value"] for e in entities if e["entity"] == "language"), said.get("language", "en"))
    return Understanding(
        intent=latest["intent"].get("name") or "",
        confidence=float(latest["intent"].get("confidence") or 0.0),
        language=language,
        entities=tuple(
            (e["entity"], str(e["value"]), float(e.get("confidence_entity", 1.0)))
            for e in entities
            if e["entity"] != "language"
        ),
    )


def _message_id(tracker: Tracker) -> str:
    return str(tracker.latest_message["metadata"]["message_id"])
