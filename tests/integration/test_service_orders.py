"""Orders, deliveries, returns, repairs and points: told to their customer and to nobody else, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from serving import Known
from sqlalchemy import Engine
from visitor import Visitor, arrive, everything, offered, only, requests, responses

from crm_store.business import Business
from crm_store.database import reading
from crm_store.interact.matters import open_matters


@pytest.fixture
def sari(engine: Engine, now: datetime) -> Known:
    return Known(engine, now, "sari")


@pytest.fixture
def visitor(engine: Engine, business: Business, now: datetime, sari: Known) -> Visitor:
    """Sari, signed in."""
    return arrive(engine, business, now, proof=sari.proof)


def number(written: str) -> tuple[str, str, float]:
    return ("order_number", written, 1.0)


# Orders --------------------------------------------------------------------------------------------------------------


def test_the_newest_order_is_told_with_what_is_in_it_and_when_it_comes(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1001", 40, status="delivered")
    sari.ordered("ORD-1002", 1, ("Capsules box of 30", 2), ("Grinder", 1), status="paid")
    sari.courier_says("ORD-1002", 0, "on_the_way", expected="2026-03-03")
    reply = only(visitor.says("where is my order?", "action_order_status"))
    assert (reply.response, reply.values) == (
        "utter_order",
        {
            "order": "ORD-1002",
            "items": "2 × Capsules, box of 30 and Grinder",
            "placed": "yesterday",
            "status": "is on its way and should arrive tomorrow",
        },
    )


def test_the_same_in_indonesian_with_indonesian_names_and_days(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1002", 5, ("Capsules box of 30", 2), status="on_the_way", attributes={"expected": "2026-03-04"})
    reply = only(visitor.says("pesanan saya sampai mana?", "action_order_status", language="id"))
    assert reply.values["items"] == "2 × Kapsul isi 30"
    assert reply.values["placed"] == "hari Rabu 25 Februari"
    assert reply.values["status"] == "sedang dalam perjalanan dan diperkirakan tiba hari Rabu 4 Maret"


def test_days_are_those_of_the_business_s_own_zone(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1002", 2, status="on_the_way", attributes={"expected": "2026-03-02T20:00:00+00:00"})
    reply = only(visitor.says("where is it?", "action_order_status"))
    assert reply.values["status"].endswith("should arrive tomorrow"), (
        "eight in the evening UTC is the next day in Jakarta"
    )


@pytest.mark.parametrize("written", ["ORD-1001", "ord 1001", "ord1001", "#ORD-1001"])
def test_the_order_that_is_named_is_told_however_it_is_written(sari: Known, visitor: Visitor, written: str) -> None:
    sari.ordered("ORD-1001", 40, status="delivered")
    sari.ordered("ORD-1002", 1, status="paid")
    reply = only(visitor.says(f"where is {written}", "action_order_status", number(written)))
    assert (reply.values["order"], reply.values["status"]) == ("ORD-1001", "was delivered")


def test_all_orders_under_way_are_told_before_any_that_came(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1001", 9, status="packed")
    sari.ordered("ORD-1002", 5, status="delivered")
    sari.ordered("ORD-1003", 1, status="shipped")
    told = visitor.says("my orders", "action_order_status").replies
    assert [reply.values["order"] for reply in told] == ["ORD-1003", "ORD-1001"]


def test_a_late_order_is_owned_up_to_with_the_way_to_a_person(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1001", 4, status="on_the_way", attributes={"expected": "2026-03-01"})
    reply = only(visitor.says("where is it", "action_order_status"))
    assert reply.response == "utter_order_late"
    assert "should have arrived yesterday" in reply.values["status"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("Cancelled", "was cancelled"),
        ("in transit", "is on its way"),
        ("ready_for_pickup", "is ready to be picked up"),
        ("at customs", "has the status \u201cat customs\u201d"),
        ("", "is with us"),
    ],
)
def test_any_status_is_said_in_words(sari: Known, visitor: Visitor, status: str, said: str) -> None:
    sari.ordered("ORD-1001", 1, status=status)
    assert only(visitor.says("where is it", "action_order_status")).values["status"] == said


@pytest.mark.parametrize("wish", ["cancel my order", "can I change the address of ORD-1001", "mau batalin pesanan"])
def test_who_wants_an_order_changed_hears_who_does_that(sari: Known, visitor: Visitor, wish: str) -> None:
    sari.ordered("ORD-1001", 1, status="packed")
    assert responses(visitor.says(wish, "action_order_status")) == ["utter_order", "utter_order_change"]


def test_who_has_ordered_nothing_is_told_so(visitor: Visitor) -> None:
    assert responses(visitor.says("where is my order", "action_order_status")) == ["utter_order_none"]


def test_nothing_of_the_future_is_told(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1001", -3, status="paid")
    assert responses(visitor.says("where is my order", "action_order_status")) == ["utter_order_none"]


def test_somebody_else_s_number_is_answered_as_one_that_does_not_exist(
    engine: Engine, now: datetime, sari: Known, visitor: Visitor
) -> None:
    sari.ordered("ORD-1001", 1, status="paid")
    Known(engine, now, "budi").ordered("ORD-2001", 1, status="paid")
    for action in ("action_order_status", "action_return", "action_delivery"):
        theirs = visitor.says("what of ORD-2001", action, number("ORD-2001"))
        nobodys = visitor.says("what of ORD-9999", action, number("ORD-9999"))
        assert theirs == nobodys, action
        assert responses(theirs) == ["utter_order_not_found"]


# Delivery ------------------------------------------------------------------------------------------------------------


def test_the_terms_of_delivery_are_told_to_anybody(engine: Engine, business: Business, now: datetime) -> None:
    guest = arrive(engine, business, now)
    reply = only(guest.says("do you deliver on sundays?", "action_delivery"))
    assert business.service.delivery
    assert (reply.response, reply.values) == ("utter_terms", {"terms": business.service.delivery["en"]})


def test_a_business_that_says_nothing_of_delivery_does_not_guess(
    engine: Engine, business: Business, now: datetime
) -> None:
    silent = business.model_copy(update={"service": type(business.service)()})
    guest = arrive(engine, silent, now)
    reply = only(guest.says("do you deliver?", "action_delivery"))
    assert (reply.response, reply.values["phone"]) == ("utter_not_known", business.business.phone)


def test_a_repaired_machine_is_brought_when_it_is_asked_for(sari: Known, visitor: Visitor, engine: Engine) -> None:
    sari.in_repair("Espresso machine", 1, "ready", attributes={"place": "Menteng"})
    asked = visitor.says("can you deliver my machine?", "action_delivery")
    assert responses(asked) == ["utter_terms", "utter_repair_ready_ask"]
    assert responses(visitor.says("yes please", "action_affirm")) == ["utter_matter_request_noted"]
    assert [r.status for r in requests(engine, "delivery_request")] == ["open"]
    assert responses(visitor.says("is my machine ready", "action_repair")) == ["utter_repair_ready_noted"]
    assert "yes" not in visitor.pending


def test_the_price_of_shipping_asks_nobody_about_their_machine(sari: Known, visitor: Visitor) -> None:
    sari.in_repair("Espresso machine", 1, "ready")
    assert responses(visitor.says("how much is shipping?", "action_delivery")) == ["utter_terms"]


@pytest.mark.parametrize(
    "asked", ["and when does it arrive?", "when will they come", "sampainya kapan ya", "kapan sampai?"]
)
def test_when_it_arrives_is_told_of_what_is_on_its_way(sari: Known, visitor: Visitor, asked: str) -> None:
    sari.ordered("ORD-1001", 1, status="on_the_way")
    assert responses(visitor.says(asked, "action_delivery")) == ["utter_terms", "utter_order"]


def test_a_mere_ok_later_on_sets_nothing_going(sari: Known, visitor: Visitor, engine: Engine) -> None:
    sari.in_repair("Espresso machine", 1, "ready")
    visitor.says("can you deliver my machine?", "action_delivery")
    visitor.says("how many points do I have", "action_points")
    assert responses(visitor.says("ok", "action_affirm")) == ["utter_affirm_nothing"]
    assert requests(engine, "delivery_request") == []


# Returns -------------------------------------------------------------------------------------------------------------


def test_an_order_in_time_goes_back_once_the_customer_says_yes(sari: Known, visitor: Visitor, engine: Engine) -> None:
    sari.ordered("ORD-1001", 9, status="paid")
    sari.courier_says("ORD-1001", 7, "delivered")
    asked = visitor.says("I want to return my coffee", "action_return")
    assert responses(asked) == ["utter_terms", "utter_return_ask"]
    assert asked.replies[1].values["limit"] == "It can come back until Monday 9 March."
    assert requests(engine, "return_request") == []
    assert responses(visitor.says("yes", "action_affirm")) == ["utter_return_noted"]
    (request,) = requests(engine, "return_request")
    assert (request.order_id, request.status, request.customer_id) == ("ORD-1001", "open", sari.profile)
    again = visitor.says("return ORD-1001", "action_return", number("ORD-1001"))
    assert responses(again) == ["utter_return_asked_before"]


def test_a_no_returns_nothing(sari: Known, visitor: Visitor, engine: Engine) -> None:
    sari.ordered("ORD-1001", 2, status="delivered")
    visitor.says("return", "action_return")
    assert responses(visitor.says("no", "action_deny")) == ["utter_return_left"]
    assert requests(engine, "return_request") == []


def test_which_of_several_orders_is_chosen_by_button_or_typed(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1001", 5, status="delivered")
    sari.ordered("ORD-1002", 3, status="delivered")
    which = visitor.says("return something", "action_return").replies[1]
    assert which.response == "utter_return_which"
    assert [b["payload"] for b in which.buttons] == ["/return_item ORD-1002", "/return_item ORD-1001"]
    assert visitor.again().replies[1] == which
    pressed = visitor.says("ORD-1001", "action_return", ("pressed", "ORD-1001", 1.0))
    assert only(pressed).values["order"] == "ORD-1001"
    visitor.says("return something", "action_return")
    typed = visitor.says("ORD-1002", "action_order_status", number("ORD-1002"))
    assert (only(typed).response, only(typed).values["order"]) == ("utter_return_ask", "ORD-1002")


def test_the_days_to_return_end_after_the_last_of_them(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1001", 16, status="paid")
    sari.courier_says("ORD-1001", 14, "delivered")
    sari.ordered("ORD-1002", 17, status="paid")
    sari.courier_says("ORD-1002", 15, "delivered")
    last_day = only(visitor.says("return ORD-1001", "action_return", number("ORD-1001")))
    assert (last_day.response, last_day.values["limit"]) == ("utter_return_ask", "It can come back until today.")
    over = only(visitor.says("return ORD-1002", "action_return", number("ORD-1002")))
    assert (over.response, over.values["day"]) == ("utter_return_late", "yesterday")


def test_what_has_not_come_yet_can_come_back_after_it_did(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1001", 1, status="on_the_way")
    asked = only(visitor.says("return ORD-1001", "action_return", number("ORD-1001")))
    assert asked.values["limit"] == "It can come back up to 14 days after it arrives."


def test_what_was_given_back_is_not_given_back_again(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1001", 5, status="delivered")
    sari.ordered("ORD-1001", 2, ("House Blend 250 g", 1), status="returned", amount=-100_000)
    told = visitor.says("return ORD-1001", "action_return", number("ORD-1001"))
    assert responses(told) == ["utter_return_done"]


def test_while_a_return_is_noted_only_an_order_that_is_named_opens_another(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1001", 5, status="delivered")
    sari.ordered("ORD-1002", 3, status="delivered")
    visitor.says("return ORD-1002", "action_return", number("ORD-1002"))
    visitor.says("yes", "action_affirm")
    again = only(visitor.says("I want to return something", "action_return"))
    assert (again.response, again.values) == ("utter_return_asked_before", {"order": "ORD-1002"})
    assert "yes" not in visitor.pending
    named = only(visitor.says("return ORD-1001", "action_return", number("ORD-1001")))
    assert (named.response, named.values["order"]) == ("utter_return_ask", "ORD-1001")


# Taking back ---------------------------------------------------------------------------------------------------------


def test_a_return_is_taken_back_and_may_be_asked_for_anew(sari: Known, visitor: Visitor, engine: Engine) -> None:
    sari.ordered("ORD-1001", 2, status="delivered")
    visitor.says("return ORD-1001", "action_return", number("ORD-1001"))
    visitor.says("yes", "action_affirm")
    taken_back = only(visitor.says("cancel the return", "action_withdraw_request"))
    assert (taken_back.response, taken_back.values) == ("utter_withdrawn_return", {"order": "ORD-1001"})
    assert [r.status for r in requests(engine, "return_request")] == ["cancelled"]
    before = everything(engine)
    assert responses(visitor.again()) == ["utter_withdrawn_return"]
    assert everything(engine) == before
    assert responses(visitor.says("cancel the return", "action_withdraw_request")) == ["utter_withdraw_nothing"]
    anew = visitor.says("return ORD-1001", "action_return", number("ORD-1001"))
    assert responses(anew) == ["utter_return_ask"]


def test_the_newest_request_is_taken_back_or_that_of_the_order_which_is_named(sari: Known, visitor: Visitor) -> None:
    sari.ordered("ORD-1001", 5, status="delivered")
    sari.in_repair("Espresso machine", 1, "ready")
    visitor.says("return ORD-1001", "action_return", number("ORD-1001"))
    visitor.says("yes", "action_affirm")
    visitor.says("can you deliver my machine?", "action_delivery")
    visitor.says("yes", "action_affirm")
    visitor.says("my grinder is broken", "action_repair", ("product", "grinder", 1.0))
    said = [visitor.says("forget that request", "action_withdraw_request") for _ in range(2)]
    assert [only(result).response for result in said] == ["utter_withdrawn_repair", "utter_withdrawn_delivery"]
    assert [only(result).values["product"] for result in said] == ["Grinder", "Espresso machine"]
    other = visitor.says("cancel the return of ORD-9", "action_withdraw_request", number("ORD-9"))
    assert responses(other) == ["utter_withdraw_nothing"]
    mine = visitor.says("cancel the return of ord 1001", "action_withdraw_request", number("ord 1001"))
    assert responses(mine) == ["utter_withdrawn_return"]


def test_what_was_only_asked_about_is_left(sari: Known, visitor: Visitor, engine: Engine) -> None:
    sari.ordered("ORD-1001", 2, status="delivered")
    visitor.says("return ORD-1001", "action_return", number("ORD-1001"))
    assert responses(visitor.says("cancel it", "action_withdraw_request")) == ["utter_return_left"]
    assert responses(visitor.says("yes", "action_affirm")) == ["utter_affirm_nothing"]
    assert requests(engine, "return_request") == []


def test_with_nothing_else_open_it_is_the_person_who_is_not_needed(visitor: Visitor) -> None:
    visitor.says("a human please", "action_talk_to_person")
    assert responses(visitor.says("cancel my request", "action_withdraw_request")) == ["utter_person_cancelled"]


def test_whoever_is_not_proven_takes_nothing_back(
    sari: Known, visitor: Visitor, engine: Engine, business: Business, now: datetime
) -> None:
    sari.ordered("ORD-1001", 2, status="delivered")
    visitor.says("return ORD-1001", "action_return", number("ORD-1001"))
    visitor.says("yes", "action_affirm")
    guest = arrive(engine, business, now)
    told = guest.says("cancel the return of ORD-1001", "action_withdraw_request", number("ORD-1001"))
    assert responses(told) == ["utter_need_proof"]
    assert [r.status for r in requests(engine, "return_request")] == ["open"]


def test_the_terms_are_said_once_before_proof_is_asked_for(engine: Engine, business: Business, now: datetime) -> None:
    guest = arrive(engine, business, now)
    for text, action in (("I want to return this", "action_return"), ("when does my order come", "action_delivery")):
        assert responses(guest.says(text, action)) == ["utter_terms", "utter_need_proof"]
        assert responses(guest.says(text, action)) == ["utter_need_proof"]
    assert responses(guest.says("do you deliver?", "action_delivery")) == ["utter_terms"]


# Repairs -------------------------------------------------------------------------------------------------------------


def test_a_repair_that_is_ready_is_told_with_its_place_and_since_when(sari: Known, visitor: Visitor) -> None:
    sari.in_repair("Espresso machine", 4, "in repair", attributes={"place": "Menteng"})
    sari.in_repair("Espresso machine", 1, "ready", attributes={"place": "Menteng"})
    reply = only(visitor.says("mesin saya sudah jadi?", "action_repair", language="id"))
    assert (reply.response, reply.values) == (
        "utter_repair_ready_ask",
        {"product": "Mesin espresso", "where": " di Menteng", "since": "kemarin"},
    )


def test_a_repair_that_takes_longer_is_told_since_it_was_brought(sari: Known, visitor: Visitor) -> None:
    sari.in_repair("Grinder", 90, "waiting")
    sari.in_repair("Grinder", 80, "collected")
    sari.in_repair("Grinder", 7, "waiting")
    sari.in_repair("Grinder", 2, "in repair")
    reply = only(visitor.says("is my grinder done?", "action_repair"))
    assert (reply.response, reply.values["since"]) == ("utter_repair_waiting", "Monday 23 February")


def test_who_has_nothing_in_repair_is_told_so_and_how_it_is_done(visitor: Visitor) -> None:
    told = visitor.says("is my machine ready?", "action_repair")
    assert responses(told) == ["utter_repair_none", "utter_terms"]


def test_a_new_defect_is_kept_for_staff_and_nothing_is_offered_while_it_is_open(
    sari: Known, visitor: Visitor, engine: Engine, now: datetime
) -> None:
    told = visitor.says("my grinder is broken", "action_repair", ("product", "grinder", 1.0))
    assert responses(told) == ["utter_repair_reported", "utter_terms"]
    (request,) = requests(engine, "repair")
    assert (request.product, request.text, request.status) == ("Grinder", "my grinder is broken", "reported")
    advised = visitor.says("I like fruity coffee", "action_note_need", ("need", "explorer", 0.9))
    assert responses(advised) == ["utter_welcome_name", "utter_open_matter_reported"][-len(responses(advised)) :]
    assert offered(advised) is None
    again = visitor.says("the grinder is still broken", "action_repair", ("product", "grinder", 1.0))
    assert responses(again) == ["utter_repair_reported_before"]
    # The workshop takes it up and gives it back: what was reported has its end too.
    sari.now = now + timedelta(days=5)
    sari.in_repair("Grinder", 1, "collected")
    with reading(engine) as connection:
        assert open_matters(connection, [sari.profile], sari.now) == []


# Points --------------------------------------------------------------------------------------------------------------


def test_points_are_summed_with_what_was_earned_last(sari: Known, visitor: Visitor) -> None:
    for points, days in ((1200, 300), (-150, 30), (80, 20), (500, -2)):
        sari.earned(points, days)
    reply = only(visitor.says("how many points do I have?", "action_points"))
    assert (reply.response, reply.values) == (
        "utter_points_earned",
        {"points": "1,130", "earned": "80", "day": "on Tuesday 10 February"},
    )
    assert only(visitor.says("berapa poin saya?", "action_points", language="id")).values["points"] == "1.130"


def test_how_points_work_is_told_with_them(sari: Known, visitor: Visitor) -> None:
    sari.earned(80, 20)
    assert responses(visitor.says("do points expire?", "action_points")) == ["utter_points_earned", "utter_terms"]


@pytest.mark.parametrize(
    "text",
    ["can I use my points for a discount?", "poin saya bisa buat potongan harga gak", "what are my points worth"],
)
def test_what_points_are_worth_is_told_whenever_it_is_asked(
    sari: Known, visitor: Visitor, business: Business, text: str
) -> None:
    sari.earned(80, 20)
    for _ in range(2):
        terms, balance = visitor.says(text, "action_points").replies
        assert (terms.response, balance.response) == ("utter_terms", "utter_points_earned")
    service = business.service.model_copy(update={"points": None})
    visitor.business = business.model_copy(update={"service": service})
    assert responses(visitor.says(text, "action_points")) == ["utter_not_known", "utter_points_earned"]


def test_who_is_not_proven_hears_what_points_are_worth_and_proves_only_for_their_own(guest: Visitor) -> None:
    assert responses(guest.says("what are your points worth", "action_points")) == ["utter_terms"]
    own = guest.says("can I use my points for a discount", "action_points")
    assert responses(own) == ["utter_terms", "utter_need_proof"]


def test_who_never_had_points_is_told_so(visitor: Visitor) -> None:
    assert responses(visitor.says("my points", "action_points"))[0] == "utter_points_none"


# Asked again ---------------------------------------------------------------------------------------------------------


def test_a_turn_of_service_that_is_retried_keeps_its_request_once(
    sari: Known, visitor: Visitor, engine: Engine
) -> None:
    sari.ordered("ORD-1001", 2, status="delivered")
    visitor.says("return ORD-1001", "action_return", number("ORD-1001"))
    visitor.says("yes", "action_affirm")
    before = everything(engine)
    assert responses(visitor.again()) == ["utter_return_noted"]
    assert everything(engine) == before
