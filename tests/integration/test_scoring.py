"""What everybody is worth: summed up by the database, valued in one go, kept, exported, and dropped where it no longer holds."""

from __future__ import annotations

import csv
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import seeds
from commands import Rapport, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, insert, select, update

from crm_store.access.consent import PROFILE, keep_word
from crm_store.access.erasure import erase_customer
from crm_store.business import Business, Tier
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate import scoring
from crm_store.differentiate.histories import Alone, Histories, histories, of_one
from crm_store.differentiate.live import revalue
from crm_store.differentiate.picture import picture
from crm_store.differentiate.runs import draw
from crm_store.differentiate.scoring import CurrencyError, Scored, look, score
from crm_store.differentiate.second_process import second_process
from crm_store.differentiate.worth import Models
from crm_store.identify.assurance import Assurance
from crm_store.identify.merging import merge, split
from crm_store.identify.profiles import scope
from crm_store.tables import customers, interactions, scorings, transactions, value_scores


class Shop:
    """A store to write purchases into."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self.engine, self.now = engine, now

    def customer(self, *purchases: tuple[float, float], joined_to: str | None = None) -> str:
        """Somebody who bought (days ago, amount) each."""
        with UnitOfWork(self.engine) as work:
            profile = seeds.add_customer(work.connection, self.now, joined_to)
            for days, amount in purchases:
                seeds.add_purchase(work.connection, profile, self.now - timedelta(days=days), amount, "beans")
            work.commit()
        return profile

    def purchase(self, profile: str, days: float, amount: float) -> None:
        with UnitOfWork(self.engine) as work:
            seeds.add_purchase(work.connection, profile, self.now - timedelta(days=days), amount, "beans")
            work.commit()

    def revalue(self, business: Business, profile: str) -> None:
        with UnitOfWork(self.engine) as work:
            revalue(work.connection, business, profile, self.now)
            work.commit()

    def serve(self, profile: str, days: float, cost: float | None, touchpoint: str = "phone") -> None:
        with UnitOfWork(self.engine) as work:
            work.connection.execute(
                insert(interactions).values(
                    source="crm",
                    interaction_id=seeds.new_id(),
                    source_id="-",
                    customer_id=profile,
                    at=self.now - timedelta(days=days),
                    touchpoint=touchpoint,
                    cost=cost,
                    attributes={},
                )
            )
            work.commit()

    def crowd(self, count: int = 60) -> list[str]:
        """Customers of all kinds, the same each time."""
        rng = np.random.default_rng(7)
        made = []
        for number in range(count):
            age = int(rng.integers(30, 700))
            days = {age, *rng.integers(0, age, size=int(rng.poisson(number % 6))).tolist()}
            made.append(self.customer(*((float(day), float(rng.gamma(4.0, 25_000.0))) for day in sorted(days))))
        return made

    def known(self, business: Business, until: datetime | None = None) -> Histories:
        with reading(self.engine) as connection:
            return histories(connection, business, until or self.now)

    def known_of(self, business: Business, customer: str) -> Alone:
        with reading(self.engine) as connection:
            return of_one(connection, business, self.now, customer)

    def score(self, business: Business, **options: Any) -> Scored:
        return score(self.engine, business, **{"as_of": self.now, "horizon": 365.0, "now": self.now} | options)

    def kept(self) -> dict[str, Any]:
        with reading(self.engine) as connection:
            return {row.customer_id: row for row in connection.execute(select(value_scores))}


@pytest.fixture
def shop(engine: Engine, now: datetime) -> Shop:
    return Shop(engine, now)


# Histories -----------------------------------------------------------------------------------------------------------


def test_a_purchase_is_a_day_in_utc(shop: Shop, business: Business) -> None:
    # Noon in Jakarta is five in the morning in UTC: six hours before is the day before.
    sari = shop.customer((0, 100), (0.1, 50), (0.25, 50), (10, 200))
    known = shop.known(business)
    assert known.customer_ids == [sari]
    assert (known.purchases.tolist(), known.sold.tolist()) == ([3.0], [400.0])
    assert (known.history.frequency[0], known.history.recency[0], known.history.age[0]) == (2, 10, 10)
    assert known.history.mean_amount == pytest.approx([400 / 3])


def test_a_return_is_no_purchase_and_takes_its_margin_back(shop: Shop, business: Business) -> None:
    sari, only = shop.customer((20, 1000), (5, -400)), shop.customer((3, -100))
    known = shop.known(business)
    at = known.customer_ids.index
    assert known.purchases[[at(sari), at(only)]].tolist() == [1, 0]
    assert known.earned[at(sari)] == pytest.approx(600 * business.value.margin_rate)
    assert known.history.frequency[at(only)] == -1
    assert np.isnan(known.last_day[at(only)])


def test_nothing_after_the_day_is_looked_at(shop: Shop, business: Business, now: datetime) -> None:
    sari = shop.customer((20, 1000), (5, 400))
    shop.customer((1, 70))
    shop.serve(sari, 2, 30)
    known = shop.known(business, now - timedelta(days=6))
    assert (known.customer_ids, known.sold.tolist(), known.cost.tolist()) == ([sari], [1000], [0])
    assert known.history.age.tolist() == [14]


def test_actual_value_is_margin_less_cost_over_the_window(shop: Shop, business: Business) -> None:
    window = business.value.window_days
    sari = shop.customer((window + 5, 9000), (5, 1000))
    shop.serve(sari, window + 3, 5000)
    shop.serve(sari, 3, 40)
    shop.serve(sari, 2, None)
    known = shop.known(business)
    usual = business.touchpoints["phone"].cost
    assert known.actual_value == pytest.approx([1000 * business.value.margin_rate - 40 - usual])
    assert known.earned == pytest.approx([10_000 * business.value.margin_rate])


def test_joined_profiles_are_one_customer(shop: Shop, business: Business) -> None:
    first = shop.customer((20, 1000))
    shop.customer((5, 400), (20, 1), joined_to=first)
    known = shop.known(business)
    assert (known.customer_ids, known.purchases.tolist(), known.sold.tolist()) == ([first], [2], [1401])


def test_one_customer_s_history_is_that_among_all(shop: Shop, business: Business) -> None:
    crowd = shop.crowd(12)
    everybody = shop.known(business)
    for customer in crowd:
        alone, place = shop.known_of(business, customer), everybody.customer_ids.index(customer)
        assert alone.customer == customer and alone.known
        for name in ("purchases", "first_day", "last_day", "sold", "earned", "margin", "foreign", "cost"):
            assert getattr(alone.known, name) == pytest.approx(getattr(everybody, name)[place])
        for name in ("frequency", "recency", "age", "mean_amount"):
            assert getattr(alone.known.buyer, name) == pytest.approx(getattr(everybody.history, name)[place])


def test_nothing_is_known_of_who_wants_no_profile_until_they_do_again(
    shop: Shop, business: Business, now: datetime
) -> None:
    first, other = shop.customer((20, 1000)), shop.customer((5, 400))
    second = shop.customer((10, 300), joined_to=first)
    shop.score(business)
    assert set(shop.kept()) == {first, other}
    for days, granted, left in ((2, False, {other}), (1, True, {first, other})):
        with UnitOfWork(shop.engine) as work:
            keep_word(work.connection, second, PROFILE, granted, "phone", now - timedelta(days=days))
            work.commit()
        assert set(shop.known(business).customer_ids) == left
        shop.score(business)
        assert set(shop.kept()) == left


def test_where_nobody_bought_there_is_nobody(shop: Shop, business: Business) -> None:
    shop.customer()
    assert len(shop.known(business)) == 0
    assert shop.score(business).customers == 0


# Scores --------------------------------------------------------------------------------------------------------------


def test_everybody_who_bought_or_was_served_is_valued(shop: Shop, business: Business) -> None:
    crowd = shop.crowd()
    caller, stranger = shop.customer(), shop.customer()
    shop.serve(caller, 3, 500)
    told: list[int] = []
    found = shop.score(business, progress=told.append)
    kept = shop.kept()
    assert set(kept) == {*crowd, caller}
    assert stranger not in kept
    assert found.customers == sum(told) == sum(found.by_tier.values()) == len(kept)
    assert (kept[caller].actual_value, kept[caller].purchases, kept[caller].last_at) == (-500, 0, None)
    assert (kept[caller].p_alive, kept[caller].expected_purchases) == (0, 0)
    assert kept[caller].tier == "migrator"  # they have cost something, and nothing says that they will


def test_figures_lie_within_their_intervals_and_potential_is_no_less_than_what_is_expected(
    shop: Shop, business: Business
) -> None:
    shop.crowd()
    shop.score(business)
    for row in shop.kept().values():
        assert 0 <= row.p_alive <= 1
        assert 0 <= row.expected_low <= row.expected_purchases <= row.expected_high
        assert row.future_low <= row.future_value <= row.future_high
        assert row.potential_low <= row.potential_value <= row.potential_high
        assert row.potential_value >= row.future_value


def test_who_was_seen_lately_and_often_is_worth_more(shop: Shop, business: Business) -> None:
    shop.crowd()
    faithful = shop.customer(*((float(days), 100_000.0) for days in range(2, 400, 14)))
    gone = shop.customer(*((float(days), 100_000.0) for days in range(300, 700, 14)))
    once = shop.customer((400, 100_000))
    shop.score(business)
    kept = shop.kept()
    assert kept[faithful].future_value > kept[gone].future_value
    assert kept[faithful].future_value > kept[once].future_value
    assert kept[gone].p_alive < 0.2 < kept[faithful].p_alive
    assert 0 < kept[once].p_alive < 1


def test_a_second_run_replaces_the_first(shop: Shop, business: Business, now: datetime) -> None:
    shop.crowd(20)
    shop.score(business, as_of=now - timedelta(days=5))
    before = shop.kept()
    late = shop.customer((1, 500))
    shop.score(business)
    assert set(shop.kept()) == {*before, late}
    with reading(shop.engine) as connection:
        runs = connection.execute(select(scorings).order_by(scorings.c.as_of)).all()
    assert [run.customers for run in runs] == [len(before), len(before) + 1]
    assert {row.scoring_id for row in shop.kept().values()} == {runs[-1].id}


def test_the_models_are_kept_as_they_were_learnt(shop: Shop, business: Business) -> None:
    shop.crowd()
    found = shop.score(business)
    with reading(shop.engine) as connection:
        stored = connection.execute(select(scorings.c.models)).scalar_one()
    again = Models.from_dict(stored)
    assert again.as_dict() == found.models.as_dict()
    assert again.horizon == 365


def test_who_is_joined_or_erased_while_a_run_computes_is_valued_when_next_met(
    shop: Shop, business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, erased, other = (shop.customer((days, 1000)) for days in (20, 5, 3, 8))

    def meanwhile(connection: Connection, *_: object) -> None:
        connection.execute(update(customers).where(customers.c.id == second).values(canonical_id=first))
        connection.execute(delete(transactions).where(transactions.c.customer_id == erased))
        connection.execute(delete(customers).where(customers.c.id == erased))

    monkeypatch.setattr("crm_store.differentiate.scoring.one_at_a_time", meanwhile)
    shop.score(business)
    assert set(shop.kept()) == {other}


# Live ----------------------------------------------------------------------------------------------------------------


def test_one_customer_alone_is_valued_as_the_batch_values_them(shop: Shop, business: Business) -> None:
    crowd = shop.crowd()
    shop.score(business)
    before = shop.kept()
    for customer in crowd[::7]:
        shop.revalue(business, customer)
    again = shop.kept()
    for customer in crowd:
        for name, figure in before[customer]._mapping.items():
            assert again[customer]._mapping[name] == (pytest.approx(figure) if isinstance(figure, float) else figure)


def test_a_purchase_and_a_call_move_their_customer_s_figures_at_once_and_nobody_else_s(
    shop: Shop, business: Business, now: datetime
) -> None:
    first, other = shop.crowd()[:2]
    joined = shop.customer(joined_to=first)
    shop.score(business)
    before = shop.kept()
    shop.purchase(joined, 0, 250_000)
    shop.serve(joined, 0, 40)
    shop.revalue(business, joined)
    after = shop.kept()
    assert set(after) == set(before)
    assert after[other] == before[other]
    assert after[first].actual_value == pytest.approx(
        float(before[first].actual_value) + 250_000 * business.value.margin_rate - 40
    )
    assert (after[first].purchases, after[first].last_at) == (before[first].purchases + 1, now.date())
    assert after[first].p_alive > before[first].p_alive
    assert after[first].future_value > before[first].future_value
    assert after[first].scoring_id == before[first].scoring_id


def test_before_the_first_run_only_the_past_is_known(shop: Shop, business: Business) -> None:
    sari = shop.customer((5, 1000))
    shop.revalue(business, sari)
    (row,) = shop.kept().values()
    assert (row.customer_id, row.purchases, row.actual_value) == (sari, 1, 1000 * business.value.margin_rate)
    assert (row.scoring_id, row.p_alive, row.future_value, row.potential_value) == (None, None, None, None)


def test_who_wants_no_profile_or_did_nothing_is_not_valued(shop: Shop, business: Business, now: datetime) -> None:
    sari, nobody = shop.customer((5, 1000)), shop.customer()
    with UnitOfWork(shop.engine) as work:
        keep_word(work.connection, sari, PROFILE, False, "phone", now)
        work.commit()
    for customer in (sari, nobody):
        shop.revalue(business, customer)
    assert shop.kept() == {}


def test_a_second_process_reads_the_half_and_the_whole_is_the_same(shop: Shop, business: Business) -> None:
    shop.crowd(20)
    for profile in shop.crowd(9)[::2]:
        shop.serve(profile, 3, 50)
    shop.serve(shop.customer(), 2, 40)
    alone = look(shop.engine, business, shop.now)
    with second_process(is_needed=True) as other:
        together = look(shop.engine, business, shop.now, other)
    assert together.known.customer_ids == alone.known.customer_ids
    for name in ("purchases", "first_day", "last_day", "sold", "earned", "margin", "cost"):
        np.testing.assert_array_equal(getattr(together.known, name), getattr(alone.known, name))


def test_nobody_waits_for_the_second_process_when_a_run_fails() -> None:
    start = time.monotonic()
    with pytest.raises(ZeroDivisionError), second_process(is_needed=True) as other:
        other.submit(time.sleep, 60)
        raise ZeroDivisionError
    assert time.monotonic() - start < 30


def test_who_was_valued_while_a_run_computed_is_known_better(
    shop: Shop, business: Business, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sari, budi = shop.customer((20, 1000)), shop.customer((5, 400))

    def meanwhile(connection: Connection, *_: object) -> None:
        seeds.add_purchase(connection, sari, now, 700, "beans")
        revalue(connection, business, sari, now)

    monkeypatch.setattr("crm_store.differentiate.scoring.one_at_a_time", meanwhile)
    shop.score(business, now=now - timedelta(seconds=30))
    assert {customer: row.purchases for customer, row in shop.kept().items()} == {sari: 2, budi: 1}


def test_the_next_run_drops_who_has_nothing_any_more(shop: Shop, business: Business, now: datetime) -> None:
    sari, budi = shop.customer((20, 1000)), shop.customer((5, 400))
    shop.score(business, now=now - timedelta(days=1))
    assert set(shop.kept()) == {sari, budi}
    shop.score(business, as_of=now - timedelta(days=10))
    assert set(shop.kept()) == {sari}


# Tiers ---------------------------------------------------------------------------------------------------------------


def by_all_three(business: Business) -> Business:
    """With tiers by each figure, so drawn that the crowd is of all of them."""
    asked: dict[str, dict[str, Any]] = {
        "best": {"actual": {"at_least": 150_000}, "future": {"at_least": 50_000}},
        "growing": {"actual": {"at_least": 50_000}, "unrealised": {"at_least": 60_000}},
        "asleep": {"future": {"below": 20_000}},
        "rest": {},
    }
    tiers = [Tier.model_validate({"id": name, "title": {"en": name}, **given}) for name, given in asked.items()]
    return business.model_copy(update={"tiers": tiers})


def test_a_batch_the_chat_and_an_event_come_to_the_same_tier(shop: Shop, business: Business, now: datetime) -> None:
    business = by_all_three(business)
    crowd = shop.crowd(48)
    for number, customer in enumerate(crowd[::3]):
        shop.serve(customer, number, None)
        shop.customer((number, 1), joined_to=customer)
    found = shop.score(business)
    assert set(found.by_tier) == {"best", "growing", "asleep", "rest"}
    kept = shop.kept()
    with reading(shop.engine) as connection:
        for customer in crowd:
            seen = picture(connection, business, scope(connection, customer, Assurance.VERIFIED), now)
            assert seen.tier == kept[customer].tier
            assert seen.foreseen is not None
            assert (seen.foreseen.future_low, seen.foreseen.scoring_id) == (
                *(kept[customer].future_low, kept[customer].scoring_id),
            )
    for customer in crowd[::5]:
        shop.revalue(business, customer)
    assert {customer: row.tier for customer, row in shop.kept().items()} == {c: row.tier for c, row in kept.items()}


def test_before_the_first_run_the_tier_is_by_what_is_known(shop: Shop, business: Business, now: datetime) -> None:
    business = by_all_three(business)
    rich, poor = shop.customer((3, 1_000_000)), shop.customer((3, 1_000))
    with reading(shop.engine) as connection:
        seen = [picture(connection, business, [customer], now) for customer in (rich, poor)]
    assert [(one.tier, one.foreseen) for one in seen] == [("best", None), ("rest", None)]


def test_of_a_stranger_nothing_that_was_foreseen_of_the_customer_is_seen(
    shop: Shop, business: Business, now: datetime
) -> None:
    first, *_ = shop.crowd()
    shop.score(business)
    with UnitOfWork(shop.engine) as work:
        keep_word(work.connection, first, PROFILE, False, "phone", now)
        work.commit()
    with reading(shop.engine) as connection:
        assert picture(connection, business, [first], now).foreseen is None
        assert picture(connection, business, [first], now, from_elsewhere=False).foreseen is None


# Command line --------------------------------------------------------------------------------------------------------


def purchases(path: Path, *rows: tuple[str, str, float]) -> Path:
    lines = [f"shop,t{number},{who},{day}T12:00:00Z,{amount}" for number, (who, day, amount) in enumerate(rows)]
    path.write_text("source,transaction_id,source_id,at,amount\n" + "\n".join(lines) + "\n", "utf-8")
    return path


def test_values_are_exported_one_line_a_record(rapport: Rapport, tmp_path: Path) -> None:
    file = purchases(
        tmp_path / "t.csv",
        ("a", "2025-01-05", 100),
        ("a", "2025-02-05", 140),
        ("b", "2025-02-01", 80),
        ("b", "2025-06-01", 9),
    )
    rapport("import", "transactions", str(file))
    told = answer(rapport("score", "--as-of", "2025-02-28", "--horizon-days", "90", "--json"))
    assert told["customers"] == 2
    rapport("export", "values", "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as out:
        rows = {row["source_id"]: row for row in csv.DictReader(out)}
    assert list(rows["a"]) == [
        *("customer_id", "source", "source_id", "purchases", "last_at", "p_alive", "expected_purchases"),
        *("expected_amount", "actual_value", "future_value", "potential_value", "tier"),
    ]
    assert [(row["purchases"], row["last_at"]) for row in rows.values()] == [("2", "2025-02-05"), ("1", "2025-02-01")]
    assert float(rows["a"]["expected_purchases"]) > 0


def test_before_the_first_run_values_are_empty(rapport: Rapport, tmp_path: Path) -> None:
    rapport("import", "transactions", str(purchases(tmp_path / "t.csv", ("a", "2025-01-05", 100))))
    rapport("export", "values", "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as out:
        (row,) = csv.DictReader(out)
    assert (row["purchases"], row["last_at"], row["tier"]) == ("0", "", "")


def test_a_day_that_is_none_is_refused(rapport: Rapport) -> None:
    assert rapport("score", "--as-of", "soon").exit_code == 2
    assert "2999-01-01 is a day to come" in rapport("score", "--as-of", "2999-01-01").stderr
    assert rapport("score", "--horizon-days", "0").exit_code == 2


def test_transactions_in_another_currency_are_refused_by_name_and_nothing_is_kept(
    shop: Shop, business: Business, now: datetime
) -> None:
    sari = shop.customer((20, 1000), (5, 400))
    with UnitOfWork(shop.engine) as work:
        work.connection.execute(update(transactions).values(currency="idr"))
        work.commit()
    shop.score(business)
    before = shop.kept()
    with UnitOfWork(shop.engine) as work:
        for number in range(12):
            row = {
                "source": "pos",
                "transaction_id": f"t{number:02}",
                "product": "",
                "source_id": "x",
                "customer_id": sari,
            }
            row |= {"at": now - timedelta(days=1), "amount": 5.0, "currency": "USD", "attributes": {}}
            work.connection.execute(insert(transactions).values(row))
        work.commit()
    with pytest.raises(CurrencyError, match=r"than IDR.*pos/t00 \(USD\), .*pos/t09 \(USD\) and 2 more; convert"):
        shop.score(business)
    assert shop.kept() == before
    shop.score(business, as_of=now - timedelta(days=2))


def test_old_runs_go_but_for_one_that_somebody_is_still_valued_by(
    shop: Shop, business: Business, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "MOST_RUNS", 2)
    shop.crowd(5)
    for night in range(4):
        shop.score(business, now=now + timedelta(days=night))
    with reading(shop.engine) as connection:
        kept = connection.execute(select(scorings.c.computed_at).order_by(scorings.c.computed_at)).scalars().all()
    assert kept == [now + timedelta(days=2), now + timedelta(days=3)]


# Whatever happens to who is who --------------------------------------------------------------------------------------

PROFILES = 4
Profile = st.integers(0, PROFILES - 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), Profile, st.integers(1, 300)),
        st.tuples(st.just("join"), Profile, Profile),
        st.tuples(st.just("part"), Profile, st.just(0)),
        st.tuples(st.just("erase"), Profile, st.just(0)),
        st.tuples(st.just("score"), st.just(0), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whoever_is_joined_parted_or_erased_takes_exactly_what_they_bought_and_are_worth_along(
    shop: Shop, business: Business, now: datetime, steps: list[tuple[str, int, int]]
) -> None:
    profiles = [shop.customer() for _ in range(PROFILES)]
    bought: dict[str, list[int]] = {profile: [] for profile in profiles}

    def holds(everybody: bool) -> None:
        """What is kept of whoever is valued is the sum of what those bought who are they now."""
        with reading(shop.engine) as connection:
            theirs: dict[str, list[int]] = {}
            for row in connection.execute(select(customers).where(customers.c.id.in_(profiles))):
                theirs.setdefault(row.canonical_id, []).extend(bought[row.id])
        kept = {customer: row for customer, row in shop.kept().items() if customer in profiles}
        if everybody:
            assert set(kept) == {customer for customer, days in theirs.items() if days}
        for customer, row in kept.items():
            assert row.purchases == len(set(theirs[customer]))
            assert row.actual_value == pytest.approx(100 * len(theirs[customer]) * business.value.margin_rate)

    for place, (what, one, other) in enumerate(steps):
        at, profile = now + timedelta(minutes=place), profiles[one]
        if what == "score":
            shop.score(business, now=at)
        elif profile not in bought:
            continue
        elif what == "buy":
            shop.purchase(profile, other, 100)
            bought[profile].append(other)
            shop.revalue(business, profile)
        else:
            with UnitOfWork(shop.engine) as work:
                if what == "join" and profiles[other] in bought and one != other:
                    merge(work.connection, profile, profiles[other], "staff", "same", at)
                elif what == "part":
                    split(work.connection, [profile], "staff", "somebody else", at)
                elif what == "erase":
                    whole = scope(work.connection, profile, Assurance.VERIFIED)
                    erase_customer(work, profile, at)
                    bought = {p: days for p, days in bought.items() if p not in whole}
                work.commit()
        holds(everybody=what == "score")
    shop.score(business, now=now + timedelta(hours=1))
    holds(everybody=True)


def test_the_known_traps_are_stepped_over_from_the_store_to_the_figures(shop: Shop, business: Business) -> None:
    crowd = shop.crowd(120)
    once = shop.customer((700, 100_000))
    again = shop.customer((700, 100_000), (350, 100_000), (20, 100_000))
    yearly = shop.customer(*((float(days), 150_000.0) for days in (720, 365, 5)))
    returned = shop.customer((30, -100_000))
    huge = shop.customer((200, 100_000), (100, 900_000_000))
    one_day = shop.customer((50.0, 80_000), (50.01, 90_000), (50.02, 70_000))
    ahead = shop.customer((-30, 500_000))
    shop.score(business)
    kept = shop.kept()
    assert kept[once].p_alive < 0.9
    assert kept[once].future_value < kept[again].future_value
    assert kept[yearly].expected_purchases > 0.3
    assert (kept[returned].purchases, kept[returned].expected_purchases, kept[returned].p_alive) == (0, 0, 0)
    assert kept[returned].actual_value < 0
    # A thousand times what anybody pays is neither expected again nor moves what is expected of others.
    assert kept[huge].expected_amount < 20_000_000
    assert max(kept[customer].expected_amount for customer in crowd) < 1_000_000
    assert kept[one_day].purchases == 1
    assert ahead not in kept


def test_who_wants_no_profile_any_more_while_a_run_computes_is_not_written_back(
    shop: Shop, business: Business, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "BLOCK", 1)
    crowd = shop.crowd(4)
    shop.score(business)

    def withdraws(_: int) -> None:
        with UnitOfWork(shop.engine) as work:
            keep_word(work.connection, crowd[2], PROFILE, False, "phone", now)
            work.commit()

    shop.score(business, now=now + timedelta(days=1), progress=withdraws)
    assert set(shop.kept()) == {*crowd} - {crowd[2]}


def test_who_became_a_customer_while_a_run_computes_is_valued_by_what_it_saw_of_them(
    shop: Shop, business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.customer((20, 1000), (3, 500))
    newcomers: list[str] = []

    known_by_then = scoring._joined

    def then_another(connection: Connection) -> dict[str, int]:
        newcomers.append(shop.customer((2, 700)))
        return known_by_then(connection)

    monkeypatch.setattr(scoring, "_joined", then_another)
    shop.score(business)
    assert set(shop.kept()) == {first, *newcomers}


def test_whose_past_alone_was_known_gets_figures_by_the_first_run_though_they_bought_meanwhile(
    shop: Shop, business: Business, now: datetime
) -> None:
    crowd = shop.crowd(30)
    with UnitOfWork(shop.engine) as work:
        revalue(work.connection, business, crowd[0], now + timedelta(minutes=5))
        work.commit()
    found = shop.score(business)
    assert shop.kept()[crowd[0]].future_value is not None
    drawn = draw(shop.engine, business, found.run)
    assert np.isfinite(drawn.together.future)


def test_after_a_run_that_was_cut_short_or_not_drawn_all_are_compared_with_the_same_one(
    shop: Shop, business: Business, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = shop.crowd(12)

    def run(days: int, minutes: int = 0, **options: Any) -> str:
        at = now - timedelta(days=days)
        return shop.score(business, as_of=at, now=at + timedelta(minutes=minutes), **options).run

    draw(shop.engine, business, run(20))
    twenty_days_ago = {customer: row.run_value for customer, row in shop.kept().items()}
    run(10)
    monkeypatch.setattr(scoring, "BLOCK", 3)

    def cut(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(0, progress=cut)
    drawn = draw(shop.engine, business, run(0, minutes=1))
    kept = shop.kept()
    assert {
        customer: kept[customer].before_value for customer in twenty_days_ago if customer in kept
    } == twenty_days_ago
    assert drawn.before is not None
    assert drawn.before.as_of == now - timedelta(days=20)
    assert drawn.before.stayed_before == pytest.approx(sum(float(value) for value in twenty_days_ago.values()))
    assert len(kept) == len(crowd)
