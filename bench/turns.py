"""A customer's turn through the whole stack, beside the starter that `rasa init` makes.

Ours goes through everything that a customer's message goes through: the public API, the durable inbox, Rasa, the action server,
the store with the demo business in it, the outbox, the long poll. The starter decides nothing, records nothing and has no
action server. Both run at the same time; they are measured in turns.

    python -m bench.turns [--rounds 3] [--seconds 10]
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

import httpx
import psutil

from bench import _starter
from bench._load import Load, drive, median
from bench._starter import StarterCustomer
from bot.settings import ROOT
from tests.acceptance.running import Stack, free_port

CUSTOMERS = (1, 8, 32)
CONVERSATION = (
    # (what is said, whether the store decides or records something of the customer for it)
    ("hello", True),  # a guest is asked
    ("looking for something for the office", True),
    ("like 30", True),
    ("yes", True),
    ("what do you recommend?", True),
    ("how much are the capsules?", False),
    ("I want something quick and easy in the morning", True),
    ("no", True),
    ("when are you open?", False),
    ("saya suka coba kopi baru", True),
    ("apa rekomendasinya?", True),
    ("di mana tokonya?", False),
    ("my email is someone@example.com", True),  # a claim, noted
    ("stop asking me things", True),
    ("thanks", False),
)


class OurCustomer:
    """A guest who talks through the HTTP API, a new one after each conversation."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=120)
        self._lines = itertools.cycle(enumerate(line for line, _ in CONVERSATION))
        self._after = 0

    def turn(self) -> None:
        place, line = next(self._lines)
        if place == 0:
            opened = self._http.post("/v1/chat/sessions", json={"language": "en"}).raise_for_status().json()
            self._http.headers["authorization"] = f"Bearer {opened['session_token']}"
            self._after = 0
        self._http.post("/v1/chat/messages", json={"client_id": uuid4().hex, "text": line}).raise_for_status()
        while True:
            news = self._http.get("/v1/chat/messages", params={"after": self._after, "wait": 30})
            messages = news.raise_for_status().json()["messages"]
            self._after = max([self._after, *(m["seq"] for m in messages)])
            if any(m["author"] == "bot" for m in messages):
                return


def memory(processes: list[psutil.Process]) -> float:
    """MB held by these processes and their children."""
    everyone = {p for parent in processes for p in (parent, *parent.children(recursive=True))}
    return round(sum(p.memory_info().rss for p in everyone) / 2**20, 1)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=10.0)
    options = asked.parse_args()
    deciding = sum(decides for _, decides in CONVERSATION) / len(CONVERSATION)
    loads: dict[str, list[Load]] = {}
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as var:
        stack = Stack(f"sqlite:///{var}/rapport.db", Path(var))
        port = free_port()
        try:
            stack.wait_until_ready()
            with _starter.running(port) as starter:
                sides = {"rapport": lambda: OurCustomer(stack.url), "starter": lambda: StarterCustomer(port)}
                for make in sides.values():
                    drive(make, 2, 5)  # warm-up
                for customers in CUSTOMERS:
                    for _ in range(options.rounds):
                        for side, make in sides.items():
                            load = drive(make, customers, options.seconds)
                            loads.setdefault(f"{side} {customers}", []).append(load)
                            print(f"{side:8} {load}", flush=True)
                held = {"rapport": memory([psutil.Process(stack.supervisor)]), "starter": memory([starter])}
        finally:
            stack.stop()
    medians = {name: median(rounds) for name, rounds in loads.items()}
    ratios = {
        "turns_per_second_at_8": _ratio(medians["rapport 8"].turns_per_second, medians["starter 8"].turns_per_second),
        "p50_at_1": _ratio(medians["rapport 1"].p50, medians["starter 1"].p50),
        "memory": _ratio(held["rapport"], held["starter"]),
    }
    result = {
        "deciding_share_of_messages": round(deciding, 2),
        "medians": {name: asdict(load) for name, load in medians.items()},
        "memory_mb": held,
        "ratios_rapport_to_starter": ratios,
        "rounds": {name: [asdict(load) for load in rounds] for name, rounds in loads.items()},
    }
    out = ROOT / "bench/results/turns.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    for name, load in sorted(medians.items()):
        print(
            f"{name:12} {load.turns_per_second:7.1f} turns/s  p50 {load.p50:.1f}  p95 {load.p95:.1f}  p99 {load.p99:.1f} ms"
        )
    print(f"memory {held} MB; ratios {ratios}; {deciding:.0%} of the messages decide or record")


def _ratio(ours: float, theirs: float) -> float:
    return round(ours / theirs, 3)


if __name__ == "__main__":
    main()
