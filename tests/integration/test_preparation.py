"""What `rapport up` brings about before it starts a process: each thing once, and a half-done one to its end."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import Engine

from bot.cli.preparation import add_first_administrator, load_demo_once
from bot.cli.terminal import Advance
from crm_store.access.staff import list_staff, sign_in
from crm_store.tables import customers


class Demo:
    """A demo business of one customer, whose load can be cut short."""

    def __init__(self) -> None:
        self.loads: list[datetime] = []
        self.breaks = False

    def load(self, engine: Engine, now: datetime, advance: Advance) -> None:
        self.loads.append(now)
        advance(1)
        with engine.begin() as connection:
            name = f"customer{len(self.loads)}"
            connection.execute(customers.insert().values(id=name, canonical_id=name, created_at=now))
        if self.breaks:
            raise KeyboardInterrupt


def test_the_demo_is_loaded_into_an_empty_store_once(engine: Engine) -> None:
    demo = Demo()
    load_demo_once(engine, demo.load)
    load_demo_once(engine, demo.load)
    assert len(demo.loads) == 1


def test_a_demo_that_was_cut_short_is_taken_up_as_of_the_same_moment(engine: Engine) -> None:
    demo = Demo()
    demo.breaks = True
    with pytest.raises(KeyboardInterrupt):
        load_demo_once(engine, demo.load)
    demo.breaks = False
    load_demo_once(engine, demo.load)
    load_demo_once(engine, demo.load)
    first, second = demo.loads
    assert first == second


def test_a_store_with_customers_of_its_own_gets_no_demo(engine: Engine, now: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(customers.insert().values(id="ana", canonical_id="ana", created_at=now))
    demo = Demo()
    load_demo_once(engine, demo.load)
    assert demo.loads == []


def test_the_first_administrator_is_made_once_and_can_sign_in(
    engine: Engine, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    add_first_administrator(engine)
    shown = capsys.readouterr().out.split()
    add_first_administrator(engine)
    assert capsys.readouterr().out == ""
    with engine.connect() as connection:
        (person,) = list_staff(connection)
    assert person.role == "administrator"
    password = shown[shown.index("password") + 1]
    assert sign_in(engine, person.email, password, now)
