"""What the other touchpoints report: whose it is, kept once, and counted as what it was, on both databases."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest
import seeds
from sqlalchemy import Engine
from visitor import counts, everything, kept, only_row

from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate import picture
from crm_store.differentiate.evidence import purchases
from crm_store.differentiate.value import value_facts
from crm_store.events import Event, EventError, keep_event
from crm_store.identify.lookup import (
    AmbiguousIdentifiersError,
    Given,
    UnusableIdentifiersError,
    customer_of,
    profile_for,
)
from crm_store.identify.merging import merge
from crm_store.identify.profiles import make_profile
from crm_store.interact.matters import open_matters
from crm_store.tables import customers, events, identifiers, interactions, records, transactions

MAIL, PHONE, CARD = ("email", "sari@example.com"), ("phone", "+628121234567"), ("loyalty_id", "KS-700001")


@pytest.fixture
def sari(engine: Engine, now: datetime) -> str:
    """A customer of whom nothing is known but that she is there."""
    with UnitOfWork(engine) as work:
        profile = make_profile(work.connection, now - timedelta(days=300))
        work.commit()
    return profile


def an_event(now: datetime, kind: str, event_id: str = "e-1", source: str = "pos", **body: Any) -> Event:
    return Event(source, event_id, now, "store", kind, body)


def keep(engine: Engine, event: Event, customer: str) -> bool:
    with UnitOfWork(engine) as work:
        is_new = keep_event(work.connection, event, customer)
        work.commit()
    return is_new


def who(engine: Engine, *given: Given) -> str | None:
    with reading(engine) as connection:
        known = customer_of(connection, given)
        return known.customer if known else None


def found_or_made(engine: Engine, now: datetime, *given: Given, source: str = "pos") -> str:
    with UnitOfWork(engine) as work:
        customer = profile_for(work.connection, source, given, now)
        work.commit()
    return customer


# Events --------------------------------------------------------------------------------------------------------------


def test_a_purchase_becomes_a_transaction(engine: Engine, sari: str, now: datetime) -> None:
    body = {
        "amount": 185_000,
        "margin": 60_000,
        "currency": "IDR",
        "product": "Office Blend 1 kg",
        "category": "office_beans",
        "quantity": 2,
        "order_id": 4711,
        "till": "3",
    }
    assert keep(engine, an_event(now, "purchase", **body), sari)
    row = only_row(engine, transactions)
    assert (row.source, row.transaction_id, row.customer_id, row.at) == ("pos", "e-1", sari, now)
    assert (row.amount, row.margin, row.currency, row.quantity) == (185_000, 60_000, "IDR", 2)
    assert (row.product, row.category, row.order_id) == ("Office Blend 1 kg", "office_beans", "4711")
    assert row.attributes == {"till": "3"}
    assert kept(engine, interactions) == []
    assert only_row(engine, events).body == body


@pytest.mark.parametrize("amount", [185_000, -185_000])
def test_a_return_takes_off_however_its_amount_is_written(
    engine: Engine, sari: str, now: datetime, amount: float
) -> None:
    keep(engine, an_event(now, "return", amount=amount), sari)
    assert only_row(engine, transactions).amount == -185_000


def test_anything_else_becomes_an_interaction(engine: Engine, sari: str, now: datetime) -> None:
    body = {"product": "Grinder", "status": "ready", "text": "Burrs replaced", "cost": 60_000, "place": "Menteng"}
    assert keep(engine, an_event(now, "repair", **body), sari)
    row = only_row(engine, interactions)
    assert (row.kind, row.product, row.status, row.text, row.cost) == (
        "repair",
        "Grinder",
        "ready",
        "Burrs replaced",
        60_000,
    )
    assert row.attributes == {"place": "Menteng"}
    assert kept(engine, transactions) == []


def test_a_page_event_stays_an_event(engine: Engine, sari: str, now: datetime) -> None:
    page = Event("page:c1", "e-1", now, "web", "view_product", {"product": "gayo"})
    bought = Event("page:c1", "e-2", now, "web", "purchase", {"amount": 1})
    assert keep(engine, page, sari)
    assert keep(engine, bought, sari), "a browser's word for a purchase is no purchase"
    assert len(kept(engine, events)) == 2
    assert kept(engine, interactions) == kept(engine, transactions) == []


@pytest.mark.parametrize("kind", ["purchase", "call"])
def test_the_same_event_again_is_known_and_changes_nothing(engine: Engine, sari: str, now: datetime, kind: str) -> None:
    event = an_event(now, kind, amount=100)
    assert keep(engine, event, sari)
    before = everything(engine)
    assert not keep(engine, event, sari)
    assert not keep(engine, an_event(now, kind, amount=999), sari)
    assert everything(engine) == before


def test_two_sources_may_use_the_same_event_id(engine: Engine, sari: str, now: datetime) -> None:
    assert keep(engine, an_event(now, "purchase", amount=1, source="pos"), sari)
    assert keep(engine, an_event(now, "purchase", amount=1, source="web"), sari)
    assert len(kept(engine, transactions)) == 2


@pytest.mark.parametrize("amount", [None, "185.000", "", True, [1]], ids=str)
def test_a_purchase_without_an_amount_is_refused_and_nothing_is_kept(
    engine: Engine, sari: str, now: datetime, amount: object
) -> None:
    before = everything(engine)
    with pytest.raises(EventError, match="a purchase needs an `amount`, a number"):
        keep(engine, an_event(now, "purchase", amount=amount), sari)
    assert everything(engine) == before


@pytest.mark.parametrize("kind", ["purchase", "call"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf], ids=str)
def test_a_number_that_is_none_is_refused_wherever_it_stands(
    engine: Engine, sari: str, now: datetime, kind: str, number: float
) -> None:
    before = everything(engine)
    for body in ({"amount": number}, {"amount": 1, "extra": {"weights": [number]}}):
        with pytest.raises(EventError, match="leave out what is not known"):
            keep(engine, an_event(now, kind, **body), sari)
    assert everything(engine) == before


def test_what_does_not_fit_its_column_stays_beside_it_as_it_was_sent(engine: Engine, sari: str, now: datetime) -> None:
    odd = {
        "quantity": "two",
        "margin": None,
        "currency": "rupiah",
        "product": None,
        "category": ["beans"],
        "status": "paid\0",
        "order_id": True,
    }
    assert keep(engine, an_event(now, "purchase", amount=5, **odd), sari)
    row = only_row(engine, transactions)
    assert (row.quantity, row.margin, row.currency, row.product, row.category) == (None, None, None, "", None)
    assert (row.status, row.order_id) == (None, None)
    assert row.attributes == odd


# What follows from them ----------------------------------------------------------------------------------------------


def test_a_purchase_raises_the_value_and_a_contact_lowers_it(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    keep(engine, an_event(now, "purchase", "e-1", amount=1_000_000), sari)
    keep(engine, an_event(now, "purchase", "e-2", amount=500_000, margin=50_000), sari)
    keep(engine, an_event(now, "return", "e-3", amount=200_000), sari)
    keep(engine, an_event(now, "question", "e-4"), sari)
    keep(engine, an_event(now, "call", "e-5", cost=9_000), sari)
    with reading(engine) as connection:
        value = value_facts(connection, business, [sari], now)
    assert value.margin == pytest.approx(350_000 + 50_000 - 70_000)
    assert value.cost_to_serve == pytest.approx(business.touchpoints["store"].cost + 9_000)
    assert (value.purchases, value.returns, value.contacts) == (2, 1, 2)
    assert value.actual_value == pytest.approx(330_000 - 13_000)


def test_a_touchpoint_that_the_business_no_longer_has_costs_nothing_to_serve(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    keep(engine, Event("crm", "e-1", now, "telex", "message", {}), sari)
    with reading(engine) as connection:
        value = value_facts(connection, business, [sari], now)
    assert (value.cost_to_serve, value.contacts) == (0.0, 1)


def test_only_the_window_that_ends_now_is_looked_at(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    window = timedelta(days=business.value.window_days)
    for i, at in enumerate((now - window, now - window + timedelta(seconds=1), now, now + timedelta(seconds=1))):
        keep(engine, an_event(at, "purchase", f"p-{i}", amount=100), sari)
        keep(engine, an_event(at, "call", f"c-{i}"), sari)
    with reading(engine) as connection:
        value = value_facts(connection, business, [sari], now)
    assert (value.purchases, value.contacts) == (2, 2)


def test_the_value_of_a_customer_is_that_of_all_joined_profiles_and_of_nobody_else(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        device = make_profile(work.connection, now)
        other = make_profile(work.connection, now)
        work.commit()
    for i, profile in enumerate((sari, device, other)):
        keep(engine, an_event(now, "purchase", f"e-{i}", amount=100), profile)
    with reading(engine) as connection:
        assert value_facts(connection, business, [sari, device], now).purchases == 2
        assert value_facts(connection, business, [], now).purchases == 0


def test_days_of_purchase_are_counted_once_each_by_category(
    engine: Engine, business: Business, sari: str, now: datetime
) -> None:
    """Days are UTC, on a server in any zone: 16:30 and 23:30 UTC are one day, though two in Jakarta."""
    evening = datetime.fromisoformat("2026-02-20T16:30:00+00:00")
    late = datetime.fromisoformat("2026-02-20T23:30:00+00:00")
    with UnitOfWork(engine) as work:
        if engine.dialect.name == "postgresql":
            work.connection.exec_driver_sql("SET LOCAL TIME ZONE 'Asia/Jakarta'")
        for i, (at, kind) in enumerate(((evening, "purchase"), (late, "purchase"), (now, "purchase"), (now, "return"))):
            keep_event(work.connection, an_event(at, kind, f"e-{i}", amount=1, category="capsules"), sari)
        keep_event(work.connection, an_event(now, "purchase", "gift", amount=1), sari)
        keep_event(work.connection, an_event(now, "return", "back", amount=1, category="grinders"), sari)
        later = an_event(now + timedelta(days=1), "purchase", "later", amount=1, category="machines")
        keep_event(work.connection, later, sari)
        periods, last = purchases(work.connection, business, [sari], now)
        assert periods == {"capsules": {0: 2}}
        assert last == {"capsules": now.replace(hour=0)}


def test_a_purchase_is_evidence_of_a_need(engine: Engine, business: Business, sari: str, now: datetime) -> None:
    with reading(engine) as connection:
        before = picture(connection, business, [sari], now).needs
    keep(engine, an_event(now, "purchase", amount=149_000, category="capsules"), sari)
    with reading(engine) as connection:
        after = picture(connection, business, [sari], now)
        chat_alone = picture(connection, business, [sari], now, from_elsewhere=False)
    assert after.needs["quick"] > before["quick"]
    assert [e.key for e in after.evidence] == ["buys_capsules"]
    assert chat_alone.needs == before
    assert chat_alone.actual_value == 0


def test_a_repair_reported_step_by_step_is_open_until_its_last_word(engine: Engine, sari: str, now: datetime) -> None:
    def statuses() -> list[str]:
        with reading(engine) as connection:
            return [matter.status for matter in open_matters(connection, [sari], now)]

    steps = ["received", "waiting for parts", "Ready", "collected"]
    seen = []
    for i, status in enumerate(steps):
        at = now - timedelta(days=4 - i)
        keep(engine, an_event(at, "repair", f"r-{i}", source="repair", order_id="RP-7", status=status), sari)
        seen.append(statuses())
    assert seen == [["received"], ["waiting for parts"], ["ready"], []]


def test_what_only_waits_for_the_customer_comes_first(engine: Engine, sari: str, now: datetime) -> None:
    for i, (kind, status, days) in enumerate((("complaint", "open", 9), ("repair", "ready", 1), ("repair", "", 5))):
        keep(engine, an_event(now - timedelta(days=days), kind, f"m-{i}", status=status), sari)
    with reading(engine) as connection:
        found = open_matters(connection, [sari], now)
    assert [(matter.kind, matter.status) for matter in found] == [
        ("repair", "ready"),
        ("complaint", "open"),
        ("repair", "open"),
    ]


# Whose event it is ---------------------------------------------------------------------------------------------------


def test_nobody_is_known_by_identifiers_that_nobody_has(engine: Engine) -> None:
    assert who(engine, MAIL, PHONE, ("record", "web/sari.w")) is None
    assert who(engine) is None


def test_a_new_customer_is_made_with_all_that_identifies_them(engine: Engine, now: datetime) -> None:
    made = found_or_made(engine, now, MAIL, CARD, ("record", "web/sari.w"), ("customer_number", " 17 "))
    for given in (MAIL, CARD, ("record", "web/sari.w"), ("customer_number", "17")):
        assert who(engine, given) == made
    by_type = {row.type: row for row in kept(engine, identifiers)}
    assert (by_type["loyalty_id"].value, by_type["loyalty_id"].raw) == ("KS700001", "KS-700001")
    assert {row.assurance for row in by_type.values()} == {"imported"}
    assert {row.source for row in by_type.values()} == {"pos"}
    assert only_row(engine, records).source_id == "sari.w"


def test_whoever_is_known_is_not_made_again(engine: Engine, now: datetime) -> None:
    made = found_or_made(engine, now, MAIL)
    before = counts(engine)
    assert found_or_made(engine, now, MAIL) == made
    assert found_or_made(engine, now, MAIL, PHONE) == made
    assert counts(engine) == before


@pytest.mark.parametrize(
    ("known", "written"),
    [
        (MAIL, ("email", "  SARI@Example.com ")),
        (PHONE, ("phone", "0812-1234-567")),
        (CARD, ("loyalty_id", "ks 700001")),
        (CARD, ("loyalty_number", "KS700001")),
    ],
)
def test_the_same_identifier_written_otherwise_is_the_same_customer(
    engine: Engine, now: datetime, known: Given, written: Given
) -> None:
    assert found_or_made(engine, now, known) == who(engine, written)


def test_an_identifier_written_twice_is_one(engine: Engine, now: datetime) -> None:
    twice = (
        MAIL,
        ("email", "Sari@Example.com"),
        CARD,
        ("loyalty_number", "KS700001"),
        ("record", "a/b"),
        ("record", "a/b"),
    )
    found_or_made(engine, now, *twice)
    assert len(kept(engine, identifiers)) == 2
    assert len(kept(engine, records)) == 1


def test_a_value_of_one_type_is_none_of_another(engine: Engine, now: datetime) -> None:
    found_or_made(engine, now, ("loyalty_id", "700001"))
    assert who(engine, ("order_number", "700001")) is None


def test_identifiers_of_different_customers_mean_nobody(engine: Engine, now: datetime) -> None:
    found_or_made(engine, now, MAIL)
    found_or_made(engine, now, PHONE)
    before = counts(engine)
    with pytest.raises(AmbiguousIdentifiersError):
        who(engine, MAIL, PHONE)
    with pytest.raises(AmbiguousIdentifiersError):
        found_or_made(engine, now, MAIL, PHONE, CARD)
    assert counts(engine) == before


def test_identifiers_of_joined_profiles_mean_their_one_customer(engine: Engine, now: datetime) -> None:
    one, other = found_or_made(engine, now, MAIL), found_or_made(engine, now, PHONE)
    with UnitOfWork(engine) as work:
        merge(work.connection, one, other, "test", "both are hers", now)
        work.commit()
    assert who(engine, MAIL, PHONE) == who(engine, MAIL) == who(engine, PHONE)
    assert found_or_made(engine, now, PHONE) == other, "what is told of it stays with its own profile"


@pytest.mark.parametrize(
    "nothing",
    [
        ("email", "n/a"),
        ("email", ""),
        ("phone", "0"),
        ("phone", "-"),
        ("loyalty_id", "none"),
        ("record", "web"),
        ("record", "web/"),
        ("record", "/17"),
        ("customer_number", "   "),
    ],
    ids=str,
)
def test_what_is_typed_where_there_is_no_identifier_makes_no_customer_of_many_people(
    engine: Engine, now: datetime, nothing: Given
) -> None:
    with pytest.raises(UnusableIdentifiersError):
        found_or_made(engine, now, nothing)
    assert who(engine, nothing) is None
    assert kept(engine, customers) == []
    one, other = found_or_made(engine, now, nothing, MAIL), found_or_made(engine, now, nothing, PHONE)
    assert one != other


def test_an_imported_customer_is_found_by_what_the_import_knows(engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        customer = seeds.add_customer(work.connection, now)
        seeds.add_record(work.connection, customer, "loyalty", "L-1", now, email="sari@example.com")
        work.commit()
    assert who(engine, MAIL) == who(engine, ("record", "loyalty/L-1")) == customer
    assert who(engine, ("record", "web/L-1")) is None


def test_a_record_id_may_have_slashes_of_its_own(engine: Engine, now: datetime) -> None:
    made = found_or_made(engine, now, ("record", "shop/eu/17"))
    row = only_row(engine, records)
    assert (row.source, row.source_id) == ("shop", "eu/17")
    assert who(engine, ("record", "shop/eu/17")) == made
