"""Proof of who somebody is: the shop's signed user token (RFC 7519). Pure but for the clock it is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt

AUDIENCE = "rapport"
SKEW_SECONDS = 30


class ProofError(Exception):
    """A user token that proves nothing. The text says why, for the developer of the shop."""


@dataclass(frozen=True)
class Proof:
    """A record of the business's own system that the person in the chat is signed in to."""

    source: str
    source_id: str
    attributes: dict[str, Any] = field(default_factory=dict)


def prove(user_token: str, secret: str, now: datetime) -> Proof:
    """Checks the signature (HS256), `exp`, `aud` and `sub`. Raises ProofError."""
    try:
        claims = jwt.decode(
            user_token,
            secret,
            algorithms=["HS256"],
            audience=AUDIENCE,
            # Expiry is checked below against the clock that is passed in.
            options={"require": ["exp", "aud", "sub"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise ProofError(str(error)) from None
    if now.timestamp() > float(claims["exp"]) + SKEW_SECONDS:
        raise ProofError("the token has expired")
    source = str(claims.get("source", "web"))
    kept = {k: claims[k] for k in ("given_name", "family_name", "name", "email", "phone") if claims.get(k)}
    return Proof(source, str(claims["sub"]), kept)
