"""Which offer fits: open to such a customer, not shown lately, as good as any other, and said in the words that fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.business import Business, Offer, Pitch
from crm_store.business_file import load_business
from crm_store.customize.offers import (
    NEARLY,
    Choice,
    Circumstances,
    answers_of,
    best_offer,
    open_to,
    pitch_text,
    propensity,
)
from crm_store.differentiate.needs import Evidence
from crm_store.identify.assurance import Assurance

DEMO = load_business(Path(__file__).resolve().parents[2] / "demo" / "business.yml")
FOR_OFFICE = {"quick": 0.05, "explorer": 0.05, "thrifty": 0.05, "office": 0.85}
FOR_TASTE = {"quick": 0.05, "explorer": 0.85, "thrifty": 0.05, "office": 0.05}


def an_offer(name: str = "offer", **more: Any) -> Offer:
    words = {"en": f"{name} in English", "id": f"{name} dalam bahasa"}
    return Offer(**{"id": name, "title": words, "text": words, "fits": {"office": 0.8}, **more})


def a_guest(**more: Any) -> Circumstances:
    return Circumstances(
        **{"assurance": Assurance.ANONYMOUS, "tier": None, "channel": "web", "answers": frozenset()} | more
    )


def a_customer(tier: str, **more: Any) -> Circumstances:
    return a_guest(assurance=Assurance.VERIFIED, tier=tier, **more)


def selling(business: Business, *offers: Offer) -> Business:
    return business.model_copy(update={"offers": list(offers)})


def chosen(business: Business, needs: dict[str, float], at: Circumstances) -> str | None:
    choice = best_offer(business, needs, at)
    return choice.offer.id if choice else None


# To whom an offer is open --------------------------------------------------------------------------------------------


def test_an_offer_without_conditions_is_open_to_anybody() -> None:
    assert open_to(an_offer(), a_guest())
    assert open_to(an_offer(), a_customer("growable"))


def test_an_offer_for_a_tier_is_open_to_that_tier_alone() -> None:
    offer = an_offer(tiers=["most_valuable"])
    assert open_to(offer, a_customer("most_valuable"))
    assert not open_to(offer, a_customer("growable"))
    assert not open_to(offer, a_guest())


def test_an_offer_not_for_a_tier_is_open_to_others_and_to_those_whose_tier_is_not_used() -> None:
    offer = an_offer(not_tiers=["below_zero"])
    assert not open_to(offer, a_customer("below_zero"))
    assert open_to(offer, a_customer("migrator"))
    assert open_to(offer, a_guest())


@pytest.mark.parametrize("least", Assurance)
@pytest.mark.parametrize("level", Assurance)
def test_an_offer_is_open_from_the_assurance_that_it_asks_for(least: Assurance, level: Assurance) -> None:
    assert open_to(an_offer(assurance=least.word), a_guest(assurance=level)) is (level >= least)


def test_an_offer_for_an_answer_is_open_to_those_who_gave_it() -> None:
    offer = an_offer(answers=["cups.10_to_40", "cups.over_40"])
    assert open_to(offer, a_guest(answers=frozenset({"cups.over_40", "matters.taste"})))
    assert not open_to(offer, a_guest(answers=frozenset({"cups.up_to_10"})))
    assert not open_to(offer, a_guest())


def test_an_offer_for_a_channel_is_open_there_alone() -> None:
    offer = an_offer(channels=["web", "store"])
    assert open_to(offer, a_guest(channel="store"))
    assert not open_to(offer, a_guest(channel="telegram"))


# Which one is chosen -------------------------------------------------------------------------------------------------


def test_propensity_is_the_expected_fit_and_what_is_not_named_does_not_fit() -> None:
    offer = an_offer(fits={"office": 0.8, "thrifty": 0.4})
    assert propensity(offer, {"office": 0.5, "thrifty": 0.25, "quick": 0.25}) == pytest.approx(0.5)


def test_the_offer_that_fits_best_is_chosen(business: Business) -> None:
    assert chosen(business, FOR_OFFICE, a_guest()) == "office_starter"
    assert chosen(business, FOR_TASTE, a_guest()) == "tasting_set"


def test_the_same_need_gets_another_offer_in_another_tier(business: Business) -> None:
    assert chosen(business, FOR_TASTE, a_customer("most_valuable")) == "early_roast"
    assert chosen(business, FOR_TASTE, a_customer("growable")) == "tasting_set"
    assert chosen(business, FOR_OFFICE, a_customer("growable")) == "office_standing"
    assert chosen(business, FOR_OFFICE, a_customer("below_zero")) == "self_service"


def test_of_two_that_fit_alike_the_earlier_in_the_file_is_chosen(business: Business) -> None:
    twins = selling(business, an_offer("first"), an_offer("second"))
    assert chosen(twins, FOR_OFFICE, a_guest()) == "first"


def test_where_no_offer_is_open_none_is_made(business: Business) -> None:
    assert chosen(selling(business), FOR_OFFICE, a_guest()) is None
    assert chosen(selling(business, an_offer(tiers=["growable"])), FOR_OFFICE, a_guest()) is None


def test_an_offer_at_rest_gives_way_to_one_that_fits_nearly_as_well(business: Business) -> None:
    two = selling(business, an_offer("best"), an_offer("nearly", fits={"office": 0.8 * NEARLY + 0.01}))
    assert chosen(two, FOR_OFFICE, a_guest(resting={"best"})) == "nearly"


def test_an_offer_at_rest_gives_way_to_nothing_rather_than_to_anything(business: Business) -> None:
    two = selling(business, an_offer("best"), an_offer("poor", fits={"office": 0.8 * NEARLY - 0.01}))
    assert chosen(two, FOR_OFFICE, a_guest(resting={"best"})) is None


def test_an_offer_that_is_not_open_is_no_measure_for_the_others(business: Business) -> None:
    two = selling(business, an_offer("best", tiers=["growable"]), an_offer("poor", fits={"office": 0.1}))
    assert chosen(two, FOR_OFFICE, a_guest()) == "poor"


def test_when_all_rest_nothing_is_offered(business: Business) -> None:
    everything = {offer.id for offer in business.offers}
    assert chosen(business, FOR_OFFICE, a_guest(resting=everything)) is None


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.sets(st.integers(0, 8)), st.sampled_from(Assurance))
def test_whatever_is_chosen_is_open_awake_and_nearly_the_best(
    raw: list[float], asleep: set[int], level: Assurance
) -> None:
    total = sum(raw) or 1.0
    needs = {s: (p / total if sum(raw) else 0.25) for s, p in zip(DEMO.segment_ids, raw, strict=True)}
    resting = {DEMO.offers[i].id for i in asleep if i < len(DEMO.offers)}
    at = a_guest(assurance=level, tier="growable" if level is Assurance.VERIFIED else None, resting=resting)
    choice = best_offer(DEMO, needs, at)
    if choice:
        best = max(propensity(o, needs) for o in DEMO.offers if open_to(o, at))
        assert open_to(choice.offer, at)
        assert choice.offer.id not in resting
        assert choice.propensity >= NEARLY * best
        assert 0 <= choice.propensity <= 1


# In which words ------------------------------------------------------------------------------------------------------


def answered(option: str, words: str | None = None) -> Evidence:
    return Evidence("answered", "cups", option, words=words)


def office_pitch(business: Business, *evidence: Evidence, language: str = "en") -> str:
    choice = best_offer(business, FOR_OFFICE, a_guest(answers=answers_of(evidence)))
    assert choice is not None
    return pitch_text(business, choice, evidence, language)


def test_the_pitch_of_an_answer_repeats_the_customer_s_own_figure(business: Business) -> None:
    assert office_pitch(business, answered("10_to_40", "30")).startswith("For 30 cups a day, Office Blend")
    assert office_pitch(business, answered("10_to_40", "30"), language="id").startswith("Untuk 30 cangkir sehari")


def test_where_a_button_was_pressed_the_pitch_says_what_stood_on_it(business: Business) -> None:
    assert office_pitch(business, answered("10_to_40")).startswith("For 10 to 40 cups a day, Office Blend")
    assert office_pitch(business, answered("10_to_40"), language="id").startswith("Untuk 10 sampai 40 cangkir sehari")


def test_after_another_answer_the_offer_s_own_text_is_said(business: Business) -> None:
    offer = business.offer("office_starter")
    assert offer is not None
    assert office_pitch(business, answered("over_40", "100")) == offer.text["en"]
    assert office_pitch(business) == offer.text["en"]


def test_a_pitch_for_a_segment_is_said_to_those_who_are_likeliest_of_it(business: Business) -> None:
    pitch = Pitch(text={"en": "For a team.", "id": "Untuk tim."}, segments=["office"])
    one = selling(business, an_offer(pitches=[pitch], fits={"office": 0.8, "quick": 0.8}))
    to_office = best_offer(one, FOR_OFFICE, a_guest())
    to_taste = best_offer(one, FOR_TASTE, a_guest())
    assert to_office is not None
    assert to_taste is not None
    assert pitch_text(one, to_office, [], "id") == "Untuk tim."
    assert pitch_text(one, to_taste, [], "id") == "offer dalam bahasa"


def test_a_pitch_with_room_for_a_figure_is_not_said_to_somebody_who_gave_none(business: Business) -> None:
    words = {"en": "For {words} of you.", "id": "Untuk {words} orang."}
    pitch = Pitch(text=words, segments=["office"], answers=["cups.over_40"])
    one = selling(business, an_offer(pitches=[pitch]))
    choice = best_offer(one, FOR_OFFICE, a_guest())
    assert choice is not None
    assert pitch_text(one, choice, [], "en") == "offer in English"


def test_two_choices_are_one_outcome_when_the_customer_would_see_the_same(business: Business) -> None:
    starter = business.offer("office_starter")
    assert starter is not None
    plain, pitched = Choice(starter, 0.7, None), Choice(starter, 0.7, starter.pitches[0])
    assert plain.outcome == Choice(starter, 0.9, None).outcome
    assert plain.outcome != pitched.outcome
    assert plain.outcome != Choice(an_offer(), 0.7, None).outcome


def test_answers_are_read_from_the_evidence_that_is_answers() -> None:
    evidence = [answered("over_40"), Evidence("stated", "need", "office"), Evidence("observed", "buys", "beans")]
    assert answers_of(evidence) == {"cups.over_40"}
