"""Empty databases of either kind, commands on them, and percentiles of what was timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count as count_from
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.settings import ROOT

if TYPE_CHECKING:
    from tests.conftest import Cluster


def rapport(url: str, folder: Path, *words: str) -> tuple[dict[str, Any], dict[str, float]]:
    """What a command says, and the seconds, seconds of CPU and MB at most that it took."""
    environment = {**os.environ, "DATABASE_URL": url, "RAPPORT_VAR": str(folder)}
    command = [str(Path(sys.executable).with_name("rapport")), *words, "--json"]
    start = time.perf_counter()
    running = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert running.stdout
    said = json.loads(running.stdout.read())
    _, _, used = os.wait4(running.pid, 0)
    return said, {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "memory_mb": used.ru_maxrss / 1024,
    }


def percentiles(seconds: list[float]) -> dict[str, float]:
    """In milliseconds."""
    ordered = sorted(seconds)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {name: ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 for name, share in at.items()}


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Iterator[str]]:
    """Gives URLs of empty databases, one after the other."""
    if kind == "sqlite":
        yield (f"sqlite:///{folder}/{number}.db" for number in count_from(1))
        return
    from tests.conftest import Cluster, server_binaries  # with pytest, which SQLite alone does not need

    binaries = server_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL server is installed: apt-get install postgresql")
    cluster = Cluster(binaries)
    try:
        cluster.start(durable=True)
        yield _databases_of(cluster)
    finally:
        cluster.stop()


def _databases_of(cluster: Cluster) -> Iterator[str]:
    while True:
        with cluster.database() as url:
            yield url
