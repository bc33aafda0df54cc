"""What a record says of who it is, in the columns that resolution compares: one spelling for what is meant alike. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from crm_store.identify.normalise import normalise
from crm_store.identify.resolution.names import forms, sound

Described = Mapping[str, str | None]
"""One record: a text or None for each of `COMPARED` and `DERIVED`."""

COMPARED = (
    *("given_name", "family_name", "date_of_birth", "street", "city", "postcode"),
    *("loyalty_id", "phone", "email", "telegram_id", "device_id"),
)
"""What is compared, by the name of the column in an import."""
IDENTIFIERS = COMPARED[6:]
DERIVED = (
    *("names", "given_start", "family_start", "given_sound", "family_sound", "given_forms", "family_forms"),
    "postcode_digits",
)
"""What only brings records together that are worth comparing, or tells what a difference in a name is worth."""

_ADDRESSED = """mr mrs ms miss dr drs dra drg prof ir h hj haji hajah bu ibu pak bapak bpk mas mbak mba kak kakak bang abang tn tuan
ny nyonya nn nona sdr sdri sir madam"""
_TITLES = frozenset(_ADDRESSED.split())
_STREETS = re.compile(r"\b(?:jalan|jln|jl|street|str|st|road|rd|avenue|ave|nomor|no|nr|number)\b")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"[^\W_]+")
_NO_DAY = frozenset({"1900-01-01", "1970-01-01", "2000-01-01"})
"""What stands in a form that insists on a day and in tables that know none."""
_ORDERED = re.compile(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})(?!\d)")
_LATIN = re.compile(r"(\d{1,2})\D(\d{1,2})\D(\d{4})(?!\d)")


def described(attributes: Mapping[str, object]) -> dict[str, str | None]:
    """The columns `COMPARED` and `DERIVED` of one record; None for what it does not say."""
    said = {name: str(value).strip() for name, value in attributes.items() if value is not None}
    given, family = _names(said.get("given_name", ""), said.get("family_name", ""))
    postcode = "".join(_WORDS.findall(_plain(said.get("postcode", ""))))
    country = said.get("country", "")
    region = country.upper() if len(country) == 2 and country.isalpha() else "ID"
    row = {
        "given_name": given,
        "family_name": family,
        "date_of_birth": day_of_birth(said.get("date_of_birth", "")),
        "street": " ".join(_WORDS.findall(_STREETS.sub(" ", _plain(said.get("street", ""))))),
        "city": " ".join(_WORDS.findall(_plain(said.get("city", "")))),
        "postcode": postcode,
        **{kind: normalise(kind, said[kind], region) for kind in IDENTIFIERS if said.get(kind)},
        "email": _mailbox(normalise("email", said.get("email", ""))),
        "names": " ".join(sorted(words)) if len(words := sound(f"{given} {family}").split()) > 1 else "",
        "given_start": given[:3],
        "family_start": family[:3],
        "given_sound": sound(given),
        "family_sound": sound(family),
        "given_forms": forms(sound(given)),
        "family_forms": forms(sound(family)),
        "postcode_digits": "".join(sorted(postcode)),
    }
    return {name: row.get(name) or None for name in (*COMPARED, *DERIVED)}


def _mailbox(address: str | None) -> str | None:
    """The mailbox that an address arrives in: a tag behind + is the owner's own, and one large provider reads no dots."""
    if address is None:
        return None
    user, _, host = address.partition("@")
    user = user.split("+", 1)[0] or user
    return f"{user.replace('.', '')}@gmail.com" if host in ("gmail.com", "googlemail.com") else f"{user}@{host}"


def _plain(text: str) -> str:
    """Lower case without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _names(given: str, family: str) -> tuple[str, str]:
    """Given and family name without titles."""
    first, last = ([w for w in _LETTERS.findall(_plain(n)) if w not in _TITLES] for n in (given, family))
    if first == last:  # a form that insists on two names, and somebody who has one
        last = []
    return " ".join(first), " ".join(last)


def day_of_birth(text: str) -> str | None:
    """ISO 8601 of a day, as 1990-02-16, 19900216 or 16/02/1990; None where it is none, or one that stands for none."""
    if found := _ORDERED.match(text):
        year, month, day = map(int, found.groups())
    elif found := _LATIN.match(text):
        day, month, year = map(int, found.groups())
    else:
        return None
    written = f"{year:04}-{month:02}-{day:02}"
    return None if written in _NO_DAY else written
