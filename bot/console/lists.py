"""The list of conversations: who waits, what was chosen, what was found."""

from __future__ import annotations

from fastapi import FastAPI, Request
from sqlalchemy import Engine
from starlette.responses import HTMLResponse

from bot.console.choices import NAME, Choices
from bot.console.rendering import Live, Pages
from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.conversations.freshness import mark_of_list
from crm_store.conversations.overview import counts, newest, waiting
from crm_store.conversations.search import hits
from crm_store.database import reading


def add_lists(app: FastAPI, engine: Engine, business: Business, pages: Pages) -> None:
    """`GET /`."""

    @app.get("/")
    def conversations(request: Request) -> HTMLResponse:
        reader: Staff = request.state.staff
        choices = Choices.of(request.query_params)
        before = request.query_params.get("before", "")
        before = before if NAME.fullmatch(before) else ""
        wanted = choices.filter
        # Who only has a search without a word in it gets no list of everything.
        is_vain = bool(choices.typed) and not wanted.terms
        with reading(engine) as connection:
            mark = mark_of_list(connection, reader)
            page = newest(connection, reader, wanted, before=before or None)
            ids = [one.id for one in page.summaries]
            return pages.render(
                request,
                "conversations.html",
                live=Live("list", mark),
                choices=choices,
                before=before,
                is_vain=is_vain,
                page=page,
                waits=waiting(connection, business, reader),
                counts=counts(connection, reader, wanted),
                hits=hits(connection, ids, wanted.terms) if wanted.terms and ids else {},
            )
