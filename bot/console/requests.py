"""What customers ask people of the business for: what is open, what was done, by whom and when. Knows forms and pages."""

from __future__ import annotations

from fastapi import FastAPI, Request
from sqlalchemy import Engine
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.console.forms import Form
from bot.console.rendering import Clock, Live, Pages
from bot.gateway.wakeups import Wakeups
from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.conversations.freshness import mark_of_requests
from crm_store.conversations.open_requests import done_lately, finish, open_requests
from crm_store.database import UnitOfWork, reading


def add_requests(
    app: FastAPI, engine: Engine, business: Business, pages: Pages, clock: Clock, wakeups: Wakeups
) -> None:
    """`GET /requests` and `POST /requests/done`."""

    @app.get("/requests")
    def requests(request: Request) -> HTMLResponse:
        reader: Staff = request.state.staff
        with reading(engine) as connection:
            mark = mark_of_requests(connection)
            return pages.render(
                request,
                "requests.html",
                live=Live("requests", mark),
                open_ones=open_requests(connection, business, reader),
                done_ones=done_lately(connection, business, reader),
            )

    @app.post("/requests/done")
    def done(request: Request, form: Form) -> Response:
        person: Staff = request.state.staff
        with UnitOfWork(engine) as work:
            talk = finish(work.connection, person, form.get("source", ""), form.get("request", ""), clock())
            work.commit()
        if talk:
            wakeups.wake(talk)
        return RedirectResponse(pages.address(request, "requests"), 303)
