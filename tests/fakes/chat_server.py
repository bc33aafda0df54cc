"""The chat contract in memory: what a browser sees of the gateway.

Stands for the gateway in the widget's tests, so that they need no Rasa and no store. It must not import either, nor
the gateway: what it shares with them is the HTTP contract. How it can be made to fail is in `faults`.
"""

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import uvicorn
from fakes.faults import Faults, Faulty
from fastapi import FastAPI, Header, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp

ROOT = Path(__file__).resolve().parents[2]
WIDGET = ROOT / "bot" / "channels" / "widget"
SHOP = ROOT / "demo" / "shop"

PEOPLE = [
    ("budi", "Budi Hartono", {"en": "Office manager, machine in repair", "id": "Manajer kantor, mesin diservis"}),
    ("sari", "Sari Wijaya", {"en": "Loves single origins", "id": "Suka single origin"}),
    ("dewi", "Dewi Lestari", {"en": "New card, two small orders", "id": "Kartu baru, dua pesanan kecil"}),
]

Answer = Callable[[str, "Session"], list[dict[str, Any]]]


@dataclass
class Session:
    token: str
    conversation: str
    device: str
    language: str
    person: str = ""


@dataclass
class Held:
    """Who holds a conversation: `state` as in the contract, `name` of the member of staff."""

    state: str = "bot"
    name: str = ""


@dataclass
class ChatServer:
    """State of the fake, and what a test tells it to do."""

    answer: Answer
    answer_after: float = 0.05  # seconds
    sessions: dict[str, Session] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    of_device: dict[str, str] = field(default_factory=dict)  # device token -> the latest conversation there
    accepted: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    config: dict[str, Any] = field(default_factory=dict)
    closing: bool = False

    def __post_init__(self) -> None:
        self.config = {
            "business": "Kopi Sudirman",
            "languages": ["en", "id"],
            "default_language": "en",
            "privacy_url": "/privacy",
            "accent": "#8a4b2a",
        } | self.config

    def lose_sessions(self) -> None:
        self.sessions.clear()

    def said(self, author: str = "customer") -> list[str]:
        """The texts by `author` in all conversations, in order."""
        talks = self.messages.values()
        return [message["text"] for talk in talks for message in talk if message["author"] == author]

    def posted(self, path: str) -> list[Any]:
        return [body for method, asked, body in self.faults.seen if method == "POST" and asked == path]

    def add(self, conversation: str, author: str, **message: Any) -> dict[str, Any]:
        talk = self.messages[conversation]
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        talk.append({"seq": len(talk) + 1, "id": uuid4().hex, "author": author, "at": at, **message})
        return talk[-1]

    def hold(self, conversation: str, state: str, name: str = "") -> None:
        """Somebody takes a conversation over, is called for it, or hands it back."""
        self.held[conversation] = Held(state, name)

    def open_session(self, body: dict[str, Any]) -> Session:
        """On a device that was here before the conversation goes on while a person is due in it."""
        latest = self.of_device.pop(body.get("device_token", ""), "")
        goes_on = latest in self.held and self.held[latest].state != "bot" and not body.get("fresh")
        session = Session(
            token=uuid4().hex,
            conversation=latest if goes_on else uuid4().hex,
            device=uuid4().hex,
            language=body.get("language") or "en",
            person=subject(body["user_token"]) if body.get("user_token") else "",
        )
        self.sessions[session.token] = session
        self.messages.setdefault(session.conversation, [])
        self.held.setdefault(session.conversation, Held())
        self.of_device[session.device] = session.conversation
        return session


def signed(person: str) -> str:
    """A token in the form of a JWT whose subject is `person`; the fake trusts everybody."""
    claims = base64.urlsafe_b64encode(json.dumps({"sub": person}).encode()).decode().rstrip("=")
    return f"e30.{claims}.{uuid4().hex}"


def subject(token: str) -> str:
    claims = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])


class RefusedError(Exception):
    """A problem to answer with; `kind` ends its `type`."""

    def __init__(self, status: int, kind: str) -> None:
        super().__init__(kind)
        self.status, self.kind = status, kind


def build_app(chat: ChatServer) -> ASGIApp:
    app = FastAPI()

    @app.exception_handler(RefusedError)
    async def refuse(_: Request, refusal: RefusedError) -> JSONResponse:
        problem = {"type": f"https://rapport.invalid/problems/{refusal.kind}", "title": refusal.kind}
        return JSONResponse(problem, refusal.status, media_type="application/problem+json")

    def session_of(authorization: str) -> Session:
        session = chat.sessions.get(authorization.removeprefix("Bearer "))
        if session is None:
            raise RefusedError(401, "session-unknown")
        return session

    @app.get("/v1/chat/config")
    async def config() -> dict[str, Any]:
        return chat.config

    @app.post("/v1/chat/sessions", status_code=201)
    async def open_session(request: Request) -> dict[str, str]:
        session = chat.open_session(await request.json())
        return {
            "session_token": session.token,
            "device_token": session.device,
            "conversation_id": session.conversation,
        }

    @app.post("/v1/chat/identify")
    async def identify(request: Request, authorization: str = Header("")) -> dict[str, Any]:
        session_of(authorization).person = subject((await request.json())["user_token"])
        return {}

    @app.post("/v1/chat/sign-out", status_code=204)
    async def sign_out(request: Request, authorization: str = Header("")) -> Response:
        session = session_of(authorization)
        del chat.sessions[session.token]
        chat.of_device.pop((await request.json()).get("device_token", ""), None)
        return Response(status_code=204)

    @app.post("/v1/chat/messages", status_code=202)
    async def send(request: Request, authorization: str = Header("")) -> JSONResponse:
        session, body = session_of(authorization), await request.json()
        key = (session.conversation, body["client_id"])
        if key in chat.accepted:
            return JSONResponse(chat.accepted[key], 200)
        text = body.get("text") or title_of(chat.messages[session.conversation], body["payload"])
        if text is None:
            raise RefusedError(422, "payload-unknown")
        message = chat.add(session.conversation, "customer", text=text, client_id=body["client_id"])
        chat.accepted[key] = {"message_id": message["id"], "seq": message["seq"]}
        if chat.held[session.conversation].state != "staff":
            asyncio.get_running_loop().call_later(chat.answer_after, reply, session, message)
        return JSONResponse(chat.accepted[key], 202)

    def reply(session: Session, message: dict[str, Any]) -> None:
        for answer in chat.answer(message["text"], session):
            chat.add(session.conversation, "bot", in_reply_to=message["id"], **answer)

    @app.get("/v1/chat/messages")
    async def receive(after: int, wait: float, state: str = "bot", authorization: str = Header("")) -> dict[str, Any]:
        end = time.monotonic() + wait
        while True:
            conversation = session_of(authorization).conversation
            news = [message for message in chat.messages[conversation] if message["seq"] > after]
            held = chat.held[conversation]
            cut = chat.closing or chat.faults.is_cut("GET", "/v1/chat/messages")
            if news or held.state != state or cut or time.monotonic() >= end:
                return {"messages": news, "state": held.state} | ({"name": held.name} if held.name else {})
            await asyncio.sleep(0.02)

    @app.post("/v1/chat/events", status_code=202)
    async def event(request: Request, authorization: str = Header("")) -> dict[str, Any]:
        session_of(authorization)
        chat.events.append(await request.json())
        return {}

    add_pages(app)
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    return Faulty(app, chat.faults)


def title_of(talk: list[dict[str, Any]], payload: str) -> str | None:
    """The title of the button with `payload`, if one was ever sent."""
    buttons = [button for message in talk for button in message.get("buttons", [])]
    return next((button["title"] for button in buttons if button["payload"] == payload), None)


def add_pages(app: FastAPI) -> None:
    @app.get("/blank")
    async def blank(attributes: str = "", lang: str = "en") -> HTMLResponse:
        return HTMLResponse(
            f'<!doctype html><html lang="{lang}"><meta name="viewport" content="width=device-width">'
            '<link rel="icon" href="data:,"><script type="module" src="/widget.js"></script>'
            f"<a href='#'>before</a><rapport-chat {attributes}></rapport-chat>"
        )

    @app.get("/embedding")
    async def embedding(server: str) -> HTMLResponse:
        """A shop's page that allows nothing but the widget of `server`."""
        return HTMLResponse(
            f'<!doctype html><html lang="en"><script type="module" src="{server}/widget.js"></script><rapport-chat></rapport-chat>',
            headers={"content-security-policy": f"default-src 'none'; script-src {server}; connect-src {server}"},
        )

    @app.get("/{part}.js")
    async def widget(part: str) -> FileResponse:
        return FileResponse(WIDGET / f"{part}.js", media_type="text/javascript")

    @app.get("/")
    async def shop() -> FileResponse:
        return FileResponse(SHOP / "index.html")

    @app.get("/shop/{name}")
    async def shop_file(name: str) -> FileResponse:
        return FileResponse(SHOP / name)

    @app.get("/demo/people")
    async def people(language: str = "en") -> list[dict[str, str]]:
        return [{"id": person, "name": name, "summary": summary[language]} for person, name, summary in PEOPLE]

    @app.post("/demo/sign-in")
    async def sign_in(request: Request) -> dict[str, str]:
        return {"user_token": signed((await request.json())["id"]), "order": "ORD-200001"}


class Running:
    """`chat` served on a free port of this machine while the block lasts."""

    def __init__(self, chat: ChatServer, port: int = 0) -> None:
        self.chat = chat
        self._socket = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(build_app(chat), log_level="critical", lifespan="off", timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.chat.closing = True
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
