"""The pages for the phone: finding a caller, what to say to them, keeping what the call was about.

A telephone system opens `/call?phone=...`; the lookup leads to the call's own address, in which no number stands. Knows forms and
pages; what may be seen and what is kept is decided in `crm_store.interact`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from sqlalchemy import Connection, Engine
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.channels.legible import legible
from bot.console.call_words import CallWords
from bot.console.forms import Form
from bot.console.panel import known_of, needs_of
from bot.console.rendering import Clock, Pages
from bot.console.saying import saying
from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.customize.outcomes import OutcomeError
from crm_store.database import UnitOfWork, reading
from crm_store.identify.profiles import new_id
from crm_store.interact import call_log, calls
from crm_store.interact.call_log import InvalidLogError, Log
from crm_store.interact.caller import caller_of, possible
from crm_store.interact.calls import Call, CallError, NoSuchCallError

GIVEN = {"q": None, "phone": "phone", "email": "email", "order": "order", "loyalty": "loyalty_id", "name": "name"}
"""Query parameters, and what a caller is looked up by with each; with `q` whatever it turns out to be."""
TOLD = ("shown", "accepted", "declined", "answered")
LOG_FIELDS = ("kind", "outcome", "text", "minutes", "product", "order_id")

Act = Callable[[Connection, Staff, Call], object]


def add_calls(app: FastAPI, engine: Engine, business: Business, pages: Pages, clock: Clock) -> None:
    """`GET /call`, `GET /call/{id}`, and a `POST` below it for each thing that happens in a call."""

    def page(
        request: Request, call_id: str, refused: InvalidLogError | None = None, log: dict[str, str] | None = None
    ) -> HTMLResponse:
        person, wording = request.state.staff, pages.wording()
        with reading(engine) as connection:
            call = calls.call_of(connection, person, call_id, clock())
            caller = caller_of(connection, business, person, call, clock())
            said = [saying(step, caller, wording) for step in calls.steps(connection, call)]
            return pages.render(
                request,
                "call.html",
                422 if refused else 200,
                call=call,
                caller=caller,
                now_say=said[-1],
                said_before=said[:-1],
                needs=needs_of(caller.picture, wording),
                known=known_of(connection, person, caller.picture, wording),
                logged=call_log.logged(connection, call),
                is_ours=call_log.is_ours,
                words=CallWords(wording),
                form={name: (log or {}).get(name, "") for name in LOG_FIELDS} | {"form": new_id()},
                refused=refused,
            )

    def change(request: Request, call_id: str, act: Act, place: str = "") -> Response:
        person: Staff = request.state.staff
        with UnitOfWork(engine) as work:
            act(work.connection, person, calls.call_of(work.connection, person, call_id, clock()))
            work.commit()
        return RedirectResponse(pages.address(request, f"call/{call_id}", place), 303)

    @app.get("/call")
    def find(request: Request) -> Response:
        person: Staff = request.state.staff
        given = {name: legible(request.query_params.get(name, ""))[:255] for name in (*GIVEN, "customer")}
        name = next((name for name, text in given.items() if text), None)
        if name is None:
            return pages.render(request, "call_search.html", text="", lookup=None, possible=[], words=None)
        with UnitOfWork(engine) as work:
            if name == "customer":
                call_id: str | None = calls.pick(work.connection, business, person, given[name], clock())
            else:
                lookup = calls.look_up(work.connection, business, person, given[name], GIVEN[name], clock())
                call_id = lookup.call_id
            several = [] if call_id else possible(work.connection, lookup.found)
            work.commit()
        if call_id:
            return RedirectResponse(pages.address(request, f"call/{call_id}"), 303)
        return pages.render(
            request,
            "call_search.html",
            text=given[name],
            lookup=lookup,
            possible=several,
            words=CallWords(pages.wording()),
        )

    @app.get("/call/{call_id}")
    def call(request: Request, call_id: str) -> HTMLResponse:
        return page(request, call_id)

    @app.post("/call/{call_id}/compared")
    def compared(request: Request, call_id: str, form: Form) -> Response:
        agrees = form.get("agrees") == "yes"
        return change(request, call_id, lambda c, who, call: calls.compared(c, who, call, agrees, clock()))

    @app.post("/call/{call_id}/told")
    def told(request: Request, call_id: str, form: Form) -> Response:
        word, _, option = form.get("told", "").partition(":")
        decision = form.get("decision", "")
        return change(
            request,
            call_id,
            lambda c, who, call: calls.tell(
                c, business, who, call, decision, _told(word), clock(), option_id=option or None
            ),
            "say",
        )

    @app.post("/call/{call_id}/settled")
    def settled(request: Request, call_id: str, form: Form) -> Response:
        source, matter = form.get("source", ""), form.get("matter", "")
        return change(
            request, call_id, lambda c, _who, call: call_log.settle(c, business, call, source, matter, clock()), "open"
        )

    @app.post("/call/{call_id}/log")
    def log(request: Request, call_id: str, form: Form) -> Response:
        try:
            kept = _log(form)
            return change(
                request,
                call_id,
                lambda c, who, call: call_log.log_call(c, business, who, call, kept, clock()),
                "log",
            )
        except InvalidLogError as error:
            return page(request, call_id, error, form)

    @app.exception_handler(CallError)
    def no_call(request: Request, error: CallError) -> Response:
        status, title = (404, "Not Found") if isinstance(error, NoSuchCallError) else (409, "Not this customer")
        return pages.render(request, "problem.html", status, code=status, title=title, detail=str(error))

    @app.exception_handler(OutcomeError)
    def no_outcome(request: Request, error: OutcomeError) -> Response:
        return pages.render(request, "problem.html", 409, code=409, title="Out of date", detail=str(error))


def _told(word: str) -> Any:
    if word not in TOLD:
        raise HTTPException(422, "This answer is none that the page offers.")
    return word


def _log(form: dict[str, str]) -> Log:
    minutes = form.get("minutes", "")
    if minutes and not (minutes.isascii() and minutes.isdigit()):
        raise InvalidLogError("minutes", f"Minutes are a whole number up to {call_log.LONGEST_CALL}.")
    form_id = form.get("form", "")
    if not (len(form_id) == 32 and form_id.isalnum() and form_id.isascii()):
        raise InvalidLogError("form", "This form is out of date. Here it is anew; send it again.")
    return Log(
        form_id=form_id,
        kind=form.get("kind", ""),
        outcome=form.get("outcome", ""),
        text=form.get("text", ""),
        minutes=int(minutes[:6]) if minutes else None,
        product=form.get("product", ""),
        order_id=form.get("order_id", ""),
    )
