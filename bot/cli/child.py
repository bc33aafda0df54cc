"""One process under the supervisor: how it is started, how it dies with its parent, when it is tried again.

Standard library only, as the supervisor is. Knows nothing of what the process does.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.cli.run_record import ChildRecord

LOG_SIZE = 5_000_000
LOGS_KEPT = 3
TAIL_LINES = 5
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Pace:
    """Seconds, all of them."""

    first_wait: float = 1
    longest_wait: float = 30
    quick: float = 60
    """A process that dies younger than this has not recovered: the wait doubles."""
    grace: float = 10
    """Between TERM and KILL."""
    silence: float = 30
    """Between two lines that say what is still awaited at the start."""


class Child:
    """One process and its bad days."""

    def __init__(self, record: ChildRecord, log: Path, pace: Pace) -> None:
        self.record = record
        self.log = log
        self.due = 0.0
        """When to start it next, on the monotonic clock; only of interest while it is down."""
        self.quick_deaths = 0
        self._pace = pace
        self._started = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """In a session of its own: the terminal's Ctrl-C is for the supervisor alone. Raises OSError."""
        rotate(self.log)
        self._started = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self.record.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dies_with(os.getpid()),  # noqa: PLW1509 - one thread, nothing else forks
            )
        self.record.pid = self._process.pid
        self.record.started_at = time.time()

    def died(self) -> str | None:
        """How it ended, once after each end; none while it runs or is down already."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        self._process = None
        return self.mourn(f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}")

    def mourn(self, how: str) -> str:
        """Notes an end and when to try again."""
        quick = time.monotonic() - self._started < self._pace.quick
        self.quick_deaths = self.quick_deaths + 1 if quick else 1
        self.due = time.monotonic() + self.wait
        self.record.pid, self.record.last_exit = None, how
        self.record.restarts += 1
        return how

    @property
    def wait(self) -> float:
        """Seconds before the next start."""
        return float(min(self._pace.first_wait * 2 ** (self.quick_deaths - 1), self._pace.longest_wait))

    def send(self, number: signal.Signals) -> None:
        """To the process and all that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def dies_with(parent: int) -> Callable[[], None] | None:
    """For the new process, before it becomes its program: the kernel kills it when the supervisor is gone.

    Chosen before a pipe that the processes would watch, because it asks nothing of them: a hung or foreign program goes
    too. KILL, not TERM, because a polite server would wait for the last open stream; a kill loses nothing here. Linux
    only; elsewhere the next `rapport up` removes what was left.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def arm() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it went in between
            os._exit(1)

    return arm


def rotate(log: Path) -> None:
    """`gateway.log` becomes `gateway.log.1` when it has grown large, and so on; the oldest goes."""
    if not log.exists() or log.stat().st_size < LOG_SIZE:
        return
    for number in range(LOGS_KEPT - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    log.replace(log.with_name(f"{log.name}.1"))


def last_lines(log: Path) -> list[str]:
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(file.tell() - 4000, 0))
        return file.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
