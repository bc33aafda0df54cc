"""A customer's turn through the four steps: what they hear, what is kept of it, and what is not, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import seeds
from sqlalchemy import Engine, select, update
from visitor import (
    OFFICE,
    SARI,
    Visitor,
    add_matter,
    arrive,
    counts,
    everything,
    kept,
    offered,
    only_row,
    responses,
)

from crm_store.business import Asking, Business
from crm_store.conversations.outbox import notify
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate.scoring import score
from crm_store.events import Event, keep_event
from crm_store.identify.proof import Proof
from crm_store.moment import Understanding
from crm_store.steps import STEPS
from crm_store.tables import (
    claims,
    consents,
    conversations,
    customers,
    decisions,
    evidence,
    exposures,
    identifiers,
    interactions,
    questions_asked,
    turns,
    value_scores,
)
from crm_store.turn import TurnRequest, UnknownActionError, UnknownMessageError, take_turn

TOLD = ("consents", "notices")
"""Where it is kept that a customer was shown the privacy notice, at their first words."""
TASTE = ("need", "explorer", 0.95)
QUICK = ("need", "quick", 0.95)


@pytest.fixture
def sari(engine: Engine, now: datetime) -> str:
    """A customer of the shop, known to it for a year. Returns the profile."""
    with UnitOfWork(engine) as work:
        customer = seeds.add_customer(work.connection, now - timedelta(days=365))
        seeds.add_record(
            work.connection,
            customer,
            "web",
            "sari.w",
            now - timedelta(days=365),
            given_name="Sari",
            family_name="Wijaya",
            email="sari@example.com",
        )
        work.commit()
    return customer


def bought(engine: Engine, customer: str, at: datetime, category: str, amount: float, times: int = 1) -> None:
    with UnitOfWork(engine) as work:
        for day in range(times):
            seeds.add_purchase(work.connection, customer, at - timedelta(days=day), amount, category)
        work.commit()


# A guest -------------------------------------------------------------------------------------------------------------


def test_a_guest_s_story(guest: Visitor, engine: Engine) -> None:
    """The story of the design: a need, one question, an answer in own words, an offer with its reason, a yes."""
    asked = guest.says("hi, looking for something for the office", "action_note_need", OFFICE)
    assert responses(asked) == ["utter_open_cups"]

    given = guest.says("like 30", "action_note_answer")
    assert responses(given) == ["utter_offer_standard"]
    (reply,) = given.replies
    assert reply.values["pitch"].startswith("For 30 cups a day, Office Blend in 1 kg bags")
    assert reply.offer is not None
    assert reply.offer["id"] == "office_starter"
    assert reply.offer["text"] == reply.values["pitch"]
    assert reply.offer["code"] == "OFFICE10"
    assert reply.offer["reason"].startswith("Because you told me it is for an office of about 30 cups a day")
    shown = only_row(engine, exposures)
    assert (shown.offer_id, shown.outcome) == ("office_starter", None)

    assert responses(guest.says("yes please", "action_affirm")) == ["utter_offer_accepted"]
    taken = only_row(engine, exposures)
    assert (taken.outcome, taken.outcome_at) == ("accepted", guest.at)


def test_the_same_story_in_indonesian(guest: Visitor) -> None:
    guest.says("cari kopi untuk kantor", "action_note_need", OFFICE, language="id")
    (reply,) = guest.says("kira-kira 30", "action_note_answer", language="id").replies
    assert reply.values["pitch"].startswith("Untuk 30 cangkir sehari, Office Blend")
    assert reply.offer is not None
    assert reply.offer["reason"].startswith("Karena Anda bilang ini untuk kantor dengan sekitar 30 cangkir sehari")


def test_whoever_speaks_a_language_that_the_business_does_not_is_answered_in_its_own(guest: Visitor) -> None:
    guest.says("etwas fürs Büro", "action_note_need", OFFICE, language="de")
    (reply,) = guest.says("30", "action_note_answer", language="de").replies
    assert reply.values["pitch"].startswith("For 30 cups a day")


def test_an_offer_declined_is_kept_as_declined_and_the_first_word_stands(guest: Visitor, engine: Engine) -> None:
    offer = guest.says("something fruity", "action_note_need", TASTE)
    while offered(offer) is None:
        offer = guest.says("what do you have", "action_advise")
    assert responses(guest.says("no thanks", "action_deny")) == ["utter_offer_declined"]
    assert only_row(engine, exposures).outcome == "declined"
    assert responses(guest.says("oh well, yes", "action_affirm")) == ["utter_affirm_nothing"]
    assert only_row(engine, exposures).outcome == "declined"


def test_a_guest_who_says_hello_is_greeted_as_a_guest_and_asked_what_pays_to_know(guest: Visitor) -> None:
    assert responses(guest.says("hello", "action_greet")) == ["utter_welcome_guest", "utter_ask_matters"]
    assert responses(guest.says("hello?", "action_greet")) == ["utter_greet_guest"]


def test_a_hello_shows_no_offer_and_nothing_is_kept_as_shown(engine: Engine, business: Business, now: datetime) -> None:
    silent = business.model_copy(update={"asking": Asking(per_conversation=0)})
    guest = arrive(engine, silent, now)
    assert responses(guest.says("hello", "action_greet")) == ["utter_greet_guest"]
    assert kept(engine, exposures) == []
    assert kept(engine, decisions) == []
    assert responses(guest.says("yes", "action_affirm")) == ["utter_affirm_nothing"]


def test_a_pressed_button_is_an_answer_and_the_offer_says_what_stood_on_it(guest: Visitor, engine: Engine) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    given = guest.says("10 to 40", "action_note_answer", ("pressed", "cups.10_to_40", 1.0))
    assert given.replies[0].values["pitch"].startswith("For 10 to 40 cups a day")
    answer = only_row(engine, evidence, kind="answered")
    assert (answer.key, answer.value, answer.strength) == ("cups", "10_to_40", 1.0)


def test_a_button_that_means_nothing_any_more_teaches_nothing(guest: Visitor, engine: Engine) -> None:
    told = guest.says("Some", "action_note_answer", ("pressed", "shoe_size.large", 1.0))
    assert responses(told) == ["utter_out_of_scope"]
    assert kept(engine, evidence) == []


def test_an_answer_that_does_not_tell_leaves_the_question_open(guest: Visitor) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    assert responses(guest.says("hard to say", "action_note_answer")) == ["utter_answer_unclear", "utter_ask_cups"]
    assert guest.pending["question"] == "cups"
    assert offered(guest.says("30 then", "action_fallback")) == "office_starter"


def test_a_few_words_that_answer_the_open_question_are_its_answer_whatever_they_were_unsurely_taken_for(
    guest: Visitor,
) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    given = guest.says("like 33", "action_complain", ("number", "33", 1.0), confidence=0.26)
    assert responses(given) == ["utter_offer_standard"]
    assert given.replies[0].values["pitch"].startswith("For 33 cups a day")


@pytest.mark.parametrize(
    ("text", "entities", "confidence"),
    [
        ("waited 40 minutes", (), 0.6),
        ("I waited 40 minutes and then got the wrong bag", (), 0.3),
        ("gayo 40 is stale", (("product", "gayo", 1.0),), 0.3),
        ("it is awful", (), 0.3),
    ],
    ids=["surely understood", "many words", "names something", "answers nothing"],
)
def test_what_is_no_answer_to_the_open_question_stays_what_it_was_taken_for(
    guest: Visitor, text: str, entities: tuple[tuple[str, str, float], ...], confidence: float
) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    assert "complain" in responses(guest.says(text, "action_complain", *entities, confidence=confidence))[0]


def test_a_yes_is_no_answer_to_how_many(guest: Visitor) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    assert responses(guest.says("yes", "action_affirm")) == ["utter_answer_unclear", "utter_ask_cups"]


def test_a_no_to_a_question_passes_it_over_and_the_guest_is_served_with_what_is_known(guest: Visitor) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    (offer,) = guest.says("no", "action_deny").replies
    assert offer.offer is not None
    assert "question" not in guest.pending


def test_an_answer_is_corrected_after_the_offer(guest: Visitor) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    guest.says("like 30", "action_note_answer")
    late = guest.writes("sorry, I meant 200 cups")
    understanding = Understanding("answer_question", 0.9, "en")
    take_turn(guest.engine, guest.business, TurnRequest(late, "action_note_answer", understanding), lambda: guest.at)
    with reading(guest.engine) as connection:
        rows = connection.execute(select(evidence.c.value).where(evidence.c.message_id == late)).scalars().all()
    assert rows == ["over_40"]


def test_who_wishes_for_something_else_is_offered_that(guest: Visitor) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    guest.says("like 30", "action_note_answer")
    guest.says("I changed my mind, something cheap", "action_note_need", ("need", "thrifty", 0.93))
    assert offered(guest.says("by hand", "action_note_answer")) == "everyday_saver"


def test_the_offer_is_explained_when_asked_why(guest: Visitor) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    guest.says("like 30", "action_note_answer")
    (reply,) = guest.says("why that one?", "action_explain_question").replies
    assert reply.response == "utter_why_offer"
    assert reply.values["reason"].startswith("Because ")


def test_the_word_price_answers_what_matters_and_a_product_s_name_alone_asks_for_its_price(guest: Visitor) -> None:
    guest.says("hello", "action_greet")
    guest.says("the price", "action_price")
    assert "question" not in guest.pending or guest.pending["question"] != "matters"
    (reply,) = guest.says("gayo", "action_fallback", ("product", "gayo", 1.0)).replies
    assert reply.response == "utter_price"


def test_the_question_that_is_open_is_explained_when_asked_why(guest: Visitor, business: Business) -> None:
    assert responses(guest.says("why?", "action_explain_question")) == ["utter_why_ask_nothing"]
    guest.says("something for the office", "action_note_need", OFFICE)
    reply, again = guest.says("why do you ask?", "action_explain_question").replies
    assert again.response == "utter_ask_cups"
    cups = business.question("cups")
    assert cups is not None
    assert (reply.response, reply.values) == ("utter_why_ask", {"why": cups.why["en"]})
    assert guest.pending["question"] == "cups"


def test_nothing_is_asked_twice_and_no_more_than_the_conversation_s_cap(
    guest: Visitor, engine: Engine, business: Business
) -> None:
    for _ in range(6):
        guest.says("I do not know", "action_advise")
    asked = [row.question_id for row in kept(engine, questions_asked)]
    assert len(asked) == len(set(asked)) <= business.asking.per_conversation


def test_the_cap_of_30_days_holds_over_conversations_and_ends_with_them(
    engine: Engine, business: Business, now: datetime
) -> None:
    rarely = business.model_copy(update={"asking": Asking(per_conversation=1, per_30_days=1)})
    visitor = arrive(engine, rarely, now)
    assert responses(visitor.says("hm", "action_advise")) == ["utter_open_matters"]
    visitor = visitor.comes_back(timedelta(days=29))
    visitor.says("something fruity", "action_note_need", TASTE)
    assert len(kept(engine, questions_asked)) == 1
    visitor = visitor.comes_back(timedelta(days=2))
    assert responses(visitor.says("for the office", "action_note_need", OFFICE))[-1] == "utter_open_cups"


def test_an_offer_rests_after_it_was_shown_unless_it_is_asked_for(guest: Visitor) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    assert offered(guest.says("30", "action_note_answer")) == "office_starter"
    assert offered(guest.says("really, for the office", "action_note_need", OFFICE)) != "office_starter"
    assert offered(guest.says("what would you recommend", "action_advise")) == "office_starter"


def test_a_declined_offer_is_not_named_again_even_when_advice_is_asked_for(guest: Visitor) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    guest.says("30", "action_note_answer")
    guest.says("no", "action_deny")
    assert offered(guest.says("what would you recommend", "action_advise")) != "office_starter"


def test_a_price_is_told_and_keeps_nothing_but_the_turn(guest: Visitor, engine: Engine) -> None:
    before = counts(engine)
    assert responses(guest.says("how much is it?", "action_price")) == ["utter_price_which"]
    (reply,) = guest.says("how much is the grinder?", "action_price").replies
    assert (reply.response, reply.values) == ("utter_price", {"product": "Grinder", "price": "Rp 1,350,000"})
    after = counts(engine)
    assert {t for t in after if after[t] != before[t]} == {"messages", "turns", *TOLD}


def test_whoever_wants_a_person_waits_for_one(guest: Visitor, engine: Engine, business: Business) -> None:
    (reply,) = guest.says("a human please", "action_talk_to_person").replies
    assert reply.response == "utter_person_asked"
    assert reply.values == {"phone": business.business.phone, "hours": business.business.hours["en"]}
    assert only_row(engine, conversations).state == "waiting"
    assert only_row(engine, interactions).kind == "person_request"


def test_a_yes_or_no_to_nothing_is_told_so(guest: Visitor) -> None:
    assert responses(guest.says("yes", "action_affirm")) == ["utter_affirm_nothing"]
    assert responses(guest.says("no", "action_deny")) == ["utter_deny_nothing"]


def test_a_need_that_is_denied_is_not_learnt(guest: Visitor, engine: Engine) -> None:
    guest.says("i don't drink it at the office", "action_fallback", OFFICE)
    assert kept(engine, evidence) == []


def test_what_is_not_understood_is_said_not_to_be(guest: Visitor) -> None:
    assert responses(guest.says("the sky is green", "action_fallback")) == ["utter_out_of_scope"]


def test_what_is_said_in_this_message_counts_as_what_is_said_in_this_conversation(
    guest: Visitor, engine: Engine
) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    at_once = only_row(engine, decisions).facts["needs"]["office"]
    guest.says("hard to say", "action_advise")
    (later,) = [d for d in kept(engine, decisions) if d.message_id == guest.last_request.message_id]
    assert later.facts["needs"]["office"] == at_once


def test_of_a_guest_neither_value_nor_tier_is_kept_or_used(guest: Visitor, engine: Engine) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    guest.says("30", "action_note_answer")
    for decision in kept(engine, decisions):
        assert decision.treatment == "guest"
        assert "tier" not in decision.reason
        assert not {"value", "tier"} & set(decision.facts)
    assert kept(engine, value_scores) == []


# A device that was here before ---------------------------------------------------------------------------------------


def test_a_recognised_device_is_welcomed_back_without_a_name(guest: Visitor) -> None:
    guest.says("I like fruity coffee", "action_note_need", TASTE)
    back = guest.comes_back(timedelta(days=3))
    assert responses(back.says("hello", "action_greet")) == ["utter_greet_back"]
    assert back.profile == guest.profile


def test_a_word_that_the_answer_will_take_longer_does_not_stand_in_for_the_greeting(guest: Visitor) -> None:
    guest.says("I like fruity coffee", "action_note_need", TASTE)
    back = guest.comes_back(timedelta(days=3))
    message = back.writes("hello")
    with UnitOfWork(back.engine) as work:
        notify(work.connection, message, back.conversation_id, "This will take a little longer.", back.at)
        work.commit()
    assert responses(back.says("what is good today?", "action_advise"))[0] == "utter_welcome_back"


def test_a_recognised_device_is_served_from_its_own_profile(guest: Visitor, engine: Engine) -> None:
    guest.says("I like fruity coffee", "action_note_need", TASTE)
    back = guest.comes_back(timedelta(days=40))
    told = back.says("what is good today?", "action_advise")
    assert responses(told)[0] == "utter_welcome_back"
    (decision,) = [d for d in kept(engine, decisions) if d.conversation_id == back.conversation_id]
    assert max(decision.facts["needs"], key=decision.facts["needs"].get) == "explorer"
    assert "tier" not in decision.reason


def test_a_recognised_device_hears_nothing_that_its_owner_taught_or_bought_elsewhere(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    bought(engine, sari, now - timedelta(days=1), "single_origin", 500_000, times=20)
    with UnitOfWork(engine) as work:
        add_matter(work.connection, sari, "repair", "ready", now - timedelta(days=1), product="Espresso machine")
        work.commit()
    owner = arrive(engine, business, now, proof=SARI)
    owner.says("thanks, later", "action_advise")
    owner.says("something for the office", "action_note_need", OFFICE)
    back = owner.comes_back(timedelta(hours=1))
    told = back.says("hello", "action_greet")
    assert responses(told) == ["utter_greet_back"]
    back.says("what is good?", "action_advise")
    (decision,) = [d for d in kept(engine, decisions) if d.conversation_id == back.conversation_id]
    assert decision.treatment == "guest"
    assert "from the prior alone" in decision.reason
    assert decision.facts["evidence"] == []


# A customer who is verified ------------------------------------------------------------------------------------------


def test_a_verified_customer_is_greeted_by_first_name(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    (reply,) = arrive(engine, business, now, proof=SARI).says("hi", "action_greet").replies
    assert (reply.response, reply.values) == ("utter_greet_name", {"name": "Sari"})


def test_a_verified_customer_without_a_name_is_welcomed_back(engine: Engine, business: Business, now: datetime) -> None:
    blank = Proof("web", "w-1", {"given_name": " "})
    assert responses(arrive(engine, business, now, proof=blank).says("hi", "action_greet")) == ["utter_greet_back"]


def test_a_verified_customer_with_an_open_repair_is_served_first_and_asked_nothing(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        matter = add_matter(
            work.connection,
            sari,
            "repair",
            "ready",
            now - timedelta(days=1),
            product="Espresso machine",
            attributes={"place": "Menteng"},
        )
        work.commit()
    customer = arrive(engine, business, now, proof=SARI)

    told = customer.says("hi, looking for something for the office", "action_note_need", OFFICE)

    assert responses(told) == ["utter_welcome_name", "utter_open_matter_ready"]
    assert told.replies[1].values == {"product": "Espresso machine", "where": " at Menteng"}
    assert offered(told) is None
    assert kept(engine, questions_asked) == []
    assert kept(engine, exposures) == []
    decision = only_row(engine, decisions)
    assert decision.treatment == "service_first"
    assert "repair of Espresso machine is ready since 2026-03-01" in decision.reason
    assert "no question asked, no offer pushed" in decision.reason
    assert decision.facts["open_matter"] == {"source": "repair", "interaction_id": matter}
    assert only_row(engine, evidence).value == "office"

    assert responses(customer.says("yes please", "action_affirm")) == ["utter_matter_request_noted"]
    (request,) = kept(engine, interactions, kind="delivery_request")
    assert request.attributes == {"matter": matter}
    customer.says("what else is there?", "action_advise")
    assert kept(engine, questions_asked) == []


def test_an_open_repair_is_told_of_at_the_first_hello_and_may_be_left(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        add_matter(work.connection, sari, "repair", "Ready", now - timedelta(days=1), product="Grinder")
        work.commit()
    customer = arrive(engine, business, now, proof=SARI)
    assert responses(customer.says("hi", "action_greet")) == ["utter_welcome_name", "utter_open_matter_ready"]
    assert responses(customer.says("no, I will come", "action_deny")) == ["utter_matter_left"]
    assert kept(engine, interactions, kind="delivery_request") == []


@pytest.mark.parametrize(
    ("kind", "status", "response"),
    [
        ("repair", "in repair", "utter_open_matter_waiting"),
        ("repair", "", "utter_open_matter_waiting"),
        ("complaint", "open", "utter_open_complaint"),
    ],
)
def test_what_waits_for_us_is_told_and_asks_for_no_yes(
    engine: Engine, business: Business, sari: str, now: datetime, kind: str, status: str, response: str
) -> None:
    with UnitOfWork(engine) as work:
        add_matter(work.connection, sari, kind, status, now - timedelta(days=1), product="Grinder")
        work.commit()
    customer = arrive(engine, business, now, proof=SARI)
    assert responses(customer.says("hi", "action_greet")) == ["utter_welcome_name", response]
    assert responses(customer.says("yes", "action_affirm")) == ["utter_affirm_nothing"]


@pytest.mark.parametrize("status", ["collected", "Closed", "resolved", "cancelled"])
def test_what_is_over_is_not_open(engine: Engine, business: Business, sari: str, now: datetime, status: str) -> None:
    with UnitOfWork(engine) as work:
        add_matter(work.connection, sari, "repair", status, now - timedelta(days=1), product="Grinder")
        work.commit()
    customer = arrive(engine, business, now, proof=SARI)
    assert responses(customer.says("hi", "action_greet")) == ["utter_greet_name"]


def test_the_newest_word_on_a_repair_counts(engine: Engine, business: Business, sari: str, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        for days, status in ((5, "in repair"), (2, "ready"), (1, "collected")):
            at = now - timedelta(days=days)
            add_matter(work.connection, sari, "repair", status, at, order_id="RP-7", product="Grinder")
        add_matter(work.connection, sari, "repair", "in repair", now - timedelta(days=3), product="Espresso machine")
        work.commit()
    customer = arrive(engine, business, now, proof=SARI)
    told = customer.says("hi", "action_greet")
    assert responses(told) == ["utter_welcome_name", "utter_open_matter_waiting"]
    assert told.replies[1].values["product"] == "Espresso machine"


def test_what_lies_in_the_future_is_not_open_yet(engine: Engine, business: Business, sari: str, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        add_matter(work.connection, sari, "complaint", "open", now + timedelta(days=1))
        work.commit()
    assert responses(arrive(engine, business, now, proof=SARI).says("hi", "action_greet")) == ["utter_greet_name"]


def test_value_and_tier_stand_in_the_stored_reason_of_the_verified(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    bought(engine, sari, now - timedelta(days=1), "office_beans", 1_000_000, times=6)
    customer = arrive(engine, business, now, proof=SARI)
    told = customer.says("what is new?", "action_advise")
    decision = only_row(engine, decisions)
    assert "tier most_valuable: value 2100000 from 6 purchases, 0 returns, 0 contacts" in decision.reason
    assert decision.treatment == "keep"
    assert decision.facts["tier"] == "most_valuable"
    assert decision.facts["value"]["margin"] == pytest.approx(2_100_000)
    score = only_row(engine, value_scores)
    assert (score.customer_id, score.tier, score.actual_value) == (sari, "most_valuable", 2_100_000)
    for reply in told.replies:
        assert "2100000" not in str(reply)
        assert "valuable" not in str(reply).replace("office_standing", "")


def test_what_is_expected_of_the_verified_stands_there_with_its_interval_and_its_run(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    bought(engine, sari, now - timedelta(days=1), "office_beans", 1_000_000, times=6)
    score(engine, business, as_of=now, horizon=365, now=now)
    row = only_row(engine, value_scores)
    arrive(engine, business, now, proof=SARI).says("what is new?", "action_advise")
    decision = only_row(engine, decisions)
    unrealised = row.potential_value - row.future_value
    assert f", {row.future_value:.0f} expected, {unrealised:.0f} unrealised; need" in decision.reason
    foreseen = decision.facts["foreseen"]
    assert foreseen["future_low"] <= foreseen["future"] <= foreseen["future_high"]
    assert (foreseen["scoring_id"], foreseen["computed_at"]) == (row.scoring_id, now.isoformat())


def test_a_store_purchase_in_between_changes_the_next_decision(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    customer = arrive(engine, business, now, proof=SARI)
    first = customer.says("I want it quick and easy", "action_note_need", QUICK)
    while offered(first) is None:
        first = customer.says("what do you have?", "action_advise")
    assert offered(first) == "drip_week"
    with UnitOfWork(engine) as work:
        machine = Event(
            "pos",
            "receipt-1",
            customer.at,
            "store",
            "purchase",
            {"amount": 3_500_000, "product": "Espresso machine", "category": "machines"},
        )
        capsules = Event(
            "pos", "receipt-2", customer.at, "store", "purchase", {"amount": 149_000, "category": "capsules"}
        )
        assert keep_event(work.connection, machine, sari)
        assert keep_event(work.connection, capsules, sari)
        work.commit()
    second = customer.says("and now?", "action_advise")
    assert offered(second) == "capsule_box"
    decided = sorted(kept(engine, decisions), key=lambda d: d.at)
    assert "tier migrator" in decided[0].reason
    assert "tier growable" in decided[-1].reason
    assert "observed buys_capsules=capsules" in decided[-1].reason


def test_two_customers_of_one_need_are_treated_by_what_they_are_worth(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    bought(engine, sari, now - timedelta(days=1), "single_origin", 1_000_000, times=6)
    valued = arrive(engine, business, now, proof=SARI)
    with UnitOfWork(engine) as work:
        other = seeds.add_customer(work.connection, now)
        seeds.add_record(work.connection, other, "web", "wira", now, given_name="Wira")
        add_matter(work.connection, other, "call", "done", now - timedelta(days=1), cost=50_000)
        work.commit()
    costly = arrive(engine, business, now, proof=Proof("web", "wira"))
    to_sari = to_wira = None
    for _ in range(3):
        to_sari = to_sari or offered(valued.says("something fruity", "action_advise", TASTE))
        to_wira = to_wira or offered(costly.says("something fruity", "action_advise", TASTE))
    assert (to_sari, to_wira) == ("early_roast", "tasting_set")


# Rights --------------------------------------------------------------------------------------------------------------


def test_whoever_says_stop_asking_is_asked_no_more_not_even_in_the_next_conversation(
    guest: Visitor, engine: Engine
) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    assert responses(guest.says("stop asking me things", "action_stop_asking")) == ["utter_stop_asking_done"]
    assert "question" not in guest.pending
    (consent,) = kept(engine, consents, purpose="questions")
    assert consent.granted is False
    assert offered(guest.says("for the office", "action_note_need", OFFICE)) == "office_starter"
    back = guest.comes_back(timedelta(days=60))
    back.says("what is good?", "action_advise")
    assert [row.question_id for row in kept(engine, questions_asked)] == ["cups"]


def test_stop_asking_comes_along_when_the_customer_is_verified(guest: Visitor, engine: Engine, sari: str) -> None:
    guest.says("stop asking me things", "action_stop_asking")
    guest.proves(SARI)
    guest.says("something for the office", "action_note_need", OFFICE)
    assert kept(engine, questions_asked) == []


def test_forgetting_needs_a_yes(guest: Visitor) -> None:
    wished = guest.says("forget me", "action_forget")
    assert (responses(wished), wished.effects) == (["utter_forget_confirm"], ())
    confirmed = guest.says("yes", "action_affirm")
    assert (responses(confirmed), confirmed.effects) == (["utter_forget_done"], ("erase",))


def test_a_no_keeps_everything(guest: Visitor) -> None:
    guest.says("forget me", "action_forget")
    kept = guest.says("no, stay", "action_deny")
    assert (responses(kept), kept.effects) == (["utter_forget_kept"], ())
    assert responses(guest.says("yes", "action_affirm")) == ["utter_affirm_nothing"]


def test_a_yes_that_is_not_the_very_next_thing_is_asked_for_again(guest: Visitor) -> None:
    guest.says("forget me", "action_forget")
    guest.says("how much is the grinder?", "action_price")
    late = guest.says("yes", "action_affirm")
    assert (responses(late), late.effects) == (["utter_forget_confirm"], ())
    sure = guest.says("yes", "action_affirm")
    assert (responses(sure), sure.effects) == (["utter_forget_done"], ("erase",))


def test_a_yes_to_an_offer_after_a_wish_to_be_forgotten_erases_nothing(guest: Visitor) -> None:
    guest.says("forget me", "action_forget")
    guest.says("stop asking", "action_stop_asking")
    guest.says("for the office", "action_note_need", OFFICE)
    taken = guest.says("yes", "action_affirm")
    assert (responses(taken), taken.effects) == (["utter_offer_accepted"], ())


# Claims --------------------------------------------------------------------------------------------------------------


def test_a_claim_is_noted_beside_the_profile_and_changes_nothing(guest: Visitor, engine: Engine, sari: str) -> None:
    bought(engine, sari, guest.at - timedelta(days=1), "single_origin", 1_000_000, times=6)
    before = everything(engine)
    claimed = guest.says("my mail is sari@example.com", "action_fallback", ("email", "sari@example.com", 1.0))
    assert responses(claimed) == ["utter_claim_noted", "utter_code_unavailable"]
    claim = only_row(engine, claims)
    assert (claim.customer_id, claim.type, claim.value) == (guest.profile, "email", "sari@example.com")
    after = everything(engine)
    assert {t for t in after if after[t] != before[t]} == {"claims", "conversations", "messages", "turns", *TOLD}
    assert len(kept(engine, identifiers, customer_id=sari)) == 1
    guest.says("something for the office", "action_note_need", OFFICE)
    decision = only_row(engine, decisions)
    assert decision.treatment == "guest"
    assert decision.facts["evidence"] == [{"kind": "stated", "key": "need", "value": "office", "words": None}]


def test_two_visitors_who_claim_the_same_address_stay_two(guest: Visitor, engine: Engine, now: datetime) -> None:
    other = arrive(engine, guest.business, now)
    for visitor in (guest, other):
        visitor.says("budi@example.com", "action_fallback", ("email", "budi@example.com", 1.0))
    assert {c.customer_id for c in kept(engine, claims)} == {guest.profile, other.profile}
    assert all(row.canonical_id == row.id for row in kept(engine, customers))


def test_the_same_claim_twice_in_a_message_is_one_and_a_very_long_one_is_cut(guest: Visitor, engine: Engine) -> None:
    long = "a" * 300 + "@example.com"
    guest.says(
        "mails",
        "action_fallback",
        ("email", "b@example.com", 1.0),
        ("email", "b@example.com", 0.9),
        ("email", long, 1.0),
        ("email", long + ".id", 1.0),
        ("product", "grinder", 1.0),
    )
    assert sorted(len(claim.value) for claim in kept(engine, claims)) == [13, 255]


# Once, or not at all -------------------------------------------------------------------------------------------------

TURNS: dict[str, tuple[str, tuple[tuple[str, str, float], ...]]] = {
    "action_greet": ("hello", ()),
    "action_advise": ("what do you recommend?", ()),
    "action_note_need": ("for the office", (OFFICE,)),
    "action_note_answer": ("taste", (("pressed", "matters.taste", 1.0),)),
    "action_price": ("how much is the grinder", ()),
    "action_talk_to_person": ("a human please", ()),
    "action_cancel_person": ("never mind", ()),
    "action_affirm": ("yes", ()),
    "action_deny": ("no", ()),
    "action_forget": ("forget me", ()),
    "action_stop_asking": ("stop asking", ()),
    "action_explain_question": ("why?", ()),
    "action_fallback": ("mail me at a@example.com", (("email", "a@example.com", 1.0),)),
    "action_stock": ("any toraja left?", (("product", "toraja", 1.0),)),
    "action_order_status": ("where is ORD-1234", (("order_number", "ORD-1234", 1.0),)),
    "action_delivery": ("do you deliver?", ()),
    "action_return": ("I want to return this", ()),
    "action_withdraw_request": ("cancel the return", ()),
    "action_repair": ("is my machine ready", ()),
    "action_points": ("my points", ()),
    "action_complain": ("this is awful", ()),
    "action_praise": ("great shop", ()),
    "action_privacy": ("what do you do with my data", ()),
    "action_what_you_know": ("what do you know about me", ()),
    "action_change_language": ("speak Indonesian", (("wanted_language", "id", 1.0),)),
    "action_stop_offers": ("no more offers", ()),
    "action_allow_again": ("you may ask again", ()),
    "action_faq": ("how can I pay", (("faq", "payment", 1.0),)),
    "action_hours": ("are you open now?", ()),
    "action_stores": ("where are you", ()),
    "action_products": ("what do you sell", ()),
    "action_how_to_order": ("how do I order", ()),
    "action_problem_solved": ("it is solved", ()),
    "action_stop_profile": ("no profile of me please", ()),
    "action_send_code": ("send me a code", (("email", "sari@example.com", 1.0),)),
}


def test_every_action_is_among_those_that_are_retried_here() -> None:
    assert set(TURNS) == set(STEPS)


@pytest.mark.parametrize("action", TURNS)
def test_the_same_turn_twice_is_the_same_answer_and_no_row_twice(guest: Visitor, engine: Engine, action: str) -> None:
    text, entities = TURNS[action]
    guest.says("for the office", "action_note_need", OFFICE)
    guest.says("30", "action_note_answer")
    first = guest.says(text, action, *entities)
    before = everything(engine)
    guest.at += timedelta(minutes=5)
    assert guest.again() == first
    assert everything(engine) == before


def test_the_same_turn_at_the_same_moment_is_taken_once(guest: Visitor, engine: Engine) -> None:
    message_id = guest.writes("for the office")
    guest.last_request = TurnRequest(message_id, "action_note_need", Understanding("state_need", 0.9, "en", (OFFICE,)))
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: guest.again(), range(8)))
    assert all(result == results[0] for result in results)
    assert len(kept(engine, evidence)) == len(kept(engine, turns)) == 1


def test_a_retried_turn_is_answered_as_it_was_whatever_happened_since(guest: Visitor, engine: Engine) -> None:
    guest.says("something for the office", "action_note_need", OFFICE)
    first = guest.says("30", "action_note_answer")
    with UnitOfWork(engine) as work:
        work.connection.execute(update(conversations).values(assurance="verified"))
        work.commit()
    assert guest.again() == first


def test_a_turn_for_a_message_that_is_not_there_raises_and_keeps_nothing(guest: Visitor, engine: Engine) -> None:
    before = everything(engine)
    request = TurnRequest("0" * 32, "action_note_need", Understanding("state_need", 0.9, "en", (OFFICE,)))
    with pytest.raises(UnknownMessageError):
        take_turn(engine, guest.business, request, lambda: guest.at)
    assert everything(engine) == before


def test_an_action_that_no_step_carries_out_raises_and_keeps_nothing(guest: Visitor, engine: Engine) -> None:
    message_id = guest.writes("hello")
    before = everything(engine)
    request = TurnRequest(message_id, "action_sing", Understanding("greet", 0.9, "en", (OFFICE,)))
    with pytest.raises(UnknownActionError):
        take_turn(engine, guest.business, request, lambda: guest.at)
    assert everything(engine) == before


def test_a_turn_that_fails_half_way_keeps_nothing(guest: Visitor, engine: Engine) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    message_id = guest.writes("30")
    before = everything(engine)
    no_title = [offer.model_copy(update={"title": {}, "text": {}, "pitches": []}) for offer in guest.business.offers]
    broken = guest.business.model_copy(update={"offers": no_title})
    request = TurnRequest(message_id, "action_note_answer", Understanding("answer_question", 0.9, "en"))
    with pytest.raises(KeyError):
        take_turn(engine, broken, request, lambda: guest.at)
    assert everything(engine) == before
    assert offered(take_turn(engine, guest.business, request, lambda: guest.at)) == "office_starter"
