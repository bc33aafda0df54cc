"""At the phone: a call of somebody who is in no system, and what a caller says of being asked, of offers and of a profile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from colleague import OURS, Colleague, field, text
from fastapi import FastAPI
from guest import Clock
from httpx import AsyncClient, Response
from serving import Known
from sqlalchemy import Engine
from visitor import Visitor, arrive, counts, kept, offered

from crm_store.access.consent import OFFERS, PROFILE, withdrawn
from crm_store.access.retention import prune_all
from crm_store.business import Business
from crm_store.database import reading
from crm_store.differentiate.value import value_facts
from crm_store.report import Period, idic
from crm_store.tables import consents, customers, interactions, journal


@pytest.fixture
def gateway(console_alone: FastAPI) -> FastAPI:
    return console_alone


@pytest.fixture
def sari(engine: Engine, clock: Clock) -> Known:
    return Known(engine, clock(), "sari")


# Somebody who is in no system ----------------------------------------------------------------------------------------


async def log(rina: Colleague, page: Response, **changed: str) -> Response:
    """Sends the form for a call of somebody whom nobody knows."""
    form = {"form": field(page, "form"), "kind": "question", "outcome": "settled", "text": "Hours of Kemang"} | changed
    return await rina.http.post("/console/call/log", data=form, headers=OURS)


async def test_a_call_of_somebody_who_is_in_no_system_is_kept_as_a_contact_of_nobody_in_particular(
    rina: Colleague, engine: Engine, business: Business, clock: Clock
) -> None:
    page = await rina.page("call?phone=%2B628000000000")
    assert "Nobody is known by that" in text(page)
    assert '<details class="card stranger" id="stranger" open>' in page.text
    after = await log(rina, page, minutes="4")
    assert "The call is kept" in text(after)
    (row,) = kept(engine, interactions)
    (nobody,) = kept(engine, customers)
    assert (row.customer_id, row.source, row.touchpoint, row.kind) == (nobody.id, "calls", "phone", "question")
    assert (row.cost, row.text, row.outcome) == (25_000, "Hours of Kemang", "settled")
    assert row.attributes == {"staff": rina.staff.id, "minutes": 4}
    with reading(engine) as connection:
        assert value_facts(connection, business, [nobody.id], clock()).cost_to_serve == 25_000
        period = Period.of_days(None, None, clock() + timedelta(hours=1), business.business.zone)
        phone = next(t for t in idic(connection, business, period).touchpoints if t.kind == "contact_centre")
    assert (phone.identify.contacts, phone.identify.known) == (1, 0)


async def test_the_form_is_there_before_anybody_is_looked_up_and_sent_twice_is_kept_once(
    rina: Colleague, engine: Engine
) -> None:
    page = await rina.page("call")
    for _ in range(2):
        assert (await log(rina, page)).status_code == 200
    await log(rina, await rina.page("call?kept=yes"))
    assert (len(kept(engine, interactions)), len(kept(engine, customers))) == (2, 2)


async def test_what_cannot_be_kept_says_the_mend_and_what_was_typed_stays(rina: Colleague, engine: Engine) -> None:
    for changed, mend in (
        ({"kind": ""}, "Say what the call was about."),
        ({"minutes": "soon"}, "Minutes are a whole number up to 600."),
        ({"kind": "complaint", "outcome": "open", "text": ""}, "Write what is wrong"),
        ({"form": "x"}, "This form is out of date."),
    ):
        refused = await log(rina, await rina.page("call"), **{"order_id": "ORD-77", **changed})
        assert refused.status_code == 422
        assert mend in text(refused)
        assert 'value="ORD-77"' in refused.text
        assert 'id="stranger" open' in refused.text
    assert not any(counts(engine)[table] for table in ("interactions", "customers"))


async def test_whom_somebody_has_to_call_back_stands_among_the_requests(rina: Colleague, engine: Engine) -> None:
    await log(rina, await rina.page("call"), outcome="call_back", text="Mr Tan, 0811, wants 40 kg")
    page = await rina.page("requests")
    assert "Customer On the phone" in text(page)
    assert "A question call back Mr Tan, 0811, wants 40 kg" in text(page)


async def test_such_a_call_goes_when_conversations_do(rina: Colleague, engine: Engine, clock: Clock) -> None:
    await log(rina, await rina.page("call"))
    assert not prune_all(engine, 30, clock() + timedelta(days=29), lambda _: None)
    assert prune_all(engine, 30, clock() + timedelta(days=31), lambda _: None).strangers == 1
    assert not any(counts(engine)[table] for table in ("interactions", "customers"))


async def test_what_a_stranger_asked_of_people_goes_with_them_and_a_customer_s_stays(
    rina: Colleague, guest: Visitor, sari: Known, engine: Engine, business: Business, clock: Clock
) -> None:
    guest.says("the beans were stale", "action_complain")
    arrive(engine, business, clock(), proof=sari.proof).says("the cups were late", "action_complain")
    prune_all(engine, 30, clock() + timedelta(days=31), lambda _: None)
    assert {row.customer_id for row in kept(engine, interactions)} == {sari.profile}


async def test_strangers_calls_are_for_staff_only(http: AsyncClient) -> None:
    assert (await http.post("/console/call/log", headers=OURS)).status_code == 401


# What they agree to --------------------------------------------------------------------------------------------------


async def says(rina: Colleague, page: Response, word: str) -> Response:
    return await rina.http.post(f"{page.url.path}/consent", data={"word": word}, headers=OURS)


def off(engine: Engine, sari: Known) -> frozenset[str]:
    with reading(engine) as connection:
        return withdrawn(connection, [sari.profile])


async def test_what_a_caller_withdraws_is_kept_as_said_by_phone_and_counts_at_once(
    rina: Colleague, sari: Known, engine: Engine, business: Business, clock: Clock
) -> None:
    page = await rina.page("call?phone=08115550001")
    assert "withdrawn" not in text(page)
    clock.move(minutes=1)
    page = await says(rina, page, "offers:no")
    assert "Being offered things withdrawn" in text(page)
    assert "This customer wants no offers, so none is made." in text(page)
    (word,) = kept(engine, consents)
    assert (word.customer_id, word.purpose, word.granted, word.channel) == (sari.profile, OFFERS, False, "phone")
    assert (word.message_id, word.at) == (None, clock())
    (written,) = kept(engine, journal, kind="consent_by_phone")
    assert (written.customer_id, written.actor) == (sari.profile, rina.staff.id)
    assert (written.details["purpose"], written.details["granted"]) == (OFFERS, False)
    visitor = arrive(engine, business, clock(), proof=sari.proof)
    assert offered(visitor.says("coffee for the office", "action_note_need", ("need", "office", 0.95))) is None


async def test_who_allows_it_again_is_profiled_again_and_every_word_is_kept(
    rina: Colleague, sari: Known, engine: Engine, clock: Clock
) -> None:
    page = await rina.page("call?phone=08115550001")
    for word, is_off in (("profile:no", True), ("profile:no", True), ("profile:yes", False), ("profile:yes", False)):
        clock.move(minutes=1)
        page = await says(rina, page, word)
        assert (off(engine, sari) == {PROFILE}) is is_off
        assert ("Needs" in text(page)) is not is_off
    assert [row.granted for row in sorted(kept(engine, consents), key=lambda row: row.at)] == [False, True]
    assert len(kept(engine, journal, kind="consent_by_phone")) == 2


async def test_what_is_open_is_still_to_be_spoken_of_whatever_they_agree_to(
    rina: Colleague, sari: Known, engine: Engine, business: Business, clock: Clock
) -> None:
    arrive(engine, business, clock(), proof=sari.proof).says("the cups were late", "action_complain")
    clock.move(minutes=1)
    page = await rina.page("call?phone=08115550001")
    for told in (page, await says(rina, page, "offers:no")):
        assert "Speak of this before anything else" in text(told)


async def test_a_caller_who_is_somebody_else_changes_nothing(rina: Colleague, sari: Known, engine: Engine) -> None:
    page = await rina.page("call?phone=08115550001")
    await rina.http.post(f"{page.url.path}/compared", data={"agrees": "no"}, headers=OURS)
    assert (await says(rina, page, "offers:no")).status_code == 409
    assert off(engine, sari) == frozenset()


@pytest.mark.parametrize("word", ["", "offers", "offers:maybe", "notice:no", "\0:no"])
async def test_a_word_that_is_none_is_refused(rina: Colleague, sari: Known, engine: Engine, word: str) -> None:
    assert (await says(rina, await rina.page("call?phone=08115550001"), word)).status_code == 422
    assert kept(engine, consents) == []


async def test_a_word_in_a_colleague_s_call_is_refused(
    rina: Colleague, agus: Colleague, sari: Known, engine: Engine
) -> None:
    page = await rina.page("call?phone=08115550001")
    assert (await says(agus, page, "offers:no")).status_code == 404
    assert kept(engine, consents) == []
