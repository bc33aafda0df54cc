"""What stands before every page of the console: headers, same-origin requests, a session; one middleware each.

They are plain ASGI so that they also cover what has no route. Knows no page.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_store.access.staff import Staff, staff_of
from crm_store.database import reading

SESSION_COOKIE = "rapport_staff"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

_HEADERS = {
    # No script, style, image or frame but our own; nobody may frame us, and no form may send elsewhere.
    "content-security-policy": (
        "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    # Not "no-referrer": with it browsers send "Origin: null" with a form, which the next guard could not
    # trust.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def local_path(scope: Scope) -> str:
    """The path inside the console, wherever it is mounted; the one that the routes see."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) or "/"


class SecurityHeaders:
    """Sets the headers above. Pages hold personal data: no cache may keep anything but the style sheet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        cache = "no-cache" if local_path(scope).startswith("/static/") else "no-store"

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update({**_HEADERS, "cache-control": cache})
            await send(message)

        return await self._app(scope, receive, with_headers)


class SameOrigin:
    """Refuses a state-changing request that another site may have made the browser send (CSRF).

    Browsers say where a request comes from, and a page cannot change what they say: `Sec-Fetch-Site` on
    https and localhost, `Origin` with every form. So no token has to be kept in each form. A request that
    says nothing is refused too: no browser that the console supports sends one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and not _is_ours(Headers(scope=scope)):
            refusal = PlainTextResponse(
                "This request did not come from a page of the console. Open the console and try again there.", 403
            )
            return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)


def _is_ours(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        # "same-site" is not enough: a page on a sister domain or another port is not ours.
        return site in {"same-origin", "none"}
    # The scheme is left out of the comparison: behind a proxy that ends TLS we would see http where the
    # browser says https.
    host = headers.get("host", "").lower()
    return bool(host) and headers.get("origin", "").lower().partition("://")[2] == host


class SignedIn:
    """Default deny: whatever is not named open needs a session, also what somebody adds next year.

    Puts the person into `request.state.staff`. Without a session a page leads to the sign-in; anything else
    is refused.
    """

    OPEN = ("/sign-in",)
    OPEN_FOLDERS = ("/static/",)

    def __init__(self, app: ASGIApp, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._engine = engine
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        path = local_path(scope)
        if scope["type"] == "http" and (path in self.OPEN or path.startswith(self.OPEN_FOLDERS)):
            return await self._app(scope, receive, send)
        token = HTTPConnection(scope).cookies.get(SESSION_COOKIE)
        staff = await run_in_threadpool(self._who, token) if token else None
        if staff is None:
            return await _refusal(scope, path)(scope, receive, send)
        scope.setdefault("state", {})["staff"] = staff
        return await self._app(scope, receive, send)

    def _who(self, token: str) -> Staff | None:
        with reading(self._engine) as connection:
            return staff_of(connection, token, self._clock())


def _refusal(scope: Scope, path: str) -> ASGIApp:
    if scope["type"] != "http" or scope["method"] not in SAFE_METHODS:
        return PlainTextResponse("Your session is over. Sign in again.", 401)
    wanted = path.strip("/")
    if wanted == "call" and scope["query_string"]:
        # A telephone system has opened the page for a call that is ringing now.
        wanted += "?" + scope["query_string"].decode("latin-1")
    query = f"?to={quote(wanted)}" if wanted.startswith(("conversations/", "call")) else ""
    return RedirectResponse(f"{scope.get('root_path', '')}/sign-in{query}", 303)
