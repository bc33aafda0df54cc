"""The chat API of the widget: sessions, messages in, messages out by long poll or stream (`news`)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sse_starlette import EventSourceResponse, ServerSentEvent

from bot.channels.legible import legible
from bot.gateway import metrics
from bot.gateway.news import State, news_of
from bot.gateway.notices import FOLLOWED, notice
from bot.gateway.problems import ProblemError, session_unknown
from bot.gateway.stack import Stack, stack_of
from crm_store.conversations import inbox, outbox, sessions
from crm_store.conversations.outbox import NOTICE, ConversationGoneError, Outgoing
from crm_store.database import UnitOfWork
from crm_store.identify import links
from crm_store.identify.proof import Proof, ProofError, prove
from crm_store.identify.proving import OtherCustomerError
from crm_store.interact.service.codes import is_try

router = APIRouter(prefix="/v1/chat", tags=["chat"])

LONGEST_TEXT = 4000
LONGEST_WAIT_SECONDS = 30.0
ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
"""Of what names a thing: no control characters, of which PostgreSQL cannot even store the first."""
LONGEST_NUMBER = 18
"""Digits; more would be no message's number."""


class SessionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: Annotated[str, Field(max_length=35)] | None = None
    page: Annotated[str, Field(max_length=2000, pattern=ONE_LINE)] | None = None
    device_token: Annotated[str, Field(max_length=200)] | None = None
    user_token: Annotated[str, Field(max_length=4000)] | None = None
    fresh: bool = False
    """A new conversation, whoever is due in the latest one."""


class SessionOut(BaseModel):
    session_token: str
    device_token: str
    conversation_id: str


class IdentifyIn(BaseModel):
    user_token: Annotated[str, Field(max_length=4000)]


class LinkOut(BaseModel):
    url: str
    expires_at: str


class LinkIn(BaseModel):
    token: Annotated[str, Field(min_length=1, max_length=200)]


class MessageIn(BaseModel):
    """Words, or the payload of a button that was shown; never both."""

    client_id: Annotated[str, Field(min_length=1, max_length=128, pattern=ONE_LINE)]
    text: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = None
    payload: Annotated[str, Field(min_length=1, max_length=200)] | None = None

    @field_validator("text")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        """Drops what nobody can see; a text of nothing else is refused."""
        if text is None:
            return None
        if not (seen := legible(text)):
            raise ValueError("the text is empty")
        return seen

    @model_validator(mode="after")
    def _one_of_them(self) -> MessageIn:
        if (self.text is None) == (self.payload is None):
            raise ValueError("give either `text` or `payload`")
        return self


class SignOutIn(BaseModel):
    device_token: Annotated[str, Field(max_length=200)] | None = None


class MessageOut(BaseModel):
    message_id: str
    seq: int


async def bearer(authorization: Annotated[str, Header()] = "") -> str:
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token:
        raise ProblemError(401, "session-unknown", "No session", "Send `Authorization: Bearer <session_token>`.")
    return token


Session = Annotated[str, Depends(bearer)]
TheStack = Annotated[Stack, Depends(stack_of)]


@router.get("/config")
def config(stack: TheStack) -> dict[str, Any]:
    """What the widget shows of the business."""
    about = stack.business.business
    return {
        "business": about.name,
        "languages": about.languages,
        "default_language": about.default_language,
        "privacy_url": about.privacy_url,
        "accent": about.accent,
        "telegram": bool(stack.settings.telegram_bot and stack.settings.telegram_token),
    }


@router.post("/sessions", status_code=201)
def open_session(body: SessionIn, request: Request, stack: TheStack) -> SessionOut:
    """Opens a chat; recognises the device and whoever the shop has signed in.

    The conversation is a new one, unless staff are due in their latest or have the last word there.
    """
    wait = stack.openings.wait(request.client.host if request.client else None, stack.clock())
    if wait:
        detail = "Too many were opened from this address; wait, or keep the session you have."
        raise ProblemError(429, "too-many-sessions", "Too many sessions", detail, retry_after=wait)
    proof = _proof(stack, body.user_token) if body.user_token else None
    with UnitOfWork(stack.engine) as work:
        opened = sessions.open_session(
            work.connection,
            channel="web",
            language=stack.business.language(body.language),
            now=stack.clock(),
            lasts=timedelta(hours=stack.settings.session_hours),
            page=(body.page or "")[:255] or None,
            device_token=body.device_token,
            proof=proof,
            fresh=body.fresh,
        )
        work.commit()
    return SessionOut(**vars(opened))


@router.post("/identify")
def identify(body: IdentifyIn, token: Session, stack: TheStack) -> dict[str, str]:
    """Raises a running conversation to verified."""
    proof = _proof(stack, body.user_token)
    with UnitOfWork(stack.engine) as work:
        here = sessions.session(work.connection, token, stack.clock())
        if here is None:
            raise session_unknown()
        try:
            sessions.raise_session(work.connection, here.id, proof, stack.clock())
        except OtherCustomerError as error:
            raise ProblemError(409, "other-customer", "Another customer's conversation", str(error)) from None
        sessions.end_others(work.connection, here.id, token)
        work.commit()
    return {"assurance": "verified"}


@router.post("/links", status_code=201)
def make_link(token: Session, stack: TheStack) -> LinkOut:
    """A link with which this conversation's customer goes on on Telegram; once, within ten minutes."""
    bot = stack.settings.telegram_bot
    if not bot or not stack.settings.telegram_token:
        raise ProblemError(404, "no-telegram", "No Telegram here", "The settings name no RAPPORT_TELEGRAM_BOT.")
    with UnitOfWork(stack.engine) as work:
        here = sessions.session(work.connection, token, stack.clock())
        if here is None:
            raise session_unknown()
        try:
            link = links.make_link(work.connection, here.id, stack.clock())
        except links.NotKnownYetError:
            detail = "A device that was never seen before has nothing to go on with; write to the bot itself."
            raise ProblemError(403, "not-known-yet", "Not known yet", detail) from None
        work.commit()
    return LinkOut(
        url=f"https://t.me/{bot.removeprefix('@')}?start={link.token}", expires_at=link.expires_at.isoformat()
    )


@router.post("/links/follow")
async def follow_link(body: LinkIn, token: Session, stack: TheStack) -> dict[str, str]:
    """Opens a link from Telegram in this conversation, which says what came of it."""
    outcome, conversation_id = await asyncio.to_thread(_follow, stack, token, body.token)
    stack.wakeups.wake(conversation_id)
    if outcome is links.Outcome.REFUSED:
        raise ProblemError(
            410, "link-over", "The link is no longer good", "It works once, for ten minutes: ask for another."
        )
    if outcome is links.Outcome.OTHER:
        detail = "this device is another customer's; open a new session, and ask for another link"
        raise ProblemError(409, "other-customer", "Another customer's conversation", detail)
    return {"assurance": outcome.value}


def _follow(stack: Stack, token: str, link: str) -> tuple[links.Outcome, str]:
    now = stack.clock()
    with UnitOfWork(stack.engine) as work:
        here = sessions.session(work.connection, token, now)
        if here is None:
            raise session_unknown()
        outcome = links.follow_link(work.connection, link, here.id, now)
        if outcome is links.Outcome.VERIFIED:
            sessions.end_others(work.connection, here.id, token)
        outbox.say(work.connection, here.id, [Outgoing(notice(FOLLOWED[outcome], here.language), NOTICE)], now)
        work.commit()  # of one that is refused too: staff see it in the journal
    return outcome, here.id


@router.post("/sign-out", status_code=204)
async def sign_out(body: SignOutIn, token: Session, stack: TheStack) -> None:
    """Ends this session, and the device is a stranger's: for whoever was taken for somebody else on a shared screen."""

    def end() -> str | None:
        with UnitOfWork(stack.engine) as work:
            conversation_id = sessions.close_session(work.connection, token, body.device_token, stack.clock())
            work.commit()
        return conversation_id

    conversation_id = await asyncio.to_thread(end)
    if conversation_id is None:
        raise session_unknown()
    stack.wakeups.wake(conversation_id)  # what listens with this session is over


@router.post("/messages", status_code=202)
async def send(body: MessageIn, token: Session, stack: TheStack, response: Response) -> MessageOut:
    """Takes a message in; 202 when it is committed, 200 when it had been taken before."""
    accepted, here = await asyncio.to_thread(_accept, stack, token, body)
    if accepted.is_new:
        metrics.messages.labels(here.channel).inc()
        if not accepted.for_staff:
            message = accepted.waiting(here.id, here.channel, here.language)
            stack.worker.announce(message, alone=accepted.alone)
        stack.wakeups.wake(here.id)
    else:
        response.status_code = 200
    return MessageOut(message_id=accepted.message_id, seq=accepted.seq)


def _accept(stack: Stack, token: str, body: MessageIn) -> tuple[inbox.Accepted, Any]:
    for _ in range(2):
        with UnitOfWork(stack.engine) as work:
            here = sessions.session(work.connection, token, stack.clock())
            if here is None:
                raise session_unknown()
            try:
                taken = inbox.accept(work.connection, here.id, body.client_id, body.text, body.payload, stack.clock())
            except (inbox.ConcurrentDuplicateError, ConversationGoneError):
                continue
            except inbox.UnknownButtonError:
                raise ProblemError(422, "unknown-button", "No such button", "Send a payload that was shown.") from None
            except inbox.TooManyWaitingError:
                raise ProblemError(
                    429, "too-many-waiting", "Too many unanswered messages", "Wait for answers."
                ) from None
            if taken.is_new and body.text and is_try(work.connection, here.id, body.text):
                sessions.end_others(work.connection, here.id, token)
            work.commit()
            return taken, here
    raise ProblemError(409, "duplicate", "The same message twice at once", "Send it again.")


@router.get("/messages")
async def messages(
    token: Session,
    stack: TheStack,
    after: Annotated[int, Query(ge=0)] = 0,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_SECONDS)] = 0,
    state: State | None = None,
) -> dict[str, Any]:
    """What was said after a number; waits up to `wait` seconds for something to be, or for a state other than `state`."""
    news = await news_of(stack, token, after, wait, state)
    return {"messages": news.messages, **news.holder}


@router.get("/stream")
async def stream(
    request: Request,
    token: Session,
    stack: TheStack,
    after: Annotated[int, Query(ge=0)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """The same as server-sent events; `Last-Event-ID` goes before `after`."""
    if last_event_id and last_event_id.isdecimal() and len(last_event_id) <= LONGEST_NUMBER:
        after = int(last_event_id)
    first = await news_of(stack, token, after, 0, None)

    async def events() -> AsyncIterator[ServerSentEvent]:
        news, seen, told = first, after, {"state": "bot"}
        while not await request.is_disconnected():
            if news.holder != told:
                told = news.holder
                yield ServerSentEvent(json.dumps(told, ensure_ascii=False), event="state")
            for message in news.messages:
                seen = message["seq"]
                yield ServerSentEvent(json.dumps(message, ensure_ascii=False), event="message", id=str(seen))
            try:
                news = await news_of(stack, token, seen, LONGEST_WAIT_SECONDS / 2, news.state)
            except ProblemError:  # the session is over; who asks again is told so
                return

    return EventSourceResponse(events(), ping=15)


def _proof(stack: Stack, user_token: str) -> Proof:
    try:
        return prove(user_token, stack.settings.token_keys, stack.clock())
    except ProofError as error:
        raise ProblemError(401, "user-token-invalid", "The user token proves nothing", str(error)) from None
