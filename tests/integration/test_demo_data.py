"""The demo business's invented customers: the same for a seed, of every tier and need, and four of them as described."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Engine, case, func, select

from bot.settings import Settings
from crm_store.business import Business
from crm_store.database import open_engine, reading
from crm_store.differentiate.picture import Picture, picture
from crm_store.differentiate.tiers import Figures, tier_of
from crm_store.identify.assurance import Assurance
from crm_store.identify.profiles import scope
from crm_store.interact.matters import open_matters
from crm_store.interact.service.orders import orders_of
from crm_store.tables import customers, identifiers, interactions, records, stock, transactions, value_scores
from demo.generate import generate
from demo.ledger import FILES
from demo.load import count_stock, load_demo
from demo.people import PEOPLE
from demo.routes import router

UNTIL = date(2026, 3, 2)


@pytest.fixture(scope="module")
def loaded(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The demo business as `make run` loads it, at noon of UNTIL in Jakarta."""
    path = tmp_path_factory.mktemp("demo") / "rapport.db"
    shutil.copy(migrated_sqlite, path)
    engine = open_engine(f"sqlite:///{path}")
    began = time.perf_counter()
    reports = load_demo(engine, datetime(2026, 3, 2, 5, tzinfo=UTC))
    print(f"\ndemo loaded in {time.perf_counter() - began:.1f} s: {sum(r.read for r in reports)} rows")
    assert all(r.rejected == 0 and r.loaded == r.read for r in reports)
    yield engine
    engine.dispose()


def _customer(engine: Engine, person: str) -> list[str]:
    with reading(engine) as connection:
        found = select(records.c.customer_id).where(records.c.source == "web", records.c.source_id == person)
        return scope(connection, connection.execute(found).scalar_one(), Assurance.VERIFIED)


def _picture(engine: Engine, business: Business, person: str, now: datetime) -> Picture:
    with reading(engine) as connection:
        return picture(connection, business, _customer(engine, person), now)


def _values(engine: Engine, business: Business, now: datetime) -> dict[str, float]:
    """Actual value of every customer: margin of the window less the cost to serve."""
    costs = {name: touchpoint.cost for name, touchpoint in business.touchpoints.items()}
    sold, met, since = transactions.c, interactions.c, now - timedelta(days=business.value.window_days)
    margin = func.sum(func.coalesce(sold.margin, sold.amount * business.value.margin_rate))
    cost = func.sum(func.coalesce(met.cost, case(costs, value=met.touchpoint)))
    with reading(engine) as connection:
        of = {row.id: row.canonical_id for row in connection.execute(select(customers))}
        values = dict.fromkeys(of.values(), 0.0)
        for customer, earned in connection.execute(
            select(sold.customer_id, margin).where(sold.at > since).group_by(sold.customer_id)
        ):
            values[of[customer]] += earned
        for customer, spent in connection.execute(
            select(met.customer_id, cost).where(met.at > since).group_by(met.customer_id)
        ):
            values[of[customer]] -= spent
    return values


def _tiers(engine: Engine, business: Business, now: datetime) -> dict[str, str]:
    """The tier of every customer then, by what was expected of them when the demo was loaded."""
    with reading(engine) as connection:
        ahead = {row.customer_id: row for row in connection.execute(select(value_scores))}
    return {
        customer: tier_of(
            Figures.of(value, ahead[customer].future_value, ahead[customer].potential_value), business.tiers
        ).id
        for customer, value in _values(engine, business, now).items()
    }


def test_a_seed_and_a_day_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two", "other"):
        (tmp_path / name).mkdir()
        generate(tmp_path / name, seed=7 if name == "other" else 20, customers=60, until=UNTIL)
    for file in (f"{name}.csv" for name in FILES):
        one = (tmp_path / "one" / file).read_bytes()
        assert one == (tmp_path / "two" / file).read_bytes()
        assert one != (tmp_path / "other" / file).read_bytes()


def test_two_thousand_people_are_two_thousand_customers(loaded: Engine) -> None:
    with reading(loaded) as connection:
        assert connection.execute(select(func.count(customers.c.canonical_id.distinct()))).scalar_one() == 2000
        joined = records.join(customers, customers.c.id == records.c.customer_id)
        per_customer = select(func.count().label("n")).select_from(joined).group_by(customers.c.canonical_id).subquery()
        sizes = Counter(connection.execute(select(per_customer.c.n)).scalars())
    assert set(sizes) == {1, 2, 3}
    assert min(sizes.values()) > 200


def test_all_five_touchpoints_report_two_years_up_to_yesterday(loaded: Engine, business: Business) -> None:
    now = datetime(2026, 3, 2, 5, tzinfo=UTC)
    with reading(loaded) as connection:
        seen = set(connection.execute(select(interactions.c.touchpoint).distinct()).scalars())
        first, last, n = connection.execute(
            select(func.min(transactions.c.at), func.max(transactions.c.at), func.count())
        ).one()
        contacts, latest = connection.execute(select(func.count(), func.max(interactions.c.at))).one()
    assert seen == set(business.touchpoints)
    assert now - first > timedelta(days=720)
    assert timedelta() < now - last < timedelta(days=2)
    assert timedelta() < now - latest < timedelta(days=2)
    assert 35_000 < n < 45_000
    assert 12_000 < contacts < 18_000


def test_every_tier_is_populated_about_as_a_business_would_see_it(
    loaded: Engine, business: Business, now: datetime
) -> None:
    found = Counter(_tiers(loaded, business, now).values())
    shares = {tier: count / found.total() for tier, count in found.items()}
    assert shares == pytest.approx(
        {"most_valuable": 0.10, "growable": 0.17, "migrator": 0.68, "below_zero": 0.05}, abs=0.03
    )


def test_what_the_batch_kept_is_what_the_chat_sees(loaded: Engine, business: Business, now: datetime) -> None:
    with reading(loaded) as connection:
        kept = connection.execute(select(value_scores).order_by(value_scores.c.customer_id).limit(100)).all()
        for row in kept:
            seen = picture(connection, business, scope(connection, row.customer_id, Assurance.VERIFIED), now)
            assert seen.foreseen is not None
            assert (seen.tier, seen.foreseen.potential) == (row.tier, row.potential_value)
    assert {row.tier for row in kept} == {tier.id for tier in business.tiers}


def test_the_tiers_hold_for_the_first_weeks_after_loading(loaded: Engine, business: Business, now: datetime) -> None:
    today, later = _tiers(loaded, business, now), _tiers(loaded, business, now + timedelta(days=7))
    moved = sum(today[c] != later[c] for c in today)
    assert moved < 0.02 * len(today)


def test_nothing_invented_could_be_somebodys(loaded: Engine) -> None:
    with reading(loaded) as connection:
        found = connection.execute(select(identifiers.c.type, identifiers.c.value)).all()
    for kind, value in found:
        if kind == "email":
            assert value.rsplit("@")[1] in {"example.com", "example.net", "example.org"}
        if kind == "phone":
            assert value.startswith(("+628115550", "+62215550"))


def test_what_is_sold_is_what_the_business_sells(loaded: Engine, business: Business) -> None:
    with reading(loaded) as connection:
        sold = {
            (row.product, row.category)
            for row in connection.execute(select(transactions.c.product, transactions.c.category).distinct())
        }
    assert sold == {(product.name, product.category) for product in business.products}


# The four people worth meeting ---------------------------------------------------------------------------------------


def test_sari_is_most_valuable_buys_for_an_office_and_has_a_machine_that_is_ready(
    loaded: Engine, business: Business, now: datetime
) -> None:
    known = _picture(loaded, business, "sari", now)
    assert (known.tier, known.likeliest) == ("most_valuable", "office")
    with reading(loaded) as connection:
        [matter] = open_matters(connection, _customer(loaded, "sari"), now)
    assert (matter.kind, matter.status, matter.product, matter.place) == (
        *("repair", "ready", "Espresso machine", "Menteng"),
    )
    assert timedelta(hours=20) < now - matter.since < timedelta(hours=48)


def test_budi_is_most_valuable_and_an_explorer(loaded: Engine, business: Business, now: datetime) -> None:
    known = _picture(loaded, business, "budi", now)
    assert (known.tier, known.likeliest) == ("most_valuable", "explorer")


def test_dewi_is_growable_in_a_hurry_and_has_a_card(loaded: Engine, business: Business, now: datetime) -> None:
    known = _picture(loaded, business, "dewi", now)
    assert (known.tier, known.likeliest) == ("growable", "quick")
    with reading(loaded) as connection:
        mine = identifiers.c.customer_id.in_(_customer(loaded, "dewi"))
        kinds = set(connection.execute(select(identifiers.c.type).where(mine)).scalars())
        points = connection.execute(
            select(func.sum(interactions.c.points)).where(interactions.c.customer_id.in_(_customer(loaded, "dewi")))
        ).scalar_one()
    assert "loyalty_id" in kinds
    assert points > 0


def test_wira_is_below_zero_thrifty_and_has_sent_things_back(loaded: Engine, business: Business, now: datetime) -> None:
    known = _picture(loaded, business, "wira", now)
    assert (known.tier, known.likeliest) == ("below_zero", "thrifty")
    assert known.value.returns > 0


@pytest.mark.parametrize(
    ("person", "stage"), [("sari", "on_the_way"), ("budi", "delivered"), ("dewi", "delivered"), ("wira", "on_the_way")]
)
def test_each_of_them_has_an_order_to_ask_about_of_the_number_that_the_shop_shows(
    loaded: Engine, business: Business, now: datetime, person: str, stage: str
) -> None:
    shown = next(p.order for p in PEOPLE if p.id == person)
    with reading(loaded) as connection:
        newest = orders_of(connection, _customer(loaded, person), now, business.business.zone)[0]
    assert (newest.number, newest.stage) == (shown, stage)
    assert newest.expected
    assert (newest.expected < UNTIL) is (stage == "delivered" or person == "wira"), "only wira's is late"


def test_order_and_card_numbers_look_as_the_business_says(loaded: Engine, business: Business) -> None:
    with reading(loaded) as connection:
        numbers = connection.execute(select(transactions.c.order_id).distinct()).scalars().all()
        cards = connection.execute(
            select(identifiers.c.raw).where(identifiers.c.type == "loyalty_id").limit(50)
        ).scalars().all()  # fmt: skip
    assert all(re.fullmatch(business.numbers.order_number, number) for number in numbers if number)
    assert all(re.fullmatch(business.numbers.loyalty_number, card) for card in cards)


def test_every_shelf_is_counted_and_some_are_short(loaded: Engine, business: Business, now: datetime) -> None:
    with reading(loaded) as connection:
        counted = {(row.product_id, row.store_id): row for row in connection.execute(select(stock))}
    places = [*(store.id for store in business.stores), ""]
    assert set(counted) == {(product.id, place) for product in business.products for place in places}
    assert {row.at for row in counted.values()} == {now}
    assert counted["toraja", "kemang"].quantity == 3
    assert counted["capsules", "menteng"].quantity == 0


def test_the_shelves_are_counted_again_at_each_start(loaded: Engine, now: datetime) -> None:
    later = now + timedelta(days=3)
    assert count_stock(loaded, later).loaded > 0
    with reading(loaded) as connection:
        assert set(connection.execute(select(stock.c.at)).scalars()) == {later}
    assert count_stock(loaded, later).loaded == 0


@pytest.mark.parametrize("person", ["budi", "dewi", "wira"])
def test_nothing_is_open_for_the_others(loaded: Engine, now: datetime, person: str) -> None:
    with reading(loaded) as connection:
        assert open_matters(connection, _customer(loaded, person), now) == []


# The shop page's server ----------------------------------------------------------------------------------------------


@pytest.fixture
async def shop(tmp_path: Path) -> Iterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(router(Settings(var=tmp_path, user_token_secret=SecretStr("s" * 32))))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


async def test_the_shop_shows_the_four_in_the_visitors_language(shop: httpx.AsyncClient) -> None:
    english, indonesian = (await shop.get("/demo/people")).json(), (await shop.get("/demo/people?language=id")).json()
    assert [p["id"] for p in english] == ["sari", "budi", "dewi", "wira"]
    assert english[0] == {"id": "sari", "name": "Sari", "summary": PEOPLE[0].summary["en"]}
    assert indonesian[0]["summary"] == PEOPLE[0].summary["id"]


async def test_the_shop_signs_one_of_them_in(shop: httpx.AsyncClient) -> None:
    signed = await shop.post("/demo/sign-in", json={"id": "sari"})
    claims = jwt.decode(signed.json()["user_token"], "s" * 32, algorithms=["HS256"], audience="rapport")
    assert (claims["sub"], claims["name"]) == ("sari", "Sari")
    assert signed.json()["order"] == PEOPLE[0].order
    assert claims["exp"] - claims["iat"] == 12 * 3600


async def test_the_shop_signs_nobody_else_in(shop: httpx.AsyncClient) -> None:
    refused = await shop.post("/demo/sign-in", json={"id": "mallory"})
    assert refused.status_code == 404
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"].endswith("/person-unknown")
