"""Why a customer's profiles are taken for one, on the page of a conversation, and what staff say to that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import seeds
from colleague import Colleague, hire, only_console, text
from sqlalchemy import Engine, select
from visitor import kept

from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.identify.assurance import Assurance
from crm_store.identify.merging import merge
from crm_store.identify.profiles import new_ids, scope
from crm_store.identify.ties import Ground
from crm_store.tables import conversations, customers, records, verdicts

REASON = "she showed us both cards"


@pytest.fixture
def talk(engine: Engine, now: datetime) -> str:
    """Sari's conversation: her loyalty and web records, and a device, are one customer."""
    with UnitOfWork(engine) as work:
        found = seeds.known_customer(work.connection, now - timedelta(hours=3))
        other = seeds.add_customer(work.connection, now - timedelta(days=400))
        seeds.add_record(work.connection, other, "pos", "1042", now - timedelta(days=400), given_name="Sari")
        work.commit()
    return found.id


@pytest.fixture
def rina(engine: Engine, business: Business, now: datetime, tmp_path: Path) -> Colleague:
    return hire(only_console(engine, business, tmp_path, lambda: now), engine, now, "Rina")


Profile = Callable[[str], str]


@pytest.fixture
def profile(engine: Engine) -> Profile:
    """The profile of a source's one record."""

    def of(source: str) -> str:
        with reading(engine) as connection:
            return str(connection.execute(select(records.c.customer_id).where(records.c.source == source)).scalar_one())

    return of


def sources(engine: Engine, profile: str) -> set[str]:
    with reading(engine) as connection:
        whole = scope(connection, profile, Assurance.VERIFIED)
        return set(connection.execute(select(records.c.source).where(records.c.customer_id.in_(whole))).scalars())


async def test_the_page_tells_why_and_when_each_profile_was_joined(rina: Colleague, talk: str) -> None:
    page = await rina.reads(f"conversations/{talk}")
    assert ": the same email (an import)" in page
    assert ": signed in to the shop (proven)" in page
    assert "Taken apart" not in page


async def test_profiles_of_one_import_are_told_apart_by_the_end_of_their_ids(
    rina: Colleague, talk: str, profile: Profile, engine: Engine, now: datetime
) -> None:
    one, other = new_ids(2)
    with UnitOfWork(engine) as work:
        for number, imported in enumerate((one, other)):
            person = {"id": imported, "canonical_id": imported, "created_at": now}
            work.connection.execute(customers.insert().values(person))
            seeds.add_record(work.connection, imported, "till", str(number), now)
        merge(work.connection, one, profile("web"), "import", "the same phone", now)
        merge(work.connection, other, one, "import", "the same card", now)
        work.commit()
    page = await rina.page(f"conversations/{talk}")
    assert f"joined to {one[-6:]} just now : the same card" in text(page)
    assert f'<code title="{other}">{other[-6:]}</code>' in page.text


async def test_staff_take_a_record_out_and_the_page_tells_who_and_why(
    rina: Colleague, talk: str, profile: Profile, engine: Engine
) -> None:
    page = await rina.does("take-out", talk, profile=profile("loyalty"), reason=REASON)
    assert page.status_code == 200
    assert sources(engine, profile("loyalty")) == {"loyalty"}
    assert sources(engine, profile("web")) == {"web"}
    assert "Taken apart" in text(page)
    assert f"{REASON} (Rina)" in text(page)
    assert {word.verdict for word in kept(engine, verdicts)} == {"different"}


async def test_staff_join_a_record_by_its_number_with_a_reason(
    rina: Colleague, talk: str, profile: Profile, engine: Engine
) -> None:
    page = await rina.does("same", talk, record=" pos/1042 ", reason=REASON)
    assert sources(engine, profile("web")) == {"loyalty", "web", "pos"}
    assert f"{REASON} (Rina)" in text(page)
    [word] = kept(engine, verdicts)
    assert (word.verdict, word.staff_id, word.reason) == ("same", rina.staff.id, REASON)


async def test_a_proof_that_went_over_a_word_of_staff_is_told(
    rina: Colleague, talk: str, profile: Profile, engine: Engine, now: datetime
) -> None:
    await rina.does("take-out", talk, profile=profile("loyalty"), reason="her sister")
    with UnitOfWork(engine) as work:
        merge(
            work.connection,
            profile("web"),
            profile("loyalty"),
            "telegram",
            "proved the phone number",
            now,
            Ground.PROOF,
        )
        work.commit()
    assert "Rina had said that they are different people: her sister" in await rina.reads(f"conversations/{talk}")


@pytest.mark.parametrize(
    ("act", "form", "why"),
    [
        ("take-out", {"profile": "x", "reason": REASON}, "Nothing is known under that."),
        ("same", {"record": "pos/9", "reason": REASON}, "Nothing is known under that."),
        ("same", {"record": "pos/1042", "reason": " "}, "Say why, in at most 255 characters"),
        ("same", {"record": "pos/1042", "reason": "x" * 256}, "Say why, in at most 255 characters"),
        ("same", {}, "Nothing is known under that."),
    ],
)
async def test_what_cannot_be_done_is_said_and_nothing_is_kept(
    rina: Colleague, talk: str, engine: Engine, act: str, form: dict[str, str], why: str
) -> None:
    before = kept(engine, customers)
    refused = await rina.does(act, talk, **form)
    assert refused.status_code == 422
    assert why in text(refused)
    assert (kept(engine, customers), kept(engine, verdicts)) == (before, [])


async def test_of_another_customer_nobody_is_taken_out_here(
    rina: Colleague, talk: str, profile: Profile, engine: Engine
) -> None:
    assert (await rina.does("take-out", talk, profile=profile("pos"), reason=REASON)).status_code == 422
    assert kept(engine, verdicts) == []


async def test_where_nobody_is_proven_nothing_is_told_and_nothing_can_be_said(
    rina: Colleague, talk: str, profile: Profile, engine: Engine
) -> None:
    with UnitOfWork(engine) as work:
        work.connection.execute(conversations.update().values(assurance="recognised"))
        work.commit()
    page = await rina.reads(f"conversations/{talk}")
    assert "The same as another customer?" not in page
    assert "joined to" not in page
    for act, form in (("same", {"record": "pos/1042"}), ("take-out", {"profile": profile("web")})):
        refused = await rina.does(act, talk, reason=REASON, **form)
        assert refused.status_code == 409
        assert "has not proven who they are" in text(refused)
    assert kept(engine, verdicts) == []
