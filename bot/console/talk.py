"""A transcript, and what staff do in it: take over, reply, hand back; review, tag, note; send once more.

Every act is a plain form and leads back to the page, so the page works without its script. What may be done is decided in
`crm_store`; what it refuses is said on the page, with what was typed still in its box.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from sqlalchemy import Connection, Engine
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.channels.legible import legible
from bot.console.choices import NAME
from bot.console.forms import read_form
from bot.console.panel import panel
from bot.console.rendering import Clock, Live, Pages
from bot.console.timeline import timeline
from bot.gateway.wakeups import Wakeups
from crm_store.access.staff import Staff
from crm_store.conversations import corrections, desk, joined, reviews
from crm_store.conversations.freshness import mark_of_conversation
from crm_store.conversations.search import LONGEST_QUERY, terms
from crm_store.conversations.transcripts import transcript
from crm_store.database import UnitOfWork, reading
from crm_store.identify.judging import UnusableReasonError

LONGEST_REPLY = 4000
LONGEST_NUMBER = 18
HANDED_BACK = {
    "en": "You are talking with the assistant again.",
    "id": "Sekarang Anda kembali mengobrol dengan asisten digital.",
}
Form = dict[str, str]
Act = Callable[[Connection, Staff, str, Form], None]


class UnusableReplyError(Exception):
    """The text says what to do instead."""


@dataclass(frozen=True)
class Refusal:
    """Why an act was not carried out, with what was typed for it."""

    text: str
    form: Form
    status: int = 409


def add_talk(app: FastAPI, engine: Engine, pages: Pages, clock: Clock, wakeups: Wakeups) -> None:
    """`GET /conversations/{id}`, and a `POST` below it for each act."""
    acts = {**_desk_acts(clock), **_review_acts(clock), **_identity_acts(clock), **_need_acts(pages, clock)}

    def page(request: Request, conversation_id: str, refusal: Refusal | None = None) -> HTMLResponse:
        reader: Staff = request.state.staff
        with reading(engine) as connection:
            # Before the rest: what changes meanwhile makes the page fetch itself once more than needed, never once less.
            known = NAME.fullmatch(conversation_id)
            mark = mark_of_conversation(connection, reader, conversation_id) if known else ""
            found = transcript(connection, reader, conversation_id) if known else None
            if found is None:
                raise HTTPException(404, str(desk.NoSuchConversationError()))
            return pages.render(
                request,
                "transcript.html",
                status=refusal.status if refusal else 200,
                live=Live(found.id, mark),
                transcript=found,
                timeline=timeline(found, pages.wording()),
                terms=terms(request.query_params.get("q", "")[:LONGEST_QUERY]),
                panel=panel(connection, reader, found, pages.wording()),
                review=reviews.review(connection, reader, found.id),
                suggested=reviews.tags_in_use(connection),
                refusal=refusal,
                once=secrets.token_urlsafe(12),
            )

    @app.get("/conversations/{conversation_id}")
    def conversation(request: Request, conversation_id: str) -> HTMLResponse:
        return page(request, conversation_id)

    @app.post("/conversations/{conversation_id}/{act}")
    async def do(request: Request, conversation_id: str, act: str) -> Response:
        if act not in acts or not NAME.fullmatch(conversation_id):
            raise HTTPException(404)
        form = await read_form(request)
        refusal = await asyncio.to_thread(_carry_out, engine, acts[act], request.state.staff, conversation_id, form)
        if refusal:
            return await asyncio.to_thread(page, request, conversation_id, refusal)
        wakeups.wake(conversation_id)
        return RedirectResponse(pages.address(request, f"conversations/{conversation_id}", form.get("at", "")), 303)


def _carry_out(engine: Engine, act: Act, person: Staff, conversation_id: str, form: Form) -> Refusal | None:
    try:
        with UnitOfWork(engine) as work:
            act(work.connection, person, conversation_id, form)
            work.commit()
    except desk.NoSuchConversationError as error:
        raise HTTPException(404, str(error)) from None
    except (desk.DeskError, joined.NotProvenError) as error:
        return Refusal(str(error), form)
    except (joined.NoSuchRecordError, UnusableReasonError) as error:
        return Refusal(str(error), form, 422)
    except (reviews.ReviewError, UnusableReplyError) as error:
        return Refusal(str(error), form, 409 if isinstance(error, reviews.UnseenMessagesError) else 422)
    return None


def _desk_acts(clock: Clock) -> dict[str, Act]:
    def take(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        # Agreed to for one colleague: when another one has come in between, it is asked again.
        desk.take(connection, person, conversation_id, clock(), from_colleague=form.get("from"))

    def reply(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        text = _reply_text(form)
        if form.get("take"):
            desk.take(connection, person, conversation_id, clock())
        desk.reply(connection, person, conversation_id, text, clock(), client_id=_id(form, "once") or None)

    def hand_back(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        desk.hand_back(connection, person, conversation_id, clock(), notice=HANDED_BACK)

    def send_again(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        desk.send_again(connection, person, conversation_id, _id(form, "message"), clock())

    return {"take": take, "reply": reply, "hand-back": hand_back, "send-again": send_again}


def _review_acts(clock: Clock) -> dict[str, Act]:
    def review(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        if form.get("reviewed") == "no":
            return reviews.mark_unreviewed(connection, person, conversation_id)
        seen = form.get("seen", "")
        number = int(seen) if seen.isdecimal() and len(seen) <= LONGEST_NUMBER else 0
        return reviews.mark_reviewed(connection, person, conversation_id, number, clock())

    def tag(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        reviews.add_tags(connection, person, conversation_id, form.get("tag", ""), clock())

    def untag(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        reviews.remove_tag(connection, person, conversation_id, legible(form.get("tag", "")))

    def note(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        reviews.add_note(connection, person, conversation_id, legible(form.get("note", "")), clock())

    def unnote(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        reviews.remove_note(connection, person, conversation_id, _id(form, "note"))

    return {"review": review, "tag": tag, "untag": untag, "note": note, "unnote": unnote}


def _identity_acts(clock: Clock) -> dict[str, Act]:
    def take_out(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        profile, reason = _id(form, "profile"), legible(form.get("reason", ""))
        joined.take_out(connection, person, conversation_id, profile, reason, clock())

    def same(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        named, reason = legible(form.get("record", "")), legible(form.get("reason", ""))
        joined.join_other(connection, person, conversation_id, named, reason, clock())

    return {"take-out": take_out, "same": same}


def _need_acts(pages: Pages, clock: Clock) -> dict[str, Act]:
    def refuse(connection: Connection, person: Staff, conversation_id: str, form: Form) -> None:
        business = pages.wording().business
        corrections.refuse_need(connection, business, person, conversation_id, form.get("need", ""), clock())

    return {"refuse-need": refuse}


def _reply_text(form: dict[str, Any]) -> str:
    text = legible(form.get("text", "").replace("\r\n", "\n"))
    if not text:
        raise UnusableReplyError("There is nothing to send yet. Write a reply first.")
    if len(text) > LONGEST_REPLY:
        raise UnusableReplyError(f"A reply has at most {LONGEST_REPLY} characters; send it in two parts.")
    return text


def _id(form: Form, name: str) -> str:
    value = form.get(name, "")
    return value if NAME.fullmatch(value) else ""
