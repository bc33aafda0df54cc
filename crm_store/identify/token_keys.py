"""The keys that user tokens are signed with: one shared secret, or several keys, each with an id, so that they can be changed.

A key is good for one algorithm, which is its own and never the token's choice: whoever has the public half of an Ed25519 key cannot
use it as an HS256 secret. Pure.

TokenKeysError   the file of keys cannot be used; the text says why
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jwt import InvalidKeyError, PyJWK, PyJWKError

HS256, EDDSA = "HS256", "EdDSA"
SHORTEST_SECRET = 32
"""Bytes (RFC 7518, 3.2)."""


class TokenKeysError(ValueError):
    """A set of keys that cannot be used."""


@dataclass(frozen=True)
class TokenKey:
    """`material`: as PyJWT takes it for this algorithm."""

    algorithm: str
    material: Any = field(repr=False)


@dataclass(frozen=True)
class TokenKeys:
    """`named`: by key id; `unnamed`: for tokens without one."""

    named: Mapping[str, TokenKey] = field(default_factory=dict)
    unnamed: TokenKey | None = None

    @classmethod
    def of_secret(cls, secret: str, named: Mapping[str, TokenKey] | None = None) -> TokenKeys:
        return cls(named or {}, TokenKey(HS256, secret))

    def key_of(self, header: Mapping[str, Any]) -> TokenKey:
        """The key that a token's header asks for. Raises LookupError with what its signer can do."""
        kid = header.get("kid")
        if kid is None or not self.named:
            if self.unnamed is None:
                raise LookupError(
                    "the token names no key: put the `kid` of one in RAPPORT_USER_TOKEN_KEYS into its header"
                )
            return self.unnamed
        if kid not in self.named:
            raise LookupError(
                f"no key has the `kid` {kid!r:.80}: sign with one that is in RAPPORT_USER_TOKEN_KEYS, "
                "or add it there and start the gateway again"
            )
        return self.named[kid]


def read_keys(text: str) -> dict[str, TokenKey]:
    """The keys of a JWK Set (RFC 7517) by their `kid`: of type `oct` for HS256, `OKP` on Ed25519 (public) for EdDSA.

    Raises TokenKeysError.
    """
    try:
        listed = json.loads(text)["keys"]
    except (ValueError, TypeError, LookupError):
        raise TokenKeysError('it is no JWK Set; write it as {"keys": [{"kid": ..., "kty": ...}]}') from None
    if not isinstance(listed, list) or not listed:
        raise TokenKeysError("`keys` is not a list of keys; leave the setting away where there are none")
    found: dict[str, TokenKey] = {}
    for place, jwk in enumerate(listed, 1):
        kid = jwk.get("kid") if isinstance(jwk, dict) else None
        if not isinstance(kid, str) or not kid:
            raise TokenKeysError(f"key {place} has no `kid`; give each a name of its own, such as the month it is from")
        if kid in found:
            raise TokenKeysError(f"two keys have the `kid` {kid!r}; give each a name of its own")
        found[kid] = _key(kid, jwk)
    return found


def _key(kid: str, jwk: dict[str, Any]) -> TokenKey:
    """What is in the key is never in the error."""
    kind = (jwk.get("kty"), jwk.get("crv"))
    algorithm = HS256 if kind[0] == "oct" else EDDSA if kind == ("OKP", "Ed25519") else None
    if algorithm is None or jwk.get("alg", algorithm) != algorithm:
        raise TokenKeysError(f"key {kid!r} is of no use here; take `oct` with HS256, or `OKP` on `Ed25519` with EdDSA")
    if algorithm == EDDSA and "d" in jwk:
        raise TokenKeysError(f"key {kid!r} has its private half `d`; leave that with the shop, and take it out here")
    try:
        material = PyJWK(jwk, algorithm).key
    except (PyJWKError, InvalidKeyError, ValueError, TypeError, LookupError):
        raise TokenKeysError(f"key {kid!r} cannot be read; `k` and `x` are written in base64url") from None
    if algorithm == HS256 and len(material) < SHORTEST_SECRET:
        raise TokenKeysError(f"key {kid!r} is too short; HS256 needs {SHORTEST_SECRET} random bytes or more")
    return TokenKey(algorithm, material)
