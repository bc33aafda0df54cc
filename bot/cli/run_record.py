"""What runs on a port: `var/run/<port>.json`, and the lock that keeps a second stack off the same port.

Standard library only: the supervisor, which stays in memory for months, imports it.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path


class PortHeldError(Exception):
    """Another stack holds the lock of `port`; `pid` is its supervisor, when it could be read."""

    def __init__(self, port: int, pid: int | None) -> None:
        super().__init__(f"Rapport runs on port {port} already" + (f", as pid {pid}" if pid else ""))
        self.port = port
        self.pid = pid


@dataclass
class ChildRecord:
    """One process under the supervisor. Times are seconds since 1970."""

    name: str
    argv: list[str]
    port: int
    pid: int | None = None
    started_at: float | None = None
    restarts: int = 0
    last_exit: str | None = None


@dataclass
class RunRecord:
    """One stack: the supervisor, its processes and where they listen."""

    port: int
    url: str
    children: list[ChildRecord]
    pid: int | None = None
    started_at: float | None = None
    ready_at: float | None = None
    notes: list[str] = field(default_factory=list)
    """Lines to print under the URLs when the first turn can be answered."""

    def write(self, var: Path) -> Path:
        """Puts it under `var/run`, whole: a reader never sees half of it."""
        path = record_path(var, self.port)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(asdict(self), indent=1))
        return draft.replace(path)


def read_record(path: Path) -> RunRecord | None:
    """The record as last written; none where there is none that can be read."""
    try:
        raw = json.loads(path.read_text())
        return RunRecord(**{**raw, "children": [ChildRecord(**child) for child in raw["children"]]})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def record_path(var: Path, port: int) -> Path:
    return var / "run" / f"{port}.json"


def hold_port(var: Path, port: int) -> int:
    """Takes the port's lock and returns its descriptor; it holds, across exec too, until that is closed.

    Raises PortHeldError. The lock is the kernel's: a killed holder leaves nothing behind that somebody must remove.
    """
    path = _lock_path(var, port)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _pid_in(lock)
        os.close(lock)
        raise PortHeldError(port, holder) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    os.set_inheritable(lock, True)
    return lock


def holder_of(var: Path, port: int) -> int | None:
    """The pid of the supervisor that holds the port's lock; none when nobody does."""
    try:
        lock = os.open(_lock_path(var, port), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid_in(lock)
    finally:
        os.close(lock)
    return None


def _lock_path(var: Path, port: int) -> Path:
    return var / "run" / f"{port}.lock"


def _pid_in(lock: int) -> int | None:
    text = os.pread(lock, 20, 0).decode(errors="replace").strip()
    return int(text) if text.isdigit() else None
