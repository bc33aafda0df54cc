"""The one way from an action to the store, the same for all: what Rasa understood in, the replies to render out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from crm_store.moment import Reply, TurnResult, Understanding
from crm_store.turn import Further, TurnRequest

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
        request = TurnRequest(_message_id(tracker), self.action, understanding_of(latest), further_of(latest))
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
    further = _further(latest)
    return Understanding(
        intent=latest["intent"].get("name") or "",
        confidence=float(latest["intent"].get("confidence") or 0.0),
        language=_language(latest),
        entities=_between(latest, 0, further[0]["start"] if further else None),
    )


def further_of(latest: dict[str, Any]) -> tuple[Further, ...]:
    """The questions in the message after the first, each with what is named in it."""
    further = _further(latest)
    ends = [*(question["start"] for question in further[1:]), None]
    return tuple(
        Further(
            question["start"],
            Understanding(
                intent=question["value"],
                confidence=float(question["confidence_entity"]),
                language=_language(latest),
                entities=_between(latest, question["start"], end),
            ),
        )
        for question, end in zip(further, ends, strict=False)
    )


def _further(latest: dict[str, Any]) -> list[dict[str, Any]]:
    found = [entity for entity in latest.get("entities") or [] if entity["entity"] == "further"]
    return sorted(found, key=lambda entity: int(entity["start"]))


def _language(latest: dict[str, Any]) -> str:
    said = latest.get("metadata") or {}
    found = (e["value"] for e in latest.get("entities") or [] if e["entity"] == "language")
    return str(next(found, said.get("language", "en")))


def _between(latest: dict[str, Any], start: int, end: int | None) -> tuple[tuple[str, str, float], ...]:
    """The entities that begin there; what has no place in the text is of its beginning."""
    return tuple(
        (e["entity"], str(e["value"]), float(e.get("confidence_entity", 1.0)))
        for e in latest.get("entities") or []
        if e["entity"] not in ("language", "further")
        and start <= (at := e.get("start", 0))
        and (end is None or at < end)
    )


def _message_id(tracker: Tracker) -> str:
    return str(tracker.latest_message["metadata"]["message_id"])
