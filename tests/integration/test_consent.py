"""What a customer allows: each word kept, the newest one counting, honoured wherever they are met; and what they were told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from commands import Rapport, answer
from sqlalchemy import Engine
from visitor import OFFICE, SARI, Visitor, arrive, kept, offered, responses

from bot.cli.consent import Purpose
from crm_store.access import consent
from crm_store.access.consent import NOTICE, OFFERS, PROFILE, PURPOSES, QUESTIONS, keep_consent
from crm_store.business import Business, Privacy
from crm_store.customize.advice import Customer, decide
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate.picture import picture
from crm_store.identify.assurance import Assurance
from crm_store.identify.profiles import scope
from crm_store.tables import consents, decisions, evidence, notices, value_scores
from crm_store.turn import _moment


def word(visitor: Visitor, purpose: str, granted: bool, text: str = "no more of that") -> None:
    """The customer says something of a purpose; the words are understood elsewhere."""
    visitor.says(text, "action_deny")
    with UnitOfWork(visitor.engine) as work:
        moment = _moment(work.connection, visitor.business, visitor.last_request, visitor.at)
        keep_consent(moment, purpose, granted)
        work.commit()


def withdrawn(visitor: Visitor) -> frozenset[str]:
    with reading(visitor.engine) as connection:
        return consent.withdrawn(connection, [visitor.profile])


@pytest.fixture
def sari(engine: Engine, business: Business, now: datetime) -> Visitor:
    return arrive(engine, business, now, proof=SARI)


# Words and their history ---------------------------------------------------------------------------------------------


def test_who_has_said_nothing_has_withdrawn_from_nothing(guest: Visitor) -> None:
    assert withdrawn(guest) == frozenset()


def test_the_newest_word_counts_and_every_word_is_kept(guest: Visitor) -> None:
    for granted in (False, True, False):
        word(guest, QUESTIONS, granted)
    assert withdrawn(guest) == {QUESTIONS}
    with reading(guest.engine) as connection:
        told = [row for row in consent.history(connection, [guest.profile]) if row.purpose == QUESTIONS]
    assert [row.granted for row in told] == [False, True, False]
    assert [row.channel for row in told] == ["web"] * 3
    assert len({row.message_id for row in told}) == 3
    assert sorted(row.at for row in told) == [row.at for row in told]


def test_a_word_on_one_purpose_says_nothing_of_another(guest: Visitor) -> None:
    word(guest, OFFERS, granted=False)
    assert withdrawn(guest) == {OFFERS}


def test_a_withdrawal_is_honoured_under_every_profile_of_the_customer(sari: Visitor, now: datetime) -> None:
    word(sari, QUESTIONS, granted=False)
    at_her_device = sari.comes_back(timedelta(days=1))
    elsewhere = arrive(sari.engine, sari.business, now + timedelta(days=2), proof=SARI)
    assert len({sari.profile, at_her_device.profile}) == 2
    assert [withdrawn(each) for each in (at_her_device, elsewhere)] == [{QUESTIONS}] * 2
    word(at_her_device, QUESTIONS, granted=True, text="you may ask again")
    assert withdrawn(sari) == frozenset()


def test_somebody_else_is_not_bound_by_it(guest: Visitor, sari: Visitor) -> None:
    word(guest, QUESTIONS, granted=False)
    assert withdrawn(sari) == frozenset()


# What follows --------------------------------------------------------------------------------------------------------


def test_who_wants_no_questions_is_asked_none(guest: Visitor) -> None:
    word(guest, QUESTIONS, granted=False)
    said = guest.says("something for the office", "action_note_need", OFFICE)
    assert offered(said)
    assert not any(response.startswith(("utter_ask", "utter_open")) for response in responses(said))


def test_who_wants_no_offers_gets_one_only_when_asking_for_advice(guest: Visitor) -> None:
    word(guest, OFFERS, granted=False)
    told = guest.says("something for the office", "action_note_need", OFFICE)
    assert offered(told) is None
    assert responses(told) == ["utter_answer_noted"]
    assert "wants none unasked" in kept(guest.engine, decisions, message_id=guest.last_request.message_id)[0].reason
    word(guest, QUESTIONS, granted=False)
    assert offered(guest.says("what do you recommend?", "action_advise"))


def test_who_wants_no_offers_is_not_asked_what_only_an_offer_would_need(guest: Visitor) -> None:
    word(guest, OFFERS, granted=False)
    guest.says("something for the office", "action_note_need", OFFICE)
    assert kept(guest.engine, decisions, message_id=guest.last_request.message_id)[0].question_id is None


def test_the_till_is_told_of_no_offer_either(sari: Visitor) -> None:
    word(sari, OFFERS, granted=False)
    with reading(sari.engine) as connection:
        customer = Customer(scope(connection, sari.profile, Assurance.VERIFIED), Assurance.VERIFIED, "store")
        advice = decide(connection, sari.business, customer, sari.at)
    assert (advice.choice, advice.asked) == (None, None)


def test_who_wants_no_profile_teaches_nothing_more_and_gets_the_offers_of_a_stranger(guest: Visitor) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    word(guest, PROFILE, granted=False)
    before = kept(guest.engine, evidence)
    stranger = arrive(guest.engine, guest.business, guest.at)
    word(stranger, QUESTIONS, granted=False)

    told = guest.says("or something fruity", "action_note_need", ("need", "explorer", 0.95))
    advised = guest.says("what do you recommend?", "action_advise")

    assert kept(guest.engine, evidence) == before
    assert not any(response.startswith("utter_ask") for response in [*responses(told), *responses(advised)])
    with reading(guest.engine) as connection:
        seen = picture(connection, guest.business, [guest.profile], guest.at)
    assert (seen.evidence, seen.is_profiled) == ([], False)
    assert seen.needs == pytest.approx(guest.business.prior)
    (decision,) = kept(guest.engine, decisions, message_id=guest.last_request.message_id)
    assert "wants no profile" in decision.reason
    assert "from the prior alone" in decision.reason
    assert offered(told) == offered(stranger.says("what do you recommend?", "action_advise"))


def test_who_wants_no_profile_is_not_valued_even_when_verified(sari: Visitor) -> None:
    word(sari, PROFILE, granted=False)
    sari.says("what do you recommend?", "action_advise")
    decision = kept(sari.engine, decisions, message_id=sari.last_request.message_id)[0]
    assert (decision.treatment, decision.facts.keys() & {"value", "tier"}) == ("guest", set())
    assert "wants no profile" in decision.reason
    assert kept(sari.engine, value_scores) == []


def test_what_was_computed_of_who_wants_no_profile_goes_with_the_word(sari: Visitor) -> None:
    sari.says("what do you recommend?", "action_advise")
    assert kept(sari.engine, value_scores) != []
    word(sari, OFFERS, granted=False)
    assert kept(sari.engine, value_scores) != []
    word(sari, PROFILE, granted=False)
    assert kept(sari.engine, value_scores) == []


def test_what_was_learnt_counts_again_when_it_is_allowed_again(guest: Visitor) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    word(guest, PROFILE, granted=False)
    word(guest, PROFILE, granted=True)
    with reading(guest.engine) as connection:
        seen = picture(connection, guest.business, [guest.profile], guest.at)
    assert (seen.likeliest, seen.is_profiled) == ("office", True)


# Said elsewhere ------------------------------------------------------------------------------------------------------


def test_the_operator_keeps_what_came_by_letter(sari: Visitor, rapport: Rapport) -> None:
    hers = ("consent", "record:web/sari.w")
    found = answer(rapport(*hers, "profile", "--withdraw", "--json"))
    assert found["allows"] == {"questions": True, "offers": True, "profile": False}
    assert withdrawn(sari) == {PROFILE}
    assert "profile withdrawn (operator)" in rapport(*hers).stdout
    assert "profile    allowed" in rapport(*hers, "profile", "--allow").stdout
    assert withdrawn(sari) == frozenset()
    for half in (["profile"], ["--withdraw"]):
        assert "name both" in rapport(*hers, *half).stderr
    assert {purpose.value for purpose in Purpose} == set(PURPOSES)


# What they were told -------------------------------------------------------------------------------------------------

SAYS = {"en": "We keep what you write here; say “forget me” and it goes.", "id": "Yang ditulis di sini kami simpan."}


def with_notice(business: Business, url: str = "https://shop.example/privacy", **says: str) -> Business:
    about = business.business.model_copy(update={"privacy_url": url})
    return business.model_copy(update={"privacy": Privacy(notice={**SAYS, **says}), "business": about})


def shown(visitor: Visitor) -> list[tuple[str, str]]:
    """(channel, wording) of each notice that was shown, in order."""
    texts = {row.id: row.text for row in kept(visitor.engine, notices)}
    with reading(visitor.engine) as connection:
        told = consent.history(connection, [visitor.profile])
    return [(row.channel, texts[row.notice_id]) for row in told if row.purpose == NOTICE]


def test_a_channel_that_shows_no_link_says_the_notice_once_after_the_first_words(
    engine: Engine, business: Business, now: datetime
) -> None:
    visitor = arrive(engine, with_notice(business), now, channel="telegram")
    first = visitor.says("hello", "action_greet")
    greeted, notice, *_ = first.replies
    assert greeted.response.startswith(("utter_greet", "utter_welcome"))
    wording = f"{SAYS['en']} https://shop.example/privacy"
    assert (notice.response, notice.values) == ("utter_privacy_notice", {"notice": wording})
    assert "utter_privacy_notice" not in responses(visitor.says("hello again", "action_greet"))
    assert shown(visitor) == [("telegram", wording)]


def test_who_asks_for_it_with_the_first_words_hears_it_once(engine: Engine, business: Business, now: datetime) -> None:
    visitor = arrive(engine, with_notice(business), now, channel="telegram")
    assert responses(visitor.says("what do you do with my data?", "action_privacy")) == ["utter_privacy"]
    assert responses(visitor.says("hello", "action_greet"))[0].startswith("utter_greet")
    assert len(shown(visitor)) == 1


def test_the_notice_comes_in_the_customer_s_language(engine: Engine, business: Business, now: datetime) -> None:
    visitor = arrive(engine, with_notice(business, url="/privacy"), now, channel="telegram")
    said = visitor.says("halo", "action_greet", language="id")
    assert said.replies[1].values == {"notice": SAYS["id"]}, "a link that leads nowhere from there is left out"


def test_a_notice_in_other_words_is_said_anew(engine: Engine, business: Business, now: datetime) -> None:
    visitor = arrive(engine, with_notice(business), now, channel="telegram")
    visitor.says("hello", "action_greet")
    visitor.business = with_notice(business, en="We keep less than before.")
    assert "utter_privacy_notice" in responses(visitor.says("hello", "action_greet"))
    assert [wording.split(" https")[0] for _, wording in shown(visitor)] == [SAYS["en"], "We keep less than before."]


def test_the_widget_shows_its_link_all_the_time_and_that_is_kept(guest: Visitor) -> None:
    for _ in range(2):
        assert "utter_privacy_notice" not in responses(guest.says("hello", "action_greet"))
    assert shown(guest) == [("web", guest.business.business.privacy_url)]


def test_a_turn_that_is_retried_says_the_notice_again_and_keeps_it_once(
    engine: Engine, business: Business, now: datetime
) -> None:
    visitor = arrive(engine, with_notice(business), now, channel="telegram")
    first = visitor.says("hello", "action_greet")
    assert visitor.again() == first
    assert len(kept(visitor.engine, consents, purpose=NOTICE)) == 1


def test_a_business_without_a_notice_says_none(engine: Engine, business: Business, now: datetime) -> None:
    about = business.business.model_copy(update={"privacy_url": "/privacy"})
    silent = business.model_copy(update={"privacy": None, "business": about})
    visitor = arrive(engine, silent, now, channel="telegram")
    assert "utter_privacy_notice" not in responses(visitor.says("hello", "action_greet"))
    assert shown(visitor) == []
