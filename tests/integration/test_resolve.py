"""`rapport resolve` on a store: what it joins, what it leaves to staff, and what outranks it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from commands import Rapport, answer
from sqlalchemy import Engine, select

from crm_store.access.erasure import erase_customer
from crm_store.access.staff import Staff
from crm_store.business import Identity, Resolution
from crm_store.database import UnitOfWork
from crm_store.identify.judging import different
from crm_store.identify.profiles import new_id
from crm_store.identify.resolution.stored import Resolved, resolve
from crm_store.tables import customers, identifiers, journal, matches, records

Columns = dict[str, str]

SARI: Columns = {
    **{"given_name": "Sari", "family_name": "Kusyanti", "phone": "+6281234567001"},
    "email": "sari.kusyanti@gmail.com",
}
HALIM: Columns = {"family_name": "Halim", "phone": "+6281311112222", "street": "Jl. Melati 7", "city": "Bandung"}


def keep(engine: Engine, at: datetime, said: dict[str, Columns], source: str = "store") -> dict[str, str]:
    """A profile for each record, by the record's id."""
    profiles = {record: new_id() for record in said}
    with UnitOfWork(engine) as work:
        work.connection.execute(
            customers.insert(), [{"id": p, "canonical_id": p, "created_at": at} for p in profiles.values()]
        )
        work.connection.execute(
            records.insert(),
            [
                {"source": source, "source_id": r, "customer_id": p, "attributes": said[r], "imported_at": at}
                for r, p in profiles.items()
            ],
        )
        work.commit()
    return profiles


def customer(engine: Engine, profile: str) -> str:
    with engine.connect() as connection:
        found: str = connection.execute(select(customers.c.canonical_id).where(customers.c.id == profile)).scalar_one()
    return found


def are_one(engine: Engine, profiles: Iterable[str]) -> bool:
    return len({customer(engine, profile) for profile in profiles}) == 1


def run(engine: Engine, now: datetime, **how: object) -> Resolved:
    return resolve(engine, Identity(), now, **how)  # type: ignore[arg-type]


def test_records_of_one_person_become_one_customer_and_it_is_told_why(engine: Engine, now: datetime) -> None:
    profiles = keep(engine, now, {"1": SARI, "2": {**SARI, "given_name": "SARI"}})
    assert run(engine, now) == Resolved(records=2, new=2, joined=1, to_review=0, refused=0)
    assert are_one(engine, profiles.values())
    with engine.connect() as connection:
        (match,) = connection.execute(select(matches)).all()
        (entry,) = connection.execute(select(journal)).all()
    assert (match.decision, match.reasons["phone"][0]) == ("auto", "same")
    assert {match.customer_id, match.other_id} == set(profiles.values())
    assert (entry.kind, entry.actor) == ("joined", "resolution")


def test_a_family_with_one_telephone_stays_apart(engine: Engine, now: datetime) -> None:
    profiles = keep(engine, now, {"1": {**HALIM, "given_name": "Robert"}, "2": {**HALIM, "given_name": "Veronica"}})
    assert run(engine, now).joined == 0
    assert not are_one(engine, profiles.values())


def test_what_anybody_may_have_typed_joins_nobody(engine: Engine, now: datetime) -> None:
    victim = keep(engine, now, {"1": SARI})
    claim = keep(engine, now, {"1": {"phone": SARI["phone"], "email": SARI["email"]}}, source="web")
    assert run(engine, now).joined == 0
    assert not are_one(engine, [*victim.values(), *claim.values()])


def test_a_second_run_changes_nothing(engine: Engine, now: datetime) -> None:
    keep(engine, now, {"1": SARI, "2": SARI})
    run(engine, now)
    assert run(engine, now + timedelta(days=1)).joined == 0
    with engine.connect() as connection:
        assert len(connection.execute(select(matches)).all()) == 1


def test_what_staff_called_different_stays_apart_in_every_run(engine: Engine, agent: Staff, now: datetime) -> None:
    profiles = keep(engine, now, {"1": SARI, "2": SARI})
    pair = (profiles["1"], profiles["2"])
    with UnitOfWork(engine) as work:
        different(work.connection, agent, *pair, "mother and daughter", now)
        work.commit()
    for day in range(2):
        found = run(engine, now + timedelta(days=day))
        assert (found.joined, found.refused) == (0, 1)
    assert not are_one(engine, pair)


def test_only_what_is_new_is_compared_with_all(engine: Engine, now: datetime) -> None:
    keep(engine, now, {"1": SARI, "2": {**HALIM, "given_name": "Robert"}})
    run(engine, now)
    later = now + timedelta(days=1)
    keep(engine, later, {"3": SARI})
    assert run(engine, later, only_new=True) == Resolved(records=3, new=1, joined=1, to_review=0, refused=0)


def test_the_first_run_over_what_is_new_is_over_all(engine: Engine, now: datetime) -> None:
    keep(engine, now, {"1": SARI, "2": SARI})
    assert run(engine, now, only_new=True).joined == 1


def test_a_chat_is_compared_by_what_was_proven_in_it(engine: Engine, now: datetime) -> None:
    record = keep(engine, now, {"1": {**SARI, "telegram_id": "777000111"}}, source="telegram")
    chat = new_id()
    proven = {
        "customer_id": chat,
        "source": "telegram",
        "assurance": "proven",
        "first_seen_at": now,
        "last_seen_at": now,
    }
    with UnitOfWork(engine) as work:
        work.connection.execute(customers.insert().values(id=chat, canonical_id=chat, created_at=now))
        for kind, value in (("telegram", "777000111"), ("phone", SARI["phone"])):
            work.connection.execute(
                identifiers.insert().values(id=new_id(), type=kind, value=value, raw=value, **proven)
            )
        work.commit()
    assert run(engine, now).joined == 1
    assert are_one(engine, [chat, *record.values()])


def test_nothing_of_an_erased_customer_is_left_in_what_was_found(engine: Engine, now: datetime) -> None:
    profiles = keep(engine, now, {"1": SARI, "2": SARI})
    with UnitOfWork(engine) as work:
        run_before = {"customer_id": min(profiles.values()), "other_id": max(profiles.values()), "at": now}
        work.connection.execute(
            matches.insert().values(probability=0.9, decision="review", against="household", reasons={}, **run_before)
        )
        erase_customer(work, max(profiles.values()), now)
        work.commit()
    with engine.connect() as connection:
        assert connection.execute(select(matches)).all() == []


def test_a_store_without_records_has_nothing_to_resolve(engine: Engine, now: datetime) -> None:
    assert run(engine, now) == Resolved(0, 0, 0, 0, 0)


def test_the_command_tells_what_it_did(rapport: Rapport, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(
        "source,source_id,given_name,family_name,date_of_birth,street,city,postcode\n"
        + "".join(f"{s},1,Sari,Kusyanti,1980-02-16,Jl. Melati 7,Bandung,40123\n" for s in ("store", "loyalty"))
    )
    rapport("import", "customers", str(file))
    told = answer(rapport("resolve", "--json"))
    assert told["records"] == 2
    assert told["joined"] + told["to_review"] == 1
    assert "0 new records compared with all 2" in rapport("resolve", "--new").stdout


@pytest.mark.parametrize("wrong", ["join_from: 0.2", "review_from: 2"])
def test_thresholds_that_make_no_sense_are_refused(wrong: str) -> None:
    key, value = wrong.split(": ")
    with pytest.raises(ValueError, match=key):
        Resolution.model_validate({key: float(value)})
