"""A second process beside this one, for a run over a large store: reading the half of it, and learning, while this one values."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from crm_store.collector import seldom_collected
from crm_store.database import open_engine, reading

T = TypeVar("T")
CACHE_MB = 64


@contextmanager
def second_process(*, is_needed: bool) -> Iterator[Executor]:
    """Carries out one thing after the other in a process of its own; where none is needed, here and at once.

    Nobody waits for it when something fails.
    """
    if not is_needed:
        yield _Here()
        return
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawning, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        try:
            yield pool
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def read_beside(other: Executor, engine: Engine, look: Callable[[Connection], T]) -> Future[T]:
    """What the other process will have found in the store of this engine."""
    return other.submit(read_from, engine.url.render_as_string(hide_password=False), look)


@seldom_collected()
def read_from(url: str, look: Callable[[Connection], T]) -> T:
    """What is found in the store at this URL."""
    engine = open_engine(url, cache_mb=CACHE_MB)
    try:
        with reading(engine) as connection:
            return look(connection)
    finally:
        engine.dispose()


class _Here(Executor):
    def submit(self, do: Callable[..., T], /, *given: Any, **named: Any) -> Future[T]:
        done: Future[T] = Future()
        done.set_result(do(*given, **named))
        return done
