"""Customers who talk at the same time, each waiting for an answer before the next message. Knows no particular server."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Customer(Protocol):
    def turn(self) -> None:
        """Says the next thing and returns when the answer is there."""
        ...


@dataclass(frozen=True)
class Load:
    """What so many customers got in one stretch. Times in milliseconds."""

    customers: int
    turns_per_second: float
    p50: float
    p95: float
    p99: float


def drive(make: Callable[[], Customer], customers: int, seconds: float) -> Load:
    """Lets `customers` talk for `seconds`."""
    times: list[float] = []
    failures: list[BaseException] = []
    begin = threading.Barrier(customers + 1)
    end = 0.0

    def talk() -> None:
        try:
            customer = make()
            begin.wait()
            while time.perf_counter() < end:
                started = time.perf_counter()
                customer.turn()
                times.append(time.perf_counter() - started)
        except BaseException as failure:
            failures.append(failure)
            begin.abort()

    talking = [threading.Thread(target=talk) for _ in range(customers)]
    end = time.perf_counter() + seconds + 3600
    for thread in talking:
        thread.start()
    begin.wait()
    started = time.perf_counter()
    end = started + seconds
    for thread in talking:
        thread.join()
    if failures:
        raise failures[0]
    took = time.perf_counter() - started
    times.sort()
    at = [round(times[min(len(times) - 1, int(len(times) * share))] * 1000, 2) for share in (0.5, 0.95, 0.99)]
    return Load(customers, round(len(times) / took, 2), *at)


def median(loads: Sequence[Load]) -> Load:
    """Figure by figure."""
    rows = [(load.turns_per_second, load.p50, load.p95, load.p99) for load in loads]
    return Load(loads[0].customers, *(round(statistics.median(column), 2) for column in zip(*rows, strict=True)))
