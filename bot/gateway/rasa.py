"""The way to Rasa: one method that takes a message through a turn.

RasaError            the turn did not happen; the message is still in the inbox
+-- RasaUnavailable  Rasa or the action server is down, slow or not ours: try again until it is back
+-- TurnRefused      Rasa itself failed on this message: try a few times, then give up on it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp

from crm_store.conversations.inbox import Understood, Waiting
from crm_store.conversations.outbox import Outgoing

TIMEOUT_SECONDS = 20.0
"""Well below Rasa's own lock lifetime of 60 s."""
KEPT_SECONDS = 3.0
"""A connection that idles is let go before Rasa does so, after 5 s: a message must not meet one that is just being closed."""
NOT_NOW = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.UNAUTHORIZED}
"""No message is to blame for either; the second is a token that differs."""


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

    async def forget(self, conversation_ids: Sequence[str]) -> None:
        """Forgets conversations, also those in its memory, once no turn of theirs is under way. Raises RasaUnavailableError."""
        ...

    async def missing(self) -> str | None:
        """What stands in the way of a turn now, in a sentence for people; none where nothing does."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


class Rasa:
    """The Rasa process, over HTTP on loopback."""

    def __init__(self, url: str, actions_url: str, token: str) -> None:
        self._url = url
        self._actions = actions_url
        self._token = token
        self._kept: aiohttp.ClientSession | None = None

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._kept is None:  # it wants a running loop
            self._kept = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=KEPT_SECONDS),
                headers={"x-rapport-token": self._token},
                timeout=aiohttp.ClientTimeout(TIMEOUT_SECONDS),
            )
        return self._kept

    async def take_turn(self, message: Waiting, *, again: bool) -> Receipt:
        body = {
            "message_id": message.message_id,
            "conversation_id": message.conversation_id,
            "language": message.language,
            "text": message.text,
            "payload": message.meaning,
            "again": again,
        }
        try:
            async with self._session.post(f"{self._url}/webhooks/rapport/turn", json=body) as answer:
                if answer.status in NOT_NOW:
                    raise RasaUnavailableError((await answer.text())[:200])
                if answer.status >= HTTPStatus.BAD_REQUEST:
                    raise TurnRefusedError(f"{answer.status} {(await answer.text())[:200]}")
                return _receipt(await answer.json())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RasaUnavailableError(type(error).__name__) from error
        except (LookupError, TypeError, ValueError) as error:
            raise TurnRefusedError(f"a receipt that cannot be read: {error!r}"[:200]) from error

    async def forget(self, conversation_ids: Sequence[str]) -> None:
        body = {"conversation_ids": list(conversation_ids)}
        try:
            async with self._session.post(f"{self._url}/webhooks/rapport/forget", json=body) as answer:
                if answer.status != HTTPStatus.NO_CONTENT:
                    raise RasaUnavailableError(f"{answer.status} {(await answer.text())[:200]}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RasaUnavailableError(type(error).__name__) from error

    async def missing(self) -> str | None:
        rasa = await self._status(f"{self._url}/webhooks/rapport/ready")
        if rasa == HTTPStatus.UNAUTHORIZED:
            return "Rasa refuses the gateway's token: it was started with another RAPPORT_INTERNAL_TOKEN."
        if rasa != HTTPStatus.NO_CONTENT:
            return "Rasa does not answer yet."
        if await self._status(f"{self._actions}/health") != HTTPStatus.OK:
            return "The action server does not answer yet."
        return None

    async def _status(self, url: str) -> int:
        """What `url` answers; 0 where nobody does."""
        try:
            async with self._session.get(url, timeout=aiohttp.ClientTimeout(2)) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def close(self) -> None:
        if self._kept:
            await self._kept.close()


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
