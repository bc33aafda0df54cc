"""Many rows in one go read back as they were given, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import DataError, IntegrityError

from crm_store import bulk
from crm_store.bulk import put, put_columns
from crm_store.database import UnitOfWork, reading
from crm_store.identify.profiles import new_ids
from crm_store.tables import customers, interactions

KEY = ("source", "interaction_id")
SAYS = 'tea & "two"\nlines, 50% off: %(rows)s ? 茶'


def contact(customer: str, number: int, at: datetime, **said: Any) -> dict[str, Any]:
    told = {"source": "web", "interaction_id": str(number), "source_id": "s", "customer_id": customer, "at": at}
    empty = {"touchpoint": "web", "text": None, "cost": None, "points": None, "attributes": {}}
    return {**told, **empty, **said}


def kept(engine: Engine) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(select(interactions).order_by(*KEY)).mappings()]


def store(engine: Engine, rows: list[dict[str, Any]], *replacing: Any) -> None:
    with UnitOfWork(engine) as work:
        put(work.connection, interactions, rows, *replacing)
        work.commit()


@pytest.fixture
def customer(engine: Engine, now: datetime) -> str:
    [one] = new_ids(1)
    with UnitOfWork(engine) as work:
        put(work.connection, customers, [{"id": one, "canonical_id": one, "created_at": now}])
        work.commit()
    return one


def test_values_of_every_type_come_back(engine: Engine, customer: str, now: datetime) -> None:
    jakarta = now.astimezone(timezone(timedelta(hours=7)))
    first = contact(customer, 1, jakarta, text=SAYS, cost=-12.5, points=3.25, attributes={"a": [1, None, SAYS]})
    second = contact(customer, 2, now + timedelta(microseconds=1))
    store(engine, [first, second])
    for row, given in zip(kept(engine), (first, second), strict=True):
        assert {name: row[name] for name in given} == given


def test_where_the_key_is_taken_what_is_to_be_replaced_is(engine: Engine, customer: str, now: datetime) -> None:
    store(engine, [contact(customer, 1, now, text="first", cost=1.0)])
    rows = [contact(customer, n, now, text="second", cost=2.0) for n in (1, 2)]
    store(engine, rows, KEY, ("text",))
    assert [(row["text"], row["cost"]) for row in kept(engine)] == [("second", 1.0), ("second", 2.0)]


def test_what_was_there_goes_where_it_is_moved_to(engine: Engine, customer: str, now: datetime) -> None:
    store(engine, [contact(customer, 1, now, text="first", cost=1.0, points=9.0)])
    rows = [contact(customer, n, now, text="second", cost=2.0) for n in (1, 2)]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    with UnitOfWork(engine) as work:
        put_columns(
            work.connection, interactions, columns, KEY, ("text", "cost"), moved={"points": "interactions.cost"}
        )
        work.commit()
    assert [(row["text"], row["cost"], row["points"]) for row in kept(engine)] == [
        ("second", 2, 1),
        ("second", 2, None),
    ]


def test_without_a_key_what_is_there_is_refused(engine: Engine, customer: str, now: datetime) -> None:
    store(engine, [contact(customer, 1, now)])
    with pytest.raises(IntegrityError):
        store(engine, [contact(customer, 2, now), contact(customer, 1, now)])
    assert len(kept(engine)) == 1


def test_a_text_that_is_too_long_is_refused_and_not_quoted(engine: Engine, customer: str, now: datetime) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite takes any length")
    with pytest.raises(DataError, match="value too long") as refused:
        store(engine, [contact(customer, 1, now, source="secret" * 99)])
    assert "secretsecret" not in str(refused.value)
    assert kept(engine) == []


def test_more_than_go_at_once_are_all_put(
    engine: Engine, customer: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    store(engine, [contact(customer, number, now) for number in range(5)])
    assert [row["interaction_id"] for row in kept(engine)] == ["0", "1", "2", "3", "4"]


def test_no_rows_are_no_work(engine: Engine) -> None:
    store(engine, [])
    assert kept(engine) == []


def test_ids_that_are_made_together_are_in_order_and_all_different() -> None:
    ids = new_ids(3000)
    assert ids == sorted(set(ids))
    assert {len(each) for each in ids} == {32}
    assert set("".join(ids)) <= set("0123456789abcdef")
    assert not {each[-14:] for each in ids} & {each[-14:] for each in new_ids(3000)}
