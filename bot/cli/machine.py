"""What the operating system tells: who runs, how much memory they take, who listens on a port, how full the disk is."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bot.cli.run_record import ChildRecord, RunRecord


def occupant(port: int) -> str | None:
    """Program and pid of who listens on `port`; none when nobody does or the system does not tell."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})" if connection.pid else None
    return None


def lockers(paths: list[Path]) -> list[str]:
    """Program and pid of who has one of these files locked for itself; empty where the system does not tell (not Linux)."""
    files = {str(path.stat().st_ino) for path in paths if path.exists()}
    found = []
    with suppress(OSError, psutil.Error):
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            # `1: POSIX ADVISORY WRITE 712 08:01:131 120 120`; one that only waits has an arrow in it.
            if "->" not in words and words[3] == "WRITE" and words[5].split(":")[2] in files:
                pid = int(words[4])
                found.append(f"{psutil.Process(pid).name()} (pid {pid})")
    return sorted(set(found))


def runs(child: ChildRecord) -> bool:
    """Whether the process of the record is still that process, not another one to which its pid was given since."""
    if child.pid is None or child.started_at is None:
        return False
    try:
        return bool(abs(psutil.Process(child.pid).create_time() - child.started_at) < 5)
    except psutil.Error:
        return False


def memory_mb(pid: int, *, family: bool = True) -> float:
    """Resident memory of a process, with all below it unless told otherwise, in MB; 0 for one that is gone."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        members = [process, *(process.children(recursive=True) if family else [])]
        return round(sum(float(member.memory_info().rss) for member in members) / 1e6, 1)
    return 0.0


def free_disk_mb(folder: Path) -> float:
    """Free space where `folder` is, in MB."""
    return shutil.disk_usage(folder).free / 1e6


def remove_leftovers(record: RunRecord) -> list[str]:
    """Kills processes of a stack whose supervisor is gone; returns their names.

    Only for systems where they do not die with it. The caller holds the port's lock.
    """
    left = [child for child in record.children if runs(child)]
    for child in left:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid or 0, signal.SIGKILL)
    return [child.name for child in left]
