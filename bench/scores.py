"""What everybody is worth, in a store of a million customers with ten million transactions, and how fast one who buys or answers is
known anew.

`rapport score` as the operator runs it: models and values of everybody, then the likelihoods of needs. Its peer is one query that
adds up the amounts of each customer. Then single customers: a purchase is written and its customer valued by the models of the run,
an answer is written and the customer's picture drawn; beside each the bare row that is written, in turns, both with their commits.

    python -m bench.scores [--customers 1000000] [--times 5000] [--databases sqlite postgresql]
    python -m bench.scores --customers 5000 --times 200        a look whether it runs

PostgreSQL is a throw-away cluster of the installed server. A million needs 4 GB in the folder for temporary files.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import Connection, Engine, func, select

from bench._stores import databases, percentiles, rapport
from bot.settings import ROOT
from crm_store.bulk import put, put_columns
from crm_store.business import Business
from crm_store.business_file import load_business
from crm_store.database import UnitOfWork, open_engine, reading
from crm_store.differentiate.learning import parameters
from crm_store.differentiate.likelihoods import Model
from crm_store.differentiate.live import revalue
from crm_store.differentiate.picture import picture
from crm_store.identify.profiles import new_id, new_ids
from crm_store.schema import migrate
from crm_store.tables import customers, evidence, interactions, records, transactions, value_scores

PORTION = 5000
DAYS = 730
EACH = 10
"""Transactions of a customer, in the mean."""
SPEAK = 10
"""One customer in so many has answered a question, and as many have called."""

Do = Callable[[Connection, str], object]


def fill(engine: Engine, business: Business, count: int, now: datetime) -> int:
    """So many customers, who buy at rates of their own what their needs make them buy. Returns how many transactions."""
    rng, written = np.random.default_rng(1), 0
    categories = [b.category for b in business.needs.behaviours]
    given = parameters(Model(business))
    prior, shares = given.prior, given.shares
    question = business.questions[0]
    for start in range(0, count, PORTION):
        ids = new_ids(min(PORTION, count - start))
        age = rng.integers(1, DAYS, len(ids))
        many = 1 + rng.poisson(np.minimum(rng.gamma(0.6, 1 / 0.6, len(ids)) * (EACH - 1) * 2 * age / DAYS, 300))
        whose = np.repeat(np.arange(len(ids)), many)
        back = (rng.random(len(whose)) * age[whose]).astype(int).tolist()
        amounts = rng.gamma(3.0, 20_000.0, len(whose)).round(2).tolist()
        needs = rng.choice(len(prior), len(ids), p=prior / prior.sum())[whose]
        kinds = (
            (shares.cumsum(axis=0)[:, needs] < rng.random(len(whose)))
            .sum(axis=0)
            .clip(max=len(categories) - 1)
            .tolist()
        )
        owners = [ids[place] for place in whose.tolist()]
        with UnitOfWork(engine) as work:
            put(work.connection, customers, [{"id": i, "canonical_id": i, "created_at": now} for i in ids])
            put(work.connection, records, [_record(i, now) for i in ids])
            put_columns(
                work.connection,
                transactions,
                {
                    **dict.fromkeys(("source", "product"), ["pos"] * len(owners)),
                    "transaction_id": [f"t{written + place}" for place in range(len(owners))],
                    "source_id": owners,
                    "customer_id": owners,
                    "at": [now - timedelta(days=days) for days in back],
                    "amount": amounts,
                    "category": [categories[kind] for kind in kinds],
                    "touchpoint": ["store"] * len(owners),
                    "attributes": [{}] * len(owners),
                },
            )
            put(work.connection, interactions, [_call(i, now) for i in ids[::SPEAK]])
            put(
                work.connection,
                evidence,
                [_answer(i, question.id, rng.choice(question.options).id, now) for i in ids[::SPEAK]],
            )
            work.commit()
        written += len(owners)
    return written


def _record(profile: str, now: datetime) -> dict[str, Any]:
    return {"source": "pos", "source_id": profile, "customer_id": profile, "attributes": {}, "imported_at": now}


def _call(profile: str, now: datetime) -> dict[str, Any]:
    key = {"source": "phone", "interaction_id": profile, "source_id": profile, "customer_id": profile}
    return {**key, "at": now - timedelta(days=9), "touchpoint": "phone", "attributes": {}}


def _answer(profile: str, question: str, option: str, now: datetime) -> dict[str, Any]:
    told = {"kind": "answered", "key": question, "value": option, "strength": 1.0}
    return {"id": new_id(), "customer_id": profile, **told, "at": now - timedelta(days=3)}


def purchase(connection: Connection, profile: str, now: datetime) -> None:
    row = {"source": "live", "transaction_id": uuid4().hex, "product": "", "source_id": profile, "customer_id": profile}
    put(connection, transactions, [row | {"at": now, "amount": 50_000.0, "category": "beans", "attributes": {}}])


def live(engine: Engine, business: Business, now: datetime, times: int) -> dict[str, Any]:
    """Milliseconds of what follows a row, and of the whole transaction beside that of the bare row."""
    with reading(engine) as connection:
        some = list(
            connection.execute(
                select(value_scores.c.customer_id).where(value_scores.c.customer_id.like("%0"))
            ).scalars()
        )
    question = business.questions[0]

    def answer(connection: Connection, profile: str) -> None:
        put(connection, evidence, [_answer(profile, question.id, question.options[0].id, now)])

    return {
        "a purchase values its customer": _beside(
            engine, some, times, lambda c, i: purchase(c, i, now), lambda c, i: revalue(c, business, i, now)
        ),
        "an answer draws the picture": _beside(
            engine, some, times, answer, lambda c, i: picture(c, business, [i], now)
        ),
    }


def _beside(engine: Engine, some: list[str], times: int, write: Do, follow: Do) -> dict[str, Any]:
    rng = Random(1)
    updates, ours, peers, spent = [], [], [], []
    for turn in range(2 * times):
        profile = rng.choice(some)
        start = time.perf_counter()
        with UnitOfWork(engine) as work:
            write(work.connection, profile)
            if turn % 2:
                before, cpu = time.perf_counter(), time.thread_time()
                follow(work.connection, profile)
                spent.append(time.thread_time() - cpu)
                updates.append(time.perf_counter() - before)
            work.commit()
        (ours if turn % 2 else peers).append(time.perf_counter() - start)
    whole, bare = percentiles(ours), percentiles(peers)
    return {
        "update": percentiles(updates),
        "update_cpu": percentiles(spent),
        "with_row_and_commit": whole,
        "row_and_commit": bare,
        "ratio_p50": whole["p50"] / bare["p50"],
    }


def bare_sum(engine: Engine) -> float:
    """Seconds that the database takes to add up what each customer paid."""
    sold = transactions.c
    query = select(sold.customer_id, func.sum(sold.amount)).group_by(sold.customer_id)
    start = time.perf_counter()
    with reading(engine) as connection:
        for _ in connection.execute(query.execution_options(yield_per=20_000)):
            pass
    return time.perf_counter() - start


def measure(url: str, folder: Path, business: Business, count: int, times: int) -> dict[str, Any]:
    now = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
    engine = open_engine(url, cache_mb=64)
    migrate(engine)
    written = fill(engine, business, count, now)
    peer = bare_sum(engine)
    said, used = rapport(url, folder, "score", "--as-of", f"{now:%Y-%m-%d}")
    assert said["customers"] == count
    again = rapport(url, folder, "score", "--as-of", f"{now:%Y-%m-%d}")[1]
    figures = {
        "transactions": written,
        "score": used | {"times_a_bare_sum": used["seconds"] / peer},
        "score_again": again,
        "bare_sum_seconds": peer,
        "learnt_from": said["likelihoods_learnt_from"],
        "live_ms": live(engine, business, now, times),
    }
    engine.dispose()
    return figures


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--customers", type=int, default=1_000_000)
    asked.add_argument("--times", type=int, default=5000)
    asked.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    options = asked.parse_args()
    business = load_business(ROOT / "demo/business.yml")
    result: dict[str, Any] = {"customers": options.customers}
    for kind in options.databases:
        with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder, databases(kind, Path(folder)) as empty:
            result[kind] = measure(next(empty), Path(folder), business, options.customers, options.times)
        print(json.dumps({kind: result[kind]}, indent=1), flush=True)
    out = ROOT / "bench/results/scores.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
