"""What is learnt of likelihoods is kept, used by turns at once, and explained; it knows nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seeds import add_customer
from sqlalchemy import Connection, Engine, insert, select, update
from teaching import teach

from crm_store.access.erasure import erase_customer
from crm_store.business import Business
from crm_store.database import UnitOfWork
from crm_store.differentiate import learning, likelihoods
from crm_store.differentiate.everybody import all_needs
from crm_store.differentiate.learning import observations
from crm_store.differentiate.likelihoods import in_use, keep_learnt, newest
from crm_store.differentiate.picture import picture
from crm_store.differentiate.second_process import read_from
from crm_store.identify.merging import merge, split
from crm_store.identify.profiles import new_id
from crm_store.tables import consents, evidence, learnt_likelihoods, transactions


def says(connection: Connection, profile: str, kind: str, key: str, value: str, at: datetime) -> None:
    row = {"id": new_id(), "customer_id": profile, "kind": kind, "key": key, "value": value, "strength": 1.0, "at": at}
    connection.execute(insert(evidence).values(row))


def buys(connection: Connection, profile: str, category: str, at: datetime, amount: float = 100.0) -> None:
    row = {"source": "web", "transaction_id": new_id(), "product": "", "source_id": profile, "customer_id": profile}
    connection.execute(
        insert(transactions).values(row | {"at": at, "amount": amount, "category": category, "attributes": {}})
    )


def crowd(connection: Connection, now: datetime, count: int = 60) -> list[str]:
    """Customers of the office who, unlike what `business.yml` says, all make a few cups."""
    profiles = [add_customer(connection, now) for _ in range(count)]
    for profile in profiles:
        says(connection, profile, "stated", "need", "office", now)
        says(connection, profile, "answered", "cups", "up_to_10", now)
        buys(connection, profile, "office_beans", now - timedelta(days=1))
    return profiles


def test_what_is_learnt_is_used_at_once_and_says_where_it_comes_from(
    engine: Engine, business: Business, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        profiles = crowd(work.connection, now)
        before = picture(work.connection, business, profiles[:1], now)
        told = teach(work.connection, business, now)
        after = picture(work.connection, business, profiles[:1], now)
        assert told is not None
        assert after.needs["office"] > before.needs["office"]
        assert before.model.learnt is None
        assert after.model.learnt == told == newest(work.connection, now)
        cups = told.questions["cups"]
        assert cups.customers == told.customers == 60
        assert cups.given["up_to_10"]["office"] == pytest.approx(0.15)
        assert cups.learnt["up_to_10"]["office"] > 0.3
        assert sum(row["office"] for row in cups.learnt.values()) == pytest.approx(1, abs=1e-5)


def test_where_nothing_is_known_of_anybody_nothing_is_learnt(engine: Engine, business: Business, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        add_customer(work.connection, now)
        assert teach(work.connection, business, now) is None
        assert in_use(work.connection, business, now).business is business


def test_what_business_yml_says_anew_is_not_overruled_by_what_was_learnt_before(
    engine: Engine, business: Business, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        crowd(work.connection, now)
        teach(work.connection, business, now)
        cups = business.questions[0]
        told = {"quick": 0.5, "explorer": 0.5, "thrifty": 0.5, "office": 0.5}
        anew = cups.model_copy(
            update={"options": [cups.options[0].model_copy(update={"likelihood": told}), *cups.options[1:]]}
        )
        changed = business.model_copy(update={"questions": [anew, *business.questions[1:]]})
        used = in_use(work.connection, changed, now).business
        assert used.questions[0] == anew
        assert used.needs.behaviours[0].likelihood != business.needs.behaviours[0].likelihood


def test_who_wants_no_profile_teaches_nothing(engine: Engine, business: Business, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        profiles = crowd(work.connection, now, 3)
        row = {"id": new_id(), "customer_id": profiles[0], "purpose": "profile", "granted": False, "channel": "web"}
        work.connection.execute(insert(consents).values(row | {"at": now}))
        assert observations(work.connection, business, now).count == 2
        needs = dict(all_needs(work.connection, business, now))
        assert needs[profiles[0]] == pytest.approx(business.prior)


def test_nothing_later_is_learnt_from(engine: Engine, business: Business, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        crowd(work.connection, now, 3)
        assert observations(work.connection, business, now - timedelta(days=2)).count == 0


def test_everybody_s_needs_are_each_one_s_picture(engine: Engine, business: Business, now: datetime) -> None:
    rng = np.random.default_rng(1)
    with UnitOfWork(engine) as work:
        profiles = [add_customer(work.connection, now) for _ in range(12)]
        for profile in profiles:
            for _ in range(rng.integers(0, 4)):
                question = business.questions[rng.integers(3)]
                option = question.options[rng.integers(len(question.options))]
                says(
                    work.connection,
                    profile,
                    "answered",
                    question.id,
                    option.id,
                    now - timedelta(days=int(rng.integers(900))),
                )
                segment = business.segment_ids[rng.integers(4)]
                kind = "denied" if rng.random() < 0.3 else "stated"
                says(work.connection, profile, kind, "need", segment, now - timedelta(days=int(rng.integers(900))))
                category = business.needs.behaviours[rng.integers(5)].category
                buys(work.connection, profile, category, now - timedelta(days=int(rng.integers(900))))
        merge(work.connection, profiles[0], profiles[1], "staff", "same", now)
        teach(work.connection, business, now)
        found = dict(all_needs(work.connection, business, now))
        assert len(found) == 11
        for customer, needs in found.items():
            theirs = profiles[:2] if customer in profiles[:2] else [customer]
            assert needs == pytest.approx(picture(work.connection, business, theirs, now).needs, abs=2e-6)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("part"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("say"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("refuse"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("buy"), st.integers(0, 3), st.integers(0, 4)),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, gone=st.integers(0, 3))
def test_whatever_is_joined_parted_and_erased_each_profile_keeps_exactly_its_own_evidence(
    engine: Engine, business: Business, now: datetime, steps: list[tuple[str, int, int]], gone: int
) -> None:
    with UnitOfWork(engine) as work:
        connection = work.connection
        profiles = [add_customer(connection, now) for _ in range(4)]
        own: dict[str, list[tuple[str, str]]] = {profile: [] for profile in profiles}
        for place, (what, one, other) in enumerate(steps):
            at = now + timedelta(minutes=place)
            profile = profiles[one]
            if what == "join" and one != other:
                merge(connection, profile, profiles[other], "staff", "same", at)
            elif what == "part":
                split(connection, [profile], "staff", "somebody else", at)
            elif what == "say":
                says(connection, profile, "stated", "need", business.segment_ids[other], at)
                own[profile].append(("stated", business.segment_ids[other]))
            elif what == "refuse":
                says(connection, profile, "denied", "need", business.segment_ids[other], at)
                own[profile].append(("denied", business.segment_ids[other]))
            elif what == "buy":
                buys(connection, profile, business.needs.behaviours[other].category, at)
        later = now + timedelta(hours=1)
        alone = {p: picture(connection, business, [p], later).needs for p in profiles}
        erase_customer(work, profiles[gone], later)
        rows = connection.execute(
            select(evidence.c.customer_id, evidence.c.kind, evidence.c.value)
            .where(evidence.c.customer_id.in_(profiles))
            .order_by(evidence.c.at)
        ).all()
        left = {row.customer_id for row in connection.execute(select(evidence.c.customer_id))}
        assert profiles[gone] not in left
        for profile in profiles:
            kept = [(row.kind, row.value) for row in rows if row.customer_id == profile]
            assert kept in ([], own[profile])
            if kept:
                assert picture(connection, business, [profile], later).needs == pytest.approx(alone[profile])


def test_a_joined_customer_who_is_parted_is_told_as_before(engine: Engine, business: Business, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        one, other = add_customer(work.connection, now), add_customer(work.connection, now)
        says(work.connection, one, "stated", "need", "office", now)
        says(work.connection, other, "denied", "need", "office", now + timedelta(minutes=1))
        later = now + timedelta(hours=1)
        before = dict(all_needs(work.connection, business, later))
        merge(work.connection, one, other, "staff", "same", later)
        together = dict(all_needs(work.connection, business, later))
        assert [needs["office"] for needs in together.values()] == [0.0]
        split(work.connection, [one], "staff", "somebody else", later)
        assert dict(all_needs(work.connection, business, later)) == before


def test_what_is_learnt_knows_nobody(engine: Engine, business: Business, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        profiles = crowd(work.connection, now, 5)
        work.connection.execute(update(evidence).values(words="Sari of Menteng"))
        told = teach(work.connection, business, now)
        assert told is not None
        body = str(told.as_dict())
        assert "Sari" not in body
        assert not any(profile in body for profile in profiles)


def test_a_score_learns_and_nobody_is_kept_from_writing_while_it_does(
    engine: Engine, business: Business, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with UnitOfWork(engine) as work:
        crowd(work.connection, now)
        work.commit()
    fitted = learning.learnt

    def slowly(*given: Any) -> Any:
        with UnitOfWork(engine) as work:
            add_customer(work.connection, now)
            work.commit()
        return fitted(*given)

    monkeypatch.setattr(learning, "learnt", slowly)
    told = read_from(
        engine.url.render_as_string(hide_password=False), partial(learning.likelihoods, business=business, now=now)
    )
    assert told
    with UnitOfWork(engine) as work:
        keep_learnt(work.connection, told)
        assert newest(work.connection, now) == told


def test_of_many_some_stand_for_all(engine: Engine, business: Business, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        crowd(work.connection, now, 7)
        for _ in range(9):
            buys(work.connection, add_customer(work.connection, now), "office_beans", now - timedelta(days=1))
        known = observations(work.connection, business, now, most=3)
    assert known.count == 6
    assert sorted(known.weight.tolist()) == [3.0] * 6


def test_what_was_learnt_until_the_same_time_is_kept_once_and_what_is_old_goes(
    engine: Engine, business: Business, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likelihoods, "MOST_KEPT", 3)
    with UnitOfWork(engine) as work:
        crowd(work.connection, now, 3)
        for days in (0, 0, 1, 2, 3, 4):
            teach(work.connection, business, now + timedelta(days=days))
        kept = (
            work.connection.execute(select(learnt_likelihoods.c.at).order_by(learnt_likelihoods.c.at)).scalars().all()
        )
    assert kept == [now + timedelta(days=days) for days in (1, 2, 3, 4)]
