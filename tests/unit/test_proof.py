"""A signed user token proves who is in the chat; anything less proves nothing and says why."""

from __future__ import annotations

import base64
import hmac
import json
import math
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm

from crm_store.identify.proof import AUDIENCE, SKEW_SECONDS, Proof, ProofError, prove
from crm_store.identify.token_keys import TokenKeys, TokenKeysError, read_keys

SECRET = "the shop's own secret, 32 bytes or more"
KEYS = TokenKeys.of_secret(SECRET)


@pytest.fixture
def claims(now: datetime) -> dict[str, Any]:
    """What the shop signs for a customer who is signed in, good for five minutes."""
    return {"sub": "sari.w", "aud": AUDIENCE, "exp": int((now + timedelta(minutes=5)).timestamp())}


def signed(claims: dict[str, Any], secret: Any = SECRET, algorithm: str = "HS256", **header: Any) -> str:
    return jwt.encode(claims, secret, algorithm=algorithm, headers=header)


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def refusal(token: str, now: datetime, keys: TokenKeys = KEYS) -> str:
    with pytest.raises(ProofError) as refused:
        prove(token, keys, now)
    return str(refused.value)


def test_a_good_token_proves_a_record_of_the_shop(claims: dict[str, Any], now: datetime) -> None:
    assert prove(signed(claims), KEYS, now) == Proof("web", "sari.w", {})


def test_a_token_may_name_another_system_and_tell_the_customer_s_names(claims: dict[str, Any], now: datetime) -> None:
    more = {"source": "loyalty", "given_name": "Sari", "email": "sari@example.com", "phone": "", "tier": "gold"}
    proof = prove(signed(claims | more), KEYS, now)
    assert proof == Proof("loyalty", "sari.w", {"given_name": "Sari", "email": "sari@example.com"})


def test_names_that_are_no_words_are_left_out(claims: dict[str, Any], now: datetime) -> None:
    strange = {"given_name": "  ", "family_name": ["Wijaya"], "name": 7}
    assert prove(signed(claims | strange), KEYS, now).attributes == {}


def test_a_token_is_good_until_the_clocks_differ_too_much(claims: dict[str, Any], now: datetime) -> None:
    end = now + timedelta(minutes=5)
    assert prove(signed(claims), KEYS, end + timedelta(seconds=SKEW_SECONDS))
    late = end + timedelta(seconds=SKEW_SECONDS + 1)
    assert refusal(signed(claims), late).startswith("the token has expired: sign a new one")


def test_a_token_from_a_clock_that_is_ahead_is_good_within_the_same_difference(
    claims: dict[str, Any], now: datetime
) -> None:
    def from_ahead(seconds: int) -> str:
        ahead = int((now + timedelta(seconds=seconds)).timestamp())
        return signed(claims | {"nbf": ahead, "iat": ahead})

    assert prove(from_ahead(SKEW_SECONDS), KEYS, now)
    assert refusal(from_ahead(SKEW_SECONDS + 1), now).startswith("the token is not good yet: its `nbf`")


@pytest.mark.parametrize("strange", ["tomorrow", "9999999999", None, True, math.inf, math.nan, [1]], ids=str)
def test_a_token_whose_end_is_no_time_is_not_good_for_ever(
    claims: dict[str, Any], now: datetime, strange: object
) -> None:
    assert refusal(signed(claims | {"exp": strange}), now)


def test_another_key_proves_nothing(claims: dict[str, Any], now: datetime) -> None:
    assert refusal(signed(claims, "somebody else's secret, 32 bytes or more"), now).startswith(
        "the signature does not fit"
    )


def test_changed_words_under_an_old_signature_prove_nothing(claims: dict[str, Any], now: datetime) -> None:
    head, _, signature = signed(claims).split(".")
    other = signed(claims | {"sub": "budi.h"}).split(".")[1]
    assert refusal(f"{head}.{other}.{signature}", now).startswith("the signature does not fit")


@pytest.mark.parametrize("audience", ["another-service", "", ["a", "b"], None])
def test_a_token_for_somebody_else_proves_nothing_here(claims: dict[str, Any], now: datetime, audience: object) -> None:
    assert refusal(signed(claims | {"aud": audience}), now)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256"])
def test_a_token_without_a_signature_proves_nothing(claims: dict[str, Any], now: datetime, algorithm: str) -> None:
    assert refusal(unsigned(claims, algorithm), now)


def test_only_the_agreed_algorithm_is_taken(claims: dict[str, Any], now: datetime) -> None:
    longer = "a secret that is long enough for any of the algorithms, 64 bytes or more"
    with pytest.raises(ProofError, match="alg"):
        prove(signed(claims, longer, "HS512"), TokenKeys.of_secret(longer), now)


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


# Several keys --------------------------------------------------------------------------------------------------------

SHOP = Ed25519PrivateKey.from_private_bytes(b"the shop's private half, 32 byte")
PUBLIC: dict[str, Any] = OKPAlgorithm.to_jwk(SHOP.public_key(), as_dict=True)
OLD = b"last year's shared secret, 32 bytes or more"


def in_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def listed(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": keys})


NAMED = read_keys(listed({"kid": "old", "kty": "oct", "k": in_base64(OLD)}, {"kid": "new", "alg": "EdDSA", **PUBLIC}))
SEVERAL = TokenKeys(NAMED)


def test_each_key_proves_what_is_signed_under_its_name(claims: dict[str, Any], now: datetime) -> None:
    for token in (signed(claims, OLD, kid="old"), signed(claims, SHOP, "EdDSA", kid="new")):
        assert prove(token, SEVERAL, now) == Proof("web", "sari.w", {})


def test_a_key_that_is_gone_proves_nothing_and_says_what_to_do(claims: dict[str, Any], now: datetime) -> None:
    without = TokenKeys({"new": NAMED["new"]})
    assert "no key has the `kid` 'old'" in refusal(signed(claims, OLD, kid="old"), now, without)


def test_a_token_without_a_key_s_name_is_for_the_one_secret_if_there_is_one(
    claims: dict[str, Any], now: datetime
) -> None:
    assert "names no key" in refusal(signed(claims), now, SEVERAL)
    both = TokenKeys.of_secret(SECRET, NAMED)
    assert prove(signed(claims), both, now)
    assert prove(signed(claims, SHOP, "EdDSA", kid="new"), both, now)
    assert "does not fit" in refusal(signed(claims, SECRET, kid="old"), now, both)


def test_one_key_s_name_over_another_key_s_signature_proves_nothing(claims: dict[str, Any], now: datetime) -> None:
    assert "`alg` is 'HS256', and the key is for EdDSA" in refusal(signed(claims, OLD, kid="new"), now, SEVERAL)
    assert "`alg` is 'EdDSA', and the key is for HS256" in refusal(
        signed(claims, SHOP, "EdDSA", kid="old"), now, SEVERAL
    )
    stranger = Ed25519PrivateKey.generate()
    assert "does not fit" in refusal(signed(claims, stranger, "EdDSA", kid="new"), now, SEVERAL)


@pytest.mark.parametrize(
    "public",
    [
        SHOP.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
        PUBLIC["x"].encode(),
        SHOP.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["raw", "base64", "pem"],
)
def test_a_public_key_is_no_shared_secret(claims: dict[str, Any], now: datetime, public: bytes) -> None:
    head = in_base64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "new"}).encode())
    body = f"{head}.{in_base64(json.dumps(claims).encode())}"
    forged = f"{body}.{in_base64(hmac.digest(public, body.encode(), 'sha256'))}"
    assert "the key is for EdDSA" in refusal(forged, now, SEVERAL)


@pytest.mark.parametrize("kid", ["", "../old", "OLD", 7, None, "x" * 5000], ids=str)
def test_a_name_that_is_no_key_s_proves_nothing(claims: dict[str, Any], now: datetime, kid: object) -> None:
    head = in_base64(json.dumps({"alg": "HS256", "kid": kid}).encode())
    body = f"{head}.{in_base64(json.dumps(claims).encode())}"
    said = refusal(f"{body}.{in_base64(hmac.digest(OLD, body.encode(), 'sha256'))}", now, SEVERAL)
    assert len(said) < 300


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
def test_no_other_algorithm_is_taken_for_a_named_key(claims: dict[str, Any], now: datetime, algorithm: str) -> None:
    head = in_base64(json.dumps({"alg": algorithm, "kid": "old"}).encode())
    assert "`alg`" in refusal(f"{head}.{in_base64(json.dumps(claims).encode())}.", now, SEVERAL)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no JWK Set"),
        ("[]", "no JWK Set"),
        ('{"keys": []}', "no"),
        ('{"keys": 7}', "no"),
        ('{"keys": ["a"]}', "key 1 has no `kid`"),
        (listed({"kty": "oct", "k": in_base64(OLD)}), "key 1 has no `kid`"),
        (listed(*[{"kid": "a", "kty": "oct", "k": in_base64(OLD)}] * 2), "two keys have the `kid` 'a'"),
        (listed({"kid": "a", "kty": "oct", "k": in_base64(b"short")}), "too short"),
        (listed({"kid": "a", "kty": "oct"}), "cannot be read"),
        (listed({"kid": "a", "kty": "oct", "alg": "HS512", "k": in_base64(OLD * 2)}), "of no use"),
        (listed({"kid": "a", "kty": "RSA", "n": "AQAB", "e": "AQAB"}), "of no use"),
        (listed({"kid": "a", **PUBLIC, "alg": "HS256"}), "of no use"),
        (listed({"kid": "a", **PUBLIC, "crv": "Ed448"}), "of no use"),
        (listed({"kid": "a", **PUBLIC, "x": "AAAA"}), "cannot be read"),
        (listed({"kid": "a", **OKPAlgorithm.to_jwk(SHOP, as_dict=True)}), "private half"),
    ],
)
def test_a_file_of_keys_that_cannot_be_used_says_why_and_shows_no_key(text: str, says: str) -> None:
    with pytest.raises(TokenKeysError, match=says) as refused:
        read_keys(text)
    assert in_base64(OLD) not in str(refused.value)


def test_a_key_does_not_show_itself() -> None:
    assert "secret" not in repr(KEYS)
    assert "year" not in repr(SEVERAL)
