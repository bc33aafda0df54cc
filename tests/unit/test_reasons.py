"""The reason of an offer, as the customer reads it: what they said and did that speaks for it, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.business import Business, Offer
from crm_store.business_file import load_business
from crm_store.customize.reasons import customer_reason
from crm_store.differentiate.needs import NOW, Evidence

DEMO = load_business(Path(__file__).resolve().parents[2] / "demo" / "business.yml")


def offered(business: Business, offer_id: str) -> Offer:
    offer = business.offer(offer_id)
    assert offer is not None
    return offer


def stated(segment: str, message: str = "m1", **more: float) -> Evidence:
    return Evidence("stated", "need", segment, message_id=message, **more)


def answered(question: str, option: str, message: str = "m1", words: str | None = None, **more: float) -> Evidence:
    return Evidence("answered", question, option, message_id=message, words=words, **more)


def bought(behaviour: str) -> Evidence:
    category = next(b.category for b in DEMO.needs.behaviours if b.id == behaviour)
    return Evidence("observed", behaviour, category, weight=0.5)


@pytest.mark.parametrize(
    ("language", "reason"),
    [("en", "A favourite of many of our customers."), ("id", "Favorit banyak pelanggan kami.")],
)
def test_of_somebody_unknown_nothing_is_claimed_to_be_known(business: Business, language: str, reason: str) -> None:
    assert customer_reason(business, offered(business, "tasting_set"), [], language) == reason


def test_a_stated_need_is_the_reason_in_the_customer_s_language(business: Business) -> None:
    offer = offered(business, "tasting_set")
    assert customer_reason(business, offer, [stated("explorer")], "en") == "Because you like to discover new tastes."
    assert customer_reason(business, offer, [stated("explorer")], "id") == "Karena Anda suka mencoba rasa baru."


def test_an_answer_is_the_reason_with_the_customer_s_own_figure(business: Business) -> None:
    offer, told = offered(business, "office_starter"), answered("cups", "10_to_40", words="30")
    assert customer_reason(business, offer, [told], "en") == (
        "Because you told me it is for an office of about 30 cups a day."
    )
    assert customer_reason(business, offer, [told], "id") == (
        "Karena Anda bilang ini untuk kantor dengan sekitar 30 cangkir sehari."
    )


def test_where_a_button_was_pressed_the_reason_says_what_stood_on_it(business: Business) -> None:
    offer = offered(business, "office_starter")
    assert "about 10 to 40 cups a day" in customer_reason(business, offer, [answered("cups", "10_to_40")], "en")


def test_what_was_bought_is_a_reason(business: Business) -> None:
    offer = offered(business, "tasting_set")
    assert customer_reason(business, offer, [bought("buys_single_origin")], "en") == (
        "Because you have bought single origins."
    )


def test_what_speaks_against_the_offer_is_not_named(business: Business) -> None:
    offer = offered(business, "tasting_set")
    against = [stated("thrifty", "m1"), answered("matters", "speed", "m2"), bought("buys_capsules")]
    assert customer_reason(business, offer, against, "en") == "A favourite of many of our customers."
    assert customer_reason(business, offer, [*against, stated("explorer", "m3")], "en") == (
        "Because you like to discover new tastes."
    )


def test_what_was_said_is_named_before_what_was_observed(business: Business) -> None:
    offer = offered(business, "tasting_set")
    evidence = [bought("buys_single_origin"), answered("matters", "taste")]
    assert customer_reason(business, offer, evidence, "en") == (
        "Because you told me taste matters most and you have bought single origins."
    )
    assert customer_reason(business, offer, evidence, "id") == (
        "Karena Anda bilang yang penting rasanya dan Anda pernah membeli single origin."
    )


def test_what_was_said_now_is_named_before_what_was_said_earlier(business: Business) -> None:
    offer = offered(business, "tasting_set")
    evidence = [answered("brewing", "by_hand", "m1"), answered("matters", "taste", "m2", weight=NOW)]
    reason = customer_reason(business, offer, evidence, "en")
    assert reason == "Because you told me taste matters most and you brew by hand."


def test_one_message_is_one_reason_however_much_it_told(business: Business) -> None:
    offer = offered(business, "office_starter")
    evidence = [stated("office", "m1"), answered("cups", "10_to_40", "m1", words="30")]
    assert customer_reason(business, offer, evidence, "en") == (
        "Because you told me it is for an office of about 30 cups a day."
    )


def test_no_more_than_two_things_are_named(business: Business) -> None:
    offer = offered(business, "tasting_set")
    evidence = [
        stated("explorer", "m1"),
        answered("matters", "taste", "m2"),
        answered("brewing", "by_hand", "m3"),
        bought("buys_single_origin"),
    ]
    assert customer_reason(business, offer, evidence, "en").count(" and ") == 1


def test_what_the_business_no_longer_knows_is_not_named(business: Business) -> None:
    gone = [stated("sailors"), answered("shoe_size", "large"), Evidence("observed", "buys_rope", "rope")]
    reason = customer_reason(business, offered(business, "tasting_set"), gone, "en")
    assert reason == "A favourite of many of our customers."


def test_an_offer_that_fits_nobody_has_no_reason_of_theirs(business: Business) -> None:
    for_nobody = offered(business, "tasting_set").model_copy(update={"fits": {}})
    reason = customer_reason(business, for_nobody, [stated("explorer")], "en")
    assert reason == "A favourite of many of our customers."


PIECES = st.sampled_from(
    [
        *(stated(s, f"stated {s}") for s in DEMO.segment_ids),
        *(answered(q.id, o.id, f"{q.id} {o.id}") for q in DEMO.questions for o in q.options),
        *(bought(b.id) for b in DEMO.needs.behaviours),
    ]
)


@given(st.sampled_from(DEMO.offers), st.lists(PIECES, unique=True, max_size=10), st.sampled_from(["en", "id"]))
def test_a_reason_names_neither_value_nor_tier(offer: Offer, evidence: list[Evidence], language: str) -> None:
    reason = customer_reason(DEMO, offer, evidence, language)
    assert reason.endswith(".")
    assert "{words}" not in reason
    said = reason.casefold()
    for tier in DEMO.tiers:
        assert tier.id not in said
        assert tier.title[language].casefold() not in said
    for telling in ("value of", "worth", "tier", "profit", "margin", "segment", "nilai anda"):
        assert telling not in said
