"""The IDIC report: figures that were counted by hand, the same in the command and the console, on both databases."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import seeds
from colleague import Colleague, text
from commands import Rapport, answer
from fastapi import FastAPI
from sqlalchemy import Connection, Engine, insert
from visitor import add_matter

from bot.report_words import steps
from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.identify.merging import merge
from crm_store.report import KINDS, Period, Report, Touchpoint, idic
from crm_store.report.customized import acceptance
from crm_store.tables import decisions, evidence, exposures, interactions, questions_asked, transactions

LATER = timedelta(seconds=1)


def report(engine: Engine, business: Business, now: datetime, days: int = 90) -> Report:
    with reading(engine) as connection:
        return idic(connection, business, Period(now - timedelta(days=days), now + LATER))


def kind(found: Report, name: str) -> Touchpoint:
    return next(touchpoint for touchpoint in found.touchpoints if touchpoint.kind == name)


def sells(
    c: Connection, customer: str, at: datetime, amount: float, category: str | None, touchpoint: str | None, **more: Any
) -> None:
    row = {"source": "pos", "transaction_id": seeds.new_id(), "product": "", "source_id": "x", "attributes": {}, **more}
    c.execute(
        insert(transactions).values(
            customer_id=customer, at=at, amount=amount, category=category, touchpoint=touchpoint, **row
        )
    )


def decides(c: Connection, customer: str, at: datetime, touchpoint: str, treatment: str, **more: Any) -> str:
    decision = seeds.new_id()
    c.execute(
        insert(decisions).values(
            id=decision,
            customer_id=customer,
            touchpoint=touchpoint,
            at=at,
            treatment=treatment,
            reason="",
            facts={},
            **more,
        )
    )
    return decision


def shows(c: Connection, customer: str, at: datetime, decision: str, outcome: str | None) -> None:
    c.execute(
        insert(exposures).values(
            id=seeds.new_id(),
            customer_id=customer,
            offer_id="drip_week",
            decision_id=decision,
            shown_at=at,
            outcome=outcome,
            outcome_at=at if outcome else None,
        )
    )


def asks(c: Connection, customer: str, at: datetime, question: str, bits: float, **more: Any) -> None:
    c.execute(
        insert(questions_asked).values(
            id=seeds.new_id(), customer_id=customer, question_id=question, at=at, information=bits, **more
        )
    )


def answers(c: Connection, customer: str, at: datetime, question: str, option: str, decision: str) -> None:
    said = {"kind": "answered", "key": question, "value": option, "strength": 1.0}
    c.execute(insert(evidence).values(id=seeds.new_id(), customer_id=customer, at=at, decision_id=decision, **said))


@pytest.fixture
def quarter(engine: Engine, now: datetime) -> None:
    """A quarter that can be counted by hand: what each comment says is what the tests expect."""
    day = timedelta(days=1)
    with UnitOfWork(engine) as work:
        c = work.connection
        # Sari: an email from the web shop since a year, a card new in the quarter: one customer of two systems.
        sari = seeds.add_customer(c, now - 365 * day)
        seeds.add_record(c, sari, "shop", "sari", now - 365 * day, given_name="Sari", email="sari@example.com")
        card = seeds.add_customer(c, now - 20 * day)
        seeds.add_record(c, card, "loyalty", "L-1", now - 20 * day, phone="+628115550001")
        merge(c, card, sari, "resolve", "alike", now - 20 * day)
        # Two purchases on the web (one of two lines), one a year and a half ago, one in the store.
        sells(
            c, sari, now - 10 * day, 4_000_000, "office_beans", "web", source="shop", transaction_id="W-1", product="a"
        )
        sells(
            c, sari, now - 10 * day, 1_000_000, "office_beans", "web", source="shop", transaction_id="W-1", product="b"
        )
        sells(c, sari, now - 5 * day, 200_000, "capsules", "web", source="shop")
        sells(c, sari, now - 500 * day, 9_000_000, "capsules", "web", source="shop")
        sells(c, sari, now - 4 * day, 100_000, "capsules", "store")
        # Points twice: one at the touchpoint's cost (500), one at its own.
        add_matter(c, card, "points", None, now - 3 * day, touchpoint="loyalty", source="loyalty", points=5)
        add_matter(c, card, "points", None, now - 2 * day, touchpoint="loyalty", source="loyalty", points=5, cost=300)
        # Dedi: nobody knows more of him than the number of his till receipts. He bought in the store twice and called once.
        dedi = seeds.add_customer(c, now - 30 * day)
        seeds.add_record(c, dedi, "pos", "P-9", now - 30 * day)
        sells(c, dedi, now - 9 * day, 50_000, None, "store")
        sells(c, dedi, now - 8 * day, 50_000, None, "store")
        add_matter(c, dedi, "question", None, now - 7 * day, touchpoint="phone", source="calls", cost=30_000)
        # A purchase that names no touchpoint.
        sells(c, dedi, now - 7 * day, 10_000, None, None, source="old")

        # A guest is asked, answers, is shown an offer and takes it, all with the assistant.
        guest = seeds.Talk(c, seeds.add_customer(c, now - day), now - day)
        guest.customer_says("for the office")
        guest.teaches("stated", "need", "office", None, 0.9)
        guest.decide("guest", "", question_id="cups")
        asks(c, guest.customer, guest.at, "cups", 0.5, conversation_id=guest.id, message_id=guest.last_message)
        guest.bot_says("How many cups?")
        guest.customer_says("30")
        guest.teaches("answered", "cups", "10_to_40")
        guest.decide("guest", "", offer_id="office_starter", outcome="accepted")
        guest.bot_says("Office Blend.")
        # Sari, verified, is asked and does not answer; she asks for a person.
        hers = seeds.Talk(c, sari, now - 2 * day, assurance="verified")
        hers.customer_says("hello")
        hers.decide("keep", "", question_id="matters")
        asks(c, sari, hers.at, "matters", 0.75, conversation_id=hers.id, message_id=hers.last_message)
        hers.bot_says("What matters most?")
        hers.customer_says("a person please")
        c.execute(
            insert(interactions).values(
                source="rapport",
                interaction_id=f"{hers.last_message}/person_request",
                source_id=hers.id,
                customer_id=sari,
                at=hers.at,
                touchpoint="web",
                kind="person_request",
                status="open",
                cost=0,
                attributes={},
            )
        )
        # A known device of long ago, whose conversation is not of this quarter.
        long_ago = seeds.Talk(c, seeds.add_customer(c, now - 200 * day), now - 200 * day, assurance="recognised")
        long_ago.customer_says("hi")
        long_ago.bot_says("Hello.")
        # On the phone Dedi is asked, answers, is shown three offers in later calls: yes, no, no word. At the till nothing.
        asked = decides(c, dedi, now - 7 * day, "phone", "serve", question_id="matters", conversation_id="1" * 32)
        asks(c, dedi, now - 7 * day, "matters", 1.25, conversation_id="1" * 32, decision_id=asked)
        answers(c, dedi, now - 7 * day, "matters", "price", asked)
        for outcome in ("accepted", "declined", None):
            shows(
                c, dedi, now - 6 * day, decides(c, dedi, now - 6 * day, "phone", "serve", offer_id="drip_week"), outcome
            )
        decides(c, dedi, now - 6 * day, "phone", "service_first")
        work.commit()


def test_identify_counts_whom_the_business_knew(
    engine: Engine, business: Business, now: datetime, quarter: None
) -> None:
    found = report(engine, business, now)
    web = kind(found, "web_site").identify
    assert web.contacts == 4  # two conversations, two purchases
    assert web.conversations == {"anonymous": 1, "recognised": 0, "verified": 1}
    assert web.records == {"none": 0, "imported": 2, "proven": 0}
    assert (web.known, web.share) == (3, 0.75)
    assert web.linked_customers == 1
    store = kind(found, "point_of_purchase").identify
    assert (store.contacts, store.known, store.records["none"]) == (3, 1, 2)
    loyalty = kind(found, "loyalty_programme").identify
    assert (loyalty.contacts, loyalty.known, loyalty.new_identifiers) == (2, 2, 1)
    assert kind(found, "web_site").identify.new_identifiers == 0  # her email is of last year
    assert (found.elsewhere.identify.contacts, found.elsewhere.identify.joins) == (1, 1)
    everything = found.together.identify
    assert (everything.contacts, everything.known, everything.new_identifiers) == (11, 6, 1)


def test_differentiate_counts_of_whom_worth_and_needs_are_known(
    engine: Engine, business: Business, now: datetime, quarter: None
) -> None:
    found = report(engine, business, now)
    web = kind(found, "web_site").differentiate
    # The guest and Sari. Hers: 0.35 of 5,300,000 less 800 for points: most valuable. The guest has bought nothing.
    assert (web.customers, web.with_value, web.with_needs) == (2, 1, 2)
    assert web.tiers == {"most_valuable": 1, "growable": 0, "migrator": 0, "below_zero": 0}
    assert (web.needs_told, web.needs_observed) == (1, 1)
    phone = kind(found, "contact_centre").differentiate
    # Dedi: 0.35 of 110,000 less 30,000.
    assert (phone.customers, phone.tiers["migrator"], phone.needs_told, phone.needs_observed) == (1, 1, 1, 0)
    assert found.together.differentiate.customers == 3  # each once, wherever they were met


def test_interact_counts_talk_cost_and_what_was_learnt(
    engine: Engine, business: Business, now: datetime, quarter: None
) -> None:
    found = report(engine, business, now)
    web = kind(found, "web_site").interact
    assert (web.conversations, web.assistant_alone, web.handed_over) == (2, 1, 1)
    assert (web.interactions, web.purchases, web.cost) == (0, 2, 0)  # what she asked for is no second contact
    assert (web.questions_asked, web.questions_answered, web.bits_gained) == (2, 1, 0.5)
    phone = kind(found, "contact_centre").interact
    assert (phone.interactions, phone.cost, phone.cost_per_interaction) == (1, 30_000, 30_000)
    assert (phone.questions_asked, phone.questions_answered, phone.bits_gained) == (1, 1, 1.25)
    loyalty = kind(found, "loyalty_programme").interact
    assert (loyalty.interactions, loyalty.cost, loyalty.cost_per_interaction) == (2, 800, 400)
    assert found.together.interact.cost == 30_800


def test_customize_counts_treatments_and_what_became_of_offers(
    engine: Engine, business: Business, now: datetime, quarter: None
) -> None:
    found = report(engine, business, now)
    phone = kind(found, "contact_centre").customize
    assert (phone.decisions, phone.treatments) == (5, {"serve": 4, "service_first": 1})
    assert (phone.offers_shown, phone.accepted, phone.declined, phone.unanswered) == (3, 1, 1, 1)
    assert phone.acceptance
    assert phone.acceptance.share == pytest.approx(1 / 3)
    web = kind(found, "web_site").customize
    assert (web.decisions, web.treatments, web.offers_shown, web.accepted) == (3, {"guest": 2, "keep": 1}, 1, 1)
    assert (found.together.customize.decisions, found.together.customize.accepted) == (8, 2)


def test_what_is_not_of_the_period_is_not_counted(
    engine: Engine, business: Business, now: datetime, quarter: None
) -> None:
    with reading(engine) as connection:
        before = idic(connection, business, Period(now - timedelta(days=300), now - timedelta(days=100)))
        whole = idic(connection, business, Period(now - timedelta(days=600), now + LATER))
    assert before.together.identify.conversations == {"anonymous": 0, "recognised": 1, "verified": 0}
    assert (before.together.interact.purchases, before.together.customize.decisions) == (0, 0)
    assert whole.together.identify.contacts == 13
    assert whole.together.identify.new_identifiers == 2


def test_a_period_begins_with_its_first_moment_and_ends_before_the_last(
    engine: Engine, business: Business, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        customer = seeds.add_customer(work.connection, now)
        for at in (now - timedelta(days=1), now):
            sells(work.connection, customer, at, 10, None, "store")
        work.commit()
    with reading(engine) as connection:
        found = idic(connection, business, Period(now - timedelta(days=1), now))
    assert found.together.interact.purchases == 1


def test_days_are_the_business_s_own_and_the_last_is_included(business: Business, now: datetime) -> None:
    zone = business.business.zone
    period = Period.of_days(datetime(2026, 2, 1).date(), datetime(2026, 2, 28).date(), now, zone)
    assert period.since.isoformat() == "2026-02-01T00:00:00+07:00"
    assert period.until.isoformat() == "2026-03-01T00:00:00+07:00"
    assert Period.of_days(None, None, now, zone) == Period(now - timedelta(days=90), now)
    with pytest.raises(ValueError, match="before it begins"):
        Period.of_days(datetime(2026, 2, 2).date(), datetime(2026, 2, 1).date(), now, zone)


def test_an_empty_store_is_all_zero_and_says_what_to_connect(engine: Engine, business: Business, now: datetime) -> None:
    found = report(engine, business, now)
    assert [touchpoint.kind for touchpoint in found.touchpoints] == list(KINDS)
    for touchpoint in (*found.touchpoints, found.together):
        assert touchpoint.identify.contacts == touchpoint.customize.decisions == 0
        assert touchpoint.identify.share is None
        assert touchpoint.customize.acceptance is None
        assert touchpoint.interact.cost_per_interaction is None
    for touchpoint in found.touchpoints:
        assert touchpoint.mends[0].startswith("Nothing comes from there yet")
        assert f"`{touchpoint.names[0]}`" in touchpoint.mends[0]


def test_a_kind_that_the_business_does_not_have_is_shown_with_the_mend(
    engine: Engine, business: Business, now: datetime
) -> None:
    small = business.model_copy(update={"touchpoints": {"web": business.touchpoints["web"]}})
    found = report(engine, small, now)
    assert "add one under `touchpoints` with `kind: after_sales`" in kind(found, "after_sales").mends[0]


@pytest.mark.parametrize(
    ("accepted", "shown", "low", "high"),
    # Computed by hand from Wilson's formula with z = 1.959964.
    [(0, 10, 0.0, 0.2775), (1, 3, 0.0615, 0.7923), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_the_share_of_acceptance_has_its_interval(accepted: int, shown: int, low: float, high: float) -> None:
    found = acceptance(accepted, shown)
    assert found
    assert (found.share, round(found.low, 4), round(found.high, 4)) == (accepted / shown, low, high)


# The command and the page --------------------------------------------------------------------------------------------


@pytest.fixture
def gateway(console_alone: FastAPI) -> FastAPI:
    return console_alone


def test_the_command_and_the_page_say_the_same(
    engine: Engine, business: Business, now: datetime, quarter: None, rapport: Rapport
) -> None:
    days = ("--since", "2025-12-01", "--until", "2026-03-02")
    told = answer(rapport("report", "idic", *days, "--json"))
    with reading(engine) as connection:
        zone = business.business.zone
        period = Period.of_days(datetime(2025, 12, 1).date(), datetime(2026, 3, 2).date(), now, zone)
        found = idic(connection, business, period)
    assert told == json.loads(json.dumps(found.as_dict(), default=lambda at: at.isoformat()))
    table = rapport("report", "idic", *days).stdout
    assert "IDIC, Kopi Sudirman, 2025-12-01 00:00 to 2026-03-03 00:00 (Asia/Jakarta)" in table
    for step in steps(found, business):
        for line in step.lines:
            assert re.search(rf"^ *{re.escape(line.title)} +{' +'.join(map(re.escape, line.cells))}$", table, re.M), (
                line
            )
            assert not line.meaning or line.meaning in table


async def test_the_page_shows_every_figure_with_its_meaning(
    rina: Colleague, engine: Engine, business: Business, now: datetime, quarter: None
) -> None:
    shown = await rina.reads("report?since=2025-12-01&until=2026-03-02")
    with reading(engine) as connection:
        zone = business.business.zone
        period = Period.of_days(datetime(2025, 12, 1).date(), datetime(2026, 3, 2).date(), now, zone)
        found = idic(connection, business, period)
    assert "1 December 2025 to 2 March 2026" in shown
    for step in steps(found, business):
        for line in step.lines:
            assert (
                f"{line.title} {line.meaning}".strip() + " " + " ".join(line.cells).replace("\N{NO-BREAK SPACE}", " ")
                in shown
            ), line
    for touchpoint in (*found.touchpoints, found.elsewhere):
        assert all(mend.split("`")[0] in shown for mend in touchpoint.mends)


async def test_the_page_has_the_days_of_the_period_that_it_shows(rina: Colleague) -> None:
    for query, since, until in (
        ("", "2025-12-02", "2026-03-02"),
        ("?until=2026-02-01", "2025-11-04", "2026-02-01"),
        ("?since=2026-02-02&until=2026-02-01", "2025-12-02", "2026-03-02"),
    ):
        page = await rina.page(f"report{query}")
        assert re.findall(r'type="date" name="\w+" value="([^"]*)"', page.text) == [since, until]


def test_a_period_that_is_none_is_refused_with_the_mend(rapport: Rapport, engine: Engine) -> None:
    refused = rapport("report", "idic", "--since", "2026-02-02", "--until", "2026-02-01")
    assert refused.exit_code == 1
    assert "mend:" in refused.output
    assert rapport("report", "idic", "--since", "yesterday").exit_code == 2


@pytest.mark.parametrize("query", ["since=2026-02-02&until=2026-02-01", "since=soon", "until=%00", "since=9999-99-99"])
async def test_the_page_of_a_period_that_is_none_shows_the_usual_one(rina: Colleague, query: str) -> None:
    page = await rina.page(f"report?{query}")
    assert page.status_code == 422
    assert "That is no period" in text(page)
    assert "Nothing comes from there yet" in text(page)
