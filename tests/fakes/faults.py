"""The ways in which a network and a server can fail a browser, on demand, in front of any ASGI application."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Fault:
    """What happens to the next `times` requests that match. `kind`: lost (done, but the response never arrives),
    cut (never reaches the server), error (answers 500), refused (answers 422), slow (waits `seconds` first)."""

    kind: str
    path: str
    method: str
    times: float
    seconds: float = 0.0

    def meets(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method == method and path.startswith(self.path)


@dataclass
class Faults:
    """What a test told to fail, and the requests (method, path, body) that came, failed or not."""

    told: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str, Any]] = field(default_factory=list)

    def fail(self, kind: str, path: str, method: str = "POST", times: float = 1, seconds: float = 0.0) -> None:
        self.told.append(Fault(kind, path, method, times, seconds))

    @contextmanager
    def down(self) -> Iterator[None]:
        """As if the network cable were pulled, also under requests that wait already."""
        cuts = [Fault("cut", "/v1/chat", method, float("inf")) for method in ("GET", "POST")]
        self.told += cuts
        try:
            yield
        finally:
            self.told = [fault for fault in self.told if fault not in cuts]

    def take(self, method: str, path: str) -> Fault | None:
        fault = next((fault for fault in self.told if fault.meets(method, path)), None)
        if fault:
            fault.times -= 1
        return fault

    def is_cut(self, method: str, path: str) -> bool:
        """Is the line cut now, for a request that waits already?"""
        return any(fault.kind == "cut" and fault.meets(method, path) for fault in self.told)


class Faulty:
    """Passes requests on to `app`, except those that `faults` fails."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app, self.faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        first = await receive()  # the whole body: what a browser posts here is small
        body = first.get("body", b"")
        unread = [first]

        async def again() -> Message:
            return unread.pop() if unread else await receive()

        method, path = scope["method"], scope["path"]
        self.faults.seen.append((method, path, json.loads(body) if body else None))
        fault = self.faults.take(method, path)
        kind = fault.kind if fault else ""
        if fault and kind == "slow":
            await asyncio.sleep(fault.seconds)
        if kind in {"error", "refused"}:
            status = 500 if kind == "error" else 422
            await JSONResponse({"title": "told to fail"}, status)(scope, again, send)
        elif kind == "lost":
            await self.app(scope, again, swallow)
            hang_up(send)
        elif kind == "cut":
            hang_up(send)
        else:
            await self.app(scope, again, send)


async def swallow(_: Any) -> None:
    """Where a lost response goes."""


def hang_up(send: Send) -> None:
    """Closes the connection without a word: ASGI has no message for it, so uvicorn's own transport is asked."""
    send.__self__.transport.abort()  # type: ignore[attr-defined]
