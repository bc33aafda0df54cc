"""Somebody at the chat API: says what they say over HTTP and collects what they hear, as the widget does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from httpx import AsyncClient, Response

from crm_store.identify.proof import AUDIENCE

PATIENCE_SECONDS = 30


@dataclass
class Clock:
    """The time that the gateway goes by; it stands still until it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Guest:
    """One open session. `heard`: every message of the conversation so far, their own among them."""

    http: AsyncClient
    session_token: str
    device_token: str
    conversation_id: str
    heard: list[dict[str, Any]] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.session_token}"}

    async def post(self, **body: Any) -> Response:
        """Sends a message that may be refused."""
        return await self.http.post("/v1/chat/messages", json={"client_id": uuid4().hex, **body}, headers=self.headers)

    async def send(self, text: str) -> str:
        """Sends a message that is taken; returns its id."""
        taken = await self.post(text=text)
        assert taken.status_code == 202, taken.text
        return str(taken.json()["message_id"])

    async def news(self, wait: float = 0) -> list[dict[str, Any]]:
        """What was said since this was last asked."""
        after = self.heard[-1]["seq"] if self.heard else 0
        query = {"after": after, "wait": wait}
        answered = await self.http.get("/v1/chat/messages", params=query, headers=self.headers)
        assert answered.status_code == 200, answered.text
        said: list[dict[str, Any]] = answered.json()["messages"]
        self.heard += said
        return said

    async def hears(self, times: int = 1) -> list[dict[str, Any]]:
        """The next so many messages that are not the customer's own."""
        said: list[dict[str, Any]] = []
        while len(said) < times:
            news = await self.news(wait=PATIENCE_SECONDS)
            assert news, f"silence after {said}"
            said += [message for message in news if message["author"] != "customer"]
        return said

    async def say(self, text: str) -> list[dict[str, Any]]:
        """Sends a message and waits for the answer to it."""
        await self.send(text)
        return await self.hears()


async def arrive(http: AsyncClient, **body: Any) -> Guest:
    """Opens the chat."""
    opened = await http.post("/v1/chat/sessions", json=body)
    assert opened.status_code == 201, opened.text
    return Guest(http, **opened.json())


def user_token(secret: str, now: datetime, sub: str = "sari.w", minutes: float = 5, **claims: Any) -> str:
    """What the shop signs for a customer who is signed in there."""
    expires = int((now + timedelta(minutes=minutes)).timestamp())
    return jwt.encode({"sub": sub, "aud": AUDIENCE, "exp": expires, **claims}, secret, algorithm="HS256")
