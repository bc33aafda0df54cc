"""What the demo shop's own server does: shows who one may be, and signs them in.

A real shop checks a password before it signs a user token; here everybody may be any of the four. Knows the shape of
the token and nothing of what becomes of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from bot.gateway.problems import problem
from bot.settings import Settings
from demo.people import PEOPLE, DemoPerson, person

SIGNED_IN_FOR = timedelta(hours=12)


class PersonShown(BaseModel):
    """One person on the shop page."""

    id: str
    name: str
    summary: str


class SignIn(BaseModel):
    """Who the visitor wants to be."""

    id: str


class SignedIn(BaseModel):
    """The signed token to hand to the widget, and the number of the newest order to show."""

    user_token: str
    order: str


def router(settings: Settings) -> APIRouter:
    """The routes under /demo. Only to be mounted where the demo business is served."""
    routes = APIRouter(prefix="/demo", tags=["demo"])

    @routes.get("/people")
    def people(language: str = "en") -> list[PersonShown]:
        return [PersonShown(id=p.id, name=p.name, summary=p.summary.get(language, p.summary["en"])) for p in PEOPLE]

    @routes.post("/sign-in", response_model=SignedIn)
    def sign_in(wish: SignIn) -> SignedIn | JSONResponse:
        chosen = person(wish.id)
        if chosen is None:
            known = ", ".join(p.id for p in PEOPLE)
            return problem(404, "person-unknown", "There is no such person", f"{wish.id!r} is not one of {known}.")
        token = sign(chosen, settings.secret("user_token_secret"), datetime.now(UTC))
        return SignedIn(user_token=token, order=chosen.order)

    return routes


def sign(who: DemoPerson, secret: str, now: datetime) -> str:
    """A user token (JWT, HS256) as any shop would sign it: `sub` is the customer's id in the web shop."""
    claims = {"sub": who.id, "aud": "rapport", "iat": now, "exp": now + SIGNED_IN_FOR, "name": who.given_name}
    return jwt.encode(claims, secret, algorithm="HS256")
