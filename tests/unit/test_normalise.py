"""The same identifier, however it is written, has one spelling; what is no identifier has none."""

from __future__ import annotations

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.identify.dialling import plainly_dialled
from crm_store.identify.normalise import normalise

KINDS = ["email", "phone", "loyalty_id", "loyalty_number", "order_number", "telegram_id", "device_id"]


@pytest.mark.parametrize(
    "written",
    ["+62 811 5550 0001", "0811-5550-0001", "0811 5550 0001", "6281155500001", "(0811) 55500001", "+62‑811‑5550‑0001"],
)
def test_a_phone_number_is_one_however_it_is_written(written: str) -> None:
    assert normalise("phone", written) == "+6281155500001"


def test_a_phone_number_without_a_country_is_dialled_in_the_region() -> None:
    assert normalise("phone", "021 5550 1234") == "+622155501234"
    assert normalise("phone", "020 7946 0018", region="GB") == "+442079460018"


@pytest.mark.parametrize(
    "written", ["", "12", "about 30 cups", "0000000000", "+62", "12345678901234567890", "KS-700001"]
)
def test_what_cannot_be_dialled_is_no_phone_number(written: str) -> None:
    assert normalise("phone", written) is None


def test_an_address_is_one_in_capitals_and_small_letters() -> None:
    assert normalise("email", " Sari.Wijaya@Example.COM ") == "sari.wijaya@example.com"


@pytest.mark.parametrize("written", ["", "sari", "sari@", "@example.com", "a b@example.com", "sari@example", "n/a"])
def test_what_mail_cannot_reach_is_no_address(written: str) -> None:
    assert normalise("email", written) is None


@pytest.mark.parametrize(
    "written",
    [
        "sari@example.com\r\nBcc: thief@evil.example",
        "sari@example.com, thief@evil.example",
        "sari@example.com thief@evil.example",
        '"sari@example.com"@evil.example',
        "sari@[127.0.0.1]",
        "=?utf-8?q?sari=40example.com=3e?=@evil.example",
        "=?utf-8?b?c2FyaUBleGFtcGxlLmNvbQ==?=@evil.example",
    ],
)
def test_what_a_mail_s_header_could_take_for_another_mailbox_is_no_address(written: str) -> None:
    assert normalise("email", written) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kunde@straße.de", "kunde@strasse.de"),
        ("weiß@example.com", "weiss@example.com"),
        ("sari@example.com", "sаri@example.com"),  # the second with a Cyrillic letter
        ("sari@example.com", "sari@exаmple.com"),
        ("dini@example.com", "dıni@example.com"),
    ],
)
def test_two_people_s_mailboxes_that_look_alike_stay_two(one: str, other: str) -> None:
    assert normalise("email", one) != normalise("email", other)


@pytest.mark.parametrize("kind", ["loyalty_id", "loyalty_number", "order_number"])
@pytest.mark.parametrize("written", ["KS-700 001", "ks700001", " Ks‑700‑001 ", "#KS 700001"])
def test_a_number_on_a_card_or_an_order_is_one_with_and_without_dashes(kind: str, written: str) -> None:
    assert normalise(kind, written) == "KS700001"


@pytest.mark.parametrize("written", ["", "-", "none", "n/a", "0", "000-000", "KS*1", "1" * 65])
def test_what_people_write_who_have_no_card_is_no_number(written: str) -> None:
    assert normalise("loyalty_id", written) is None


def test_telegram_accounts_are_numbers_and_devices_are_plain_tokens() -> None:
    assert normalise("telegram_id", " 123456789 ") == "123456789"
    assert normalise("telegram_id", "@sari") is None
    assert normalise("device_id", "a1-B2_c3") == "a1-B2_c3"
    assert normalise("device_id", "two words") is None


def test_a_type_that_nobody_knows_identifies_nobody() -> None:
    assert normalise("shoe_size", "42") is None


@given(st.sampled_from(KINDS), st.text(max_size=300))
def test_any_text_gives_a_value_that_fits_and_stays_as_it_is(kind: str, written: str) -> None:
    value = normalise(kind, written)
    if value is not None:
        assert 0 < len(value) <= 255
        assert normalise(kind, value) == value


# What is written plainly is read by a short way, which must come to the same as the long one.

COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)


def by_the_lists(text: str, region: str) -> str | None:
    """A phone number as `phonenumbers` alone reads it."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    fits = possible if text.startswith(("+", "00")) else phonenumbers.is_valid_number(number)
    is_one_digit = len(set(str(number.national_number))) == 1
    return (
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if fits and not is_one_digit else None
    )


@st.composite
def written_numbers(draw: st.DrawFn) -> tuple[str, str]:
    """A number of a country, true or nearly so, in any of the ways to begin and to divide it, and the country."""
    region = draw(st.sampled_from(["ID", *COUNTRIES]))
    code = str(phonenumbers.country_code_for_region(region))
    kind = draw(st.sampled_from([0, 1, 2, 3, 4, 6, 10]))  # mobile, fixed line and others
    example = phonenumbers.example_number_for_type(region, kind) or phonenumbers.example_number(region)
    own = phonenumbers.national_significant_number(example)
    kept = own[: draw(st.integers(0, len(own)))]
    number = kept + draw(st.text("0123456789", max_size=max(len(own) - len(kept) + 2, 0)))
    begun = draw(st.sampled_from(["0", "", "+" + code, code, f"+{code}0", "00" + code, "00", "+"])) + number
    cuts = draw(st.lists(st.integers(1, max(len(begun) - 1, 1)), max_size=3, unique=True))
    mark = draw(st.sampled_from(" -"))
    parts = [begun[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), len(begun)], strict=True)]
    return mark.join(parts), region


@settings(max_examples=1000)
@given(written_numbers())
def test_a_number_by_the_short_way_is_what_the_lists_say(written: tuple[str, str]) -> None:
    text, region = written
    assert normalise("phone", text, region) == (by_the_lists(text.strip(), region) if text.strip() else None)


@pytest.mark.parametrize("written", ["0811-5550-0001", "+62 811 5550 0001", "6281155500001", "021 5550 1234"])
def test_numbers_as_most_write_them_go_the_short_way(written: str) -> None:
    assert plainly_dialled(written, "ID") == normalise("phone", written)


def by_the_standard(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


words = st.text("abzAZ09", min_size=1, max_size=40)
marks = st.sampled_from([".", "-", "_", "+", "..", "@", " ", "'", "ß", ""])
domains = st.one_of(
    st.sampled_from(
        ["gmail.com", "Yahoo.CO.ID", "localhost", "a.test", "xn--mnchen-3ya.de", "x.c--d.com", "-a.com", "1.2"]
    ),
    st.lists(words, min_size=1, max_size=4).map(".".join),
)


@settings(max_examples=500)
@given(st.lists(st.one_of(words, marks), min_size=1, max_size=6).map("".join), domains)
def test_an_address_by_the_short_way_is_what_the_standard_says(name: str, domain: str) -> None:
    written = f"{name}@{domain}"
    if written == written.strip():
        assert normalise("email", written) == by_the_standard(written)
