"""Several questions in one message: all are answered in one turn, each with what is named in it."""

from __future__ import annotations

from datetime import datetime, timedelta

from serving import Known, on_shelf
from sqlalchemy import Engine
from visitor import Visitor, arrive, responses

from crm_store.business import Business
from crm_store.moment import TurnResult, Understanding
from crm_store.turn import Further, TurnRequest

GAYO, TORAJA = (("product", name, 1.0) for name in ("gayo", "toraja"))
Heard = tuple[str, tuple[tuple[str, str, float], ...]]


def asks_two(visitor: Visitor, first: str, action: str, second: str, then: Heard) -> TurnResult:
    text = f"{first} and {second}"
    understanding = Understanding(action.removeprefix("action_"), 0.9, "en")
    also = Further(len(first) + 5, Understanding(then[0], 0.9, "en", then[1]))
    visitor.last_request = TurnRequest(visitor.writes(text), action, understanding, (also,))
    return visitor.again()


def test_the_customer_s_own_matter_and_a_price_are_both_told(engine: Engine, business: Business, now: datetime) -> None:
    sari = Known(engine, now, "sari")
    sari.ordered("ORD-1001", 2, status="shipped")
    visitor = arrive(engine, business, now, proof=sari.proof)
    told = asks_two(visitor, "where is my order", "action_order_status", "how much is gayo", ("ask_price", (GAYO,)))
    assert responses(told) == ["utter_order", "utter_price"]
    assert told.replies[1].values["product"].startswith("Gayo")
    assert visitor.again() == told, "a retry gives the same answer"


def test_a_guest_hears_how_to_prove_who_they_are_and_the_price(guest: Visitor) -> None:
    told = asks_two(guest, "where is my order", "action_order_status", "how much is gayo", ("ask_price", (GAYO,)))
    assert responses(told)[-2:] == ["utter_need_proof", "utter_price"]


def test_what_the_first_speaks_of_is_what_it_means_in_the_second(guest: Visitor, engine: Engine, now: datetime) -> None:
    on_shelf(engine, "toraja", "kemang", 12, now - timedelta(hours=1))
    told = asks_two(guest, "how much is toraja", "action_price", "is it in stock", ("ask_stock", ()))
    assert [reply.values["product"] for reply in told.replies] == ["Toraja single origin 250 g"] * 2


def test_three_questions_have_three_answers(guest: Visitor, engine: Engine, now: datetime) -> None:
    on_shelf(engine, "gayo", "kemang", 12, now)
    parts = ["how much is gayo?", " do you have it in kemang?", " and do you deliver"]
    understood = [
        Understanding("ask_price", 0.9, "en", (GAYO,)),
        Understanding("ask_stock", 0.9, "en", (("store", "kemang", 1.0),)),
        Understanding("ask_delivery", 0.9, "en"),
    ]
    further = tuple(Further(len("".join(parts[: n + 1])), question) for n, question in enumerate(understood[1:]))
    guest.last_request = TurnRequest(guest.writes("".join(parts)), "action_price", understood[0], further)
    told = guest.again()
    assert responses(told) == ["utter_price", "utter_stock_there", "utter_terms"]
    assert told.replies[1].values["found"] == "in stock at Kemang"


def test_the_hours_are_not_told_twice(guest: Visitor) -> None:
    told = asks_two(guest, "where are you", "action_stores", "when are you open", ("ask_hours", ()))
    assert responses(told) == ["utter_stores"]


def test_what_is_no_question_of_fact_is_no_second_one(guest: Visitor) -> None:
    told = asks_two(guest, "how much is gayo", "action_price", "you are all thieves", ("complain", ()))
    assert responses(told) == ["utter_price"]
