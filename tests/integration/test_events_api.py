"""What the other touchpoints report and ask over HTTP: with the key, once, of one customer, and decided as in the chat."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from guest import Clock, arrive, user_token
from httpx import AsyncClient, Response
from sqlalchemy import Engine
from visitor import counts, rows

from bot.settings import Settings
from crm_store.database import reading
from crm_store.tables import customers, decisions, events, exposures, identifiers, interactions, transactions

MAIL = {"type": "email", "value": "sari@example.com"}
CARD = {"type": "loyalty_number", "value": "KS-700001"}
RECORD = {"type": "record", "value": "web/sari.w"}


class Till:
    """A program of the business: the till, the shop, the phone agent's screen."""

    def __init__(self, http: AsyncClient, key: str, clock: Clock) -> None:
        self.http, self.headers, self.clock = http, {"authorization": f"Bearer {key}"}, clock
        self.number = 0

    async def post(self, path: str, body: Any) -> Response:
        return await self.http.post(path, json=body, headers=self.headers)

    def event(self, kind: str = "purchase", **changed: Any) -> dict[str, Any]:
        self.number += 1
        body: dict[str, Any] = {
            "source": "pos",
            "event_id": f"e-{self.number}",
            "at": self.clock.now.isoformat(),
            "touchpoint": "store",
            "kind": kind,
            "identifiers": [MAIL],
        }
        return body | changed

    async def reports(self, kind: str = "purchase", **changed: Any) -> Response:
        return await self.post("/v1/events", self.event(kind, **changed))

    async def asks(self, *given: dict[str, str], touchpoint: str = "store", **more: Any) -> Response:
        return await self.post("/v1/decisions", {"identifiers": list(given), "touchpoint": touchpoint, **more})

    async def decides(self, *given: dict[str, str], touchpoint: str = "store", **more: Any) -> dict[str, Any]:
        answer = await self.asks(*given, touchpoint=touchpoint, **more)
        assert answer.status_code == 200, answer.text
        decided: dict[str, Any] = answer.json()
        return decided


@pytest.fixture
def till(http: AsyncClient, settings: Settings, clock: Clock) -> Till:
    return Till(http, settings.secret("api_key"), clock)


def is_problem(answer: Response, status: int, slug: str) -> bool:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["detail"]
    return (answer.status_code, body["type"].rpartition("/")[2]) == (status, slug)


def kept(engine: Engine, table: Any, **where: Any) -> Any:
    with reading(engine) as connection:
        return rows(connection, table, **where)


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


# Decisions -----------------------------------------------------------------------------------------------------------


async def buys(till: Till, category: str, *, times: int) -> None:
    """Sari buys something of a category, a week apart, the last time today."""
    last = till.clock.now
    for weeks in range(times - 1, -1, -1):
        till.clock.now = last
        till.clock.move(weeks=-weeks)
        await till.reports(amount=400_000, category=category)
    till.clock.now = last


async def test_nobody_is_decided_for_who_is_not_known(till: Till, engine: Engine) -> None:
    for unknown in (MAIL, {"type": "email", "value": "n/a"}, {"type": "record", "value": "web/nobody"}):
        assert is_problem(await till.asks(unknown), 404, "unknown-customer")
    assert not any(counts(engine).values())


async def test_the_till_gets_the_offer_that_fits_with_its_reason(till: Till, engine: Engine) -> None:
    await buys(till, "office_beans", times=12)
    decided = await till.decides(MAIL)
    assert set(decided) == {"customer_id", "treatment", "reason", "offer", "question"}
    assert decided["offer"]["id"] == "office_standing"
    assert set(decided["offer"]) == {"id", "title", "text", "reason"}
    assert decided["offer"]["reason"] == "Because you have bought Office Blend."
    assert decided["treatment"] == "keep"
    for part in ("tier most_valuable", "12 purchases", "need office", "offer office_standing"):
        assert part in decided["reason"]
    (row,) = kept(engine, decisions)
    assert (row.offer_id, row.touchpoint, row.reason) == ("office_standing", "store", decided["reason"])
    assert (row.customer_id, row.conversation_id) == (decided["customer_id"], None)


async def test_the_answer_is_in_the_language_that_was_asked_for(till: Till) -> None:
    await buys(till, "office_beans", times=12)
    english, indonesian, default = [
        (await till.decides(MAIL, **more))["offer"] for more in ({"language": "en"}, {"language": "id"}, {})
    ]
    assert english["title"] == default["title"] == "Standing order for the office"
    assert (indonesian["title"], indonesian["reason"]) == (
        "Langganan kopi kantor",
        "Karena Anda pernah membeli Office Blend.",
    )
    assert is_problem(await till.asks(MAIL, language="de"), 422, "invalid-request")


async def test_the_till_gets_the_question_whose_answer_would_change_the_most(till: Till) -> None:
    await till.reports("call", touchpoint="phone")
    decided = await till.decides(MAIL)
    question = decided["question"]
    assert decided["offer"] is None
    assert question["id"] == "matters"
    assert question["text"] == "What matters most to you in a cup?"
    assert [option["id"] for option in question["options"]] == ["speed", "taste", "price"]
    assert all(option["title"] for option in question["options"])
    assert f"question {question['id']}" in decided["reason"]


async def test_while_something_of_theirs_is_broken_nothing_is_asked_or_offered(till: Till) -> None:
    await buys(till, "office_beans", times=12)
    await till.reports("repair", touchpoint="repair", status="ready", product="Espresso machine")
    decided = await till.decides(MAIL, touchpoint="phone")
    assert (decided["treatment"], decided["offer"], decided["question"]) == ("service_first", None, None)
    assert "Espresso machine is ready" in decided["reason"]


async def test_what_is_decided_at_the_till_is_no_exposure_until_it_is_shown(till: Till, engine: Engine) -> None:
    await buys(till, "office_beans", times=12)
    assert (await till.decides(MAIL))["offer"] == (await till.decides(MAIL))["offer"]
    assert len(kept(engine, decisions)) == 2
    assert not kept(engine, exposures)


async def test_a_decision_is_asked_for_in_full(till: Till) -> None:
    await till.reports(amount=10)
    for body in (
        None,
        {},
        {"identifiers": [], "touchpoint": "store"},
        {"identifiers": [MAIL]},
        {"identifiers": [MAIL] * 21, "touchpoint": "store"},
    ):
        assert is_problem(await till.post("/v1/decisions", body), 422, "invalid-request"), body
    assert is_problem(await till.asks(MAIL, touchpoint="moon"), 422, "unknown-touchpoint")
    assert "store" in (await till.asks(MAIL, touchpoint="moon")).json()["detail"]


async def test_identifiers_are_kept_with_the_first_event(till: Till, engine: Engine) -> None:
    await till.reports(amount=10, identifiers=[MAIL, CARD])
    assert {(row.type, row.value, row.source) for row in kept(engine, identifiers)} == {
        ("email", "sari@example.com", "pos"),
        ("loyalty_id", "KS700001", "pos"),
    }
