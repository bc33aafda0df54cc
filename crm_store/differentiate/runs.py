"""The portfolio that a run of `rapport score` found: drawn from what it kept of each customer, and kept with the run.

Queries beside `portfolio`, which counts. What is kept here are sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, FromClause, Row, Select, Subquery, func, select

from crm_store.access.consent import PROFILE, all_withdrawn
from crm_store.bulk import among
from crm_store.business import Business
from crm_store.collector import seldom_collected
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate.everybody import all_needs
from crm_store.differentiate.held_out import check_forecasts, check_needs
from crm_store.differentiate.portfolio import (
    Before,
    Cell,
    Floats,
    Move,
    Portfolio,
    Shares,
    Sums,
    cells_of,
    clear_need,
    moves_of,
    tenths_of,
)
from crm_store.differentiate.scoring import drawn_before
from crm_store.differentiate.told_shares import every_share
from crm_store.tables import scorings, value_scores

AT_ONCE = 1000
"""Customers that are told of."""
Progress = Callable[[int], None]


@seldom_collected()
def draw(
    engine: Engine, business: Business, run: str, *, needs: bool = True, advance: Progress = lambda _: None
) -> Portfolio:
    """The portfolio as this run left it, kept with the run. `needs`: whether they are looked at too, which takes longer than
    all the rest; `advance` counts customers.
    """
    with reading(engine) as connection:
        scoring = connection.execute(select(scorings).where(scorings.c.id == run)).one()
        rows = _valued(connection)
        moved = _moved(connection, rows)
        actual, future, potential, *who = _everybody(connection, rows, _FIGURES + (_WHO if needs else ()))
        figures = [np.array(each, float) for each in (actual, future, potential)]
        drawn = Portfolio(
            scoring.as_of,
            scoring.computed_at,
            scoring.models["horizon"],
            business.value.window_days,
            int(sum(row.purchases for row in moved)),
            max((row.last_at for row in moved if row.last_at), default=None),
            business.segment_ids if needs else [],
            _by_need(connection, business, who[0], who[1], figures, scoring.as_of, advance)
            if needs
            else _by_tier(moved),
            tenths_of(*figures),
            shares=_shares(connection, business, scoring.as_of),
        )
        if earlier := _earlier(connection, scoring):
            drawn = _compared(moved, drawn, earlier)
    _keep(engine, run, drawn)
    return drawn


def check(engine: Engine, business: Business, run: str, drawn: Portfolio, advance: Progress) -> Portfolio:
    """The same with its forecasts held against what came, kept with the run. `advance` counts customers who told of themselves."""
    with reading(engine) as connection:
        checked = replace(
            drawn,
            values=check_forecasts(connection, business, drawn.as_of, drawn.horizon),
            needs=check_needs(connection, business, drawn.as_of, advance),
        )
    _keep(engine, run, checked)
    return checked


def _shares(connection: Connection, business: Business, as_of: datetime) -> Shares | None:
    told = [(found.spent, found.elsewhere[0]) for _, _, found in every_share(connection, business, as_of)]
    if not told:
        return None
    here, elsewhere = (round(sum(figures), 2) for figures in zip(*told, strict=True))
    return Shares(len(told), here, elsewhere)


def newest(connection: Connection) -> Portfolio | None:
    """Of the last run; None before the first one."""
    return next(_kept(connection, _RUNS), None)


def _earlier(connection: Connection, run: Row[Any]) -> Portfolio | None:
    """Of the run with which customers are compared."""
    before = drawn_before(connection, run.as_of, run.computed_at)
    return next(_kept(connection, _RUNS.where(scorings.c.id == before)), None)


_RUNS = (
    select(scorings.c.id)
    .where(scorings.c.portfolio.is_not(None))
    .order_by(scorings.c.computed_at.desc(), scorings.c.id)
)


def _kept(connection: Connection, runs: Select[Any]) -> Iterator[Portfolio]:
    """What these runs found, read one by one."""
    for run in connection.execute(runs).scalars().all():
        stored = connection.execute(select(scorings.c.portfolio).where(scorings.c.id == run)).scalar_one()
        if found := Portfolio.from_dict(stored):
            yield found


def _keep(engine: Engine, run: str, drawn: Portfolio) -> None:
    with UnitOfWork(engine) as work:
        work.connection.execute(scorings.update().where(scorings.c.id == run).values(portfolio=drawn.as_dict()))
        work.commit()


_FIGURES = ("actual_value", "future_value", "potential_value")
_WHO = ("customer_id", "run_tier")
_COLUMNS = (*_WHO, *_FIGURES, "run_value", "before_tier", "before_value", "purchases", "last_at")


def _valued(connection: Connection) -> Subquery:
    """What the last run kept of everybody who allows a profile."""
    off = all_withdrawn(connection, PROFILE)
    query = select(*(value_scores.c[name] for name in _COLUMNS)).where(value_scores.c.run_tier.is_not(None))
    return (query.where(~among(connection, value_scores.c.customer_id, off)) if off else query).subquery()


def _moved(connection: Connection, rows: FromClause) -> Sequence[Row[Any]]:
    """What customers come to together, by their tier in the run before and in this one."""
    mine = rows.c
    was, now = mine.before_tier, mine.run_tier
    summed = {
        "purchases": mine.purchases,
        "actual": mine.actual_value,
        "future": mine.future_value,
        "unrealised": mine.potential_value - mine.future_value,
        "before": mine.before_value,
        "now": mine.run_value,
    }
    sums = (func.sum(figure).label(name) for name, figure in summed.items())
    query = select(was, now, func.count().label("customers"), func.max(mine.last_at).label("last_at"), *sums)
    return connection.execute(query.group_by(was, now).order_by(now, was)).all()


def _everybody(connection: Connection, rows: FromClause, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """These columns."""
    found = connection.execute(select(*(rows.c[name] for name in names))).all()
    return list(zip(*found, strict=True)) if found else [()] * len(names)


def _by_tier(moved: Sequence[Row[Any]]) -> list[Cell]:
    by_tier = groupby(moved, key=lambda row: str(row.run_tier))
    return [Cell(tier, None, _together(list(rows))) for tier, rows in by_tier]


def _together(rows: Sequence[Row[Any]]) -> Sums:
    figures = ((row.actual, row.future, row.unrealised) for row in rows)
    return Sums(
        sum(row.customers for row in rows), *(round(float(sum(each)), 2) for each in zip(*figures, strict=True))
    )


def _by_need(
    connection: Connection,
    business: Business,
    ids: Sequence[str],
    tiers: Sequence[str],
    figures: Sequence[Floats],
    until: datetime,
    advance: Progress,
) -> list[Cell]:
    clear: dict[str, str | None] = dict.fromkeys(ids)
    number = 0
    for number, (customer, needs) in enumerate(all_needs(connection, business, until), 1):
        if customer in clear:
            clear[customer] = clear_need(needs)
        if number % AT_ONCE == 0:
            advance(AT_ONCE)
    advance(number % AT_ONCE)
    return cells_of(tiers, list(clear.values()), *figures)


def _compared(moved: Sequence[Row[Any]], drawn: Portfolio, earlier: Portfolio) -> Portfolio:
    """The same with what became of the customers of the run before."""
    stayed = [row for row in moved if row.before_tier is not None]
    together = earlier.together
    before = Before(
        earlier.as_of,
        earlier.computed_at,
        together.customers,
        round(together.actual + together.future, 2),
        round(sum(float(row.before) for row in stayed), 2),
        round(sum(float(row.now) for row in stayed), 2),
        round(sum(float(row.now) for row in moved if row.before_tier is None), 2),
    )
    had = {tier: sums.customers for tier, sums in earlier.by_tier().items()}
    moves = [Move(row.before_tier, row.run_tier, row.customers) for row in moved]
    return replace(drawn, before=before, moves=moves_of(moves, had))
