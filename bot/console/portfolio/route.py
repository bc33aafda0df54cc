"""The page of the portfolio: what the last run of `rapport score` found of all customers, and who moved."""

from __future__ import annotations

from fastapi import FastAPI, Request
from sqlalchemy import Engine
from starlette.responses import HTMLResponse

from bot.console.portfolio.page import view_of
from bot.console.rendering import Pages
from crm_store.access.staff import NotAllowedError, Staff
from crm_store.business import Business
from crm_store.database import reading
from crm_store.differentiate.movers import movers
from crm_store.differentiate.runs import newest


def add_portfolio(app: FastAPI, engine: Engine, business: Business, pages: Pages) -> None:
    """`GET /portfolio`."""

    @app.get("/portfolio")
    def portfolio(request: Request) -> HTMLResponse:
        reader: Staff = request.state.staff
        if not reader.is_active:
            raise NotAllowedError("read the portfolio")
        with reading(engine) as connection:
            drawn = newest(connection)
            found = movers(connection, business, drawn, reader) if drawn else None
        shown = view_of(drawn, found, pages.wording()) if drawn and found else None
        computed_at = drawn.computed_at if drawn else None
        return pages.render(request, "portfolio.html", view=shown, computed_at=computed_at, lists=True)
