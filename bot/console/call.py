"""The pages for the phone: finding a caller, what to say to them, keeping what the call was about.

A telephone system opens `/call?phone=...`; the lookup leads to the call's own address, in which no number stands. Knows forms and
pages; what may be seen and what is kept is decided in `crm_store.interact`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import get_args

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
from crm_store.access.consent import PURPOSES
from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.customize.outcomes import OutcomeError, Told
from crm_store.database import UnitOfWork, reading
from crm_store.identify.profiles import new_id
from crm_store.interact import call_log, calls
from crm_store.interact.call_consent import keep_said
from crm_store.interact.call_log import InvalidLogError, Log
from crm_store.interact.caller import Possible, caller_of, possible
from crm_store.interact.calls import Call, CallError, Lookup, NoSuchCallError

GIVEN = {"q": None, "phone": "phone", "email": "email", "order": "order", "loyalty": "loyalty_id", "name": "name"}
"""Query parameters, and what a caller is looked up by with each; with `q` whatever it turns out to be."""
TOLD: tuple[Told, ...] = get_args(Told)
LOG_FIELDS = ("kind", "outcome", "text", "minutes", "product", "order_id")


def add_calls(app: FastAPI, engine: Engine, business: Business, pages: Pages, clock: Clock) -> None:
    """`GET /call`, `GET /call/{id}`, and a `POST` below it for each thing that happens in a call."""
    phone = _Phone(engine, business, pages, clock)
    _add_reading(app, phone)
    _add_acts(app, phone)
    _add_problems(app, pages)


@dataclass(frozen=True)
class _Under:
    """A call to which something is done, in a transaction."""

    connection: Connection
    person: Staff
    call: Call


@dataclass(frozen=True)
class _Phone:
    """What the routes share: the two pages, and changing a call."""

    engine: Engine
    business: Business
    pages: Pages
    clock: Clock

    def find(self, request: Request, name: str, text: str) -> Response:
        """Leads to the call where one customer is found; else to whom may be meant. `name`: of GIVEN, or `customer`."""
        person: Staff = request.state.staff
        with UnitOfWork(self.engine) as work:
            if name == "customer":
                lookup = Lookup(calls.pick(work.connection, self.business, person, text, self.clock()), {})
            else:
                lookup = calls.look_up(work.connection, self.business, person, text, GIVEN[name], self.clock())
            several = [] if lookup.call_id else possible(work.connection, lookup.found)
            work.commit()
        return self.to_call(request, lookup.call_id) if lookup.call_id else self.search(request, text, lookup, several)

    def search(
        self,
        request: Request,
        text: str = "",
        lookup: Lookup | None = None,
        several: Sequence[Possible] = (),
        refused: InvalidLogError | None = None,
        log: dict[str, str] | None = None,
    ) -> HTMLResponse:
        return self.pages.render(
            request,
            "call_search.html",
            422 if refused else 200,
            text=text,
            lookup=lookup,
            possible=several,
            words=CallWords(self.pages.wording()),
            is_kept=request.query_params.get("kept") == "yes",
            form=_form(log),
            refused=refused,
        )

    def page(
        self, request: Request, call_id: str, refused: InvalidLogError | None = None, log: dict[str, str] | None = None
    ) -> HTMLResponse:
        person, wording = request.state.staff, self.pages.wording()
        with reading(self.engine) as connection:
            call = calls.call_of(connection, person, call_id, self.clock())
            caller = caller_of(connection, self.business, person, call, self.clock())
            said = [saying(step, caller, wording) for step in calls.steps(connection, call)]
            return self.pages.render(
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
                purposes=PURPOSES,
                form=_form(log),
                refused=refused,
            )

    @contextmanager
    def change(self, request: Request, call_id: str) -> Iterator[_Under]:
        """A call to change: what is done within is kept when it ends well."""
        person: Staff = request.state.staff
        with UnitOfWork(self.engine) as work:
            yield _Under(work.connection, person, calls.call_of(work.connection, person, call_id, self.clock()))
            work.commit()

    def to_call(self, request: Request, call_id: str, place: str = "") -> Response:
        return RedirectResponse(self.pages.address(request, f"call/{call_id}", place), 303)


def _add_reading(app: FastAPI, phone: _Phone) -> None:
    @app.get("/call")
    def find(request: Request) -> Response:
        given = ((name, legible(request.query_params.get(name, ""))[:255]) for name in (*GIVEN, "customer"))
        name, text = next(((name, text) for name, text in given if text), ("", ""))
        return phone.find(request, name, text) if name else phone.search(request)

    @app.get("/call/{call_id}")
    def call(request: Request, call_id: str) -> HTMLResponse:
        return phone.page(request, call_id)


def _add_acts(app: FastAPI, phone: _Phone) -> None:
    business, clock = phone.business, phone.clock

    @app.post("/call/{call_id}/compared")
    def compared(request: Request, call_id: str, form: Form) -> Response:
        agrees = form.get("agrees") == "yes"
        with phone.change(request, call_id) as it:
            calls.compared(it.connection, it.person, it.call, agrees, clock())
        return phone.to_call(request, call_id)

    @app.post("/call/{call_id}/told")
    def told(request: Request, call_id: str, form: Form) -> Response:
        word, _, option = form.get("told", "").partition(":")
        decision, answer = form.get("decision", ""), option or None
        with phone.change(request, call_id) as it:
            calls.tell(it.connection, business, it.person, it.call, decision, _told(word), clock(), option_id=answer)
        return phone.to_call(request, call_id, "say")

    @app.post("/call/{call_id}/settled")
    def settled(request: Request, call_id: str, form: Form) -> Response:
        source, matter = form.get("source", ""), form.get("matter", "")
        with phone.change(request, call_id) as it:
            call_log.settle(it.connection, business, it.call, source, matter, clock())
        return phone.to_call(request, call_id, "open")

    @app.post("/call/{call_id}/consent")
    def consent(request: Request, call_id: str, form: Form) -> Response:
        purpose, _, word = form.get("word", "").partition(":")
        if purpose not in PURPOSES or word not in ("yes", "no"):
            raise HTTPException(422, "This answer is none that the page offers.")
        with phone.change(request, call_id) as it:
            keep_said(it.connection, business, it.person, it.call, purpose, word == "yes", clock())
        return phone.to_call(request, call_id, "consent")

    @app.post("/call/{call_id}/refuse-need")
    def refuse_need(request: Request, call_id: str, form: Form) -> Response:
        with phone.change(request, call_id) as it:
            calls.refuse_need(it.connection, business, it.person, it.call, form.get("need", ""), clock())
        return phone.to_call(request, call_id, "customer")

    @app.post("/call/log")
    def log_stranger(request: Request, form: Form) -> Response:
        try:
            kept = _log(form)
            with UnitOfWork(phone.engine) as work:
                call_log.log_stranger(work.connection, business, request.state.staff, kept, clock())
                work.commit()
        except InvalidLogError as error:
            return phone.search(request, refused=error, log=form)
        return RedirectResponse(phone.pages.address(request, "call?kept=yes"), 303)

    @app.post("/call/{call_id}/log")
    def log(request: Request, call_id: str, form: Form) -> Response:
        try:
            kept = _log(form)
            with phone.change(request, call_id) as it:
                call_log.log_call(it.connection, business, it.person, it.call, kept, clock())
        except InvalidLogError as error:
            return phone.page(request, call_id, error, form)
        return phone.to_call(request, call_id, "log")


def _add_problems(app: FastAPI, pages: Pages) -> None:
    @app.exception_handler(CallError)
    def no_call(request: Request, error: CallError) -> Response:
        status, title = (404, "Not Found") if isinstance(error, NoSuchCallError) else (409, "Not this customer")
        return pages.render(request, "problem.html", status, code=status, title=title, detail=str(error))

    @app.exception_handler(OutcomeError)
    def no_outcome(request: Request, error: OutcomeError) -> Response:
        return pages.render(request, "problem.html", 409, code=409, title="Out of date", detail=str(error))


def _form(filled_in: dict[str, str] | None) -> dict[str, str]:
    """What stands in the form of a call, each time under an id of its own."""
    return {name: (filled_in or {}).get(name, "") for name in LOG_FIELDS} | {"form": new_id()}


def _told(word: str) -> Told:
    for told in TOLD:
        if told == word:
            return told
    raise HTTPException(422, "This answer is none that the page offers.")


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
