"""Proof of who somebody is: the shop's signed user token (RFC 7519). Pure but for the clock it is given."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt

from crm_store.identify.token_keys import TokenKeys

AUDIENCE = "rapport"
SKEW_SECONDS = 30
NAMES = ("given_name", "family_name", "name", "email", "phone")


class ProofError(Exception):
    """A user token that proves nothing. The text says why, for the developer of the shop."""


@dataclass(frozen=True)
class Proof:
    """A record of the business's own system that the person in the chat is signed in to."""

    source: str
    source_id: str
    attributes: dict[str, Any] = field(default_factory=dict)


def prove(user_token: str, keys: TokenKeys, now: datetime) -> Proof:
    """Checks the signature with the key that the token asks for, `exp`, `nbf`, `aud`, `sub` and `source`. Raises ProofError."""
    claims = _claims(user_token, keys)
    if now.timestamp() > _time(claims, "exp") + SKEW_SECONDS:
        raise ProofError("the token has expired: sign a new one whenever the page is loaded")
    if "nbf" in claims and now.timestamp() < _time(claims, "nbf") - SKEW_SECONDS:
        raise ProofError("the token is not good yet: its `nbf` lies ahead, set the clock of whoever signs")
    kept = {k: claims[k] for k in NAMES if isinstance(claims.get(k), str) and claims[k].strip()}
    return Proof(_word(claims, "source", 64, "web"), _word(claims, "sub", 128), kept)


def _claims(user_token: str, keys: TokenKeys) -> dict[str, Any]:
    """What a token says that is signed with one of our keys, and with the algorithm of that key."""
    try:
        header = jwt.get_unverified_header(user_token)
        key = keys.key_of(header)
        if header.get("alg") != key.algorithm:
            raise ProofError(f"`alg` is {header.get('alg')!r:.40}, and the key is for {key.algorithm}: sign with that")
        claims: dict[str, Any] = jwt.decode(
            user_token,
            key.material,
            algorithms=[key.algorithm],
            audience=AUDIENCE,
            # Times are checked against the clock that is passed in.
            options={
                "require": ["exp", "aud", "sub"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except LookupError as error:
        raise ProofError(str(error.args[0])) from None
    except jwt.InvalidSignatureError:
        raise ProofError(
            "the signature does not fit: sign with the key that the gateway has, and change nothing after"
        ) from None
    except jwt.MissingRequiredClaimError as error:
        raise ProofError(f"the token has no `{error.claim}`: put it in, see docs/identity.md") from None
    except jwt.InvalidAudienceError:
        raise ProofError(f"`aud` is not {AUDIENCE!r}: put that in") from None
    except jwt.InvalidTokenError as error:
        raise ProofError(str(error)) from None
    return claims


def _time(claims: dict[str, Any], name: str) -> float:
    """Seconds since 1970. A time that is no number would make a token good for ever."""
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ProofError(f"`{name}` is not a time in seconds")
    return float(value)


def _word(claims: dict[str, Any], name: str, longest: int, default: str | None = None) -> str:
    """An empty one would make one customer of all whom the shop does not know."""
    value = claims.get(name, default)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise ProofError(f"`{name}` is not a text of 1 to {longest} characters")
    return value
