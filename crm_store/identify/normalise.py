"""One spelling for each identifier, so that the same address, number or card written in two ways is one.

Pure rules; knows neither who an identifier belongs to nor whether anybody has proven it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from crm_store.identify.dialling import plainly_dialled

LONGEST = 255
"""Characters of the longest value that the store keeps."""

_SEPARATORS = re.compile(r"[\s\-‐-―−_.]+")
_NUMBER = re.compile(r"(?=.*[1-9])[0-9A-Z]{1,64}")
_PLAIN = re.compile(r"[\x21-\x7e]{1,255}")
_PLAIN_ADDRESS = re.compile(r"([A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*)@([A-Za-z0-9.-]+)")
_PLAIN_LENGTH = 64
"""Characters up to which no part of an address can be too long."""

ALSO_CALLED = {"loyalty_number": "loyalty_id"}
"""Types by the name under which they are kept."""


def normalise(kind: str, raw: str, region: str = "ID") -> str | None:
    """The one spelling of `raw`, or None when it is not an identifier of that type.

    `kind`: email, phone, loyalty_id (also called loyalty_number), order_number, telegram_id or device_id.
    `region`: ISO 3166 code of the country that a phone number without `+` is dialled in.
    """
    spell = _SPELLINGS.get(kind)
    text = unicodedata.normalize("NFKC", raw).strip()
    if spell is None or not text or len(text) > LONGEST:
        return None
    return spell(text, region)


def _email(text: str, _region: str) -> str | None:
    plain = _PLAIN_ADDRESS.fullmatch(text) if len(text) <= _PLAIN_LENGTH else None
    if plain is None:
        return _address(text)
    # Before the @ such an address cannot be wrong, and after it many have the same.
    name, domain = plain.groups()
    after = _domain(domain)
    return after and f"{name}@{after}".lower()


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str | None:
    """The part after the @ in its one spelling; None where no mail can reach it."""
    address = _address(f"a@{domain}")
    return address and address.removeprefix("a@")


def _address(text: str) -> str | None:
    if "=?" in text:
        return None  # an encoded word (RFC 2047): what reads it in a mail's header may take it for another mailbox
    try:
        address = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return None
    # By the letter of the standard the part before the @ keeps its case; no mail service tells two people apart by it. Lower
    # case and no more: straße.de and strasse.de are two people's domains (RFC 5892), and a code goes to this spelling.
    return address.normalized.lower()


def _phone(text: str, region: str) -> str | None:
    plain = plainly_dialled(text, region)
    if plain:
        return plain
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    written_in_full = text.startswith(("+", "00"))
    # Only a number that names its country is believed without its prefix being on the list: lists lag behind.
    fits = _has_right_length if written_in_full else phonenumbers.is_valid_number
    if not fits(number) or len(set(str(number.national_number))) == 1:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _has_right_length(number: phonenumbers.PhoneNumber) -> bool:
    possible = phonenumbers.is_possible_number_with_reason(number)
    return bool(possible == phonenumbers.ValidationResult.IS_POSSIBLE)


def _number(text: str, _region: str) -> str | None:
    """Card and order numbers: what people type into the field instead ("none", "n/a", "0") is not one."""
    bare = _SEPARATORS.sub("", text.removeprefix("#")).upper()
    return bare if _NUMBER.fullmatch(bare) else None


def _telegram_id(text: str, _region: str) -> str | None:
    return text if text.isascii() and text.isdigit() and not text.startswith("0") else None


def _device_id(text: str, _region: str) -> str | None:
    return text if _PLAIN.fullmatch(text) else None


_SPELLINGS: dict[str, Callable[[str, str], str | None]] = {
    "email": _email,
    "phone": _phone,
    "loyalty_id": _number,
    "loyalty_number": _number,
    "order_number": _number,
    "telegram_id": _telegram_id,
    "device_id": _device_id,
}

TYPES = frozenset(_SPELLINGS)
"""Types that have a spelling; a value of another type is kept as it is written."""
