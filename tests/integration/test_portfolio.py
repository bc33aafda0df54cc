"""What a run keeps of everybody: the portfolio, who moved since the run before, and what became of earlier forecasts."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import seeds
from colleague import Colleague, text
from commands import Rapport, answer
from fastapi import FastAPI
from sqlalchemy import Connection, Engine, insert, select, update

from crm_store.access.consent import PROFILE, keep_word
from crm_store.access.erasure import erase_customer
from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate.calibration import TooFew, ValueCheck
from crm_store.differentiate.held_out import check_forecasts, check_needs
from crm_store.differentiate.live import revalue
from crm_store.differentiate.movers import Movers, movers
from crm_store.differentiate.needs import speaking
from crm_store.differentiate.picture import picture
from crm_store.differentiate.portfolio import Portfolio
from crm_store.differentiate.runs import check, draw, newest
from crm_store.differentiate.scoring import score
from crm_store.tables import evidence, interactions, transactions, value_scores


class Shop:
    """Customers who buy, and runs that value them."""

    def __init__(self, engine: Engine, business: Business, now: datetime) -> None:
        self.engine, self.business, self.now = engine, business, now

    def customer(self, *purchases: tuple[float, float], category: str = "blend_beans") -> str:
        """Somebody who bought (days ago, amount) each, with a record and a name in it."""
        with UnitOfWork(self.engine) as work:
            customer = seeds.add_customer(work.connection, self.now - timedelta(days=900))
            seeds.add_record(work.connection, customer, "pos", customer[:8], self.now, given_name="Sari")
            self._buy(work.connection, customer, purchases, category)
            work.commit()
        return customer

    def buys(self, customer: str, *purchases: tuple[float, float]) -> None:
        with UnitOfWork(self.engine) as work:
            self._buy(work.connection, customer, purchases, "blend_beans")
            work.commit()

    def calls(self, customer: str, days: float) -> None:
        row = {
            "source": "crm",
            "interaction_id": seeds.new_id(),
            "source_id": "-",
            "touchpoint": "phone",
            "cost": 25_000,
        }
        row |= {"customer_id": customer, "at": self.now - timedelta(days=days), "attributes": {}}
        with UnitOfWork(self.engine) as work:
            work.connection.execute(insert(interactions).values(row))
            work.commit()

    def _buy(self, connection: Connection, customer: str, purchases: Any, category: str) -> None:
        rows = [
            {
                "source": "pos",
                "transaction_id": seeds.new_id(),
                "product": "",
                "source_id": "-",
                "customer_id": customer,
                "at": self.now - timedelta(days=days),
                "amount": amount,
                "category": category,
                "attributes": {},
            }
            for days, amount in purchases
        ]
        if rows:
            connection.execute(insert(transactions), rows)

    def crowd(self, count: int) -> list[str]:
        """Customers of all kinds, the same each time."""
        rng = np.random.default_rng(11)
        made = []
        for number in range(count):
            age = int(rng.integers(200, 700))
            days = {age, *rng.integers(0, age, size=int(rng.poisson(number % 8))).tolist()}
            made.append(self.customer(*((float(day), float(rng.gamma(4.0, 50_000.0))) for day in sorted(days))))
        return made

    def run(self, days_ago: float = 0, *, needs: bool = True) -> Portfolio:
        at = self.now - timedelta(days=days_ago)
        self.clock = getattr(self, "clock", self.now) + timedelta(minutes=1)
        found = score(self.engine, self.business, as_of=at, horizon=365.0, now=self.clock)
        return draw(self.engine, self.business, found.run, needs=needs, advance=lambda _: None)

    def row(self, customer: str) -> Any:
        with reading(self.engine) as connection:
            return connection.execute(select(value_scores).where(value_scores.c.customer_id == customer)).one()

    def movers(self, drawn: Portfolio) -> Movers:
        with reading(self.engine) as connection:
            return movers(connection, self.business, drawn)

    def withdraws(self, customer: str) -> None:
        with UnitOfWork(self.engine) as work:
            keep_word(work.connection, customer, PROFILE, False, "phone", self.now)
            work.commit()

    def answers(self, customer: str, question: str, option: str, days_ago: float) -> None:
        at = self.now - timedelta(days=days_ago)
        row = {"id": seeds.new_id(), "kind": "answered", "key": question, "value": option, "strength": 1.0, "at": at}
        with UnitOfWork(self.engine) as work:
            work.connection.execute(insert(evidence).values(customer_id=customer, message_id=seeds.new_id(), **row))
            work.commit()


@pytest.fixture
def shop(engine: Engine, business: Business, now: datetime) -> Shop:
    return Shop(engine, business, now)


def tiers(drawn: Portfolio) -> dict[str, int]:
    return {tier: sums.customers for tier, sums in drawn.by_tier().items()}


# What a run keeps ----------------------------------------------------------------------------------------------------


def test_a_run_keeps_what_it_found_beside_what_the_run_before_found(shop: Shop) -> None:
    sari = shop.customer((200, 3_000_000), (40, 100_000))
    shop.run(100)
    first = shop.row(sari)
    assert (first.run_tier, first.before_tier, first.before_value) == (first.tier, None, None)
    assert first.run_value == pytest.approx(first.actual_value + first.future_value, abs=0.02)
    shop.run()
    second = shop.row(sari)
    assert (second.before_tier, second.before_value) == (first.run_tier, first.run_value)
    assert second.run_value == pytest.approx(second.actual_value + second.future_value, abs=0.02)


def test_a_purchase_between_runs_moves_the_customer_and_not_what_the_run_found(shop: Shop) -> None:
    sari = shop.customer((40, 100_000))
    shop.run()
    before = shop.row(sari)
    shop.buys(sari, (0, 20_000_000))
    with UnitOfWork(shop.engine) as work:
        revalue(work.connection, shop.business, sari, shop.now + timedelta(hours=1))
        work.commit()
    after = shop.row(sari)
    assert after.tier != before.tier
    assert (after.run_tier, after.run_value) == (before.run_tier, before.run_value)


def test_a_second_run_of_a_day_is_compared_with_what_the_first_was(shop: Shop) -> None:
    sari = shop.customer((200, 3_000_000), (40, 100_000))
    shop.run(100)
    long_ago = shop.row(sari)
    first, second = shop.run(), shop.run()
    assert shop.row(sari).before_value == long_ago.run_value
    assert first.before
    assert second.before
    assert second.before.as_of == first.before.as_of == shop.now - timedelta(days=100)
    assert set(second.moves) == set(first.moves)


def test_who_is_valued_while_a_run_computes_is_in_it_all_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sari, budi = shop.customer((40, 100_000)), shop.customer((30, 100_000))
    shop.run(5)
    was = shop.row(sari).run_value

    def meanwhile(connection: Connection, *_: object) -> None:
        seeds.add_purchase(connection, sari, shop.now, 9_000_000, "beans")
        revalue(connection, shop.business, sari, shop.now + timedelta(days=1))

    monkeypatch.setattr("crm_store.differentiate.scoring.one_at_a_time", meanwhile)
    drawn = shop.run()
    row = shop.row(sari)
    assert row.before_value == was
    assert (row.tier, row.run_tier) == ("most_valuable", shop.row(budi).run_tier)
    assert drawn.together.customers == 2


# The portfolio -------------------------------------------------------------------------------------------------------


def test_the_portfolio_is_the_sum_of_what_is_kept_of_each(shop: Shop, business: Business) -> None:
    shop.crowd(30)
    drawn = shop.run()
    with reading(shop.engine) as connection:
        rows = connection.execute(select(value_scores)).all()
        assert newest(connection) == drawn
    together = drawn.together
    assert together.customers == len(rows) == 30
    assert together.actual == pytest.approx(sum(row.actual_value for row in rows))
    assert together.future == pytest.approx(sum(row.future_value for row in rows))
    assert together.unrealised == pytest.approx(sum(row.potential_value - row.future_value for row in rows))
    assert drawn.purchases == sum(row.purchases for row in rows)
    assert drawn.last_purchase == max(row.last_at for row in rows)
    assert drawn.segments == business.segment_ids
    actual = sorted((row.actual_value for row in rows), reverse=True)
    assert [tenth.customers for tenth in drawn.tenths] == [3] * 10
    assert [tenth.actual for tenth in drawn.tenths] == pytest.approx([sum(actual[n : n + 3]) for n in range(0, 30, 3)])
    assert (drawn.before, drawn.moves) == (None, [])


def test_of_fewer_than_ten_customers_there_are_no_tenths_and_of_nobody_there_is_nothing(shop: Shop) -> None:
    empty = shop.run()
    assert (empty.cells, empty.tenths, empty.purchases, empty.last_purchase) == ([], [], 0, None)
    for _ in range(9):
        shop.customer((3, 100_000))
    assert shop.run().tenths == []


def test_a_customer_stands_under_the_need_that_is_clear(shop: Shop) -> None:
    shop.customer(*((float(day), 200_000.0) for day in range(1, 100, 9)), category="office_beans")
    shop.customer((3, 50_000), category="gadget")
    found = {(cell.segment, cell.sums.customers) for cell in shop.run().cells}
    assert found == {("office", 1), (None, 1)}
    assert [cell.segment for cell in shop.run(needs=False).cells] == [None] * len(shop.run(needs=False).by_tier())


def test_who_wants_no_profile_is_nowhere_in_it_at_once(shop: Shop) -> None:
    sari = shop.customer((200, 3_000_000), (4, 5_000_000))
    shop.customer((200, 100_000), (40, 100_000))
    shop.run(100)
    drawn = shop.run()
    assert sari in {each.customer_id for each in shop.movers(drawn).up}
    shop.withdraws(sari)
    found = shop.movers(drawn)
    assert sari not in {each.customer_id for each in (*found.up, *found.down)}
    again = shop.run()
    assert again.together.customers == 1
    assert sum(move.customers for move in again.moves if move.after is None) == 1


def test_who_was_erased_since_is_gone_and_who_is_new_was_not_there(shop: Shop) -> None:
    sari, _ = shop.customer((40, 3_000_000)), shop.customer((20, 100_000))
    first = shop.run(10)
    shop_tier = shop.row(sari).run_tier
    with UnitOfWork(shop.engine) as work:
        erase_customer(work, sari, shop.now)
        work.commit()
    shop.customer((5, 100_000))
    drawn = shop.run()
    assert drawn.before
    assert drawn.before.customers == first.together.customers == 2
    assert tiers(drawn) == {"migrator": 2}
    assert {(move.before, move.after, move.customers) for move in drawn.moves} == {
        ("migrator", "migrator", 1),
        (None, "migrator", 1),
        (shop_tier, None, 1),
    }


def test_those_who_moved_most_stand_first_with_what_they_bought_and_cost_since(shop: Shop, now: datetime) -> None:
    up = shop.customer((300, 100_000), (50, 100_000))
    down = shop.customer((420, 100_000), (370, 9_000_000))
    shop.customer((300, 100_000), (50, 100_000))
    shop.run(10)
    shop.buys(up, (5, 4_000_000), (5.1, 1_000_000), (3, -500_000))
    shop.calls(down, 2)
    found = shop.movers(shop.run())
    rate = shop.business.value.margin_rate
    assert found.up[0].customer_id == up
    assert found.up[0].record == ("pos", up[:8])
    assert (found.up[0].name, found.up[0].conversation_id) == (None, None)
    since = found.up[0].since
    assert (since.purchases, since.returns, since.margin) == (1, 1, pytest.approx(4_500_000 * rate))
    assert found.down[0].customer_id == down
    since = found.down[0].since
    assert (since.purchases, since.contacts, since.cost) == (0, 1, 25_000)
    assert since.aged == pytest.approx(9_000_000 * rate)
    assert found.down[0].change < 0 < found.up[0].change


# Forecasts beside what came ------------------------------------------------------------------------------------------


def test_what_came_is_what_was_bought_after_the_cut_and_no_forecast_knows_of_it(
    shop: Shop, business: Business, now: datetime
) -> None:
    crowd = shop.crowd(60)

    def checked() -> ValueCheck:
        with reading(shop.engine) as connection:
            found = check_forecasts(connection, business, now, 100.0)
        assert isinstance(found, ValueCheck)
        return found

    before = checked()
    shop.calls(shop.customer(), 120)
    assert checked() == before, "nothing is forecast of who never bought"
    assert before.days == 100
    shop.buys(crowd[0], (50, 1_000_000))
    shop.customer((20, 100_000))
    after = checked()
    assert after.together.expected_value == before.together.expected_value
    assert after.together.purchases == before.together.purchases + 1
    assert after.together.value == pytest.approx(before.together.value + 1_000_000 * business.value.margin_rate)
    assert after.newcomers == before.newcomers + 1


def test_of_a_short_history_or_few_customers_nothing_is_said(shop: Shop, business: Business, now: datetime) -> None:
    with reading(shop.engine) as connection:
        assert check_forecasts(connection, business, now, 365.0) == TooFew("days", 0, 28)
    shop.customer((300, 100_000))
    with reading(shop.engine) as connection:
        assert check_forecasts(connection, business, now, 365.0) == TooFew("customers", 1, 50)


def test_an_answer_is_held_against_what_was_known_before_it(
    shop: Shop, business: Business, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_store.differentiate.held_out.LEAST_ANSWERS", 1)
    question = business.questions[0]
    sari = shop.customer(*((float(day), 200_000.0) for day in range(30, 130, 9)), category="office_beans")
    stranger = shop.customer()
    shop.buys(sari, (2, 100_000))  # after the answer, and so not known before it
    for who in (sari, stranger):
        shop.answers(who, question.id, question.options[0].id, 10)
    shop.answers(sari, question.id, question.options[1].id, 5)  # a second word on the same is no prediction
    with reading(shop.engine) as connection:
        drawn = picture(connection, business, [sari], now - timedelta(days=10, microseconds=1))
        found = check_needs(connection, business, now)
    assert not isinstance(found, TooFew)
    assert (found.answers, found.customers, found.unknown) == (1, 1, 1)
    speaker = speaking(drawn.model.business, drawn.evidence, drawn.model.mixing)
    expected = {
        option.id: sum(
            p * option.likelihood[s] / sum(o.likelihood[s] for o in question.options) for s, p in speaker.items()
        )
        for option in question.options
    }
    assert found.likeliest_expected == pytest.approx(max(expected.values()), abs=0.005)
    assert found.likeliest_right == (max(expected, key=expected.__getitem__) == question.options[0].id)
    assert sum(each.predictions for each in found.bins) == len(question.options)
    assert sum(each.happened for each in found.bins) == 1


def test_words_of_who_wants_no_profile_are_not_held_against_anything(shop: Shop, business: Business) -> None:
    sari = shop.customer((30, 100_000))
    shop.answers(sari, business.questions[0].id, business.questions[0].options[0].id, 10)
    shop.withdraws(sari)
    told: list[int] = []
    with reading(shop.engine) as connection:
        assert check_needs(connection, business, shop.now, told.append) == TooFew("answers", 0, 50)
    assert told == []


def test_a_check_is_kept_with_the_run(shop: Shop, business: Business) -> None:
    shop.customer((300, 100_000))
    drawn = shop.run()
    with reading(shop.engine) as connection:
        run = connection.execute(select(value_scores.c.scoring_id)).scalar_one()
    checked = check(shop.engine, business, run, drawn, lambda _: None)
    with reading(shop.engine) as connection:
        assert newest(connection) == checked
    assert checked.values == TooFew("customers", 1, 50)


# The command and the page --------------------------------------------------------------------------------------------


@pytest.fixture
def gateway(console_alone: FastAPI) -> FastAPI:
    return console_alone


def test_the_command_writes_a_file_for_its_owner_that_names_nobody(
    shop: Shop, rapport: Rapport, tmp_path: Path
) -> None:
    shop.customer((400, 3_000_000), (150, 5_000_000))
    shop.customer((400, 100_000), (140, 100_000))
    day = shop.now - timedelta(days=100)
    out = tmp_path / "out.html"
    rapport("score", "--as-of", f"{day - timedelta(days=200):%Y-%m-%d}")
    told = answer(rapport("score", "--as-of", f"{day:%Y-%m-%d}", "--report", str(out), "--json"))
    assert told["report"] == str(out)
    assert told["portfolio"]["before"]["customers"] == 2
    assert out.stat().st_mode & 0o777 == 0o600
    page = out.read_text("utf-8")
    assert not re.search(r"https?:|src=|@import|<script|<link|href=", page)
    assert "Sari" not in page
    assert page.count('class="by-how-much') == 2
    said = rapport("score", "--as-of", f"{day:%Y-%m-%d}")
    assert "since the run as of" in said.stdout


def test_a_report_in_a_folder_that_is_not_there_is_refused_before_the_work(rapport: Rapport, tmp_path: Path) -> None:
    refused = rapport("score", "--report", str(tmp_path / "nowhere" / "out.html"))
    assert refused.exit_code == 1
    assert "mend:" in refused.output


async def test_before_the_first_run_the_page_says_what_to_do(rina: Colleague) -> None:
    assert "No run yet" in await rina.reads("portfolio")


async def test_the_page_shows_what_the_last_run_found_and_leads_to_conversations(shop: Shop, rina: Colleague) -> None:
    known = shop.customer((400, 3_000_000), (4, 5_000_000))
    stranger = shop.customer((400, 100_000), (390, 2_000_000))
    with UnitOfWork(shop.engine) as work:
        for assurance in ("verified", "recognised"):
            talk = seeds.Talk(work.connection, known, shop.now - timedelta(days=1), assurance=assurance)
            talk.customer_says("hello")
            work.connection.execute(update(transactions).values(touchpoint="store"))
            if assurance == "verified":
                conversation = talk.id
        work.commit()
    shop.run(100)
    shop.run()
    page = await rina.page("portfolio")
    said = text(page)
    assert "2 customers as of 2 March 2026" in said
    assert "Not looked at in this run" in said
    assert 'href="/console/?tier=' in page.text
    # Named where staff may read them proven; else by a number, whose page keeps that it was looked at.
    assert re.search(rf'href="/console/conversations/{conversation}">Sari<', page.text)
    assert re.search(rf'href="/console/call\?customer={stranger}"[^>]*>pos {stranger[:8]}<', page.text)
    assert "style=" not in page.text  # the content policy would refuse it


async def test_what_is_spent_elsewhere_is_the_sum_of_what_customers_told(shop: Shop, rina: Colleague) -> None:
    told = [shop.customer((40, 3_000_000)) for _ in range(2)]
    shop.customer((40, 9_000_000))
    shop.answers(told[0], "share", "half", 3)
    shop.answers(told[1], "share", "nearly_all", 3)
    drawn = shop.run()
    assert drawn.shares is not None
    assert (drawn.shares.customers, drawn.shares.here) == (2, 6_000_000)
    assert drawn.shares.elsewhere == pytest.approx(3_000_000 + 3_000_000 * (1 / 0.95 - 1))
    assert Portfolio.from_dict(drawn.as_dict()) == drawn
    assert "IDR 3.16 M in 365 days, as 2 customers told, who spent 66 % here" in text(
        await rina.page("portfolio")
    ).replace("\N{NO-BREAK SPACE}", " ")
    shop.withdraws(told[0])
    assert shop.run().shares is not None


async def test_the_page_needs_a_session(rina: Colleague) -> None:
    rina.http.cookies.clear()
    assert "Sign in" in (await rina.page("portfolio")).text
