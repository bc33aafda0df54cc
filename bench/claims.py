"""Whether a stop watch tells whose address is a customer's: the turns of asking for a code, for addresses known and not.

Both kinds are asked for in turns, in random order, each by a guest of their own: in the store alone, and over HTTP through the
whole stack with a mail server that takes what it is sent. Of each step the medians are told, their difference with a bootstrapped
interval, and the chance that a known one took longer (Mann and Whitney's U over the number of pairs: 0.5 tells nothing), with the
interval in which it lies nineteen times of twenty where there is no difference.

    python -m bench.claims [--store 600] [--http 150] [--database-url URL]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from bot.settings import ROOT
from crm_store.business_file import load_business
from crm_store.database import UnitOfWork, open_engine
from crm_store.moment import Understanding
from crm_store.schema import migrate
from crm_store.turn import TurnRequest

sys.path.insert(0, str(ROOT / "tests"))  # the tests' people and fakes are found as the tests find them

import seeds
from acceptance.running import Stack, Talker, train_if_needed
from fakes.mail_server import FakeMailServer
from visitor import arrive

KEY = b"a key of thirty-two bytes or more"
WARM_UP = 20
"""Conversations of each kind that are not counted."""
RESAMPLES = 2000
Times = dict[str, dict[bool, list[float]]]
"""Milliseconds of each step, of addresses known and not."""


@dataclass(frozen=True)
class Difference:
    """Medians in milliseconds; `difference` is known less unknown, with its interval of 95 %.

    `longer`: the chance that of two the known one took longer; `nothing`: where it lies without a difference.
    """

    each: int
    known: float
    unknown: float
    difference: float
    interval: tuple[float, float]
    longer: float
    nothing: tuple[float, float]

    @property
    def is_seen(self) -> bool:
        return not self.nothing[0] <= self.longer <= self.nothing[1]


def difference(known: list[float], unknown: list[float], rng: random.Random) -> Difference:
    def one_more() -> float:
        return statistics.median(rng.choices(known, k=len(known))) - statistics.median(
            rng.choices(unknown, k=len(unknown))
        )

    drawn = sorted(one_more() for _ in range(RESAMPLES))
    interval = drawn[int(0.025 * RESAMPLES)], drawn[int(0.975 * RESAMPLES)]
    longer = sum((a > b) + (a == b) / 2 for a in known for b in unknown) / len(known) / len(unknown)
    width = 1.96 * math.sqrt((len(known) + len(unknown) + 1) / 12 / len(known) / len(unknown))
    medians = statistics.median(known), statistics.median(unknown)
    figures = (medians[0], medians[1], medians[0] - medians[1])
    return Difference(
        len(known),
        *(round(figure, 3) for figure in figures),
        (round(interval[0], 3), round(interval[1], 3)),
        round(longer, 3),
        (round(0.5 - width, 3), round(0.5 + width, 3)),
    )


def address(number: int, *, known: bool) -> str:
    """Of the same length whichever it is."""
    return f"{'person' if known else 'nobody'}-{number:05}@mailbox.example"


def add_people(engine: Engine, count: int) -> None:
    now = datetime.now(UTC)
    with UnitOfWork(engine) as work:
        for number in range(count):
            profile = seeds.add_customer(work.connection, now)
            name = {"given_name": "Sari", "email": address(number, known=True)}
            seeds.add_record(work.connection, profile, "web", f"person-{number}", now, **name)
        work.commit()


def in_turns(count: int, rng: random.Random, ask: Callable[[str], Iterator[tuple[str, float]]]) -> Times:
    """Asks for so many of each. `ask`: the steps of one conversation, with the seconds that each took."""
    times: Times = defaultdict(lambda: {True: [], False: []})
    for number in range(count + WARM_UP):
        for known in rng.sample((True, False), 2):
            for step, seconds in ask(address(number, known=known)):
                if number >= WARM_UP:
                    times[step][known].append(seconds * 1000)
    return times


def in_store(url: str, count: int, rng: random.Random) -> Times:
    engine = open_engine(url, durable=False)  # as the action server has it: the disk's own time would drown ours
    migrate(engine)
    business = load_business(ROOT / "demo/business.yml")
    add_people(engine, count + WARM_UP)

    def ask(typed: str) -> Iterator[tuple[str, float]]:
        guest = arrive(engine, business, datetime.now(UTC))
        guest.code_key = KEY
        for step, words in (("address", typed), ("yes", "yes"), ("wrong code", "000000")):
            entities = (("email", typed, 1.0),) if step == "address" else ()
            action = "action_affirm" if step == "yes" else "action_fallback"
            message = guest.writes(words)
            guest.last_request = TurnRequest(message, action, Understanding(action, 0.9, "en", entities))
            began = time.perf_counter()
            result = guest.again()
            took = time.perf_counter() - began
            guest.hears(message, result)
            yield step, took

    try:
        return in_turns(count, rng, ask)
    finally:
        engine.dispose()


def over_http(url: str, var: Path, count: int, rng: random.Random) -> Times:
    train_if_needed()
    with mail_server() as port:
        mail = {
            "RAPPORT_SMTP_HOST": "127.0.0.1",
            "RAPPORT_SMTP_PORT": str(port),
            "RAPPORT_SMTP_FROM": "bench@kopi.example",
        }
        stack = Stack(url, var, **mail, RAPPORT_SMTP_STARTTLS="false")
        try:
            stack.wait_until_ready()
            engine = open_engine(url)
            add_people(engine, count + WARM_UP)
            engine.dispose()
            return in_turns(count, rng, lambda typed: _over_http(stack, typed))
        finally:
            stack.stop()


def _over_http(stack: Stack, typed: str) -> Iterator[tuple[str, float]]:
    guest = Talker(stack)
    # What is said right after is timed too: the mail is on its way meanwhile, where there is one.
    for step, words in (("address", typed), ("yes", "yes"), ("right after", "thanks"), ("wrong code", "000000")):
        began = time.perf_counter()
        guest.say(words)
        yield step, time.perf_counter() - began


@contextmanager
def mail_server() -> Iterator[int]:
    """Its port, while it runs in a loop of its own."""
    loop = asyncio.new_event_loop()
    server, ready, over = FakeMailServer(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with server:
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield server.port
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
        print(f"{len(server.taken)} mails were sent", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--store", type=int, default=600, help="of each kind, in the store")
    asked.add_argument("--http", type=int, default=150, help="of each kind, over HTTP; 0 for none")
    asked.add_argument("--database-url", help="of an empty PostgreSQL database; SQLite where there is none")
    options = asked.parse_args()
    rng = random.Random(7)
    found: dict[str, dict[str, Difference]] = {}
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as folder:
        places = {"store": f"{folder}/store.db", "http": f"{folder}/http.db"}
        urls = {place: options.database_url or f"sqlite:///{path}" for place, path in places.items()}
        measured = {"store": in_store(urls["store"], options.store, rng)} if options.store else {}
        if options.http:
            measured["http"] = over_http(urls["http"], Path(folder) / "var", options.http, rng)
    for place, times in measured.items():
        found[place] = {step: difference(of[True], of[False], rng) for step, of in times.items()}
        for step, told in found[place].items():
            verdict = "SEEN" if told.is_seen else "not seen"
            print(
                f"{place:5} {step:11} known {told.known:8.3f}  unknown {told.unknown:8.3f}  difference {told.difference:+.3f} "
                f"({told.interval[0]:+.3f} to {told.interval[1]:+.3f}) ms  longer {told.longer:.3f}  {verdict}"
            )
    database = "postgresql" if options.database_url else "sqlite"
    out = ROOT / f"bench/results/claims{'' if database == 'sqlite' else '-postgresql'}.json"
    out.parent.mkdir(exist_ok=True)
    figures = {place: {step: asdict(told) for step, told in steps.items()} for place, steps in found.items()}
    out.write_text(json.dumps({"database": database, **figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
