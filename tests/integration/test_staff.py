"""Staff accounts: who gets in, for how long, and what is kept of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import perf_counter

import pytest
from sqlalchemy import Engine, select

from crm_store.access.staff import (
    InvalidAccountError,
    SignInRefusedError,
    Staff,
    StaffExistsError,
    UnknownStaffError,
    add_staff,
    disable_staff,
    list_staff,
    make_password,
    sign_in,
    sign_out,
    staff_of,
)
from crm_store.database import UnitOfWork, reading
from crm_store.tables import staff, staff_sessions

EMAIL = "rina@example.com"
PASSWORD = "a long enough password"


def opened(engine: Engine, now: datetime, password: str = PASSWORD) -> Staff:
    with UnitOfWork(engine) as uow:
        made = add_staff(uow, EMAIL, "agent", password, now)
        uow.commit()
    return made


def disabled(engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as uow:
        disable_staff(uow, EMAIL, now)
        uow.commit()


def who(engine: Engine, token: str, now: datetime) -> Staff | None:
    with reading(engine) as connection:
        return staff_of(connection, token, now)


def test_a_session_tells_who_it_is_for_twelve_hours(engine: Engine, now: datetime) -> None:
    made = opened(engine, now)
    token = sign_in(engine, EMAIL, PASSWORD, now)
    assert who(engine, token, now + timedelta(hours=11, minutes=59)) == made
    assert who(engine, token, now + timedelta(hours=12)) is None


def test_an_address_is_the_same_in_capitals_and_with_spaces_around_it(engine: Engine, now: datetime) -> None:
    opened(engine, now)
    assert sign_in(engine, "  Rina@Example.COM ", PASSWORD, now)


def test_a_wrong_password_an_unknown_address_and_a_disabled_account_are_refused_in_the_same_words(
    engine: Engine, now: datetime
) -> None:
    opened(engine, now)
    said = set()
    for email, password in (
        (EMAIL, "a wrong password"),
        ("nobody@example.com", PASSWORD),
        ("\0\x85", PASSWORD),
        (EMAIL, "x" * 5000),
    ):
        with pytest.raises(SignInRefusedError) as refusal:
            sign_in(engine, email, password, now)
        said.add(str(refusal.value))
    disabled(engine, now)
    with pytest.raises(SignInRefusedError) as refusal:
        sign_in(engine, EMAIL, PASSWORD, now)
    assert said == {str(refusal.value)}


def test_an_unknown_address_costs_as_much_work_as_a_known_one(engine: Engine, now: datetime) -> None:
    opened(engine, now)

    def shortest(email: str) -> float:
        taken = []
        for _ in range(4):
            began = perf_counter()
            with pytest.raises(SignInRefusedError):
                sign_in(engine, email, "a wrong password", now)
            taken.append(perf_counter() - began)
        return min(taken)

    # Without the work the unknown address would be some fifty times faster; the machine may be busy.
    assert shortest("nobody@example.com") > shortest(EMAIL) / 4


def test_neither_password_nor_session_token_is_in_the_store(engine: Engine, now: datetime) -> None:
    opened(engine, now)
    token = sign_in(engine, EMAIL, PASSWORD, now)
    with reading(engine) as connection:
        kept = repr([*connection.execute(select(staff)), *connection.execute(select(staff_sessions))])
    assert "argon2id" in kept
    assert PASSWORD not in kept
    assert token not in kept
    assert len(token) >= 22  # 128 bit in base64


def test_disabling_an_account_ends_its_sessions_at_once(engine: Engine, now: datetime) -> None:
    opened(engine, now)
    token = sign_in(engine, EMAIL, PASSWORD, now)
    disabled(engine, now)
    assert who(engine, token, now) is None
    with reading(engine) as connection:
        assert [person.is_active for person in list_staff(connection)] == [False]


def test_signing_out_ends_that_session_and_no_other(engine: Engine, now: datetime) -> None:
    opened(engine, now)
    here, there = sign_in(engine, EMAIL, PASSWORD, now), sign_in(engine, EMAIL, PASSWORD, now)
    with UnitOfWork(engine) as uow:
        sign_out(uow, here)
        uow.commit()
    assert who(engine, here, now) is None
    assert who(engine, there, now) is not None


def test_sessions_that_are_over_do_not_pile_up(engine: Engine, now: datetime) -> None:
    opened(engine, now)
    for days in range(3):
        sign_in(engine, EMAIL, PASSWORD, now + timedelta(days=days))
    with reading(engine) as connection:
        assert len(connection.execute(select(staff_sessions)).all()) == 1


def test_an_address_has_one_account(engine: Engine, now: datetime) -> None:
    opened(engine, now)
    with pytest.raises(StaffExistsError) as refusal:
        opened(engine, now)
    assert refusal.value.email == EMAIL


def test_a_disabled_account_is_opened_again_with_a_new_password(engine: Engine, now: datetime) -> None:
    before = opened(engine, now)
    disabled(engine, now)
    assert opened(engine, now + timedelta(days=1), "another long password") == before
    with pytest.raises(SignInRefusedError):
        sign_in(engine, EMAIL, PASSWORD, now)
    assert sign_in(engine, EMAIL, "another long password", now)


@pytest.mark.parametrize(
    ("email", "role", "password", "field"),
    [
        ("rina", "agent", PASSWORD, "email"),
        ("rina at example.com", "agent", PASSWORD, "email"),
        (EMAIL, "owner", PASSWORD, "role"),
        (EMAIL, "agent", "short", "password"),
        (EMAIL, "agent", "x" * 257, "password"),
    ],
)
def test_an_account_that_cannot_be_used_is_refused_with_the_field(
    engine: Engine, now: datetime, email: str, role: str, password: str, field: str
) -> None:
    with UnitOfWork(engine) as uow, pytest.raises(InvalidAccountError) as refusal:
        add_staff(uow, email, role, password, now)  # type: ignore[arg-type]
    assert refusal.value.field == field


def test_nobody_unknown_can_be_disabled(engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as uow, pytest.raises(UnknownStaffError):
        disable_staff(uow, "nobody@example.com", now)


def test_a_made_password_opens_an_account_and_is_never_the_same(engine: Engine, now: datetime) -> None:
    password = make_password()
    opened(engine, now, password)
    assert sign_in(engine, EMAIL, password, now)
    assert len({make_password() for _ in range(100)}) == 100
