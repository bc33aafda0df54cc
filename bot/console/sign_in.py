"""Signing in and out. Passwords are checked one at a time, and never on the event loop.

Knows the form and the cookie; whether a password fits is `crm_store.access.staff`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import anyio
from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from sqlalchemy import Engine
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.console.forms import read_form
from bot.console.guards import SESSION_COOKIE
from crm_store.access.attempts import Attempts
from crm_store.access.staff import SESSION_LENGTH, SignInRefusedError, sign_in, sign_out, staff_of
from crm_store.database import UnitOfWork, reading

LARGEST_FORM = 4096
"""Bytes; nobody has signed in yet."""
LONGEST_QUEUE = 20
"""Sign-ins that may wait for their turn: hashing takes a processor, and only an attacker fills the queue."""


class Renderer(Protocol):
    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse: ...


def add_sign_in(app: FastAPI, engine: Engine, pages: Renderer, clock: Callable[[], datetime]) -> None:
    """`GET` and `POST /sign-in`, `POST /sign-out`."""
    attempts = Attempts()
    # One at a time: bounds memory and processor, and no two guesses can pass the count of failures together.
    one_at_a_time = CapacityLimiter(1)

    @app.get("/sign-in")
    def form(request: Request, to: str = "") -> Response:
        token = request.cookies.get(SESSION_COOKIE)
        if token:
            with reading(engine) as connection:
                if staff_of(connection, token, clock()):
                    return _home(request, to)
        return pages.render(request, "sign_in.html", email="", to=to, problem=None)

    @app.post("/sign-in")
    async def enter(request: Request) -> Response:
        fields = await read_form(request, LARGEST_FORM)
        email, password, to = (fields.get(name, "") for name in ("email", "password", "to"))

        def refused(status: int, problem: str, wait: timedelta | None = None) -> Response:
            page = pages.render(request, "sign_in.html", status, email=email, to=to, problem=problem)
            if wait:
                page.headers["retry-after"] = str(int(wait.total_seconds()) + 1)
            return page

        def attempt() -> Response:
            wait = attempts.wait(email, clock())
            if wait:
                return refused(429, f"Too many tries with this address. Try again in {_span(wait)}.", wait)
            try:
                token = sign_in(engine, email, password, clock())
            except SignInRefusedError as error:
                attempts.failed(email, clock())
                return refused(401, str(error))
            attempts.succeeded(email)
            _end_session(engine, request)
            return _with_cookie(_home(request, to), request, token)

        if one_at_a_time.statistics().tasks_waiting >= LONGEST_QUEUE:
            return refused(429, "Too many people are signing in. Try again in a minute.", timedelta(minutes=1))
        return await anyio.to_thread.run_sync(attempt, limiter=one_at_a_time)

    @app.post("/sign-out")
    def leave(request: Request) -> Response:
        _end_session(engine, request)
        answer = RedirectResponse(f"{request.scope.get('root_path', '')}/sign-in", 303)
        answer.delete_cookie(SESSION_COOKIE, path=_cookie_path(request))
        return answer


def _home(request: Request, to: str) -> RedirectResponse:
    # Only a transcript's or a call's address is followed, so that a link cannot lead somewhere else after signing in.
    inside = to if re.fullmatch(r"(conversations|call)/[0-9a-f]{32}|call(\?[\w%+.@~=&-]{1,300})?", to) else ""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/{inside}", 303)


def _end_session(engine: Engine, request: Request) -> None:
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        with UnitOfWork(engine) as uow:
            sign_out(uow, token)
            uow.commit()


def _with_cookie(answer: Response, request: Request, token: str) -> Response:
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(SESSION_LENGTH.total_seconds()),
        path=_cookie_path(request),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


def _cookie_path(request: Request) -> str:
    return request.scope.get("root_path", "") or "/"


def _span(wait: timedelta) -> str:
    seconds = int(wait.total_seconds()) + 1
    return f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"
