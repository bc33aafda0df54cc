"""A program of the business at the HTTP API: it reports what happened, asks what to do and tells what came of it."""

from __future__ import annotations

from typing import Any

from guest import Clock
from httpx import AsyncClient, Response

MAIL = {"type": "email", "value": "sari@example.com"}
CARD = {"type": "loyalty_number", "value": "KS-700001"}
RECORD = {"type": "record", "value": "web/sari.w"}


class Till:
    """A program of the business: the till, the shop, the phone agent's screen."""

    def __init__(self, http: AsyncClient, key: str, clock: Clock) -> None:
        self.http, self.headers, self.clock = http, {"authorization": f"Bearer {key}"}, clock
        self.number = 0

    async def post(self, path: str, body: Any) -> Response:
        return await self.http.post(path, json=body, headers=self.headers)

    def event(self, kind: str = "purchase", **changed: Any) -> dict[str, Any]:
        self.number += 1
        body: dict[str, Any] = {
            "source": "pos",
            "event_id": f"e-{self.number}",
            "at": self.clock.now.isoformat(),
            "touchpoint": "store",
            "kind": kind,
            "identifiers": [MAIL],
        }
        return body | changed

    async def reports(self, kind: str = "purchase", **changed: Any) -> Response:
        return await self.post("/v1/events", self.event(kind, **changed))

    async def asks(self, *given: dict[str, str], touchpoint: str = "store", **more: Any) -> Response:
        return await self.post("/v1/decisions", {"identifiers": list(given), "touchpoint": touchpoint, **more})

    async def decides(self, *given: dict[str, str], touchpoint: str = "store", **more: Any) -> dict[str, Any]:
        answer = await self.asks(*given, touchpoint=touchpoint, **more)
        assert answer.status_code == 200, answer.text
        decided: dict[str, Any] = answer.json()
        return decided


def is_problem(answer: Response, status: int, slug: str) -> bool:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["detail"]
    return (answer.status_code, body["type"].rpartition("/")[2]) == (status, slug)
