"""Events from the other touchpoints, and page events from the widget."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot.gateway.chat import ONE_LINE, TheStack, bearer
from bot.gateway.problems import ProblemError, session_unknown
from bot.gateway.stack import Stack
from crm_store.conversations import sessions
from crm_store.database import UnitOfWork
from crm_store.differentiate.live import revalue
from crm_store.events import Event, EventError, check_currency, keep_event
from crm_store.identify.lookup import (
    AmbiguousIdentifiersError,
    UnusableIdentifiersError,
    profile_for,
)

router = APIRouter(prefix="/v1", tags=["events"])

Short = Annotated[str, Field(min_length=1, max_length=128, pattern=ONE_LINE)]
BROWSER_KINDS = ("view_page", "view_product", "view_category", "add_to_cart", "search")


class Identifier(BaseModel):
    type: Annotated[str, Field(pattern=r"^[a-z_]{2,32}$")]
    value: Annotated[str, Field(min_length=1, max_length=255, pattern=ONE_LINE)]


class EventIn(BaseModel):
    """What happened at a touchpoint; further keys are kept as they are."""

    model_config = ConfigDict(extra="allow")

    source: Annotated[str, Field(min_length=1, max_length=64, pattern=ONE_LINE)]
    event_id: Short
    at: datetime
    touchpoint: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
    kind: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    identifiers: Annotated[list[Identifier], Field(max_length=20)] = []

    @field_validator("at")
    @classmethod
    def _aware(cls, at: datetime) -> datetime:
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    def event(self) -> Event:
        return Event(self.source, self.event_id, self.at, self.touchpoint, self.kind, dict(self.model_extra or {}))


async def api_key(stack: TheStack, authorization: Annotated[str, Header()] = "") -> None:
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "bearer" or not hmac.compare_digest(key.encode(), stack.settings.secret("api_key").encode()):
        raise ProblemError(401, "wrong-key", "Wrong API key", "Send `Authorization: Bearer <RAPPORT_API_KEY>`.")


@router.post("/events", status_code=202, dependencies=[Depends(api_key)])
def take_event(body: EventIn, stack: TheStack, response: Response) -> dict[str, str]:
    """Takes an event of the shop, the till, the loyalty programme, the contact centre or after-sales service."""
    known_touchpoint(stack, body.touchpoint)
    given = [(i.type, i.value) for i in body.identifiers]
    if not given:
        raise ProblemError(422, "no-identifiers", "Whose event is it?", "Give at least one identifier.")
    with UnitOfWork(stack.engine) as work:
        try:
            check_currency(body.event(), stack.business.business.currency)
            profile = profile_for(work.connection, body.source, given, stack.clock(), stack.business.linking)
            is_new = keep_event(work.connection, _with_category(stack, body.event()), profile)
            if is_new:
                revalue(work.connection, stack.business, profile, stack.clock())
        except AmbiguousIdentifiersError:
            raise ambiguous() from None
        except UnusableIdentifiersError:
            raise ProblemError(
                422, "no-identifiers", "Whose event is it?", "None of the identifiers is one of its type."
            ) from None
        except EventError as error:
            raise ProblemError(422, "event-invalid", "An event that cannot be kept", str(error)) from None
        work.commit()
    response.status_code = 202 if is_new else 200
    return {"source": body.source, "event_id": body.event_id}


@router.post("/chat/events", status_code=202)
def take_page_event(
    body: EventIn, stack: TheStack, response: Response, token: Annotated[str, Depends(bearer)]
) -> dict[str, str]:
    """Takes an event of the page that the customer is on; what it says of who they are is not believed."""
    if body.kind not in BROWSER_KINDS:
        raise ProblemError(422, "kind-not-allowed", "Not from a browser", f"Allowed: {', '.join(BROWSER_KINDS)}.")
    with UnitOfWork(stack.engine) as work:
        here = sessions.session(work.connection, token, stack.clock())
        if here is None:
            raise session_unknown()
        event = body.event()
        # A browser may choose its ids, and must not be able to occupy another's.
        mine = Event(f"page:{here.id}", event.event_id, stack.clock(), "web", event.kind, event.body)
        is_new = keep_event(work.connection, mine, here.customer_id)
        work.commit()
    response.status_code = 202 if is_new else 200
    return {"event_id": body.event_id}


def _with_category(stack: Stack, event: Event) -> Event:
    """The event with the category of its product, where it names one of ours and no category."""
    named = str(event.body.get("product", "")).casefold()
    product = next((p for p in stack.business.products if named in (p.id, p.name.casefold())), None)
    if product is None or event.body.get("category"):
        return event
    return replace(event, body=event.body | {"category": product.category})


def known_touchpoint(stack: Stack, touchpoint: str) -> None:
    if touchpoint not in stack.business.touchpoints:
        known = ", ".join(stack.business.touchpoints)
        raise ProblemError(422, "unknown-touchpoint", "No such touchpoint", f"business.yml has: {known}.")


def ambiguous() -> ProblemError:
    return ProblemError(409, "ambiguous", "More than one customer", "These identifiers belong to different customers.")
