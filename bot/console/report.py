"""The page of the IDIC report: the same figures as `rapport report idic`, over the days that are chosen."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from fastapi import FastAPI, Request
from sqlalchemy import Engine
from starlette.responses import HTMLResponse

from bot.console.rendering import Clock, Pages
from bot.report_words import TITLES, columns, steps
from crm_store.access.staff import NotAllowedError, Staff
from crm_store.business import Business
from crm_store.database import reading
from crm_store.report import Period, idic


def add_report(app: FastAPI, engine: Engine, business: Business, pages: Pages, clock: Clock) -> None:
    """`GET /report`."""

    @app.get("/report")
    def report(request: Request) -> HTMLResponse:
        reader: Staff = request.state.staff
        if not reader.is_active:
            raise NotAllowedError("read the report")
        now, zone = clock(), business.business.zone
        try:
            period = Period.of_days(_day(request, "since"), _day(request, "until"), now, zone)
            problem = None
        except ValueError:
            period = Period.of_days(None, None, now, zone)
            problem = "That is no period: the days must be in order. Here are the last 90 days."
        with reading(engine) as connection:
            found = idic(connection, business, period)
        first, last = period.since.astimezone(zone), (period.until - timedelta(microseconds=1)).astimezone(zone)
        return pages.render(
            request,
            "report.html",
            422 if problem else 200,
            report=found,
            columns=columns(found),
            titles=TITLES,
            steps=steps(found, business),
            first=_in_words(first),
            last=_in_words(last),
            problem=problem,
            days={"since": first.date(), "until": last.date()},
        )


def _day(request: Request, name: str) -> date | None:
    given = request.query_params.get(name)
    return date.fromisoformat(given) if given else None


def _in_words(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"
