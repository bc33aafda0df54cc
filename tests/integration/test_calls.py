"""A call at the console: who is found, what the agent says and asks, what is kept, and what the chat then knows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import seeds
from colleague import OURS, Colleague, field, hire, text
from fastapi import FastAPI
from guest import Clock
from httpx import Response
from sqlalchemy import Engine, insert, select
from visitor import add_matter, arrive, counts, kept, offered, responses

from crm_store.access.consent import OFFERS, PROFILE, QUESTIONS
from crm_store.access.erasure import erase_customer
from crm_store.business import Asking, Business
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate.value import value_facts
from crm_store.identify.proof import Proof
from crm_store.tables import (
    consents,
    customers,
    decisions,
    evidence,
    exposures,
    identifiers,
    interactions,
    journal,
    questions_asked,
    transactions,
)

PHONE = "+628115550001"
Call = Callable[..., Awaitable[Response]]


@pytest.fixture
def gateway(console_alone: FastAPI) -> FastAPI:
    return console_alone


@pytest.fixture
def sari(engine: Engine, now: datetime) -> str:
    """A customer of the shop and of the loyalty programme. Returns the canonical profile."""
    long_ago = now - timedelta(days=365)
    with UnitOfWork(engine) as work:
        c = work.connection
        customer = seeds.add_customer(c, long_ago)
        card = seeds.add_customer(c, long_ago, canonical_id=customer)
        about = {"given_name": "Sari", "family_name": "Wijaya", "language": "en", "city": "Bekasi"}
        seeds.add_record(
            c, customer, "web", "sari.w", long_ago, **about, phone=PHONE, email="sari@example.com", postcode="17141"
        )
        seeds.add_record(c, card, "loyalty", "L-1", long_ago, **about, date_of_birth="1988-04-02")
        add_identifier(c, card, "loyalty_id", "KS700001", long_ago)
        work.commit()
    return customer


def add_identifier(c: Any, customer: str, kind: str, value: str, at: datetime, assurance: str = "imported") -> None:
    c.execute(
        insert(identifiers).values(
            id=seeds.new_id(),
            type=kind,
            value=value,
            raw=value,
            customer_id=customer,
            source="loyalty",
            assurance=assurance,
            first_seen_at=at,
            last_seen_at=at,
        )
    )


def is_of_the_office(engine: Engine, customer: str, at: datetime) -> None:
    """Has an offer of their own and needs no question."""
    bought(engine, customer, at, "office_beans", 12)
    withdraw(engine, customer, QUESTIONS, at)


def bought(engine: Engine, customer: str, at: datetime, category: str, times: int, amount: float = 400_000) -> None:
    with UnitOfWork(engine) as work:
        for week in range(times):
            seeds.add_purchase(work.connection, customer, at - timedelta(weeks=week), amount, category)
        work.commit()


def add_order(engine: Engine, customer: str, order_id: str, at: datetime) -> None:
    with UnitOfWork(engine) as work:
        work.connection.execute(
            insert(transactions).values(
                source="web",
                transaction_id=order_id,
                order_id=order_id,
                product="Toraja single origin 250 g",
                source_id="sari.w",
                customer_id=customer,
                at=at,
                amount=125_000,
                quantity=2,
                touchpoint="web",
                status="on_the_way",
                attributes={},
            )
        )
        work.commit()


def withdraw(engine: Engine, customer: str, purpose: str, at: datetime) -> None:
    word = {"id": seeds.new_id(), "message_id": seeds.new_id(), "channel": "web"}
    with UnitOfWork(engine) as work:
        work.connection.execute(
            insert(consents).values(customer_id=customer, purpose=purpose, granted=False, at=at, **word)
        )
        work.commit()


async def calls(rina: Colleague, **by: str) -> Response:
    answer = await rina.http.get("/console/call", params=by or {"phone": PHONE})
    assert answer.status_code == 200, answer.text
    return answer


def call_id(page: Response) -> str:
    return page.url.path.rsplit("/", 1)[1]


async def does(rina: Colleague, page: Response, act: str, **form: str) -> Response:
    return await rina.http.post(f"{page.url.path}/{act}", data=form, headers=OURS)


async def says(rina: Colleague, page: Response, told: str) -> Response:
    return await does(rina, page, "told", decision=field(page, "decision"), told=told)


def complaint(page: Response, **changed: str) -> dict[str, str]:
    return {"form": field(page, "form"), "kind": "complaint", "outcome": "open", "text": "Stale, twice."} | changed


# Finding a caller ----------------------------------------------------------------------------------------------------

WAYS = [
    ({"phone": "0811-5550-001"}, "phone number, imported from web, never proven"),
    ({"phone": "+62 811 5550 001"}, "phone number"),
    ({"q": "0811 5550 001"}, "phone number"),
    ({"email": " Sari@Example.COM "}, "email, imported from web"),
    ({"q": "sari@example.com"}, "email"),
    ({"loyalty": "KS 700001"}, "card number, imported from loyalty"),
    ({"q": "ks-700001"}, "card number"),
    ({"order": "#ord-1001"}, "order number"),
    ({"order": "ORD 1001"}, "order number"),
    ({"q": "ORD-1001"}, "order number"),
    ({"q": "sari wij"}, "name only"),
    ({"name": "WIJAYA"}, "name only"),
]


@pytest.mark.parametrize(("by", "found_by"), WAYS, ids=lambda given: str(given)[:30])
async def test_a_caller_is_found_however_the_number_is_written_and_the_page_says_by_what(
    rina: Colleague, sari: str, engine: Engine, now: datetime, by: dict[str, str], found_by: str
) -> None:
    add_order(engine, sari, "ORD-1001", now - timedelta(days=2))
    page = await calls(rina, **by)
    assert "Sari Wijaya" in text(page)
    assert f"Found by {found_by}" in text(page)


async def test_a_proven_number_is_shown_as_proven(rina: Colleague, sari: str, engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        add_identifier(work.connection, sari, "loyalty_id", "KS700001", now, "proven")
        work.commit()
    assert "card number, proven to be theirs" in text(await calls(rina, loyalty="KS700001"))


async def test_the_address_of_a_call_carries_no_number_and_reading_it_again_is_no_new_access(
    rina: Colleague, sari: str, engine: Engine
) -> None:
    page = await calls(rina)
    assert re.fullmatch(r"/console/call/[0-9a-f]{32}", page.url.path)
    assert not page.url.query
    before = counts(engine)
    await rina.http.get(page.url.path)
    assert counts(engine) == before
    (access,) = kept(engine, journal)
    assert (access.kind, access.customer_id, access.actor) == ("looked_up", sari, rina.staff.id)


@pytest.mark.parametrize("by", [{"phone": "0811999999"}, {"q": "nobody@example.com"}, {"name": "x"}, {"q": "%_"}])
async def test_nobody_is_said_to_be_nobody_and_what_was_typed_is_not_kept(
    rina: Colleague, sari: str, engine: Engine, by: dict[str, str]
) -> None:
    assert "Nobody is known by that" in text(await calls(rina, **by))
    (access,) = kept(engine, journal)
    assert (access.kind, access.customer_id, access.details["found"]) == ("looked_up", None, 0)
    assert next(iter(by.values())) not in str(access.details)
    assert not kept(engine, decisions)


async def test_of_several_it_is_shown_what_tells_them_apart_and_one_is_picked(
    rina: Colleague, sari: str, engine: Engine, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        brother = seeds.add_customer(work.connection, now)
        seeds.add_record(
            work.connection,
            brother,
            "pos",
            "P-7",
            now,
            given_name="Adi",
            family_name="Wijaya",
            city="Depok",
            phone=PHONE,
        )
        work.commit()
    bought(engine, sari, now, "office_beans", 3)
    page = await calls(rina)
    shown = text(page)
    for part in ("2 customers may be meant", "Adi Wijaya", "pos P-7", "Depok", "Sari Wijaya", "web sari.w", "Bekasi"):
        assert part in shown
    for part in ("IDR", "17141", "1988", "sari@example.com", PHONE):
        assert part not in shown
    assert {row.customer_id for row in kept(engine, journal, kind="listed")} == {sari, brother}
    link = re.search(r'href="([^"]+)">Adi Wijaya', page.text)
    assert link
    assert "Adi Wijaya" in text(await rina.http.get(link[1]))
    assert [row.customer_id for row in kept(engine, journal, kind="looked_up") if row.customer_id] == [brother]


async def test_too_many_of_one_name_are_not_all_listed(rina: Colleague, engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        for number in range(13):
            customer = seeds.add_customer(work.connection, now)
            seeds.add_record(work.connection, customer, "web", f"w-{number}", now, given_name="Adi")
        work.commit()
    page = await calls(rina, q="adi")
    assert "More than 10 customers" in text(page)
    assert page.text.count("?customer=") == 10


async def test_joined_profiles_are_one_caller(rina: Colleague, sari: str) -> None:
    shown = text(await calls(rina, name="sari"))
    assert "loyalty L-1" in shown
    assert "web sari.w" in shown


async def test_whoever_is_not_signed_in_comes_to_the_call_after_signing_in(rina: Colleague, sari: str) -> None:
    rina.http.cookies.clear()
    form = await rina.http.get("/console/call", params={"phone": PHONE})
    assert form.url.path == "/console/sign-in"
    assert field(form, "to") == "call?phone=%2B628115550001"


# What the agent sees -------------------------------------------------------------------------------------------------


async def test_the_page_tells_all_that_the_agent_needs(
    rina: Colleague, sari: str, engine: Engine, now: datetime
) -> None:
    bought(engine, sari, now - timedelta(days=1), "office_beans", 12)
    add_order(engine, sari, "ORD-1001", now - timedelta(hours=5))
    with UnitOfWork(engine) as work:
        talk = seeds.Talk(work.connection, sari, now - timedelta(days=3), assurance="verified")
        talk.customer_says("for the office please")
        talk.teaches("stated", "need", "office", "for the office", 0.9)
        add_matter(work.connection, sari, "repair", "in_workshop", now - timedelta(days=2), product="Espresso machine")
        add_matter(work.connection, sari, "points", None, now - timedelta(days=4), points=120, touchpoint="loyalty")
        work.commit()
    page = await calls(rina)
    shown = text(page)
    for part in (
        "Sari Wijaya Most valuable",
        "Most valuable: margin less cost to serve",
        "Contacts 2",
        "Supply for a group",
        "observed: purchases on record",
        "Repair of Espresso machine: in workshop",
        "Speak of this before anything else",
        "Points 120",
        "2 × Toraja single origin 250 g",
        "ORD-1001 · on the way",
        "Web chat, Fri 12:00",
        "Date of birth 1988-04-02",
        "Postcode of their address 17141",
    ):
        assert part in shown, part
    assert f"/console/conversations/{talk.id}#m1" in page.text


async def test_what_the_caller_was_looked_up_by_is_no_fact_to_compare(rina: Colleague, sari: str) -> None:
    assert "Email on record sari@example.com" in text(await calls(rina))
    assert "Email on record" not in text(await calls(rina, email="sari@example.com"))


async def test_what_was_brought_back_is_shown_as_such_and_is_no_last_purchase(
    rina: Colleague, sari: str, engine: Engine, now: datetime
) -> None:
    add_order(engine, sari, "ORD-1001", now - timedelta(days=3))
    with UnitOfWork(engine) as work:
        seeds.add_purchase(work.connection, sari, now - timedelta(days=1), -78_000, "House Blend 250 g")
        work.commit()
    shown = text(await calls(rina))
    assert "What they bought last, and when 2 × Toraja single origin 250 g, Fri 12:00, web" in shown
    assert "Returned: House Blend 250 g" in shown


async def test_where_there_are_not_two_facts_the_page_says_so(rina: Colleague, engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        customer = seeds.add_customer(work.connection, now)
        seeds.add_record(work.connection, customer, "pos", "P-1", now, given_name="Adi", phone=PHONE)
        work.commit()
    shown = text(await calls(rina))
    assert "There are not two facts to compare" in shown
    assert "Two agree" not in shown


async def test_the_offer_is_in_the_customer_s_language_with_its_reason(
    rina: Colleague, engine: Engine, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        customer = seeds.add_customer(work.connection, now)
        seeds.add_record(work.connection, customer, "web", "b", now, given_name="Budi", language="id", phone=PHONE)
        work.commit()
    is_of_the_office(engine, customer, now)
    shown = text(await calls(rina))
    assert "Dengan langganan, Office Blend segar datang tiap dua minggu" in shown
    assert "Karena Anda pernah membeli Office Blend." in shown
    assert "tier most_valuable: value" in shown  # why, for the agent


@pytest.mark.parametrize(
    ("purpose", "mark"),
    [(QUESTIONS, "so nothing is asked"), (OFFERS, "so none is made"), (PROFILE, "nothing known of them is used")],
)
async def test_what_a_customer_wants_no_more_holds_on_the_phone(
    rina: Colleague, sari: str, engine: Engine, now: datetime, purpose: str, mark: str
) -> None:
    if purpose == OFFERS:
        bought(engine, sari, now, "office_beans", 12)
    withdraw(engine, sari, purpose, now)
    page = await calls(rina)
    assert mark in text(page)
    (decided,) = kept(engine, decisions)
    assert decided.question_id is None
    if purpose == OFFERS:
        assert decided.offer_id is None
        assert "Nothing to ask and nothing to offer" in text(page)


# What is said and answered -------------------------------------------------------------------------------------------


async def test_an_offer_accepted_on_the_phone_is_an_outcome_and_rests_in_the_chat(
    rina: Colleague, sari: str, engine: Engine, business: Business, now: datetime
) -> None:
    is_of_the_office(engine, sari, now)
    page = await says(rina, await calls(rina), "accepted")
    assert "Accepted 12:00" in text(page)
    (shown,) = kept(engine, exposures)
    assert (shown.offer_id, shown.outcome, shown.message_id) == ("office_standing", "accepted", None)
    (decided,) = kept(engine, decisions)
    assert (decided.touchpoint, decided.conversation_id, decided.customer_id) == ("phone", call_id(page), sari)
    quiet = business.model_copy(update={"asking": Asking(per_conversation=0)})
    chat = arrive(engine, quiet, now, proof=Proof("web", "sari.w", {}))
    assert offered(chat.says("coffee for the office", "action_note_need", ("need", "office", 0.9))) is None


async def test_an_answer_is_kept_as_told_by_staff_once_and_leads_to_what_comes_next(
    rina: Colleague, sari: str, engine: Engine
) -> None:
    first = await calls(rina)
    assert "What matters most to you in a cup?" in text(first)
    page = await says(rina, first, "answered:taste")
    again = await says(rina, first, "answered:taste")  # a second click on a page that stood still
    (told,) = kept(engine, evidence)
    assert (told.kind, told.key, told.value, told.staff_id) == ("answered", "matters", "taste", rina.staff.id)
    assert (told.message_id, told.strength) == (None, 1.0)
    assert len(kept(engine, decisions)) == 2
    for shown in (text(page), text(again)):
        assert "What matters most to you in a cup? Taste answered at phone, told by staff: Rina" in shown
        assert "Answered: Taste" in shown
        assert "taste" in shown.split("Say and ask now")[1].split("Keep what")[0]


async def test_at_most_so_many_questions_are_asked_in_a_call_as_in_a_conversation(
    rina: Colleague, sari: str, engine: Engine, business: Business
) -> None:
    page = await calls(rina)
    while "Asked, no answer" in page.text:
        page = await says(rina, page, "shown")
    asked = kept(engine, questions_asked)
    assert 1 <= len(asked) <= business.asking.per_conversation
    assert {row.conversation_id for row in asked} == {call_id(page)}
    assert not kept(engine, evidence)


async def test_the_chat_knows_what_was_answered_on_the_phone(
    rina: Colleague, sari: str, engine: Engine, business: Business, now: datetime
) -> None:
    await says(rina, await calls(rina), "answered:taste")
    chat = arrive(engine, business, now, proof=Proof("web", "sari.w", {}))
    said = chat.says("what would you suggest?", "action_advise")
    assert "utter_ask_matters" not in responses(said)
    while offered(said) is None:
        said = chat.says("by hand", "action_note_answer")
    assert "you told me taste matters most" in str(said.replies[-1].offer)
    assert "Taste answered at phone, told by staff: Rina" in await rina.reads(f"conversations/{chat.conversation_id}")


async def test_who_wants_no_profile_teaches_nothing_on_the_phone(
    rina: Colleague, sari: str, engine: Engine, now: datetime
) -> None:
    page = await calls(rina)
    withdraw(engine, sari, PROFILE, now)
    await says(rina, page, "answered:taste")
    assert not kept(engine, evidence)


async def test_only_what_this_call_decided_can_be_answered_in_it(rina: Colleague, sari: str, engine: Engine) -> None:
    earlier, now_ = await calls(rina), await calls(rina)
    before = counts(engine)
    refused = await does(rina, now_, "told", decision=field(earlier, "decision"), told="answered:taste")
    assert refused.status_code == 409
    assert (await says(rina, now_, "answered:speedy")).status_code == 409
    assert (await says(rina, now_, "bought")).status_code == 422
    assert (await does(rina, now_, "told")).status_code == 422
    assert counts(engine) == before


# Is it them? ---------------------------------------------------------------------------------------------------------


async def test_facts_that_agree_are_noted(rina: Colleague, sari: str, engine: Engine) -> None:
    page = await does(rina, await calls(rina), "compared", agrees="yes")
    assert "Compared, they agree" in text(page)
    (word,) = kept(engine, journal, kind="caller_agreed")
    assert (word.customer_id, word.actor) == (sari, rina.staff.id)


async def test_where_they_do_not_agree_nothing_more_is_shown_or_kept(
    rina: Colleague, sari: str, engine: Engine, now: datetime
) -> None:
    is_of_the_office(engine, sari, now)
    page = await calls(rina)
    after = await does(rina, page, "compared", agrees="no")
    shown = text(after)
    assert "The caller is not shown to be this customer" in shown
    for part in ("17141", "1988-04-02", "IDR", "office_beans", "Most valuable"):
        assert part not in shown
    before = counts(engine)
    assert (await says(rina, page, "accepted")).status_code == 409
    assert (await does(rina, page, "log", **complaint(page))).status_code == 409
    assert counts(engine) == before
    again = await does(rina, page, "compared", agrees="yes")
    assert "Say and ask now" in text(again)


# What the call was about ---------------------------------------------------------------------------------------------


async def test_a_call_is_kept_as_a_contact_with_its_cost(
    rina: Colleague, sari: str, engine: Engine, business: Business, now: datetime
) -> None:
    page = await calls(rina)
    form = {
        "form": field(page, "form"),
        "kind": "question",
        "outcome": "settled",
        "minutes": "7",
        "text": "Hours of Kemang",
    }
    after = await does(rina, page, "log", **form)
    assert "A question, settled in this call: Hours of Kemang · 12:00" in text(after)
    assert "phone · settled · 7 min" in text(after)
    (row,) = kept(engine, interactions)
    assert (row.customer_id, row.touchpoint, row.kind, row.outcome) == (sari, "phone", "question", "settled")
    assert (row.cost, row.text, row.status) == (25_000, "Hours of Kemang", None)
    assert row.attributes == {"staff": rina.staff.id, "call": call_id(page), "agrees": None, "minutes": 7}
    with reading(engine) as connection:
        assert value_facts(connection, business, [sari], now).cost_to_serve == 25_000


async def test_a_form_that_is_sent_twice_is_kept_once(rina: Colleague, sari: str, engine: Engine) -> None:
    page = await calls(rina)
    form = complaint(page)
    sent = await asyncio.gather(*(does(rina, page, "log", **form) for _ in range(4)))
    assert {answer.status_code for answer in sent} == {200}
    assert len(kept(engine, interactions)) == 1
    next_page = await does(rina, page, "log", **form)
    await does(rina, next_page, "log", **complaint(next_page, text="And the grinder."))
    assert len(kept(engine, interactions)) == 2


async def test_an_open_complaint_from_the_phone_stops_the_offers_of_the_chat_until_it_is_settled(
    rina: Colleague, sari: str, engine: Engine, business: Business, clock: Clock
) -> None:
    is_of_the_office(engine, sari, clock.now)
    page = await calls(rina)
    assert "Standing order" in text(page)
    page = await does(rina, page, "log", **complaint(page))
    assert "Complaint: open Stale, twice. Speak of this before anything else" in text(page)
    assert "Standing order" not in text(page).split("Say and ask now")[1].split("Before in this call")[0]

    office = ("need", "office", 0.9)
    chat = arrive(engine, business, clock.now, proof=Proof("web", "sari.w", {}))
    said = chat.says("coffee for the office", "action_note_need", office)
    assert "utter_open_complaint" in responses(said)
    assert offered(said) is None

    clock.move(minutes=5)
    matter = {"source": field(page, "source"), "matter": field(page, "matter")}
    page = await does(rina, page, "settled", **matter)
    assert "Complaint: open" not in text(page)
    chat = arrive(engine, business, clock.now, proof=Proof("web", "sari.w", {}))
    said = chat.says("coffee for the office", "action_note_need", office)
    while "utter_open_complaint" not in responses(said) and offered(said) is None:
        said = chat.says("30", "action_note_answer")
    assert offered(said)


async def test_a_matter_of_another_system_is_ended_there(
    rina: Colleague, sari: str, engine: Engine, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        repair = add_matter(work.connection, sari, "repair", "ready", now, product="Grinder")
        work.commit()
    page = await calls(rina)
    assert "which also tells when it has ended" in text(page)
    assert "Settled</button>" not in page.text
    await does(rina, page, "settled", source="repair", matter=repair)
    assert kept(engine, interactions)[0].status == "ready"


REFUSED = [
    ({"kind": ""}, "Say what the call was about."),
    ({"kind": "gossip"}, "Say what the call was about."),
    ({"outcome": ""}, "Say how the call ended."),
    ({"text": ""}, "Write what is wrong"),
    ({"minutes": "five"}, "Minutes are a whole number up to 600."),
    ({"minutes": "-1"}, "Minutes are a whole number up to 600."),
    ({"minutes": "99999999999"}, "Minutes are a whole number up to 600."),
    ({"text": "x" * 4001}, "longer than 4000 characters"),
    ({"order_id": "x" * 129}, "longer than 128 characters"),
    ({"form": "1"}, "This form is out of date."),
]


async def test_what_cannot_be_kept_is_said_and_what_was_typed_stays(rina: Colleague, sari: str, engine: Engine) -> None:
    page = await calls(rina)
    before = counts(engine)
    for changed, why in REFUSED:
        refused = await does(rina, page, "log", **complaint(page, **changed))
        assert refused.status_code == 422, changed
        assert why in text(refused)
        assert changed.get("text", "Stale, twice.") in refused.text
    assert counts(engine) == before


# Whose call it is ----------------------------------------------------------------------------------------------------


async def test_a_call_is_the_agent_s_own_and_over_after_four_hours(
    rina: Colleague, sari: str, gateway: FastAPI, engine: Engine, clock: Clock
) -> None:
    page = await calls(rina)
    dedi = hire(gateway, engine, clock.now, "Dedi")
    assert (await dedi.http.get(page.url.path)).status_code == 404
    await dedi.http.aclose()
    assert (await does(rina, page, "log", **complaint(page))).status_code == 200
    clock.move(hours=4)
    over = await rina.http.get(page.url.path)
    assert over.status_code == 404
    assert "Look the caller up again" in text(over)
    assert (await does(rina, page, "compared", agrees="yes")).status_code == 404


@pytest.mark.parametrize("nobodys", ["0" * 32, "x", "%00", "'"])
async def test_a_call_that_is_none_is_not_found(rina: Colleague, nobodys: str) -> None:
    assert (await rina.http.get(f"/console/call/{nobodys}")).status_code == 404
    assert (await rina.http.get("/console/call", params={"customer": nobodys.replace("%00", "\0x")})).status_code == 404


async def test_a_lookup_is_erased_with_the_customer(rina: Colleague, sari: str, engine: Engine, now: datetime) -> None:
    is_of_the_office(engine, sari, now)
    page = await says(rina, await calls(rina), "accepted")
    await does(rina, page, "log", **complaint(page))
    with UnitOfWork(engine) as work:
        erase_customer(work, sari, now)
        work.commit()
    left = {name for name, n in counts(engine).items() if n}
    assert left <= {"staff", "staff_sessions", "erasures"}
    with reading(engine) as connection:
        assert connection.execute(select(customers.c.id)).first() is None
    assert (await rina.http.get(page.url.path)).status_code == 404
