"""Whoever types somebody else's e-mail, phone, order or loyalty number learns nothing and changes nothing, in any action."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import seeds
from serving import Known
from sqlalchemy import Engine, insert
from visitor import Visitor, arrive, everything, rows, statements

from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.steps import STEPS
from crm_store.tables import claims, customers, identifiers, interactions

THEIRS = {
    "email": "sari@example.com",
    "phone": "0811 5550 001",
    "order_number": "ORD-1001",
    "loyalty_number": "KS 700001",
}
NOBODYS = {
    "email": "xaver@example.org",
    "phone": "0811 5559 999",
    "order_number": "ORD-9998",
    "loyalty_number": "KS 799999",
}
ABOUT_THE_SHOP = ("action_repair", "action_faq", "action_products", "action_how_to_order")
"""What speaks of the stores to anybody."""


@pytest.fixture
def sari(engine: Engine, now: datetime) -> Known:
    """A customer of whom there is everything to learn."""
    sari = Known(engine, now, "sari")
    sari.ordered("ORD-1001", 2, status="delivered")
    sari.courier_says("ORD-1001", 1, "delivered")
    sari.earned(1200, 10)
    sari.in_repair("Espresso machine", 1, "ready", attributes={"place": "Menteng"})
    with UnitOfWork(engine) as work:
        seeds.add_record(work.connection, sari.profile, "loyalty", "L-1", now, loyalty_id="KS 700001")
        row = {"type": "loyalty_id", "value": "KS700001", "raw": "KS 700001", "customer_id": sari.profile}
        seen = {"source": "loyalty", "assurance": "imported", "first_seen_at": now, "last_seen_at": now}
        work.connection.execute(insert(identifiers).values(id=seeds.new_id(), **row, **seen))
        work.commit()
    return sari


def stranger(engine: Engine, business: Business, now: datetime, *, recognised: bool = False) -> Visitor:
    """A new device, or one that was here before and proved nothing."""
    visitor = arrive(engine, business, now)
    return visitor.comes_back(timedelta(days=1)) if recognised else visitor


def of_customer(engine: Engine, profile: str) -> dict[str, list[str]]:
    """Every row that is the customer's, in every table."""
    return {name: [repr(row) for row in found if profile in row] for name, found in everything(engine).items()}


@pytest.mark.parametrize("recognised", [False, True], ids=["anonymous", "recognised"])
@pytest.mark.parametrize("kind", THEIRS)
def test_somebody_s_number_gets_the_same_answers_and_queries_as_nobody_s_and_touches_nobody(
    engine: Engine, business: Business, now: datetime, sari: Known, kind: str, recognised: bool
) -> None:
    hers = of_customer(engine, sari.profile)
    heard: dict[str, list[Any]] = {}
    asked: dict[str, list[list[str]]] = {}
    for whose, values in (("theirs", THEIRS), ("nobody's", NOBODYS)):
        visitor = stranger(engine, business, now, recognised=recognised)
        heard[whose], asked[whose] = [], []
        for action in STEPS:
            with statements(engine) as run:
                result = visitor.says(f"it is {values[kind]}", action, (kind, values[kind], 1.0))
            heard[whose].append((action, result))
            asked[whose].append(run)
        assert "Sari" not in repr(heard[whose])
        assert "Menteng" not in "".join(repr(r) for a, r in heard[whose] if a not in ABOUT_THE_SHOP)
    assert heard["theirs"] == heard["nobody's"]
    assert asked["theirs"] == asked["nobody's"]
    assert of_customer(engine, sari.profile) == hers


def test_what_is_typed_is_kept_beside_the_stranger_s_own_profile_as_a_claim(
    engine: Engine, business: Business, now: datetime, sari: Known
) -> None:
    visitor = stranger(engine, business, now)
    visitor.says("where is ORD-1001", "action_order_status", ("order_number", "ORD-1001", 1.0))
    with reading(engine) as connection:
        (claim,) = rows(connection, claims)
        canonical = {row.id: row.canonical_id for row in rows(connection, customers)}
    assert (claim.customer_id, claim.type, claim.value) == (visitor.profile, "order_number", "ORD-1001")
    assert canonical[visitor.profile] == visitor.profile


def test_a_stranger_s_complaint_is_kept_as_their_own(
    engine: Engine, business: Business, now: datetime, sari: Known
) -> None:
    visitor = stranger(engine, business, now)
    visitor.says("ORD-1001 never came, this is awful", "action_complain", ("order_number", "ORD-1001", 1.0))
    with reading(engine) as connection:
        kept = list(rows(connection, interactions, source="rapport"))
    assert {row.customer_id for row in kept} == {visitor.profile}
    assert {row.order_id for row in kept} == {None}


def test_the_same_question_is_answered_once_it_is_proven_who_asks(
    engine: Engine, business: Business, now: datetime, sari: Known
) -> None:
    visitor = stranger(engine, business, now)
    asked = ("where is ORD-1001", "action_order_status", ("order_number", "ORD-1001", 1.0))
    assert [r.response for r in visitor.says(*asked).replies] == ["utter_terms", "utter_need_proof"]
    visitor.proves(sari.proof)
    assert [r.response for r in visitor.says(*asked).replies] == ["utter_order"]


def test_the_way_to_prove_it_is_that_of_the_channel(engine: Engine, business: Business, now: datetime) -> None:
    for channel, response in (("web", "utter_need_proof"), ("telegram", "utter_need_proof_telegram")):
        visitor = arrive(engine, business, now, channel=channel)
        assert response in [r.response for r in visitor.says("my points", "action_points").replies]
