"""Who may be one customer: what batch resolution asks staff, and what it has joined by itself. Knows forms and pages."""

from __future__ import annotations

from typing import Literal

from fastapi import FastAPI, Request
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.console.forms import Form
from bot.console.rendering import Clock, Pages
from crm_store.access.staff import Staff
from crm_store.database import UnitOfWork, reading
from crm_store.identify import judging
from crm_store.identify.judging import UnusableReasonError
from crm_store.identify.merging import UnknownProfileError
from crm_store.identify.review import joined_by_itself, to_review

SHOWN = 10
"""Pairs on a page: as many as one looks at before looking up."""

Which = Literal["asked", "joined"]
FIND = {"asked": to_review, "joined": joined_by_itself}
WORDS = {"same": judging.same, "different": judging.different}


def add_matches(app: FastAPI, engine: Engine, pages: Pages, clock: Clock) -> None:
    """`GET /matches?which=asked|joined`, and `POST /matches`: a word of staff on one pair."""

    def look(request: Request, which: Which, refusal: str = "", status: int = 200) -> HTMLResponse:
        reader: Staff = request.state.staff
        with reading(engine) as connection:
            queue = FIND[which](connection, reader, SHOWN)
        return pages.render(request, "matches.html", status, queue=queue, which=which, refusal=refusal)

    @app.get("/matches")
    def matches(request: Request) -> HTMLResponse:
        return look(request, _which(request.query_params.get("which", "")))

    @app.post("/matches")
    def say(request: Request, form: Form) -> Response:
        which = _which(form.get("which", ""))
        word = WORDS.get(form.get("word", ""))
        if word is None:
            raise HTTPException(400, "Say whether they are the same or different.")
        pair = (form.get("left", ""), form.get("right", ""))
        try:
            with UnitOfWork(engine) as work:
                word(work.connection, request.state.staff, *pair, form.get("reason", ""), clock())
                work.commit()
        except UnusableReasonError as error:
            return look(request, which, str(error), 422)
        except UnknownProfileError:
            return look(request, which, "One of the two is no longer there: erased, most likely.", 409)
        return RedirectResponse(pages.address(request, f"matches?which={which}"), 303)


def _which(named: str) -> Which:
    return "joined" if named == "joined" else "asked"
