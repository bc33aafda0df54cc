"""The same identifier, however it is written, has one spelling; what is no identifier has none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
