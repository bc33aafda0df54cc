"""The demo's mailbox: the one-time codes that a mail server would have got. Not there where codes are sent, or customers real."""

from __future__ import annotations

from fastapi import FastAPI, Request
from sqlalchemy import Engine
from starlette.responses import HTMLResponse

from bot.console.rendering import Clock, Pages
from bot.settings import Settings
from crm_store.database import reading
from crm_store.identify.code_mails import mails_lately
from crm_store.identify.codes import code_of


def add_outbox(app: FastAPI, engine: Engine, pages: Pages, settings: Settings, clock: Clock) -> None:
    """`GET /outbox`."""

    @app.get("/outbox")
    def outbox(request: Request) -> HTMLResponse:
        with reading(engine) as connection:
            mails = mails_lately(connection, clock())
        key = settings.code_key
        shown = [(mail, code_of(key, mail.code_id) if key and mail.state == "sent" else None) for mail in mails]
        return pages.render(request, "outbox.html", mails=shown)
