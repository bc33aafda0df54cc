"""Complaint and praise, language, wishes, privacy and what is known: in a guest's chat and a customer's, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from serving import Known
from sqlalchemy import Engine, select
from visitor import OFFICE, Visitor, arrive, offered, only, requests, responses, rows

from crm_store.access.staff import add_staff
from crm_store.business import Business, Product
from crm_store.conversations import desk
from crm_store.conversations.handovers import waits_for_staff
from crm_store.database import UnitOfWork, reading
from crm_store.moment import SPEAK
from crm_store.tables import consents, conversations, evidence

NIGHT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
"""A Sunday, eleven in the evening in Jakarta."""


# Complaint and praise ------------------------------------------------------------------------------------------------


def test_a_complaint_is_kept_apologised_for_once_and_a_person_called(guest: Visitor, engine: Engine) -> None:
    told = guest.says("the beans were stale", "action_complain")
    assert responses(told) == ["utter_complaint_noted"]
    (complaint,) = requests(engine, "complaint")
    assert (complaint.status, complaint.text, complaint.customer_id) == ("open", "the beans were stale", guest.profile)
    assert [row.status for row in requests(engine, "person_request")] == ["open"]
    assert guest._conversation("state") == "waiting"
    more = guest.says("and the box was open", "action_complain")
    assert responses(more) == ["utter_noted_for_colleague"]
    assert len(requests(engine, "complaint")) == 1


def test_a_customer_s_complaint_of_an_order_names_it_where_it_is_theirs(
    engine: Engine, business: Business, now: datetime
) -> None:
    sari = Known(engine, now, "sari")
    sari.ordered("ORD-1001", 2, status="delivered")
    for typed in ("ord 1001", "ORD-9999"):
        visitor = arrive(engine, business, now, proof=sari.proof)
        visitor.says(f"{typed} came open!", "action_complain", ("order_number", typed, 1.0))
        visitor.says("never mind", "action_cancel_person")
    assert sorted(str(row.order_id) for row in requests(engine, "complaint")) == ["None", "ORD-1001"]


def test_at_night_the_next_opening_is_told(engine: Engine, business: Business) -> None:
    guest = arrive(engine, business, NIGHT)
    told = only(guest.says("this is awful", "action_complain"))
    assert (told.response, told.values) == ("utter_complaint_noted_closed", {"opens": "tomorrow at 8:00"})


def test_while_a_complaint_is_open_nothing_is_asked_or_offered_until_staff_have_dealt_with_it(
    guest: Visitor, engine: Engine
) -> None:
    guest.says("this is awful", "action_complain")
    guest.says("never mind, no need for anybody", "action_cancel_person")
    first = guest.says("I need coffee for the office", "action_note_need", OFFICE)
    assert responses(first) == ["utter_open_complaint"]
    then = guest.says("something cheap", "action_note_need", ("need", "thrifty", 0.9))
    assert responses(then) == ["utter_answer_noted"]
    with UnitOfWork(engine) as work:
        rina = add_staff(work, "rina@shop.example", "agent", "a long enough word", guest.at, "Rina")
        desk.take(work.connection, rina, guest.conversation_id, guest.at)
        desk.hand_back(work.connection, rina, guest.conversation_id, guest.at)
        work.commit()
    assert [row.status for row in requests(engine, "complaint")] == ["resolved"]
    assert responses(guest.says("for the office", "action_note_need", OFFICE)) != ["utter_answer_noted"]


def test_a_question_that_was_open_is_let_go_when_somebody_complains(guest: Visitor) -> None:
    guest.says("blah", "action_fallback")
    guest.says("blah blah", "action_fallback")
    assert responses(guest.says("what do you recommend", "action_advise")) == ["utter_ask_matters"]
    guest.says("the package was damaged", "action_complain")
    assert "question" not in guest.pending
    assert responses(guest.says("no", "action_deny")) == ["utter_noted_for_colleague"]


def test_a_complaint_waits_on_a_device_that_comes_back(guest: Visitor) -> None:
    guest.says("this is awful", "action_complain")
    guest.says("no need for anybody", "action_cancel_person")
    back = guest.comes_back(timedelta(days=2))
    assert responses(back.says("hello", "action_greet")) == ["utter_welcome_back", "utter_open_complaint"]


def test_facts_are_told_while_a_person_is_waited_for(guest: Visitor) -> None:
    guest.says("this is awful", "action_complain")
    for text, action in (("do you deliver", "action_delivery"), ("how much is gayo", "action_price")):
        assert responses(guest.says(text, action)) != ["utter_noted_for_colleague"]


@pytest.mark.parametrize("text", ["it is solved", "sudah beres kak"])
def test_a_complaint_that_its_customer_says_is_solved_holds_nothing_up_and_is_still_seen_by_staff(
    guest: Visitor, engine: Engine, text: str
) -> None:
    guest.says("this is awful", "action_complain")
    assert responses(guest.says(text, "action_problem_solved")) == ["utter_complaint_solved"]
    assert [row.status for row in requests(engine, "complaint")] == ["told_solved"]
    assert [row.status for row in requests(engine, "person_request")] == ["cancelled"]
    assert guest._conversation("state") == "bot"
    assert responses(guest.says("for the office", "action_note_need", OFFICE)) == ["utter_ask_cups"]
    with reading(engine) as connection:
        assert connection.execute(select(waits_for_staff()).select_from(conversations)).scalar_one()
    with UnitOfWork(engine) as work:
        rina = add_staff(work, "rina@shop.example", "agent", "a long enough word", guest.at, "Rina")
        desk.take(work.connection, rina, guest.conversation_id, guest.at)
        desk.hand_back(work.connection, rina, guest.conversation_id, guest.at)
        work.commit()
    assert [row.status for row in requests(engine, "complaint")] == ["resolved"]


def test_a_new_complaint_after_one_that_was_solved_is_apologised_for_again(guest: Visitor, engine: Engine) -> None:
    guest.says("this is awful", "action_complain")
    guest.says("it is solved", "action_problem_solved")
    assert responses(guest.says("it broke again", "action_complain")) == ["utter_complaint_noted"]
    assert sorted(str(row.status) for row in requests(engine, "complaint")) == ["open", "told_solved"]


def test_what_is_solved_may_be_what_a_person_was_asked_for_or_nothing_that_is_known(guest: Visitor) -> None:
    assert responses(guest.says("it is solved", "action_problem_solved")) == ["utter_glad_solved"]
    guest.says("get me a human", "action_talk_to_person")
    assert responses(guest.says("it is solved", "action_problem_solved")) == ["utter_person_cancelled"]


def test_nobody_s_complaint_but_one_s_own_is_solved_by_saying_so(
    guest: Visitor, engine: Engine, business: Business, now: datetime
) -> None:
    guest.says("this is awful", "action_complain")
    other = arrive(engine, business, now)
    assert responses(other.says("it is solved", "action_problem_solved")) == ["utter_glad_solved"]
    assert [row.status for row in requests(engine, "complaint")] == ["open"]


def test_praise_is_thanked_for_and_kept_and_holds_nothing_up(guest: Visitor, engine: Engine) -> None:
    assert responses(guest.says("great shop!", "action_praise")) == ["utter_praise_thanks"]
    assert [(row.text, row.status) for row in requests(engine, "praise")] == [("great shop!", "done")]
    assert responses(guest.says("for the office", "action_note_need", OFFICE)) == ["utter_ask_cups"]


# Language ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wanted", "asked_in"), [("id", "en"), ("en", "id"), ("en", "en")])
def test_the_language_is_confirmed_in_it_whatever_it_was_asked_in(guest: Visitor, wanted: str, asked_in: str) -> None:
    changed = guest.says("...", "action_change_language", ("wanted_language", wanted, 1.0), language=asked_in)
    assert responses(changed) == [f"utter_language_{wanted}"]
    assert changed.effects == (f"{SPEAK}{wanted}",)


def test_a_button_or_a_command_may_name_the_language(guest: Visitor) -> None:
    changed = guest.says("/language id", "action_change_language", ("pressed", "id", 1.0))
    assert changed.effects == (f"{SPEAK}id",)


def test_a_language_that_the_business_does_not_speak_is_said_to_be_one(
    guest: Visitor, engine: Engine, business: Business, now: datetime
) -> None:
    told = guest.says("sprechen Sie Deutsch?", "action_change_language")
    assert only(told).values == {"languages": "English and Bahasa Indonesia"}
    about = business.business.model_copy(update={"languages": ["en"]})
    english = arrive(engine, business.model_copy(update={"business": about}), now)
    told = english.says("bahasa indonesia please", "action_change_language", ("wanted_language", "id", 1.0))
    assert (only(told).response, told.effects) == ("utter_language_not_spoken", ())


# Wishes --------------------------------------------------------------------------------------------------------------


def test_no_more_offers_means_none_until_advice_is_asked_for(guest: Visitor, engine: Engine) -> None:
    assert responses(guest.says("no more offers", "action_stop_offers")) == ["utter_stop_offers_done"]
    told = guest.says("I buy for the office, like 30 cups", "action_note_need", OFFICE)
    assert offered(told) is None
    assert "question" not in guest.pending
    advised = guest.says("what would you recommend?", "action_advise")
    while "question" in guest.pending:
        advised = guest.says("30", "action_note_answer")
        advised = advised if offered(advised) else guest.says("so what do you recommend?", "action_advise")
    assert offered(advised)
    with reading(engine) as connection:
        words = [(row.purpose, row.granted) for row in rows(connection, consents) if row.purpose == "offers"]
    assert words == [("offers", False)]


@pytest.mark.parametrize(
    ("text", "response", "granted"),
    [
        ("offers are fine again", "utter_allow_again_offers", ["offers"]),
        ("you may ask me again", "utter_allow_again_questions", ["questions"]),
        ("tawarin lagi dong", "utter_allow_again_offers", ["offers"]),
        ("penawaran boleh lagi", "utter_allow_again_offers", ["offers"]),
        ("ok you can go on", "utter_allow_again_both", ["questions", "offers"]),
    ],
)
def test_what_was_withdrawn_is_allowed_again_with_its_history(
    guest: Visitor, engine: Engine, text: str, response: str, granted: list[str]
) -> None:
    guest.says("stop asking", "action_stop_asking")
    guest.says("no offers", "action_stop_offers")
    assert responses(guest.says(text, "action_allow_again")) == [response]
    with reading(engine) as connection:
        words = [(row.purpose, row.granted) for row in rows(connection, consents) if row.purpose != "notice"]
    assert sorted(p for p, yes in words if yes) == sorted(granted)
    assert sorted(p for p, yes in words if not yes) == ["offers", "questions"]


def test_who_withdrew_nothing_is_told_so(guest: Visitor) -> None:
    assert responses(guest.says("you may ask me again", "action_allow_again")) == ["utter_allow_again_nothing"]


def test_no_profile_means_that_nothing_more_is_learnt_until_it_is_allowed_by_name(
    guest: Visitor, engine: Engine
) -> None:
    guest.says("hi", "action_greet")
    guest.says("no questions", "action_stop_asking")
    assert responses(guest.says("do not build a profile of me", "action_stop_profile")) == ["utter_stop_profile_done"]
    guest.says("it is for the office", "action_note_need", OFFICE)
    with reading(engine) as connection:
        assert rows(connection, evidence) == []
    assert responses(guest.says("ok you can go on", "action_allow_again")) == ["utter_allow_again_questions"]
    assert responses(guest.says("you may send offers again", "action_allow_again")) == ["utter_allow_again_which"]
    assert responses(guest.says("boleh bikin profil lagi", "action_allow_again")) == ["utter_allow_again_profile"]
    guest.says("it is for the office", "action_note_need", OFFICE)
    with reading(engine) as connection:
        assert len(rows(connection, evidence)) == 1


def test_where_only_the_profile_is_off_going_on_means_the_profile(guest: Visitor) -> None:
    guest.says("jangan simpan profil saya", "action_stop_profile")
    assert responses(guest.says("ok you can go on", "action_allow_again")) == ["utter_allow_again_profile"]


# Privacy, and what is known ------------------------------------------------------------------------------------------


def test_the_notice_is_told_with_the_link_where_it_leads_anywhere(
    guest: Visitor, engine: Engine, business: Business, now: datetime
) -> None:
    assert business.privacy
    told = only(guest.says("what do you do with my data?", "action_privacy"))
    assert told.values == {"notice": business.privacy.notice["en"], "link": "/privacy"}
    elsewhere = arrive(engine, business, now, channel="telegram")
    assert "utter_privacy_short" in responses(elsewhere.says("my data?", "action_privacy"))
    without = arrive(engine, business.model_copy(update={"privacy": None}), now)
    assert responses(without.says("my data?", "action_privacy")) == ["utter_privacy_link"]


def test_of_a_new_guest_nothing_is_known(guest: Visitor) -> None:
    told = guest.says("what do you know about me?", "action_what_you_know")
    assert responses(told) == ["utter_known_nothing", "utter_need_proof"]


def test_a_guest_hears_what_they_said_themselves_and_how_to_be_known_better(guest: Visitor) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    guest.says("like 30", "action_note_answer")
    guest.says("stop asking", "action_stop_asking")
    known, proof = guest.says("what do you know about me?", "action_what_you_know").replies
    assert proof.response == "utter_need_proof"
    assert known.values["facts"].splitlines() == [
        "- It is for many people (you told me today).",
        "- You told me it is for an office of about 30 cups a day (you told me today).",
        "- I have suggested things to you (so far: 1).",
        "- You asked me to ask no questions.",
    ]


def test_a_verified_customer_hears_what_the_business_s_systems_know_and_never_their_value(
    engine: Engine, business: Business, now: datetime
) -> None:
    sari = Known(engine, now, "sari")
    sari.ordered("ORD-1", 40, ("Capsules box of 30", 2), status="delivered")
    sari.ordered("ORD-2", 3, ("Capsules box of 30", 1), ("Grinder", 1), status="delivered")
    sari.earned(1200, 10)
    sari.in_repair("Grinder", 1, "waiting")
    visitor = arrive(engine, business, now, proof=sari.proof)
    english = only(visitor.says("what do you know about me?", "action_what_you_know")).values["facts"]
    assert english.splitlines() == [
        "- Your name is Sari Wijaya (from your account with us).",
        "- I have your e-mail address and phone number (from your account with us).",
        "- You bought Capsules, box of 30 and Grinder"
        " (2 purchases since Wednesday 21 January, the last on Friday 27 February).",
        "- You have 1,200 points (from your loyalty card).",
        "- Your Grinder is with our repair service.",
        "- You have been in touch with us (so far: 1, the last yesterday).",
    ]
    indonesian = only(visitor.says("kamu tahu apa?", "action_what_you_know", language="id")).values["facts"]
    assert "- Anda punya 1.200 poin (dari kartu member)." in indonesian.splitlines()
    for secret in ("most_valuable", "growable", "migrator", "below_zero", "sari@example.com", "+628115550001"):
        assert secret not in english + indonesian


@pytest.mark.parametrize("text", ["forget Dewi", "delete the account of Dewi", "hapus akun dewi dong"])
def test_nobody_s_data_but_one_s_own_is_deleted_and_a_yes_deletes_nothing(guest: Visitor, text: str) -> None:
    assert responses(guest.says(text, "action_forget")) == ["utter_forget_only_own"]
    assert guest.says("yes", "action_affirm").effects == ()
    assert responses(guest.says("forget me", "action_forget")) == ["utter_forget_confirm"]


# What there is to buy ------------------------------------------------------------------------------------------------


def test_what_is_sold_is_told_with_prices_and_where(guest: Visitor) -> None:
    told = only(guest.says("what do you sell?", "action_products"))
    assert told.response == "utter_products_where"
    lines = told.values["products"].splitlines()
    assert lines[-3:] == [
        "- Capsules, box of 30: Rp 149,000",
        "- Espresso machine: Rp 4,250,000",
        "- Grinder: Rp 1,350,000",
    ]
    places = "Menteng (Jl. Cikini Raya 12) and Kemang (Jl. Kemang Raya 45)"
    assert told.values["where"] == f"in our web shop or at {places}"
    indonesian = only(guest.says("jual apa aja", "action_products", language="id"))
    assert indonesian.values["where"].startswith("di toko web kami atau di Menteng")


def test_a_long_range_is_told_in_part(engine: Engine, business: Business, now: datetime) -> None:
    many = [Product(id=f"p{n}", name=f"Thing {n}", category="things", price=1000) for n in range(30)]
    visitor = arrive(engine, business.model_copy(update={"products": many}), now)
    lines = only(visitor.says("what do you sell?", "action_products")).values["products"].splitlines()
    assert (len(lines), lines[-1]) == (12, "\u2026 and 19 more: ask me for any of them by name")


def test_how_to_order_names_only_what_the_business_has(engine: Engine, business: Business, now: datetime) -> None:
    at_home = {name: place for name, place in business.touchpoints.items() if place.kind != "web_site"}
    only_stores = arrive(engine, business.model_copy(update={"touchpoints": at_home}), now)
    assert only(only_stores.says("how do I order", "action_how_to_order")).values["where"].startswith("at Menteng")
    nowhere = arrive(engine, business.model_copy(update={"touchpoints": at_home, "stores": [], "products": []}), now)
    for action in ("action_how_to_order", "action_products"):
        assert responses(nowhere.says("how do I order", action)) == ["utter_not_known"]


def test_the_business_s_own_answer_comes_first(guest: Visitor) -> None:
    told = guest.says("can our office order by invoice", "action_how_to_order", ("faq", "invoice", 0.9))
    assert responses(told) == ["utter_faq_invoice"]


# Frequent questions --------------------------------------------------------------------------------------------------


def test_a_frequent_question_has_the_answer_of_the_business(guest: Visitor) -> None:
    assert responses(guest.says("can I pay by card?", "action_faq", ("faq", "payment", 0.9))) == ["utter_faq_payment"]


@pytest.mark.parametrize("entities", [(), (("faq", "no_longer_there", 0.9),)])
def test_a_question_that_business_yml_does_not_answer_is_not_guessed_at(
    guest: Visitor, entities: tuple[tuple[str, str, float], ...]
) -> None:
    assert responses(guest.says("do you sell tyres?", "action_faq", *entities)) == ["utter_not_known"]


def test_all_that_is_said_of_service_is_said_where_the_conversation_is(guest: Visitor, engine: Engine) -> None:
    guest.says("my points", "action_points")
    with reading(engine) as connection:
        assert [row.state for row in rows(connection, conversations)] == ["bot"]
