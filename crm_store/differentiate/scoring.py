"""Valuing everybody in one go: learns the models, values each customer by them, and keeps both.

Memory is flat but for some numbers a customer; rows are written in blocks, each a transaction of its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import compress
from types import MappingProxyType
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, exists, func, select, true

from crm_store.access.consent import PROFILE, all_withdrawn
from crm_store.bulk import among, put_columns
from crm_store.business import Business
from crm_store.collector import seldom_collected
from crm_store.database import UnitOfWork, know_sizes, one_at_a_time, reading
from crm_store.differentiate.histories import EPOCH, Floats, Histories, amounts, foreign, halves, histories
from crm_store.differentiate.second_process import read_beside
from crm_store.differentiate.tiers import tiers_of
from crm_store.differentiate.told_shares import all_told
from crm_store.differentiate.worth import Models, Worth, learn
from crm_store.identify.profiles import WHO_IS_WHO, new_id
from crm_store.tables import customers, evidence, interactions, scorings, transactions, value_scores

BLOCK = 20_000
MOST_RUNS = 400
"""That are kept: a year of nights."""
MOST_NAMED = 10
"""Transactions in a message on them."""
FIGURES = {
    "p_alive": "p_alive",
    "expected_purchases": "purchases",
    "expected_low": "purchases_low",
    "expected_high": "purchases_high",
    "expected_amount": "amount",
    "future_value": "future",
    "future_low": "future_low",
    "future_high": "future_high",
    "potential_value": "potential",
    "potential_low": "potential_low",
    "potential_high": "potential_high",
}
"""Columns, each with the figure that it holds."""

_PROFILES = select(customers.c.canonical_id, func.count()).group_by(customers.c.canonical_id)
_BY_RUN = ("run_id", "run_tier", "run_value")
"""Columns of which only runs know."""

Columns = dict[str, list[Any]]
Progress = Callable[[int], None]


class CurrencyError(ValueError):
    """Some transactions are in another currency than the business's: `wrong` names them, `mend` says what to do."""

    def __init__(self, wrong: str, mend: str) -> None:
        super().__init__(f"{wrong}; {mend}")
        self.wrong, self.mend = wrong, mend


@dataclass(frozen=True)
class Scored:
    """What a run came to."""

    customers: int
    by_tier: dict[str, int]
    models: Models
    run: str
    """Its id."""


@dataclass(frozen=True)
class Looked:
    """What is known of everybody, and how they were joined when it was looked at."""

    known: Histories
    joined: Mapping[str, int]
    """Of how many profiles those customers are made who are made of more than one."""


def score(engine: Engine, business: Business, *, as_of: datetime, **how: Any) -> Scored:
    """`look` and then `value`, in this process alone."""
    return value(engine, business, look(engine, business, as_of), as_of=as_of, **how)


@seldom_collected()
def look(engine: Engine, business: Business, until: datetime, other: Executor | None = None) -> Looked:
    """Everybody who ever bought or was served until then. `other`: see `second_process`; it is left the half."""
    know_sizes(engine, (customers, transactions, interactions, evidence, value_scores))
    with reading(engine) as connection:
        joined = _joined(connection)
        if other is None:
            return Looked(histories(connection, business, until), joined)
        mine, theirs = halves(connection)
        second = read_beside(other, engine, partial(histories, business=business, until=until, span=theirs))
        first = histories(connection, business, until, mine)
    return Looked(Histories.joined([first, second.result()]), joined)


@seldom_collected()
def value(
    engine: Engine,
    business: Business,
    looked: Looked,
    *,
    as_of: datetime,
    horizon: float,
    now: datetime,
    progress: Progress = lambda _: None,
) -> Scored:
    """Values everybody who was looked at until `as_of`, and replaces what was known of anybody.

    `horizon`: days ahead. `progress` is told how many more customers are dealt with. Raises CurrencyError, and keeps nothing.
    """
    known = looked.known
    with reading(engine) as connection:
        moved = _moved(connection, as_of)
        _refuse_foreign(connection, business, known, as_of)
        paid = amounts(connection, known, as_of)
        told = all_told(connection, business, as_of, known.customer_ids)
    days, rate = business.value.window_days, business.value.margin_rate
    models, found = learn(known, paid, horizon=horizon, window_days=days, margin_rate=rate, told=told)
    run_id = new_id()
    run = {"id": run_id, "as_of": as_of, "computed_at": now, "customers": len(known), "models": models.as_dict()}
    with UnitOfWork(engine) as work:
        work.connection.execute(scorings.insert(), run)
        work.commit()
    by_tier: Counter[str] = Counter()
    for start in range(0, len(known), BLOCK):
        columns = _columns(business, known, found, run_id, now, slice(start, start + BLOCK))
        with UnitOfWork(engine) as work:
            one_at_a_time(work.connection, WHO_IS_WHO)
            _replace(work.connection, columns, looked.joined, moved)
            work.commit()
        by_tier.update(columns["tier"])
        progress(len(columns["tier"]))
    with UnitOfWork(engine) as work:
        outdated = (value_scores.c.computed_at <= now) & func.coalesce(value_scores.c.scoring_id != run_id, True)
        work.connection.execute(value_scores.delete().where(outdated))
        # PostgreSQL: of who said so in the moment in which they were written.
        off = among(work.connection, value_scores.c.customer_id, all_withdrawn(work.connection, PROFILE))
        work.connection.execute(value_scores.delete().where(off))
        _forget_old_runs(work.connection)
        work.commit()
    return Scored(len(known), dict(sorted(by_tier.items())), models, run_id)


def _refuse_foreign(connection: Connection, business: Business, known: Histories, until: datetime) -> None:
    count = int(known.foreign.sum())
    if count:
        named, ours = foreign(connection, business, until, MOST_NAMED), business.business.currency
        more = f" and {count - len(named)} more" if count > len(named) else ""
        raise CurrencyError(
            f"transactions in another currency than {ours}, so that no sum is right: {', '.join(named)}{more}",
            f"convert their amounts to {ours} and import them again under the same ids",
        )


def _forget_old_runs(connection: Connection) -> None:
    kept = select(scorings.c.id).order_by(scorings.c.computed_at.desc()).limit(MOST_RUNS)
    used = exists().where(value_scores.c.scoring_id == scorings.c.id)
    connection.execute(scorings.delete().where(scorings.c.id.not_in(kept), ~used))


def _columns(business: Business, known: Histories, found: Worth, run: str, now: datetime, place: slice) -> Columns:
    """What is kept of these customers, by column."""
    actual = known.actual_value[place]
    ids = known.customer_ids[place]
    return {
        "customer_id": ids,
        "scoring_id": [run] * len(ids),
        "purchases": known.purchases[place].astype(int).tolist(),
        "last_at": _dates(known.last_day[place]),
        "actual_value": actual.tolist(),
        "tier": tiers_of(actual, found.future[place], found.potential[place], business.tiers),
        "computed_at": [now] * len(ids),
        **{name: getattr(found, figure)[place].tolist() for name, figure in FIGURES.items()},
    }


def _dates(days: Floats) -> list[date | None]:
    """There are many customers and few days."""
    different, which = np.unique(days, return_inverse=True)
    dates = [date_of(day) for day in different.tolist()]
    return [dates[place] for place in which.tolist()]


def date_of(day: float) -> date | None:
    """None where it is NaN."""
    return None if math.isnan(day) else EPOCH + timedelta(days=day)


def keep_worth(connection: Connection, columns: Columns, moved: Mapping[str, str] = MappingProxyType({})) -> None:
    """Writes what customers are worth over what was known of them before, unless that is newer and by a model. `moved`: see
    `put_columns`.
    """
    put_columns(
        connection,
        value_scores,
        columns,
        ("customer_id",),
        [name for name in columns if name != "customer_id"],
        unless="value_scores.computed_at > excluded.computed_at AND value_scores.future_value IS NOT NULL",
        moved=moved,
    )


def _joined(connection: Connection) -> dict[str, int]:
    """Of how many profiles those customers are made who are made of more than one."""
    query = _PROFILES.having(func.count() > 1)
    return {row[0]: row[1] for row in connection.execute(query)}


def _profiles(connection: Connection, first: str, last: str) -> dict[str, int]:
    """Of how many profiles each customer is made, from the first to the last by their canonical ids."""
    query = _PROFILES.where(customers.c.canonical_id.between(first, last))
    return {row[0]: row[1] for row in connection.execute(query).all()}


def _moved(connection: Connection, as_of: datetime) -> Mapping[str, str]:
    """What the last run found of which a portfolio was drawn is moved, for the next one to be compared with. A second run of a day,
    one that was cut short and one that was not drawn leave what was moved.
    """
    before = drawn_before(connection, as_of)
    is_of_it = f"value_scores.run_id = '{before}'"
    return {
        f"before_{name}": f"CASE WHEN {is_of_it} THEN value_scores.run_{name} ELSE value_scores.before_{name} END"
        for name in ("tier", "value")
        if before
    }


def drawn_before(connection: Connection, as_of: datetime, computed_before: datetime | None = None) -> str | None:
    """The last run that looked at another day and of which a portfolio was drawn."""
    mine = scorings.c
    runs = (
        select(mine.id, mine.as_of)
        .where(mine.portfolio.is_not(None), true() if computed_before is None else mine.computed_at < computed_before)
        .order_by(mine.computed_at.desc(), mine.id)
    )
    day = as_of.astimezone(UTC).date()
    return next((row.id for row in connection.execute(runs) if row.as_of.astimezone(UTC).date() != day), None)


def _replace(connection: Connection, columns: Columns, joined: Mapping[str, int], moved: Mapping[str, str]) -> None:
    """Writes what still holds, of customers by ascending ids. Who was erased, joined or split since they were looked at, or wants
    no profile since, is valued when next met, and who was valued meanwhile is known better.
    """
    ids = columns["customer_id"]
    still, off = _profiles(connection, ids[0], ids[-1]), all_withdrawn(connection, PROFILE, among_these=ids)
    holds = [customer not in off and still.get(customer) == joined.get(customer, 1) for customer in ids]
    if not all(holds):
        columns = {name: list(compress(values, holds)) for name, values in columns.items()}
    values = zip(columns["actual_value"], columns["future_value"], strict=True)
    columns |= {
        "run_id": columns["scoring_id"],
        "run_tier": columns["tier"],
        "run_value": [actual + future for actual, future in values],
    }
    keep_worth(connection, columns, moved)
    _note_run(connection, columns, moved)


def _note_run(connection: Connection, columns: Columns, moved: Mapping[str, str]) -> None:
    """What the run found also of those who were valued meanwhile, and so stayed as they were."""
    ids, mine = columns["customer_id"], value_scores.c
    if not ids:
        return
    newer = select(mine.customer_id).where(
        mine.customer_id.between(ids[0], ids[-1]), mine.computed_at > max(columns["computed_at"])
    )
    stayed = set(connection.execute(newer).scalars())
    those = [customer in stayed for customer in ids]
    if any(those):
        found = {name: list(compress(values, those)) for name, values in columns.items()}
        put_columns(connection, value_scores, found, ("customer_id",), _BY_RUN, moved=moved)
