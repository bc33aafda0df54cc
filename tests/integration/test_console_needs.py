"""What a customer needs, on the pages of the console: where it comes from, how old it is, and what they say is not theirs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import seeds
from colleague import OURS, Colleague, hire, only_console, text
from serving import Known
from sqlalchemy import Engine
from teaching import teach
from visitor import kept

from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate.picture import picture
from crm_store.tables import consents, evidence


@pytest.fixture
def talk(engine: Engine, now: datetime) -> seeds.Talk:
    """A guest who said half a year ago that it is for the office."""
    with UnitOfWork(engine) as work:
        found = seeds.office_guest(work.connection, now - timedelta(days=182))
        work.commit()
    return found


@pytest.fixture
def rina(engine: Engine, business: Business, now: datetime, tmp_path: Path) -> Colleague:
    return hire(only_console(engine, business, tmp_path, lambda: now), engine, now, "Rina")


async def test_of_what_is_old_it_is_told_how_far_it_still_holds(rina: Colleague, talk: seeds.Talk) -> None:
    page = text(await rina.page(f"conversations/{talk.id}"))
    assert page.count("by its age still holds with 75") == 2


async def test_what_a_customer_told_staff_is_not_theirs_is_kept_with_who_wrote_it_down(
    rina: Colleague, talk: seeds.Talk, engine: Engine, business: Business, now: datetime
) -> None:
    page = await rina.does("refuse-need", talk.id, need="office")
    assert "Said that this is not theirs Supply for a group" in text(page)
    assert "denied, told by staff: Rina" in text(page)
    assert "not theirs, they say" in text(page)
    (word,) = kept(engine, evidence, kind="denied")
    assert (word.value, word.staff_id, word.at, word.message_id) == ("office", rina.staff.id, now, None)
    with reading(engine) as connection:
        assert picture(connection, business, [word.customer_id], now).needs["office"] == 0


@pytest.mark.parametrize("need", ["", "sailors"])
async def test_a_need_that_there_is_not_is_not_kept(
    rina: Colleague, talk: seeds.Talk, engine: Engine, need: str
) -> None:
    await rina.does("refuse-need", talk.id, need=need)
    assert kept(engine, evidence, kind="denied") == []


async def test_of_who_wants_no_profile_nothing_is_kept(
    rina: Colleague, talk: seeds.Talk, engine: Engine, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        row = {"id": seeds.new_id(), "customer_id": talk.customer, "purpose": "profile", "granted": False}
        work.connection.execute(consents.insert().values(row | {"channel": "web", "at": now}))
        work.commit()
    await rina.does("refuse-need", talk.id, need="office")
    assert kept(engine, evidence, kind="denied") == []


async def test_a_caller_s_correction_counts_at_once(
    rina: Colleague, engine: Engine, business: Business, now: datetime
) -> None:
    sari = Known(engine, now, "sari")
    page = await rina.page("call?phone=08115550001")
    after = await rina.http.post(f"{page.url.path}/refuse-need", data={"need": "thrifty"}, headers=OURS)
    assert "Good value not theirs, they say" in text(after)
    with reading(engine) as connection:
        assert picture(connection, business, [sari.profile], now).needs["thrifty"] == 0


async def test_staff_see_from_how_many_likelihoods_were_learnt(
    rina: Colleague, talk: seeds.Talk, engine: Engine, business: Business, now: datetime
) -> None:
    assert "Likelihoods learnt" not in await rina.reads(f"conversations/{talk.id}")
    with UnitOfWork(engine) as work:
        teach(work.connection, business, now)
        work.commit()
    assert "Likelihoods learnt from 1 customers" in await rina.reads(f"conversations/{talk.id}")
