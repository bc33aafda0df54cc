"""What the other touchpoints report over HTTP: with the key, once, of one customer."""

from __future__ import annotations

import asyncio
from typing import Any

from guest import Clock, arrive, user_token
from httpx import AsyncClient
from sqlalchemy import Engine
from till import CARD, MAIL, RECORD, Till, is_problem
from visitor import counts, kept

from bot.settings import Settings
from crm_store.tables import customers, events, identifiers, interactions, transactions

# The key -------------------------------------------------------------------------------------------------------------


async def test_only_who_has_the_key_reports_and_asks(http: AsyncClient, till: Till, engine: Engine) -> None:
    guest = await arrive(http)
    before = counts(engine)
    decision = {"identifiers": [MAIL], "touchpoint": "store"}
    for path, body in (("/v1/events", till.event(amount=10)), ("/v1/decisions", decision)):
        assert is_problem(await http.post(path, json=body), 401, "wrong-key")
        for wrong in ("", "x", "é", guest.session_token, f"{till.headers['authorization'][7:]}x"):
            headers = {"authorization": f"Bearer {wrong}".encode("latin-1")}
            assert is_problem(await http.post(path, json=body, headers=headers), 401, "wrong-key")
    assert counts(engine) == before


# Events --------------------------------------------------------------------------------------------------------------


async def test_a_purchase_becomes_a_transaction(till: Till, engine: Engine, clock: Clock) -> None:
    body = {"amount": 185_000, "product": "office_blend", "category": "office_beans", "quantity": 1, "cashier": "Rina"}
    reported = await till.reports("purchase", **body)
    assert (reported.status_code, reported.json()) == (202, {"source": "pos", "event_id": "e-1"})
    (row,) = kept(engine, transactions)
    assert (row.source, row.transaction_id, row.amount, row.product) == ("pos", "e-1", 185_000, "office_blend")
    assert (row.at, row.touchpoint, row.attributes) == (clock.now, "store", {"cashier": "Rina"})
    assert not kept(engine, interactions)


async def test_a_currency_that_is_left_empty_is_the_business_s(till: Till, engine: Engine) -> None:
    assert (await till.reports("purchase", amount=10, currency="")).status_code == 202
    (row,) = kept(engine, transactions)
    assert row.currency is None


async def test_a_return_becomes_a_transaction_that_takes_off(till: Till, engine: Engine) -> None:
    await till.reports("return", amount=78_000)
    (row,) = kept(engine, transactions)
    assert row.amount == -78_000


async def test_a_repair_and_a_call_become_interactions(till: Till, engine: Engine) -> None:
    await till.reports("repair", touchpoint="repair", status="ready", product="Espresso machine", place="Menteng")
    await till.reports("call", touchpoint="phone", text="asked for the hours", cost=12_000)
    repair, call = kept(engine, interactions)
    assert (repair.kind, repair.status, repair.product) == ("repair", "ready", "Espresso machine")
    assert repair.attributes["place"] == "Menteng"
    assert (call.kind, call.touchpoint, call.text, call.cost) == ("call", "phone", "asked for the hours", 12_000)
    assert not kept(engine, transactions)


async def test_the_same_event_again_is_taken_once(till: Till, engine: Engine) -> None:
    event = till.event(amount=10)
    assert [(await till.post("/v1/events", event)).status_code for _ in range(3)] == [202, 200, 200]
    assert (await till.post("/v1/events", event | {"source": "web"})).status_code == 202
    assert len(kept(engine, transactions)) == len(kept(engine, events)) == 2


async def test_the_same_event_many_times_at_once_is_taken_once(till: Till, engine: Engine) -> None:
    event = till.event(amount=10)
    answers = await asyncio.gather(*(till.post("/v1/events", event) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [202]
    assert len(kept(engine, transactions)) == len(kept(engine, events)) == len(kept(engine, customers)) == 1


async def test_many_events_of_a_new_customer_at_once_make_one_customer(till: Till, engine: Engine) -> None:
    given = [[MAIL], [MAIL, CARD], [CARD, MAIL], [RECORD, MAIL], [MAIL], [MAIL, RECORD, CARD]]
    told = [till.event(amount=10, identifiers=some) for some in given]
    answers = await asyncio.gather(*(till.post("/v1/events", event) for event in told))
    assert [answer.status_code for answer in answers] == [202] * 6
    (customer,) = kept(engine, customers)
    assert {row.customer_id for row in kept(engine, transactions)} == {customer.id}


async def test_a_time_without_a_zone_is_utc(till: Till, engine: Engine) -> None:
    for at in ("2026-02-01T05:00:00", "2026-02-01T12:00:00+07:00"):
        await till.reports(amount=10, at=at)
    assert {row.at.isoformat() for row in kept(engine, transactions)} == {"2026-02-01T05:00:00+00:00"}


async def test_events_of_one_customer_meet_whichever_identifier_they_carry(till: Till, engine: Engine) -> None:
    await till.reports(amount=10, identifiers=[MAIL, CARD])
    for given in ([{"type": "email", "value": " Sari@Example.COM "}], [{"type": "loyalty_id", "value": "ks 700001"}]):
        assert (await till.reports(amount=10, identifiers=given)).status_code == 202
    assert len(kept(engine, customers)) == 1


async def test_identifiers_of_different_customers_are_refused_and_nothing_is_kept(till: Till, engine: Engine) -> None:
    await till.reports(amount=10, identifiers=[MAIL])
    await till.reports(amount=10, identifiers=[CARD])
    before = counts(engine)
    assert is_problem(await till.reports(amount=10, identifiers=[MAIL, CARD]), 409, "ambiguous")
    assert is_problem(await till.asks(MAIL, CARD), 409, "ambiguous")
    assert counts(engine) == before


async def test_a_customer_of_the_shop_who_signs_in_to_the_chat_is_the_one_of_the_events(
    http: AsyncClient, till: Till, settings: Settings, clock: Clock, engine: Engine
) -> None:
    await till.reports(amount=10, identifiers=[RECORD, CARD])
    await arrive(http, user_token=user_token(settings.secret("user_token_secret"), clock.now))
    assert len({row.canonical_id for row in kept(engine, customers)}) == 1


NO_EVENTS: list[tuple[dict[str, Any], str]] = [
    ({"touchpoint": "moon"}, "unknown-touchpoint"),
    ({"identifiers": []}, "no-identifiers"),
    ({"identifiers": [{"type": "email", "value": "n/a"}]}, "no-identifiers"),
    ({"amount": None}, "event-invalid"),
    ({"amount": "10"}, "event-invalid"),
    ({"amount": 10, "currency": "USD"}, "event-invalid"),
    ({"amount": 10, "currency": "Rp"}, "event-invalid"),
    ({"amount": 10, "currency": "USDT"}, "event-invalid"),
    ({"amount": 10, "currency": 360}, "event-invalid"),
    ({"identifiers": [{"type": "email"}]}, "invalid-request"),
    ({"identifiers": [{"type": "E-Mail", "value": "x"}]}, "invalid-request"),
    ({"identifiers": [{"type": "record", "value": "web/\u0000"}]}, "invalid-request"),
    ({"identifiers": [MAIL] * 21}, "invalid-request"),
    ({"source": ""}, "invalid-request"),
    ({"source": "pos\u0000"}, "invalid-request"),
    ({"event_id": "e\u0000"}, "invalid-request"),
    ({"event_id": None}, "invalid-request"),
    ({"at": "yesterday"}, "invalid-request"),
]


async def test_what_is_no_event_is_refused_with_the_reason_and_nothing_is_kept(till: Till, engine: Engine) -> None:
    for changed, slug in NO_EVENTS:
        assert is_problem(await till.reports("purchase", **({"amount": 10} | changed)), 422, slug), changed
    for body in (None, [], {}, "purchase"):
        assert is_problem(await till.post("/v1/events", body), 422, "invalid-request")
    assert is_problem(await till.reports("Purchase!"), 422, "invalid-request")
    assert not any(counts(engine).values())


async def test_strange_values_beside_an_event_are_kept_as_they_came(till: Till, engine: Engine) -> None:
    strange = {
        "product": "a\u0000b",
        "note": "☕\u0000",
        "nested": {"list": [1, None, "\u202e"]},
        "category": "x" * 999,
    }
    assert (await till.reports(amount=10, **strange)).status_code == 202
    (row,) = kept(engine, transactions)
    assert (row.product, row.category, row.attributes) == ("", None, strange)


async def test_identifiers_are_kept_with_the_first_event(till: Till, engine: Engine) -> None:
    await till.reports(amount=10, identifiers=[MAIL, CARD])
    assert {(row.type, row.value, row.source) for row in kept(engine, identifiers)} == {
        ("email", "sari@example.com", "pos"),
        ("loyalty_id", "KS700001", "pos"),
    }
