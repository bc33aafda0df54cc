"""The gateway put together: routes, console, widget, shop page, the worker's life, and the limits on what comes in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Engine
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.channels.mail.smtp import MailServer
from bot.console import create_console
from bot.gateway import chat, decisions, events, health, problems, stock, telegram
from bot.gateway.files import file
from bot.gateway.limits import Limit
from bot.gateway.mail import CodeMails
from bot.gateway.rasa import Assistant
from bot.gateway.stack import Stack
from bot.gateway.telegram import Telegram, telegram_of
from bot.gateway.upkeep import Upkeep
from bot.gateway.wakeups import Wakeups
from bot.gateway.worker import TurnWorker
from bot.settings import ROOT, Settings
from crm_store.business import Business

log = logging.getLogger("gateway")

LARGEST_BODY = 64 * 1024
"""Bytes; a message has 4,000 characters at most."""
LARGEST_UPDATE = 128 * 1024
"""Bytes of what Telegram brings: a message there may quote another. One refused would be brought again and again."""
WIDGET = ROOT / "bot/channels/widget"
SHOP = ROOT / "demo/shop"


def now() -> datetime:
    return datetime.now(UTC)


class _BodyLimits:
    """Refuses bodies that are larger than anything that belongs there."""

    def __init__(self, app: ASGIApp) -> None:
        self._usual = RequestBodyLimitMiddleware(app, LARGEST_BODY)
        self._update = RequestBodyLimitMiddleware(app, LARGEST_UPDATE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_update = scope["type"] == "http" and scope["path"] == telegram.PATH
        await (self._update if is_update else self._usual)(scope, receive, send)


def create_app(
    settings: Settings,
    engine: Engine,
    business: Business,
    assistant: Assistant,
    clock: Callable[[], datetime] = now,
) -> FastAPI:
    """The gateway over this store and this assistant."""
    wakeups = Wakeups()
    worker = TurnWorker(engine, assistant, wakeups, clock, settings.tracker_path)
    upkeep = Upkeep(engine, worker.erasing, clock, settings.keep_days)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        channel: Telegram | None = app.state.telegram
        key = settings.code_key
        mails = CodeMails(engine, business, key, MailServer.of(settings), clock) if key else None
        working = [asyncio.create_task(w.run()) for w in (worker, upkeep, mails, channel) if w]
        yield
        for task in reversed(working):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await assistant.close()

    app = FastAPI(
        title=f"Rapport of {business.business.name}",
        version="1",
        lifespan=life,
        redoc_url=None,
    )
    app.state.stack = Stack(
        settings, engine, business, assistant, wakeups, worker, clock, Limit(settings.sessions_per_minute)
    )
    app.state.telegram = telegram_of(app.state.stack)
    problems.install(app)
    for router in (chat.router, events.router, decisions.router, stock.router, telegram.router, health.router):
        app.include_router(router)
    _pages(app, settings, business)
    app.mount("/console", create_console(engine, business, settings, clock, wakeups))
    app.add_middleware(_BodyLimits)
    app.add_middleware(problems.TooLargeIsAProblem, detail=f"Send at most {LARGEST_BODY // 1024} kB.")
    # Added last, so that it stands around the others: a page may read their refusals too.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "last-event-id"],
    )
    return app


def _pages(app: FastAPI, settings: Settings, business: Business) -> None:
    # Other origins load them as modules, which asks for CORS even where nothing secret is in them.
    for_all = {"cache-control": "public, max-age=300", "access-control-allow-origin": "*"}

    @app.get("/widget.js", include_in_schema=False)
    async def widget(request: Request) -> Response:
        return file(request, WIDGET / "widget.js", for_all)

    @app.get("/widget-panel.js", include_in_schema=False)
    async def widget_panel(request: Request) -> Response:
        return file(request, WIDGET / "widget-panel.js", for_all)

    if not settings.shows_demo:

        @app.get("/", include_in_schema=False)
        async def plain_page() -> HTMLResponse:
            return HTMLResponse(_PLAIN)

        return
    from demo.routes import router as demo_router

    app.include_router(demo_router(settings))
    app.mount("/shop", GZipMiddleware(StaticFiles(directory=SHOP)))

    @app.get("/", include_in_schema=False)
    async def shop() -> FileResponse:
        return FileResponse(SHOP / "index.html")

    @app.get("/privacy", include_in_schema=False)
    async def privacy() -> FileResponse:
        return FileResponse(SHOP / "privacy.html")

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> Response:
        return FileResponse(SHOP / "icon.svg", media_type="image/svg+xml")


_PLAIN = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Rapport</title><script type="module" src="/widget.js"></script><rapport-chat open></rapport-chat>
"""
