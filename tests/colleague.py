"""Somebody of staff at the console over HTTP: opens pages and sends their forms, as a browser without scripts does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import Engine, insert

from bot.console import create_console
from bot.console.guards import SESSION_COOKIE
from bot.console.rendering import Clock
from bot.gateway.wakeups import Wakeups
from bot.settings import Settings
from crm_store.access.staff import Role, Staff
from crm_store.business import Business
from crm_store.database import UnitOfWork
from crm_store.tables import staff, staff_sessions

OURS = {"sec-fetch-site": "same-origin"}


@dataclass
class Colleague:
    """Somebody who is signed in."""

    http: AsyncClient
    staff: Staff

    async def page(self, path: str = "") -> Response:
        return await self.http.get(f"/console/{path}")

    async def reads(self, path: str = "") -> str:
        """What stands on a page that is there."""
        answer = await self.page(path)
        assert answer.status_code == 200, answer.status_code
        return text(answer)

    async def does(self, act: str, conversation_id: str, **form: str) -> Response:
        """Sends a form of a transcript; the page it leads to."""
        return await self.http.post(f"/console/conversations/{conversation_id}/{act}", data=form, headers=OURS)


def only_console(engine: Engine, business: Business, var: Path, clock: Clock) -> FastAPI:
    """A gateway that serves the console and nothing else: for what is read and done there alone."""
    gateway = FastAPI()
    gateway.mount("/console", create_console(engine, business, Settings(var=var), clock, Wakeups()))
    return gateway


def hire(gateway: FastAPI, engine: Engine, now: datetime, name: str, role: Role = "agent") -> Colleague:
    """A colleague with an account and a session. No password is made: hashing one is slow on purpose."""
    person = Staff(sha256(name.encode()).hexdigest()[:32], f"{name.lower()}@example.com", name, role, now, None)
    token = f"token of {name}"
    session = {
        "token_hash": sha256(token.encode()).hexdigest(),
        "staff_id": person.id,
        "expires_at": now + timedelta(days=30),
    }
    with UnitOfWork(engine) as uow:
        uow.connection.execute(insert(staff).values(password_hash="", **vars(person)))
        uow.connection.execute(insert(staff_sessions).values(session))
        uow.commit()
    http = AsyncClient(transport=ASGITransport(gateway), base_url="http://testserver", follow_redirects=True)
    http.cookies.set(SESSION_COOKIE, token, domain="testserver.local", path="/console")
    return Colleague(http, person)


def text(page: Response) -> str:
    """What a person reads on the page."""
    bare = re.sub(r"<[^>]+>", " ", page.text.split("<main")[1])
    return re.sub(r"\s+", " ", unescape(bare).replace("\N{NO-BREAK SPACE}", " "))


def field(page: Response, name: str) -> str:
    """What a form of the page carries in a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page.text)
    assert found, f"no field {name!r}"
    return unescape(found[1])


def rows(page: Response) -> list[str]:
    """The conversations of the list, each as it reads."""
    found = re.findall(
        r"<li class=\"(?:bot|waiting|staff)\">(.*?)</li>(?=\s*(?:<li class=\"(?:bot|waiting|staff)\">|</ul>))",
        page.text,
        re.S,
    )
    return [
        re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", row)).replace("\N{NO-BREAK SPACE}", " ")).strip()
        for row in found
    ]
