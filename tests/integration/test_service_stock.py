"""What there is, and what it costs: from the newest count of each shelf, honestly where there is none, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from guest import Clock
from httpx import AsyncClient
from serving import on_shelf
from sqlalchemy import Engine
from till import Till, is_problem
from visitor import Visitor, arrive, offered, only, responses, rows

from crm_store.business import Business, Store
from crm_store.database import reading
from crm_store.imports import import_stock
from crm_store.tables import stock

TORAJA = ("product", "toraja", 1.0)
KEMANG = ("store", "kemang", 1.0)


def shelves(engine: Engine) -> dict[tuple[str, str], float]:
    with reading(engine) as connection:
        return {(row.product_id, row.store_id): row.quantity for row in rows(connection, stock)}


# Asked for in the chat -----------------------------------------------------------------------------------------------


def test_the_store_that_is_named_is_told_of(guest: Visitor, engine: Engine, now: datetime) -> None:
    on_shelf(engine, "toraja", "kemang", 12, now - timedelta(hours=3))
    on_shelf(engine, "toraja", "menteng", 0, now - timedelta(hours=3))
    reply = only(guest.says("do you have toraja in kemang?", "action_stock", TORAJA, KEMANG))
    assert (reply.response, reply.values) == (
        "utter_stock_there",
        {"product": "Toraja single origin 250 g", "found": "in stock at Kemang", "as_of": "today at 9:00"},
    )


def test_where_no_store_is_named_all_of_them_are_told_of_and_the_web_shop(
    guest: Visitor, engine: Engine, now: datetime
) -> None:
    for store, quantity in (("kemang", 3), ("menteng", 0), ("", 40)):
        on_shelf(engine, "toraja", store, quantity, now)
    english = only(guest.says("any toraja left?", "action_stock", TORAJA))
    assert english.values["found"] == "in stock in the web shop, only a few left at Kemang, sold out at Menteng"
    indonesian = only(guest.says("toraja masih ada?", "action_stock", TORAJA, language="id"))
    assert indonesian.values["found"] == "tersedia di toko web, tinggal sedikit di Kemang, habis di Menteng"
    assert indonesian.values["as_of"] == "hari ini pukul 12.00"


@pytest.mark.parametrize("quantity", [0, -4])
def test_what_is_gone_is_told_to_be_and_never_a_figure(
    guest: Visitor, engine: Engine, now: datetime, quantity: float
) -> None:
    on_shelf(engine, "toraja", "kemang", quantity, now)
    reply = only(guest.says("toraja in kemang?", "action_stock", TORAJA, KEMANG))
    assert (reply.response, reply.values["found"]) == ("utter_stock_gone", "sold out at Kemang")


@pytest.mark.parametrize("age", [None, timedelta(days=2, hours=1)])
def test_without_a_fresh_count_nothing_is_guessed(
    guest: Visitor, engine: Engine, now: datetime, age: timedelta | None
) -> None:
    if age:
        on_shelf(engine, "toraja", "kemang", 12, now - age)
    reply = only(guest.says("toraja in kemang?", "action_stock", TORAJA, KEMANG))
    assert (reply.response, reply.values["phone"]) == ("utter_stock_unknown", guest.business.business.phone)


def test_a_store_without_a_count_beside_one_with_is_owned_up_to(guest: Visitor, engine: Engine, now: datetime) -> None:
    on_shelf(engine, "toraja", "kemang", 12, now)
    reply = only(guest.says("toraja?", "action_stock", TORAJA))
    assert reply.values["found"] == "in stock at Kemang, not known at Menteng"


def test_which_product_is_asked_back_and_its_name_alone_is_the_answer(
    guest: Visitor, engine: Engine, now: datetime
) -> None:
    on_shelf(engine, "toraja", "kemang", 12, now)
    assert responses(guest.says("do you have something in stock?", "action_stock")) == ["utter_stock_which"]
    assert responses(guest.says("toraja", "action_fallback", TORAJA)) == ["utter_stock_there"]
    # Later on the bare name asks for the price, as ever.
    assert responses(guest.says("toraja", "action_fallback", TORAJA)) == ["utter_price"]


def test_it_is_what_was_talked_of_last(guest: Visitor, engine: Engine, now: datetime) -> None:
    on_shelf(engine, "toraja", "kemang", 12, now)
    guest.says("how much is toraja", "action_price", TORAJA)
    assert only(guest.says("is it in stock?", "action_stock")).values["product"].startswith("Toraja")
    answer = guest.says("do you have bicycles for children in your shops", "action_stock")
    assert responses(answer) == ["utter_stock_which"], "what is asked for is not what was talked of"


@pytest.mark.parametrize(
    "text", ["and in kemang?", "kemang?", "what about the kemang store?", "kalau di kemang ada gak kak?"]
)
def test_another_store_right_after_is_asked_for_the_same(
    guest: Visitor, engine: Engine, now: datetime, text: str
) -> None:
    on_shelf(engine, "toraja", "kemang", 12, now)
    on_shelf(engine, "toraja", "menteng", 0, now)
    guest.says("toraja in menteng?", "action_stock", TORAJA, ("store", "menteng", 1.0))
    told = only(guest.says(text, "action_stores", KEMANG))
    assert (told.response, told.values["found"]) == ("utter_stock_there", "in stock at Kemang")


def test_another_product_right_after_is_asked_for_the_same(guest: Visitor, engine: Engine, now: datetime) -> None:
    on_shelf(engine, "toraja", "kemang", 12, now)
    on_shelf(engine, "gayo", "kemang", 12, now)
    guest.says("gayo in kemang?", "action_stock", ("product", "gayo", 1.0), KEMANG)
    assert responses(guest.says("and toraja?", "action_fallback", TORAJA)) == ["utter_stock_there"]
    guest.says("how much is gayo", "action_price", ("product", "gayo", 1.0))
    assert responses(guest.says("kalau toraja?", "action_stock", TORAJA)) == ["utter_price"]


def test_a_store_that_is_named_later_on_or_with_more_is_no_question_for_stock(
    guest: Visitor, engine: Engine, now: datetime
) -> None:
    on_shelf(engine, "toraja", "kemang", 12, now)
    guest.says("toraja?", "action_stock", TORAJA)
    assert responses(guest.says("where is kemang", "action_stores", KEMANG)) == ["utter_stores"]
    assert responses(guest.says("and kemang?", "action_stores", KEMANG)) == ["utter_stores"]


def test_a_product_s_name_that_could_also_be_an_answer_is_no_answer_where_nothing_was_asked(guest: Visitor) -> None:
    told = guest.says("mesin espresso", "action_note_answer", ("product", "espresso_machine", 1.0), language="id")
    assert responses(told) == ["utter_price"]


def test_of_many_stores_one_is_asked_for(engine: Engine, business: Business, now: datetime) -> None:
    many = [
        Store(id=f"s{n}", name=f"Shop {n}", address="x", hours={"en": "daily", "id": "setiap hari"}) for n in range(6)
    ]
    guest = arrive(engine, business.model_copy(update={"stores": many}), now)
    on_shelf(engine, "toraja", "s3", 12, now)
    assert responses(guest.says("toraja?", "action_stock", TORAJA)) == ["utter_stock_where"]
    answer = only(guest.says("shop 3", "action_fallback", ("store", "s3", 1.0)))
    assert answer.values["found"] == "in stock at Shop 3"


# Prices --------------------------------------------------------------------------------------------------------------


def test_the_price_right_after_an_offer_is_that_of_what_was_offered(guest: Visitor) -> None:
    guest.says("for the office", "action_note_need", ("need", "office", 0.95))
    assert offered(guest.says("30", "action_note_answer")) == "office_starter"
    reply = only(guest.says("how much does it cost?", "action_price"))
    assert reply.values == {"product": "Office Blend 1 kg", "price": "Rp 185,000"}


def test_an_offer_of_two_products_has_two_prices(guest: Visitor) -> None:
    offer = guest.says("something fruity", "action_note_need", ("need", "explorer", 0.95))
    while offered(offer) is None:
        offer = guest.says("what do you have", "action_advise")
    assert offered(offer) == "tasting_set"
    reply = only(guest.says("berapa harganya?", "action_price", language="id"))
    assert reply.response == "utter_prices"
    assert reply.values["prices"] == (
        "- Gayo single origin 250 g: Rp 115.000\n- Toraja single origin 250 g: Rp 125.000"
    )


def test_of_several_products_that_are_named_each_is_told(guest: Visitor, engine: Engine, now: datetime) -> None:
    gayo = ("product", "gayo", 1.0)
    reply = only(guest.says("gayo sama toraja berapa?", "action_price", gayo, TORAJA))
    assert [line.split(":")[0] for line in reply.values["prices"].splitlines()] == [
        "- Gayo single origin 250 g",
        "- Toraja single origin 250 g",
    ]
    for product in ("gayo", "toraja"):
        on_shelf(engine, product, "kemang", 12, now)
    told = guest.says("are gayo and toraja in kemang?", "action_stock", gayo, TORAJA, KEMANG)
    assert responses(told) == ["utter_stock_there"] * 2


def test_a_product_is_called_what_it_is_in_the_language_of_the_customer(guest: Visitor) -> None:
    assert only(guest.says("how much are capsules", "action_price")).values["product"] == "Capsules, box of 30"
    indonesian = only(guest.says("kapsul berapa", "action_price", language="id"))
    assert indonesian.values["product"] == "Kapsul isi 30"


# From a file ---------------------------------------------------------------------------------------------------------


def imported(engine: Engine, business: Business, now: datetime, folder: Path, *lines: str) -> Any:
    path = folder / "stock.csv"
    path.write_text("\n".join(lines) + "\n")
    return import_stock(engine, path, business=business, now=now)


def test_a_file_is_loaded_by_id_or_name_and_no_store_is_the_web_shop(
    engine: Engine, business: Business, now: datetime, tmp_path: Path
) -> None:
    report = imported(
        engine, business, now, tmp_path,
        "product,store,quantity,at",
        "toraja,kemang,12,2026-03-02T09:00:00+07:00",
        "Kopi celup,Menteng,3.5,",
        "office_blend,,40,2026-03-01",
    )  # fmt: skip
    assert (report.loaded, report.rejected) == (3, 0)
    assert shelves(engine) == {("toraja", "kemang"): 12, ("drip_bags", "menteng"): 3.5, ("office_blend", ""): 40}


def test_the_newest_count_stays_whatever_comes_later(
    engine: Engine, business: Business, now: datetime, tmp_path: Path
) -> None:
    newer = ("product,store,quantity,at", "toraja,kemang,12,2026-03-02T09:00:00+07:00")
    older = ("product,store,quantity,at", "toraja,kemang,99,2026-03-01T09:00:00+07:00")
    assert imported(engine, business, now, tmp_path, *newer).loaded == 1
    assert imported(engine, business, now, tmp_path, *newer).unchanged == 1
    assert imported(engine, business, now, tmp_path, *older).unchanged == 1
    assert shelves(engine) == {("toraja", "kemang"): 12}


def test_bad_rows_are_put_aside_with_the_reason(
    engine: Engine, business: Business, now: datetime, tmp_path: Path
) -> None:
    report = imported(
        engine, business, now, tmp_path,
        "product,store,quantity,at",
        "bicycle,kemang,1,",
        "toraja,bandung,1,",
        "toraja,kemang,many,",
        "toraja,kemang,1,2026-03-03",
        "toraja,kemang,7,",
    )  # fmt: skip
    assert (report.loaded, report.rejected) == (1, 4)
    reasons = (tmp_path / "stock.rejects.csv").read_text()
    for said in ("no product is called 'bicycle'", "no store is called 'bandung'", "is not a number", "in the future"):
        assert said in reasons


# Over HTTP -----------------------------------------------------------------------------------------------------------


async def test_the_shop_puts_its_counts(http: AsyncClient, till: Till, engine: Engine, clock: Clock) -> None:
    counts = [{"product": "toraja", "store": "kemang", "quantity": 12}, {"product": "Gayo", "quantity": 3}]
    put = await http.put("/v1/stock", json={"counts": counts}, headers=till.headers)
    assert (put.status_code, put.json()) == (200, {"kept": 2, "unchanged": 0})
    again = await http.put("/v1/stock", json={"counts": counts}, headers=till.headers)
    assert again.json() == {"kept": 0, "unchanged": 2}
    assert shelves(engine) == {("toraja", "kemang"): 12, ("gayo", ""): 3}


async def test_a_clock_that_is_ahead_does_not_outlast_the_next_count(
    http: AsyncClient, till: Till, engine: Engine, clock: Clock
) -> None:
    for quantity, at in ((12, "2030-01-01T00:00:00Z"), (7, None)):
        clock.now += timedelta(minutes=1)
        count = {"product": "toraja", "store": "kemang", "quantity": quantity} | ({"at": at} if at else {})
        await http.put("/v1/stock", json={"counts": [count]}, headers=till.headers)
    assert shelves(engine) == {("toraja", "kemang"): 7}


async def test_counts_without_the_key_or_of_something_unknown_are_refused_whole(
    http: AsyncClient, till: Till, engine: Engine
) -> None:
    good = {"product": "toraja", "store": "kemang", "quantity": 12}
    assert is_problem(await http.put("/v1/stock", json={"counts": [good]}), 401, "wrong-key")
    for bad in ({"product": "bicycle"}, {"store": "bandung"}):
        answered = await http.put("/v1/stock", json={"counts": [good, good | bad]}, headers=till.headers)
        assert is_problem(answered, 422, "unknown-stock")
    for bad in ({"quantity": "many"}, {"quantity": None}, {"colour": "red"}):
        answered = await http.put("/v1/stock", json={"counts": [good | bad]}, headers=till.headers)
        assert is_problem(answered, 422, "invalid-request")
    assert shelves(engine) == {}
