"""The console as one application, to be mounted at /console by whoever faces the internet.

Knows pages and cookies. What staff may see is decided in `crm_store`.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from bot.console.call import add_calls
from bot.console.guards import SameOrigin, SecurityHeaders, SignedIn
from bot.console.lists import add_lists
from bot.console.live import add_live
from bot.console.matches import add_matches
from bot.console.outbox import add_outbox
from bot.console.portfolio.route import add_portfolio
from bot.console.rendering import HERE, Clock, Pages
from bot.console.report import add_report
from bot.console.requests import add_requests
from bot.console.sign_in import add_sign_in
from bot.console.talk import add_talk
from bot.gateway.wakeups import Wakeups
from bot.settings import Settings
from crm_store.access.staff import NotAllowedError
from crm_store.business import Business


def create_console(engine: Engine, business: Business, settings: Settings, clock: Clock, wakeups: Wakeups) -> FastAPI:
    """The console over this store. `clock`: the time now, aware; `wakeups`: tells who waits of what staff do."""
    app = FastAPI(title="Rapport console", docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(engine, business, settings, clock)
    add_sign_in(app, engine, pages, clock)
    add_lists(app, engine, business, pages)
    add_talk(app, engine, pages, clock, wakeups)
    add_requests(app, engine, business, pages, clock, wakeups)
    add_live(app, engine, clock, wakeups)
    add_matches(app, engine, pages, clock)
    add_calls(app, engine, business, pages, clock)
    add_report(app, engine, business, pages, clock)
    add_portfolio(app, engine, business, pages)
    if settings.shows_codes:
        add_outbox(app, engine, pages, settings, clock)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    _add_problems(app, pages)
    # The last added is the outermost.
    app.add_middleware(SignedIn, engine=engine, clock=clock)
    app.add_middleware(SameOrigin)
    app.add_middleware(SecurityHeaders)
    return app


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
