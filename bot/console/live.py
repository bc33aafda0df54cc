"""News for the pages that are open: how many customers wait, and whether what the page shows is still so.

A page asks for a stream, or now and then for a single look; either tells it only that it is out of date, and it fetches itself
anew. Knows no page.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Connection, Engine
from sse_starlette import EventSourceResponse, ServerSentEvent

from bot.console.choices import NAME
from bot.console.guards import SESSION_COOKIE
from bot.console.rendering import Clock
from bot.gateway.wakeups import Wakeups, wait_for
from crm_store.access.staff import Staff, staff_of
from crm_store.conversations.freshness import mark_of_conversation, mark_of_list, mark_of_requests
from crm_store.conversations.overview import how_many_wait
from crm_store.database import reading

LOOK_SECONDS = 10.0
"""How often the store is looked at though nothing was heard: other processes write to it too."""
PAUSE_SECONDS = 0.2
"""Between two looks, however much is said."""


@dataclass(frozen=True)
class News:
    """`mark`: see `freshness`; empty for a page that shows nothing that changes."""

    waiting: int
    mark: str


def add_live(app: FastAPI, engine: Engine, clock: Clock, wakeups: Wakeups) -> None:
    """`GET /news` and `GET /news/stream`; `of`: `list`, `requests` or a conversation's id."""

    def look(token: str, of: str) -> News | None:
        """None when the session is over."""
        with reading(engine) as connection:
            reader = staff_of(connection, token, clock())
            if reader is None:
                return None
            return News(how_many_wait(connection), _mark(connection, reader, of))

    @app.get("/news")
    def news(request: Request, of: str = "") -> JSONResponse:
        found = look(request.cookies[SESSION_COOKIE], of)
        return JSONResponse(asdict(found) if found else None)

    @app.get("/news/stream")
    async def stream(request: Request, of: str = "") -> EventSourceResponse:
        token = request.cookies[SESSION_COOKIE]

        async def events() -> AsyncIterator[ServerSentEvent]:
            told: News | None = None
            with wakeups.listening_to_all() as woken:
                while not await request.is_disconnected():
                    woken.clear()
                    found = await asyncio.to_thread(look, token, of)
                    if found is None:
                        return  # signed out meanwhile; who asks again is told so
                    if found != told:
                        told = found
                        yield ServerSentEvent(json.dumps(asdict(found)))
                    await asyncio.sleep(PAUSE_SECONDS)
                    await wait_for(woken, LOOK_SECONDS)

        return EventSourceResponse(events(), ping=15)


def _mark(connection: Connection, reader: Staff, of: str) -> str:
    if of == "list":
        return mark_of_list(connection, reader)
    if of == "requests":
        return mark_of_requests(connection)
    return mark_of_conversation(connection, reader, of) if NAME.fullmatch(of) else ""
