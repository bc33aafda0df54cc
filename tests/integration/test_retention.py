"""How long things are kept: what is over goes by itself, old conversations when the operator says so, and nobody else's."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commands import Rapport, answer
from fakes.assistant import FakeAssistant
from guest import Clock
from sqlalchemy import Engine, select, update
from visitor import OFFICE, SARI, Visitor, arrive, counts, kept

from bot.gateway.erasing import Erasing
from bot.gateway.upkeep import Upkeep
from crm_store.access import retention
from crm_store.access.retention import Pruned, prune_all, tidy
from crm_store.access.staff import add_staff, make_password, sign_in
from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.tables import (
    claims,
    conversations,
    customers,
    device_tokens,
    erasures,
    evidence,
    messages,
    sessions,
    staff_sessions,
)

YEAR = timedelta(days=365)


def tidied(engine: Engine, now: datetime) -> int:
    with UnitOfWork(engine) as work:
        gone = tidy(work.connection, now)
        work.commit()
    return gone


def pruned(engine: Engine, now: datetime, days: int = 365) -> Pruned:
    return prune_all(engine, days, now, lambda _: None)


@pytest.fixture
def visitor(engine: Engine, business: Business, now: datetime) -> Visitor:
    visitor = arrive(engine, business, now)
    visitor.says("something for the office", "action_note_need", OFFICE, ("email", "ana@example.com", 1.0))
    return visitor


# What is over --------------------------------------------------------------------------------------------------------


def test_a_session_that_is_over_is_removed_and_one_that_runs_is_not(visitor: Visitor) -> None:
    engine = visitor.engine
    later = visitor.comes_back(timedelta(hours=11))
    assert tidied(engine, later.at) == 0
    tidied(engine, later.at + timedelta(hours=2))
    (left,) = kept(engine, sessions)
    assert left.conversation_id == later.conversation_id
    assert len(kept(engine, messages)) == 2, "what was said in it is kept"


def test_a_device_token_that_was_replaced_is_removed_once_no_second_tab_can_show_it(visitor: Visitor) -> None:
    engine = visitor.engine
    second = visitor.comes_back(timedelta(minutes=10))
    third = second.comes_back(timedelta(minutes=10))
    tidied(engine, third.at + timedelta(minutes=1))
    assert len(kept(engine, device_tokens)) == 3
    tidied(engine, third.at + timedelta(minutes=6))
    assert len(kept(engine, device_tokens)) == 2
    back = third.comes_back(timedelta(days=30))
    assert back.profile == visitor.profile, "the device is known as before"


def test_a_chat_in_which_nobody_said_anything_is_removed_when_nobody_can_any_more(
    engine: Engine, business: Business, now: datetime
) -> None:
    arrive(engine, business, now)
    tidied(engine, now + timedelta(hours=20))
    assert len(kept(engine, conversations)) == 1
    tidied(engine, now + timedelta(hours=25))
    assert kept(engine, conversations) == []


def test_a_staff_session_that_is_over_is_removed(engine: Engine, now: datetime) -> None:
    password = make_password()
    with UnitOfWork(engine) as work:
        add_staff(work, "ani@example.com", "agent", password, now)
        work.commit()
    sign_in(engine, "ani@example.com", password, now)
    assert tidied(engine, now) == 0
    tidied(engine, now + YEAR)
    assert kept(engine, staff_sessions) == []


# Old conversations ---------------------------------------------------------------------------------------------------


def test_the_words_of_an_old_conversation_go_and_what_was_learnt_of_a_customer_stays(visitor: Visitor) -> None:
    engine = visitor.engine
    visitor.proves(SARI)
    profile, later = visitor.profile, visitor.at + YEAR + timedelta(days=1)
    assert pruned(engine, later) == Pruned(1, 0)
    left = counts(engine)
    assert (left["conversations"], left["messages"], left["turns"], left["claims"], left["sessions"]) == (0,) * 5
    assert [piece.value for piece in kept(engine, evidence)] == ["office"]
    assert profile in {row.id for row in kept(engine, customers)}
    assert left["decisions"] == 1


def test_a_stranger_who_has_not_come_back_is_forgotten_whole(visitor: Visitor) -> None:
    assert pruned(visitor.engine, visitor.at + YEAR + timedelta(days=1)) == Pruned(1, 1)
    assert {table for table, count in counts(visitor.engine).items() if count} == {"erasures", "notices"}


def test_a_stranger_who_has_come_back_is_kept(visitor: Visitor) -> None:
    engine = visitor.engine
    back = visitor.comes_back(YEAR)
    back.says("hello again", "action_greet")
    assert pruned(engine, back.at + timedelta(days=1)) == Pruned(1, 0)
    assert [row.id for row in kept(engine, conversations)] == [back.conversation_id]
    assert len(kept(engine, evidence)) == 1


def test_what_is_younger_is_untouched(visitor: Visitor) -> None:
    before = counts(visitor.engine)
    assert not pruned(visitor.engine, visitor.at + YEAR)
    assert counts(visitor.engine) == before


def test_many_go_in_pieces(engine: Engine, business: Business, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        arrive(engine, business, now).says("hello", "action_greet")
    monkeypatch.setattr(retention, "AT_A_TIME", 2)
    told: list[int] = []
    assert prune_all(engine, 365, now + YEAR + timedelta(days=1), told.append) == Pruned(5, 5)
    assert sum(told) == 10
    assert len(told) > 2


def test_the_assistant_forgets_them_too(visitor: Visitor) -> None:
    pruned(visitor.engine, visitor.at + YEAR + timedelta(days=1))
    (left,) = kept(visitor.engine, erasures)
    assert left.trackers == [visitor.conversation_id]


# By whom -------------------------------------------------------------------------------------------------------------


async def test_the_gateway_does_it_by_itself(
    visitor: Visitor, clock: Clock, assistant: FakeAssistant, tmp_path: Path
) -> None:
    clock.now = visitor.at + YEAR + timedelta(days=1)
    upkeep = Upkeep(visitor.engine, Erasing(visitor.engine, assistant, tmp_path / "tracker.db", clock), clock, 365)
    working = asyncio.create_task(upkeep.run())
    async with asyncio.timeout(20):
        while kept(visitor.engine, customers):
            await asyncio.sleep(0.01)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    assert {table for table, count in counts(visitor.engine).items() if count} == {"erasures", "notices"}


def test_the_operator_does_it_by_command(visitor: Visitor, rapport: Rapport, tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=40)
    with UnitOfWork(visitor.engine) as work:
        work.connection.execute(update(conversations).values(last_at=long_ago))
        work.commit()
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "tracker.db").touch()
    found = answer(rapport("prune", "--older-than", "30", "--json"))
    assert (found["conversations"], found["trackers"], found["done"]) == (1, 1, True)
    with reading(visitor.engine) as connection:
        assert connection.execute(select(claims.c.id)).all() == []


def test_how_old_is_old_enough_has_to_be_said(rapport: Rapport, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = rapport("prune")
    assert refused.exit_code == 1
    assert "RAPPORT_KEEP_DAYS" in refused.stderr
    monkeypatch.setenv("RAPPORT_KEEP_DAYS", "30")
    assert rapport("prune").exit_code == 0
