"""The console's page of pairs that may be one customer: what it shows, and what staff say there."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from colleague import OURS, Colleague, hire, only_console, text
from sqlalchemy import Engine, update
from test_resolve import SARI, are_one, keep, run
from visitor import kept

from crm_store.business import Business
from crm_store.database import UnitOfWork
from crm_store.identify.judging import different
from crm_store.tables import matches, verdicts

MONOGRAM = {"given_name": "S.", "family_name": "Kusyanti", "phone": SARI["phone"]}


@pytest.fixture
def rina(engine: Engine, business: Business, now: datetime, tmp_path: Path) -> Colleague:
    return hire(only_console(engine, business, tmp_path, lambda: now), engine, now, "Rina")


@pytest.fixture
def asked(engine: Engine, now: datetime) -> tuple[str, str]:
    """Two profiles that staff are asked about."""
    return pair_of(engine, now, "review", 0.913)


@pytest.fixture
def joined(engine: Engine, now: datetime) -> tuple[str, str]:
    """Two profiles that the batch has joined."""
    keep(engine, now, {"1": SARI, "2": SARI})
    run(engine, now)
    [match] = kept(engine, matches)
    with UnitOfWork(engine) as work:
        work.connection.execute(update(matches).values(probability=0.99))
        work.commit()
    return match.customer_id, match.other_id


def pair_of(engine: Engine, now: datetime, decision: str, probability: float) -> tuple[str, str]:
    profiles = keep(engine, now, {"1": SARI, "2": MONOGRAM})
    run(engine, now)
    left, right = sorted(profiles.values())
    with UnitOfWork(engine) as work:
        work.connection.execute(matches.delete())
        reasons = {"phone": ["same", 17.2], "given_name": ["initial", 2.5], "family_name": ["another", -3.1]}
        said = {"probability": probability, "decision": decision, "against": "household", "reasons": reasons, "at": now}
        work.connection.execute(matches.insert().values(customer_id=left, other_id=right, **said))
        work.commit()
    return left, right


async def says(
    rina: Colleague, word: str, pair: tuple[str, str], reason: str = "one address", which: str = "asked"
) -> str:
    form = {"word": word, "left": pair[0], "right": pair[1], "reason": reason, "which": which}
    return text(await rina.http.post("/console/matches", data=form, headers=OURS))


async def test_before_the_first_run_the_page_says_what_to_run(rina: Colleague) -> None:
    page = await rina.reads("matches")
    assert "Nothing was compared yet" in page
    assert "rapport resolve" in page


async def test_a_pair_is_shown_with_both_records_and_what_speaks_for_and_against_it(
    rina: Colleague, asked: tuple[str, str]
) -> None:
    page = await rina.reads("matches")
    assert "1 pair, the likeliest first" in page
    assert "91 % one person; if not, two of one household" in page
    assert "Sari" in page
    assert "S." in page
    assert "+17.2 same" in page
    assert "-3.1 another" in page
    assert "not said by both" in page, "one of them gives no email"


async def test_staff_accept_a_pair(rina: Colleague, engine: Engine, asked: tuple[str, str]) -> None:
    assert "Nothing to decide" in await says(rina, "same", asked)
    assert are_one(engine, asked)
    [word] = kept(engine, verdicts)
    assert (word.verdict, word.reason, word.staff_id) == ("same", "one address", rina.staff.id)


async def test_staff_reject_a_pair_and_are_not_asked_again(
    rina: Colleague, engine: Engine, asked: tuple[str, str], now: datetime
) -> None:
    assert "Nothing to decide" in await says(rina, "different", asked)
    assert not are_one(engine, asked)
    run(engine, now)
    assert not are_one(engine, asked)
    assert "Nothing to decide" in await rina.reads("matches")


async def test_what_the_batch_has_joined_is_taken_apart(
    rina: Colleague, engine: Engine, joined: tuple[str, str], now: datetime
) -> None:
    assert "99 % one person" in await rina.reads("matches?which=joined")
    page = await says(rina, "different", joined, "mother and daughter", "joined")
    assert "Nothing was joined by the batch" in page
    assert not are_one(engine, joined)
    assert run(engine, now).joined == 0, "nor in the next run"


async def test_two_customers_are_asked_about_once_however_many_records_they_have(
    rina: Colleague, engine: Engine, joined: tuple[str, str], now: datetime
) -> None:
    other = keep(engine, now, {"1": MONOGRAM}, "till")["1"]
    with UnitOfWork(engine) as work:
        for profile in joined:
            left, right = sorted((profile, other))
            said = {"probability": 0.6, "decision": "review", "against": "twins", "reasons": {}, "at": now}
            work.connection.execute(matches.insert().values(customer_id=left, other_id=right, **said))
        work.commit()
    assert "1 pair, the likeliest first" in await rina.reads("matches")
    assert "Nothing to decide" in await says(rina, "different", (joined[0], other))


async def test_without_a_reason_nothing_is_done_and_it_is_said(
    rina: Colleague, engine: Engine, asked: tuple[str, str]
) -> None:
    assert "Say why" in await says(rina, "same", asked, reason="  ")
    assert not are_one(engine, asked)


async def test_who_was_erased_meanwhile_is_told_to_be_gone(rina: Colleague, asked: tuple[str, str]) -> None:
    assert "no longer there" in await says(rina, "same", (asked[0], "f" * 32))


async def test_a_word_that_there_is_not_is_refused(rina: Colleague, asked: tuple[str, str]) -> None:
    assert "Say whether they are the same or different." in await says(rina, "perhaps", asked)


async def test_what_was_told_different_elsewhere_is_not_asked(
    rina: Colleague, engine: Engine, asked: tuple[str, str], now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        different(work.connection, rina.staff, *asked, "father and son", now)
        work.commit()
    assert "Nothing to decide" in await rina.reads("matches")
