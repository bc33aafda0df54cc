"""The way to Rasa: one method that takes a message through a turn.

RasaError            the turn did not happen; the message is still in the inbox
+-- RasaUnavailable  Rasa or the action server is down or slow: try again until it is back
+-- TurnRefused      Rasa itself failed on this message: try a few times, then give up on it
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from crm_store.conversations.inbox import Outgoing, Understood, Waiting

TIMEOUT_SECONDS = 20.0
"""Well below Rasa's own lock lifetime of 60 s."""


class RasaError(Exception):
    """The turn did not happen."""


class RasaUnavailableError(RasaError):
    """Nobody answered, or the action server was not there."""


class TurnRefusedError(RasaError):
    """Rasa answered that it could not do it."""


@dataclass(frozen=True)
class Receipt:
    """What came of a turn."""

    understood: Understood
    replies: list[Outgoing]
    effects: list[str] = field(default_factory=list)


class Assistant(Protocol):
    async def take_turn(self, message: Waiting, *, again: bool) -> Receipt:
        """Takes the message through one turn. `again`: it may have been through it already. Raises RasaError."""
        ...

    async def is_ready(self) -> bool:
        """Whether a turn could be taken now."""
        ...


class Rasa:
    """The Rasa process, over HTTP on loopback."""

    def __init__(self, url: str, actions_url: str, token: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, headers={"x-rapport-token": token}, timeout=TIMEOUT_SECONDS)
        self._actions = actions_url

    async def take_turn(self, message: Waiting, *, again: bool) -> Receipt:
        body = {
            "message_id": message.message_id,
            "conversation_id": message.conversation_id,
            "language": message.language,
            "text": message.text,
            "payload": message.payload,
            "again": again,
        }
        try:
            answer = await self._client.post("/webhooks/rapport/turn", json=body)
        except httpx.HTTPError as error:
            raise RasaUnavailableError(type(error).__name__) from error
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise RasaUnavailableError(answer.text[:200])
        if answer.is_error:
            raise TurnRefusedError(f"{answer.status_code} {answer.text[:200]}")
        return _receipt(answer.json())

    async def is_ready(self) -> bool:
        try:
            rasa = await self._client.get("/", timeout=2)
            actions = await self._client.get(f"{self._actions}/health", timeout=2)
        except httpx.HTTPError:
            return False
        return rasa.is_success and actions.is_success

    async def close(self) -> None:
        await self._client.aclose()


def _receipt(body: dict[str, Any]) -> Receipt:
    entities = body["entities"]
    language = next((e["value"] for e in entities if e["entity"] == "language"), None)
    replies = [Outgoing(r["text"], r["action"], r["buttons"], r["offer"]) for r in body["replies"]]
    understood = Understood(
        intent=body["intent"],
        confidence=body["confidence"],
        language=language,
        action=replies[0].action if replies else None,
        entities=[e for e in entities if e["entity"] != "language"],
    )
    return Receipt(understood, replies, body["effects"])
