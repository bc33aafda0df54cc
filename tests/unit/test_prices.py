"""Which product is meant, and what it costs in the customer's eyes."""

from __future__ import annotations

import pytest

from crm_store.business import Business
from crm_store.customize.prices import money, product_named


@pytest.mark.parametrize(
    ("amount", "currency", "english", "indonesian"),
    [
        (185000, "IDR", "Rp 185,000", "Rp 185.000"),
        (4250000, "IDR", "Rp 4,250,000", "Rp 4.250.000"),
        (999.6, "IDR", "Rp 1,000", "Rp 1.000"),
        (12.5, "USD", "$12.50", "$12,50"),
        (1234.5, "EUR", "€1,234.50", "€1.234,50"),
        (3, "GBP", "£3.00", "£3,00"),
        (1200, "JPY", "JPY 1,200", "JPY 1.200"),
        (7.25, "SGD", "SGD 7.25", "SGD 7,25"),
    ],
)
def test_money_is_written_as_people_of_the_language_read_it(
    amount: float, currency: str, english: str, indonesian: str
) -> None:
    assert (money(amount, currency, "en"), money(amount, currency, "id")) == (english, indonesian)


def meant(business: Business, text: str, *named: str) -> str | None:
    product = product_named(business, text, list(named))
    return product.id if product else None


def test_the_product_that_the_assistant_found_goes_first(business: Business) -> None:
    assert meant(business, "how much is the grinder", "gayo") == "gayo"


def test_what_the_assistant_found_and_the_business_does_not_sell_is_passed_over(business: Business) -> None:
    assert meant(business, "how much is the grinder", "tea", "gayo") == "gayo"
    assert meant(business, "how much is the grinder", "tea") == "grinder"


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("what does House Blend 250 g cost?", "house_blend"),
        ("berapa harga kopi celup?", "drip_bags"),
        ("TORAJA!", "toraja"),
        ("is the Aceh Gayo still there", "gayo"),
    ],
)
def test_a_product_is_found_by_its_name_in_the_words(business: Business, text: str, product: str) -> None:
    assert meant(business, text) == product


def test_the_longest_name_wins(business: Business) -> None:
    assert meant(business, "mesin espresso atau kapsul?") == "espresso_machine"


@pytest.mark.parametrize("text", ["", "how much is it", "the grinders of old", "gayonese"])
def test_where_no_product_is_named_none_is_found(business: Business, text: str) -> None:
    assert meant(business, text) is None
