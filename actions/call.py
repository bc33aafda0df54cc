"""The one way from an action to the store, the same for all: what Rasa understood in, the replies to render out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from crm_store.moment import Reply, TurnResult, Understanding
from crm_store.turn import Second, TurnRequest

TakeTurn = Callable[[TurnRequest], TurnResult]


class StoreAction(Action):
    """An action that is carried out by the store. Subclasses only name themselves."""

    action: ClassVar[str]
    take_turn: ClassVar[TakeTurn]
    """Set once, when the server starts (`actions.__main__`)."""

    def name(self) -> str:
        return self.action

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[dict[str, Any]]:
        latest = tracker.latest_message
        request = TurnRequest(_message_id(tracker), self.action, understanding_of(latest), second_of(latest))
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
    """Rasa's latest message as the store takes it, up to its second question where it has one."""
    second = _second(latest)
    return Understanding(
        intent=latest["intent"].get("name") or "",
        confidence=float(latest["intent"].get("confidence") or 0.0),
        language=_language(latest),
        entities=_between(latest, 0, second["start"] if second else None),
    )


def second_of(latest: dict[str, Any]) -> Second | None:
    """The second question in the message, and what is named in it."""
    second = _second(latest)
    if second is None:
        return None
    understanding = Understanding(
        intent=second["value"],
        confidence=float(second["confidence_entity"]),
        language=_language(latest),
        entities=_between(latest, second["start"], None),
    )
    return Second(second["start"], understanding)


def _second(latest: dict[str, Any]) -> dict[str, Any] | None:
    return next((e for e in latest.get("entities") or [] if e["entity"] == "second"), None)


def _language(latest: dict[str, Any]) -> str:
    said = latest.get("metadata") or {}
    found = (e["value"] for e in latest.get("entities") or [] if e["entity"] == "language")
    return str(next(found, said.get("language", "en")))


def _between(latest: dict[str, Any], start: int, end: int | None) -> tuple[tuple[str, str, float], ...]:
    """The entities that begin there; what has no place in the text is of its beginning."""
    return tuple(
        (e["entity"], str(e["value"]), float(e.get("confidence_entity", 1.0)))
        for e in latest.get("entities") or []
        if e["entity"] not in ("language", "second")
        and start <= (at := e.get("start", 0))
        and (end is None or at < end)
    )


def _message_id(tracker: Tracker) -> str:
    return str(tracker.latest_message["metadata"]["message_id"])
