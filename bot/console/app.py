"""The console as one application, to be mounted at /console by whoever faces the internet.

Knows pages and cookies. What staff may see is decided in `crm_store`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from bot.console.guards import SameOrigin, SecurityHeaders, SignedIn
from bot.console.panel import panel
from bot.console.rendering import HERE, Clock, Pages
from bot.console.sign_in import add_sign_in
from bot.console.wording import STATES
from bot.gateway.wakeups import Wakeups
from bot.settings import Settings
from crm_store.access.staff import NotAllowedError, Staff
from crm_store.business import Business
from crm_store.conversations.overview import counts, newest
from crm_store.conversations.transcripts import transcript
from crm_store.database import reading

_NAME = re.compile(r"[\w-]{1,64}")
"""What ids, channels and states are made of; PostgreSQL would choke on some of what else a link may carry."""


def _chosen(request: Request, name: str) -> str | None:
    """What the query chooses; a choice that no page of ours offers is none."""
    value = request.query_params.get(name, "")
    return value if _NAME.fullmatch(value) else None


@dataclass(frozen=True)
class Facets:
    """How many conversations each filter would show, given the other one."""

    total: int
    across: int
    states: list[tuple[str, int]]
    channels: list[tuple[str, int]]

    @classmethod
    def of(cls, counts: Mapping[tuple[str, str], int], channel: str | None, state: str | None) -> Facets:
        states: Counter[str] = Counter()
        channels: Counter[str] = Counter()
        for (on, in_state), n in counts.items():
            states[in_state] += n if channel in {None, on} else 0
            channels[on] += n if state in {None, in_state} else 0
        urgent_first = sorted(states.items(), key=lambda found: (*STATES, found[0]).index(found[0]))
        return cls(states.total(), channels.total(), urgent_first, sorted(channels.items()))


def create_console(engine: Engine, business: Business, settings: Settings, clock: Clock, wakeups: Wakeups) -> FastAPI:
    """The console over this store. `clock`: the time now, aware; `wakeups`: tells who waits of what staff do."""
    app = FastAPI(title="Rapport console", docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(engine, business, settings, clock)
    add_sign_in(app, engine, pages, clock)
    _add_transcripts(app, engine, pages)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    _add_problems(app, pages)
    # The last added is the outermost.
    app.add_middleware(SignedIn, engine=engine, clock=clock)
    app.add_middleware(SameOrigin)
    app.add_middleware(SecurityHeaders)
    return app


def _add_transcripts(app: FastAPI, engine: Engine, pages: Pages) -> None:
    @app.get("/")
    def conversations(request: Request) -> HTMLResponse:
        reader: Staff = request.state.staff
        channel, state, before = (_chosen(request, name) for name in ("channel", "state", "before"))
        with reading(engine) as connection:
            tally = counts(connection, reader)
            return pages.render(
                request,
                "conversations.html",
                page=newest(connection, reader, channel=channel, state=state, before=before),
                counts=tally,
                facets=Facets.of(tally, channel, state),
                channel=channel,
                state=state,
                before=before,
            )

    @app.get("/conversations/{conversation_id}")
    def conversation(request: Request, conversation_id: str) -> HTMLResponse:
        reader: Staff = request.state.staff
        with reading(engine) as connection:
            found = transcript(connection, reader, conversation_id) if _NAME.fullmatch(conversation_id) else None
            if found is None:
                raise HTTPException(404, "No conversation is kept under this address. It may have been erased.")
            beside = panel(connection, reader, found, pages.wording())
            return pages.render(request, "transcript.html", transcript=found, panel=beside)


def _add_problems(app: FastAPI, pages: Pages) -> None:
    @app.exception_handler(HTTPException)
    def problem(request: Request, error: HTTPException) -> Response:
        title = HTTPStatus(error.status_code).phrase
        detail = error.detail if error.detail != title else ""
        return pages.render(
            request, "problem.html", error.status_code, code=error.status_code, title=title, detail=detail
        )

    @app.exception_handler(NotAllowedError)
    def not_allowed(request: Request, error: NotAllowedError) -> Response:
        return pages.render(request, "problem.html", 403, code=403, title="Not allowed", detail=str(error))
