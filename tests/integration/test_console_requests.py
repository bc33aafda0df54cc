"""The page of requests: what customers ask people for stands there until somebody has done it, and then who did, and when."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
import seeds
from colleague import OURS, Colleague, text
from fastapi import FastAPI
from guest import Clock
from httpx import AsyncClient, Response
from serving import Known
from sqlalchemy import Engine, select
from visitor import Visitor, arrive, responses

from crm_store.access.retention import prune
from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, interactions, value_scores


@pytest.fixture
def gateway(console_alone: FastAPI) -> FastAPI:
    return console_alone


async def done(colleague: Colleague, page: Response, n: int = 0) -> Response:
    """Presses the nth button of the page; the page that follows."""
    forms = re.findall(r'name="source" value="([^"]*)"><input type="hidden" name="request" value="([^"]*)"', page.text)
    source, request = forms[n]
    form = {"source": source, "request": request}
    return await colleague.http.post("/console/requests/done", data=form, headers=OURS)


def open_part(page: Response) -> str:
    return text(page).partition("Done lately")[0]


def log_call(engine: Engine, customer: str, kind: str, outcome: str, at: datetime, status: str | None = None) -> None:
    """What an agent kept of a call, as `interact.call_log` writes it down."""
    row = {"source": "calls", "interaction_id": seeds.new_id(), "source_id": "c1", "kind": kind, "outcome": outcome}
    row |= {"customer_id": customer, "at": at, "touchpoint": "phone", "text": f"{kind}, {outcome}", "status": status}
    with UnitOfWork(engine) as work:
        work.connection.execute(interactions.insert().values(cost=1, attributes={}, **row))
        work.commit()


async def test_where_nothing_is_open_the_page_says_what_will_stand_there(rina: Colleague) -> None:
    page = await rina.page("requests")
    assert "Nothing is open What customers ask of you stands here until one of you has done it" in text(page)
    assert "Done lately" not in text(page)
    assert 'aria-current="true">Requests' in page.text


async def test_what_customers_ask_for_stands_there_oldest_first_with_whose_it_is_and_where_it_was_said(
    rina: Colleague, engine: Engine, business: Business, clock: Clock
) -> None:
    sari = Known(engine, clock() - timedelta(days=9), "sari")
    sari.ordered("ORD-1001", 2, status="delivered")
    known = arrive(engine, business, clock() - timedelta(hours=3), proof=sari.proof)
    known.says("I want to return my coffee", "action_return")
    known.says("yes", "action_affirm")
    known.says("my grinder is broken", "action_repair", ("product", "grinder", 1.0))
    stranger = arrive(engine, business, clock() - timedelta(minutes=30))
    stranger.says("somebody should ring me about a big order", "action_talk_to_person")
    page = await rina.page("requests")
    shown = open_part(page)
    places = [shown.index(words) for words in ("A return · ORD-1001", "A repair · ", "A person")]
    assert places == sorted(places)
    assert "my grinder is broken" in shown
    assert "Guest Web chat, English for 29 min" in shown
    assert "somebody should ring me about a big order" in shown
    assert f'href="/console/conversations/{known.conversation_id}#m4"' in page.text
    assert f'href="/console/conversations/{stranger.conversation_id}#m1"' in page.text


async def test_what_is_due_first_stands_first_and_what_is_late_is_overdue(
    rina: Colleague, engine: Engine, business: Business, clock: Clock
) -> None:
    for name, tier, hours in (("wira", "below_zero", 2), ("sari", "most_valuable", 1)):
        known = Known(engine, clock() - timedelta(days=9), name)
        at = clock() - timedelta(hours=hours)
        arrive(engine, business, at, proof=known.proof).says(f"{name} wants a person", "action_talk_to_person")
        with UnitOfWork(engine) as work:
            seeds.add_tier(work.connection, known.profile, 1, tier, clock())
            work.commit()
    arrive(engine, business, clock() - timedelta(hours=3)).says("a guest wants a person", "action_talk_to_person")

    def told(page: Response) -> list[str]:
        return re.findall(r"(due in [\w ]+|overdue for [\w ]+) A person (\w+) ", open_part(page))

    assert told(await rina.page("requests")) == [
        ("due in 60 min", "sari"),
        ("due in 21 h", "a"),
        ("due in 22 h", "wira"),
    ]
    waiting = await rina.reads()
    assert waiting.index("sari wants") < waiting.index("a guest wants") < waiting.index("wira wants")
    clock.move(hours=2)
    assert told(await rina.page("requests"))[0] == ("overdue for 59 min", "sari")
    clock.move(hours=24)
    assert {due.split()[0] for due, _ in told(await rina.page("requests"))} == {"overdue"}


async def test_whoever_costs_more_than_they_bring_is_served_and_gets_a_person_by_the_floor(
    rina: Colleague, engine: Engine, business: Business, clock: Clock
) -> None:
    wira = Known(engine, clock() - timedelta(days=9), "wira")
    wira.ordered("ORD-1001", 2, ("House Blend 250 g", 1), status="on the way")
    wira.in_repair("Grinder", 20, "collected", cost=60_000)
    visitor = arrive(engine, business, clock(), proof=wira.proof)
    assert responses(visitor.says("what do you have for me?", "action_advise")) != []
    with reading(engine) as connection:
        assert connection.execute(select(value_scores.c.tier)).scalar_one() == "below_zero"
    assert responses(visitor.says("where is my order?", "action_order_status")) == ["utter_order"]
    assert responses(visitor.says("a person please", "action_talk_to_person")) == ["utter_person_asked"]
    assert "for less than a minute due in 24 h A person a person please" in open_part(await rina.page("requests"))


async def test_what_was_done_is_open_no_more_and_tells_who_did_it_and_when(
    rina: Colleague, agus: Colleague, engine: Engine, business: Business, clock: Clock
) -> None:
    visitor = arrive(engine, business, clock() - timedelta(hours=1), proof=Known(engine, clock(), "sari").proof)
    visitor.says("my grinder is broken", "action_repair", ("product", "grinder", 1.0))
    stale = await rina.page("requests")
    assert "asked for a repair" in await rina.reads()
    page = await done(rina, stale)
    assert "Nothing is open" in text(page)
    assert re.search(r"Done lately A repair · \S.* Rina, just now", text(page))
    clock.move(minutes=5)
    assert "Rina, 5 min ago" in text(await done(agus, stale))  # a colleague was faster
    assert "asked for a repair" not in await rina.reads()
    assert responses(visitor.says("forget the repair", "action_withdraw_request")) == ["utter_withdraw_nothing"]


async def test_a_complaint_and_the_person_it_calls_are_one_request_and_the_assistant_goes_on_when_it_is_done(
    rina: Colleague, guest: Visitor, engine: Engine
) -> None:
    guest.says("the beans were stale", "action_complain")
    page = await rina.page("requests")
    assert open_part(page).count("Done") == 1
    assert "A complaint the beans were stale" in open_part(page)
    page = await done(rina, page)
    assert "Nothing is open" in text(page)
    assert text(page).count("Rina, ") == 1
    with reading(engine) as connection:
        assert connection.execute(select(conversations.c.state)).scalar_one() == "bot"
        assert set(connection.execute(select(interactions.c.status)).scalars()) == {"resolved", "done"}
    assert guest.pending == {}


async def test_who_still_waits_for_a_person_goes_on_waiting_when_something_else_is_done(
    rina: Colleague, guest: Visitor, engine: Engine
) -> None:
    guest.says("I want a person", "action_talk_to_person")
    guest.says("the beans were stale", "action_complain")
    page = await done(rina, await rina.page("requests"), n=1)
    assert "A person I want a person" in open_part(page)
    with reading(engine) as connection:
        assert connection.execute(select(conversations.c.state)).scalar_one() == "waiting"


async def test_what_is_seen_to_in_the_conversation_is_done_too(rina: Colleague, guest: Visitor) -> None:
    guest.says("the beans were stale", "action_complain")
    for act in ("take", "hand-back"):
        await rina.does(act, guest.conversation_id)
    page = await rina.page("requests")
    assert "Nothing is open" in text(page)
    assert "Done lately A complaint Guest Rina, just now" in text(page)


async def test_what_a_call_left_open_stands_there_with_whom_to_call_back(
    rina: Colleague, engine: Engine, clock: Clock
) -> None:
    known = Known(engine, clock() - timedelta(days=9), "sari")
    at = clock() - timedelta(hours=5)
    log_call(engine, known.profile, "order_status", "call_back", at)
    log_call(engine, known.profile, "repair", "open", at, "open")
    for outcome, status in (("settled", None), ("open", "resolved")):
        log_call(engine, known.profile, "complaint", outcome, at, status)
    page = await rina.page("requests")
    assert "An order call back order_status, call_back" in open_part(page)
    assert "A repair repair, open" in open_part(page)
    assert "A complaint" not in open_part(page)
    assert f'href="/console/call?customer={known.profile}"' in page.text
    for _ in range(2):
        page = await done(rina, page)
    assert "Nothing is open" in text(page)


async def test_a_request_outlives_the_conversation_in_which_it_was_made(
    rina: Colleague, engine: Engine, business: Business, clock: Clock
) -> None:
    visitor = arrive(engine, business, clock() - timedelta(days=400), proof=Known(engine, clock(), "sari").proof)
    visitor.says("my grinder is broken", "action_repair", ("product", "grinder", 1.0))
    with UnitOfWork(engine) as work:
        prune(work.connection, clock() - timedelta(days=365), clock())
        work.commit()
    page = await rina.page("requests")
    assert "Customer The conversation is no longer kept" in open_part(page)
    assert "Nothing is open" in text(await done(rina, page))


async def test_a_former_colleague_s_work_stays_done(rina: Colleague, guest: Visitor, engine: Engine) -> None:
    guest.says("the beans were stale", "action_complain")
    await done(rina, await rina.page("requests"))
    with UnitOfWork(engine) as work:
        for row in work.connection.execute(select(interactions)).all():
            this = interactions.c.interaction_id == row.interaction_id
            named = {**row.attributes, "done_by": "0" * 32}
            work.connection.execute(interactions.update().where(this).values(attributes=named))
        work.commit()
    assert "a former colleague, just now" in await rina.reads("requests")


async def test_an_open_page_hears_of_what_is_asked_and_done(rina: Colleague, guest: Visitor) -> None:
    marks = []
    for step in ("ask", "look", "done"):
        if step == "ask":
            guest.says("the beans were stale", "action_complain")
        if step == "done":
            await done(rina, await rina.page("requests"))
        told = [(await rina.page(f"news?of={of}")).json()["mark"] for of in ("requests", "list")]
        page = await rina.page("requests")
        assert f'data-mark="{told[0]}"' in page.text
        marks.append(told)
    assert marks[0] == marks[1]
    assert marks[2][0] != marks[1][0]
    assert marks[2][1] != marks[1][1]


@pytest.mark.parametrize("made_up", [{}, {"source": "rapport", "request": "x"}, {"source": "\0", "request": "\0"}])
async def test_what_is_no_request_is_not_done(rina: Colleague, made_up: dict[str, str]) -> None:
    answer = await rina.http.post("/console/requests/done", data=made_up, headers=OURS)
    assert answer.status_code == 200
    assert "Nothing is open" in text(answer)


async def test_requests_are_for_staff_only(http: AsyncClient) -> None:
    assert (await http.get("/console/requests")).status_code == 303
    assert (await http.post("/console/requests/done", headers=OURS)).status_code == 401
