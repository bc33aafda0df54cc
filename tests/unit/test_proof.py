"""A signed user token proves who is in the chat; anything less proves nothing and says why."""

from __future__ import annotations

import base64
import json
import math
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest

from crm_store.identify.proof import AUDIENCE, SKEW_SECONDS, Proof, ProofError, prove

SECRET = "the shop's own secret, 32 bytes or more"


@pytest.fixture
def claims(now: datetime) -> dict[str, Any]:
    """What the shop signs for a customer who is signed in, good for five minutes."""
    return {"sub": "sari.w", "aud": AUDIENCE, "exp": int((now + timedelta(minutes=5)).timestamp())}


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def refusal(token: str, now: datetime) -> str:
    with pytest.raises(ProofError) as refused:
        prove(token, SECRET, now)
    return str(refused.value)


def test_a_good_token_proves_a_record_of_the_shop(claims: dict[str, Any], now: datetime) -> None:
    assert prove(signed(claims), SECRET, now) == Proof("web", "sari.w", {})


def test_a_token_may_name_another_system_and_tell_the_customer_s_names(claims: dict[str, Any], now: datetime) -> None:
    more = {"source": "loyalty", "given_name": "Sari", "email": "sari@example.com", "phone": "", "tier": "gold"}
    proof = prove(signed(claims | more), SECRET, now)
    assert proof == Proof("loyalty", "sari.w", {"given_name": "Sari", "email": "sari@example.com"})


def test_names_that_are_no_words_are_left_out(claims: dict[str, Any], now: datetime) -> None:
    strange = {"given_name": "  ", "family_name": ["Wijaya"], "name": 7}
    assert prove(signed(claims | strange), SECRET, now).attributes == {}


def test_a_token_is_good_until_the_clocks_differ_too_much(claims: dict[str, Any], now: datetime) -> None:
    end = now + timedelta(minutes=5)
    assert prove(signed(claims), SECRET, end + timedelta(seconds=SKEW_SECONDS))
    late = end + timedelta(seconds=SKEW_SECONDS + 1)
    assert refusal(signed(claims), late) == "the token has expired"


def test_a_token_from_a_clock_that_is_ahead_is_good_within_the_same_difference(
    claims: dict[str, Any], now: datetime
) -> None:
    def from_ahead(seconds: int) -> str:
        ahead = int((now + timedelta(seconds=seconds)).timestamp())
        return signed(claims | {"nbf": ahead, "iat": ahead})

    assert prove(from_ahead(SKEW_SECONDS), SECRET, now)
    assert refusal(from_ahead(SKEW_SECONDS + 1), now) == "the token is not good yet"


@pytest.mark.parametrize("strange", ["tomorrow", "9999999999", None, True, math.inf, math.nan, [1]], ids=str)
def test_a_token_whose_end_is_no_time_is_not_good_for_ever(
    claims: dict[str, Any], now: datetime, strange: object
) -> None:
    assert refusal(signed(claims | {"exp": strange}), now)


def test_another_key_proves_nothing(claims: dict[str, Any], now: datetime) -> None:
    assert refusal(signed(claims, "somebody else's secret, 32 bytes or more"), now) == "Signature verification failed"


def test_changed_words_under_an_old_signature_prove_nothing(claims: dict[str, Any], now: datetime) -> None:
    head, _, signature = signed(claims).split(".")
    other = signed(claims | {"sub": "budi.h"}).split(".")[1]
    assert refusal(f"{head}.{other}.{signature}", now) == "Signature verification failed"


@pytest.mark.parametrize("audience", ["another-service", "", ["a", "b"], None])
def test_a_token_for_somebody_else_proves_nothing_here(claims: dict[str, Any], now: datetime, audience: object) -> None:
    assert refusal(signed(claims | {"aud": audience}), now)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256"])
def test_a_token_without_a_signature_proves_nothing(claims: dict[str, Any], now: datetime, algorithm: str) -> None:
    assert refusal(unsigned(claims, algorithm), now)


def test_only_the_agreed_algorithm_is_taken(claims: dict[str, Any], now: datetime) -> None:
    longer = "a secret that is long enough for any of the algorithms, 64 bytes or more"
    with pytest.raises(ProofError, match="alg"):
        prove(signed(claims, longer, "HS512"), longer, now)


@pytest.mark.parametrize("missing", ["sub", "exp", "aud"])
def test_a_token_must_say_who_for_whom_and_until_when(claims: dict[str, Any], now: datetime, missing: str) -> None:
    del claims[missing]
    assert missing in refusal(signed(claims), now)


@pytest.mark.parametrize("nobody", ["", "   ", None, 7, "x" * 129], ids=["empty", "blank", "null", "number", "long"])
def test_a_token_for_nobody_in_particular_is_refused(claims: dict[str, Any], now: datetime, nobody: object) -> None:
    assert refusal(signed(claims | {"sub": nobody}), now)


@pytest.mark.parametrize("nowhere", ["", " ", None, 7, "x" * 65], ids=["empty", "blank", "null", "number", "long"])
def test_a_token_from_no_system_is_refused(claims: dict[str, Any], now: datetime, nowhere: object) -> None:
    assert "`source`" in refusal(signed(claims | {"source": nowhere}), now)


@pytest.mark.parametrize("text", ["", "a.b.c", "not a token", "..", "\N{SNOWMAN}" * 10])
def test_what_is_no_token_at_all_is_refused(now: datetime, text: str) -> None:
    assert refusal(text, now)
