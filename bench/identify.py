"""Who somebody is, in a store of a million customers with five million identifiers, and how long a file of a million takes.

Each way to resolve somebody is timed beside a bare SELECT by primary key on the same connection, the two in turns, in a
transaction as the gateway has one; what writes is timed with its commit. Seconds of CPU are this process's alone, and tell more
than the clock where others share the machine. Then `rapport import customers` loads a file of as many rows into an empty
database, twice.

    python -m bench.identify [--customers 1000000] [--times 20000] [--databases sqlite postgresql] [--without-import]
    python -m bench.identify --customers 2000 --times 200        a look whether it runs

PostgreSQL is a throw-away cluster of the installed server. A million needs 3 GB in the folder for temporary files.
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

import jwt
import psutil
from sqlalchemy import Connection, Engine, bindparam, select

from bench import _fill
from bench._crowd import write_customers
from bench._stores import databases, percentiles, rapport
from bot.settings import ROOT
from crm_store.business import Business
from crm_store.business_file import load_business
from crm_store.conversations.sessions import open_session
from crm_store.database import UnitOfWork, open_engine
from crm_store.identify.accounts import account
from crm_store.identify.assurance import Assurance
from crm_store.identify.callers import find_callers
from crm_store.identify.devices import recognise
from crm_store.identify.lookup import AmbiguousIdentifiersError, customer_of, profile_for
from crm_store.identify.profiles import canonical, is_somebody, make_profile, profile_of_record, scope
from crm_store.identify.proof import Proof, prove
from crm_store.identify.token_keys import TokenKeys
from crm_store.schema import migrate
from crm_store.tables import customers

NOW = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
SECRET = "a secret of thirty-two bytes or more"
PER_TRANSACTION = 100
"""Resolutions that only read, in one transaction."""

Resolve = Callable[[Connection, int], object]
"""Resolves the customer with this number in one of the ways."""


class Ways:
    """Every way in which somebody is resolved while they wait, who is told by their number."""

    def __init__(self, business: Business, now: datetime) -> None:
        self._business, self._now = business, now
        self._keys = TokenKeys.of_secret(SECRET)
        self._strangers = 0

    def reading(self) -> dict[str, Resolve]:
        return {
            "email, known": lambda c, n: self._known(c, ("email", _fill.email(n))),
            "phone, known": lambda c, n: self._known(c, ("phone", _fill.phone(self._alone(n)))),
            "card, known": lambda c, n: self._known(c, ("loyalty_number", _fill.card(n))),
            "record, known": lambda c, n: self._known(c, ("record", f"{_fill.SOURCE}/{_fill.source_id(n)}")),
            "three identifiers, known": self._three,
            "email, unknown": lambda c, n: customer_of(
                c, [("email", f"nobody.{n}@example.com")], self._business.linking
            ),
            "phone, shared by two": self._shared,
            "event, known": lambda c, n: profile_for(
                c, "pos", [("email", _fill.email(n))], self._now, self._business.linking
            ),
            "caller by phone": lambda c, n: find_callers(c, self._business, _fill.phone(n)),
            "telegram account": self._account,
            "user token, its record and customer": self._signed_in,
            "device token, of a customer": self._device,
            "device token, of nobody known": self._strange_device,
        }

    def writing(self) -> dict[str, Resolve]:
        return {"event of a stranger": self._stranger, "session opened, both tokens": self._session}

    def _known(self, connection: Connection, *given: tuple[str, str]) -> None:
        assert customer_of(connection, given, self._business.linking)

    def _alone(self, number: int) -> int:
        return number + 2 if number % _fill.SHARED < 2 else number

    def _three(self, connection: Connection, number: int) -> None:
        of = self._alone(number)
        self._known(connection, ("phone", _fill.phone(of)), ("email", _fill.email(of)), ("loyalty_id", _fill.card(of)))

    def _shared(self, connection: Connection, number: int) -> None:
        first = number - number % _fill.SHARED
        try:
            customer_of(connection, [("phone", _fill.phone(first))], self._business.linking)
        except AmbiguousIdentifiersError:
            return
        raise AssertionError("two customers have this phone number")

    def _account(self, connection: Connection, number: int) -> None:
        found = account(connection, "telegram", _fill.account(number), self._now)
        assert found.assurance is Assurance.RECOGNISED
        scope(connection, found.profile, found.assurance)
        is_somebody(connection, found.profile)

    def _token(self, number: int) -> str:
        ends = self._now + timedelta(hours=1)
        return jwt.encode({"sub": _fill.source_id(number), "aud": "rapport", "exp": ends.timestamp()}, SECRET)

    def _signed_in(self, connection: Connection, number: int) -> None:
        proof = prove(self._token(number), self._keys, self._now)
        profile = profile_of_record(connection, proof.source, proof.source_id, proof.attributes, self._now)
        scope(connection, profile, Assurance.VERIFIED)

    def _device(self, connection: Connection, number: int) -> None:
        profile = recognise(connection, _fill.token(number - number % _fill.WITH_DEVICE), self._now)
        assert profile
        canonical(connection, profile)
        is_somebody(connection, profile)

    def _strange_device(self, connection: Connection, number: int) -> None:
        profile = recognise(connection, _fill.strange_token(number - number % _fill.WITH_DEVICE), self._now)
        assert profile
        assert not is_somebody(connection, profile)

    def _stranger(self, connection: Connection, number: int) -> None:
        self._strangers += 1
        given = [("email", f"stranger.{self._strangers}@example.com"), ("device_id", f"stranger-{self._strangers}")]
        profile_for(connection, "pos", given, self._now, self._business.linking)

    def _session(self, connection: Connection, number: int) -> None:
        open_session(
            connection,
            channel="widget",
            language="en",
            now=self._now,
            lasts=timedelta(hours=12),
            device_token=_fill.token(number - number % _fill.WITH_DEVICE),
            proof=Proof(_fill.SOURCE, _fill.source_id(number - number % _fill.WITH_DEVICE)),
        )


def measure(engine: Engine, ways: Ways, count: int, times: int) -> dict[str, dict[str, float]]:
    """Figures of each way, in milliseconds, and its peer's."""
    ids = _some_ids(engine)
    figures = {}
    for name, resolve in ways.reading().items():
        figures[name] = _figures(*_read_in_turns(engine, resolve, ids, Random(name), count, times))
    for name, resolve in ways.writing().items():
        figures[name] = _figures(*_write_in_turns(engine, resolve, Random(name), count, max(times // 10, 1)))
    return figures


def _some_ids(engine: Engine) -> list[str]:
    """Of customers from all over the table, for the peer."""
    with engine.connect() as connection:
        return list(connection.execute(select(customers.c.id).where(customers.c.id.like("%00"))).scalars())


def _read_in_turns(
    engine: Engine, resolve: Resolve, ids: list[str], rng: Random, count: int, times: int
) -> tuple[list[float], list[float], list[float]]:
    ours, peers, spent = [], [], []
    bare = select(customers.c.canonical_id).where(customers.c.id == bindparam("id"))
    while len(ours) < times:
        with UnitOfWork(engine) as work:
            for _ in range(PER_TRANSACTION):
                number, other = rng.randrange(count), rng.choice(ids)
                start = time.perf_counter()
                work.connection.execute(bare, {"id": other}).one()
                peer_done, before = time.perf_counter(), time.thread_time()
                resolve(work.connection, number)
                ours.append(time.perf_counter() - peer_done)
                spent.append(time.thread_time() - before)
                peers.append(peer_done - start)
            work.commit()
    return ours, peers, spent


def _write_in_turns(
    engine: Engine, resolve: Resolve, rng: Random, count: int, times: int
) -> tuple[list[float], list[float], list[float]]:
    """The peer is one row and its commit."""
    ours, peers, spent = [], [], []
    for _ in range(times):
        start = time.perf_counter()
        with UnitOfWork(engine) as work:
            make_profile(work.connection, NOW)
            work.commit()
        peer_done, before = time.perf_counter(), time.thread_time()
        with UnitOfWork(engine) as work:
            resolve(work.connection, rng.randrange(count))
            work.commit()
        ours.append(time.perf_counter() - peer_done)
        spent.append(time.thread_time() - before)
        peers.append(peer_done - start)
    return ours, peers, spent


def _figures(ours: list[float], peers: list[float], spent: list[float]) -> dict[str, float]:
    mine, theirs = percentiles(ours), percentiles(peers)
    return {
        **mine,
        **{f"cpu_{name}": value for name, value in percentiles(spent).items()},
        **{f"peer_{name}": value for name, value in theirs.items()},
        "ratio_p50": mine["p50"] / theirs["p50"],
    }


def resident() -> float:
    """MB that this process holds."""
    return float(psutil.Process().memory_info().rss) / 2**20


def resolutions(url: str, business: Business, count: int, times: int) -> dict[str, Any]:
    engine = open_engine(url)
    migrate(engine)
    start, spent = time.perf_counter(), time.process_time()
    _fill.fill(engine, count, NOW)
    filled = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - spent}
    before = resident()
    figures = measure(engine, Ways(business, NOW), count, times)
    engine.dispose()
    return {"fill": filled, "memory_mb": {"before": before, "after": resident()}, "milliseconds": figures}


def imports(url: str, file: Path) -> list[dict[str, float]]:
    """`rapport import customers`, at first and again."""
    figures = []
    for _ in range(2):
        report, used = rapport(url, file.parent, "import", "customers", str(file))
        figures.append({"rows": report["read"], "loaded": report["loaded"], **used})
    return figures


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--customers", type=int, default=1_000_000)
    asked.add_argument("--times", type=int, default=20_000)
    asked.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    asked.add_argument("--without-import", action="store_true")
    asked.add_argument("--without-resolutions", action="store_true")
    options = asked.parse_args()
    business = load_business(ROOT / "demo/business.yml")
    out = ROOT / "bench/results/identify.json"
    result: dict[str, Any] = {"customers": options.customers}
    for kind in options.databases:
        figures = result[kind] = {}
        with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder, databases(kind, Path(folder)) as empty:
            if not options.without_resolutions:
                figures |= resolutions(next(empty), business, options.customers, options.times)
                _show(kind, figures)
            if not options.without_import:
                file = Path(folder) / "customers.csv"
                write_customers(file, options.customers)
                figures["import"] = imports(next(empty), file)
                print(f"{kind}: import {figures['import']}", flush=True)
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")


def _show(kind: str, figures: dict[str, Any]) -> None:
    for name, each in figures["milliseconds"].items():
        told = "  ".join(f"{of} {each[of]:6.3f}" for of in ("p50", "p95", "p99"))
        told += f"  cpu p95 {each['cpu_p95']:6.3f}"
        print(f"{kind:10} {name:35} {told} ms  {each['ratio_p50']:5.1f} times the peer", flush=True)
    print(f"{kind}: fill {figures['fill']}, memory {figures['memory_mb']}", flush=True)


if __name__ == "__main__":
    main()
