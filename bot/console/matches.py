"""Who may be one customer: what batch resolution asks staff, what it has joined by itself, and what staff have said.

Knows forms and pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from fastapi import FastAPI, Request
from sqlalchemy import Connection, Engine
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.console.forms import Form
from bot.console.rendering import Clock, Pages, query
from crm_store.access.staff import Staff
from crm_store.database import UnitOfWork, reading
from crm_store.identify import judging
from crm_store.identify.judging import UnusableReasonError
from crm_store.identify.merging import UnknownProfileError
from crm_store.identify.review import Decided, Queue, decided, joined_by_itself, newest_word, to_review

SHOWN = 10
"""Pairs on a page: as many as one looks at before looking up."""

Which = Literal["asked", "joined", "decided"]
FIND: Mapping[Which, Callable[[Connection, Staff, int, int], Queue[Any]]] = {
    "asked": to_review,
    "joined": joined_by_itself,
    "decided": decided,
}
WORDS = {"same": judging.same, "different": judging.different}
_PAGE = re.compile(r"[1-9][0-9]{0,5}")
_PAIR = re.compile(r"([0-9a-z]{1,32})-([0-9a-z]{1,32})")
"""Two profiles, as they stand in the address of a page."""


def add_matches(app: FastAPI, engine: Engine, pages: Pages, clock: Clock) -> None:
    """`GET /matches?which=asked|joined|decided&page=N`, and `POST /matches`: a word of staff on one pair."""

    def look(request: Request, asked: Mapping[str, str], refusal: str = "", status: int = 200) -> HTMLResponse:
        reader: Staff = request.state.staff
        which = _which(asked)
        with reading(engine) as connection:
            queue = FIND[which](connection, reader, SHOWN, _page(asked))
            said = _said(connection, reader, asked.get("said", ""))
        return pages.render(request, "matches.html", status, queue=queue, which=which, said=said, refusal=refusal)

    @app.get("/matches")
    def matches(request: Request) -> HTMLResponse:
        return look(request, request.query_params)

    @app.post("/matches")
    def say(request: Request, form: Form) -> Response:
        word = WORDS.get(form.get("word", ""))
        if word is None:
            raise HTTPException(400, "Say whether they are the same or different.")
        left, right = form.get("left", ""), form.get("right", "")
        try:
            with UnitOfWork(engine) as work:
                word(work.connection, request.state.staff, left, right, form.get("reason", ""), clock())
                work.commit()
        except UnusableReasonError as error:
            return look(request, form, str(error), 422)
        except UnknownProfileError:
            return look(request, form, "One of the two is no longer there: erased, most likely.", 409)
        back = {"which": _which(form), "page": str(_page(form)), "said": f"{left}-{right}"}
        return RedirectResponse(pages.address(request, "matches") + query(back), 303)


def _which(asked: Mapping[str, str]) -> Which:
    return next((which for which in FIND if which == asked.get("which")), "asked")


def _page(asked: Mapping[str, str]) -> int:
    page = asked.get("page", "")
    return int(page) if _PAGE.fullmatch(page) else 1


def _said(connection: Connection, reader: Staff, pair: str) -> Decided | None:
    """What was just said of a pair, as it is kept."""
    named = _PAIR.fullmatch(pair)
    return newest_word(connection, reader, *named.groups()) if named else None
