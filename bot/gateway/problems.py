"""Errors as RFC 9457 problem details, all of them: ours, FastAPI's validation, unknown paths, and what nobody foresaw.

Problem                 status, slug, title, detail
"""

from __future__ import annotations

import logging
import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import IntegrityError, NoResultFound
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_store.database import refers_to_nothing

log = logging.getLogger("gateway")

BASE = "https://rapport.example/problems/"


class ProblemError(Exception):
    """An answer that is not the wished-for one. `detail` says what to do, `retry_after` when, in seconds."""

    def __init__(self, status: int, slug: str, title: str, detail: str = "", *, retry_after: float = 0) -> None:
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.retry_after = retry_after
        super().__init__(title)


def session_unknown() -> ProblemError:
    return ProblemError(401, "session-unknown", "No such session", "Open a new one: POST /v1/chat/sessions.")


def problem(status: int, slug: str, title: str, detail: str = "", **more: Any) -> JSONResponse:
    body = {"type": BASE + slug, "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem."""

    @app.exception_handler(ProblemError)
    async def _ours(_request: Request, error: ProblemError) -> JSONResponse:
        answer = problem(error.status, error.slug, error.title, error.detail)
        if error.retry_after:
            answer.headers["retry-after"] = str(math.ceil(error.retry_after))
        return answer

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        # What was sent is not sent back: it may be anything.
        wrong = [{"at": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
        detail = "; ".join(f"{w['at']}: {w['problem']}" for w in wrong[:3])
        return problem(422, "invalid-request", "The request is not valid", detail, errors=wrong)

    @app.exception_handler(IntegrityError)
    @app.exception_handler(NoResultFound)
    async def _gone(_request: Request, error: IntegrityError | NoResultFound) -> JSONResponse:
        if isinstance(error, IntegrityError) and not refers_to_nothing(error):
            raise error
        log.warning("something was erased while it was asked for", exc_info=error)
        return problem(409, "gone", "Erased in this moment", "What this was about is no longer there. Try again.")

    @app.exception_handler(Exception)
    async def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
        # The log has the error; whoever asked can do nothing with it.
        return problem(500, "internal", "Something went wrong here", "Try again; the gateway's log says more.")

    @app.exception_handler(HTTPException)
    async def _plain(_request: Request, error: HTTPException) -> JSONResponse:
        answer = problem(error.status_code, "http", str(error.detail))
        answer.headers.update(error.headers or {})
        return answer


class TooLargeIsAProblem:
    """The framework refuses a body that is too large in plain text, before any handler; here it becomes a problem."""

    def __init__(self, app: ASGIApp, detail: str) -> None:
        self._app = app
        self._answer = problem(413, "too-large", "The request is too large", detail)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = False

        async def ours(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 413:
                refused = True
                await self._answer(scope, receive, send)
            elif not refused:
                await send(message)

        await self._app(scope, receive, ours)
