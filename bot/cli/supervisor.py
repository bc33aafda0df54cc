"""Keeps the three processes of a stack running until it is told to stop. `rapport up` becomes this program.

    starting -> running -(dies)-> waiting 1, 2, 4 ... 30 s -> running ...
                   \\-(SIGINT, SIGTERM or SIGHUP to the supervisor)-> TERM, 10 s, KILL -> gone

Standard library only, and a program of its own: it stays in memory for months, so nothing that set-up needed may
stay with it. It passes no message on and knows nothing of what the processes do, beyond the gateway's /readyz.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from bot.cli.child import Child, Pace, last_lines
from bot.cli.run_record import RunRecord, read_record

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Signals as something to wait for, so that no code runs in between statements of other code."""

    def __init__(self) -> None:
        self._read, write = os.pipe()
        for end in (self._read, write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in STOPPING:
            # `nohup` asks that a hang-up be ignored; a Ctrl-C is for us whoever started us.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda *_: None)

    def stop_within(self, seconds: float) -> bool:
        """Waits so long, less when a child dies; True when it is time to stop."""
        select.select([self._read], [], [], max(seconds, 0))
        with contextlib.suppress(BlockingIOError):
            return any(number in STOPPING for number in os.read(self._read, 4096))
        return False


class Supervisor:
    """Starts all at once, says when the first turn can be answered, restarts what dies, stops all together."""

    def __init__(self, record: RunRecord, var: Path, pace: Pace, say: Callable[[str], None]) -> None:
        self._record = record
        self._var = var
        self._pace = pace
        self._say = say
        logs = var / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self._children = [Child(child, logs / f"{child.name}.log", pace) for child in record.children]
        self._next_word = time.monotonic() + pace.silence

    def run(self, signals: Signals) -> None:
        """Returns when it was told to stop and every process is gone."""
        self._record.pid, self._record.started_at, self._record.ready_at = os.getpid(), time.time(), None
        try:
            while True:
                self._look_after()
                if signals.stop_within(self._pause()):
                    break
        finally:
            self._stop(signals)

    def _look_after(self) -> None:
        for child in self._children:
            if how := child.died():
                self._tell_of(child, how)
            if not child.running and time.monotonic() >= child.due:
                self._start(child)
        if self._record.ready_at is None:
            self._look_whether_ready()

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except OSError as error:
            self._tell_of(child, child.mourn(f"could not be started: {error}"))
        else:
            again = f"{child.record.name} started again, pid {child.record.pid}"
            self._tell(*([again] if child.record.restarts else []))

    def _tell_of(self, child: Child, how: str) -> None:
        self._tell(f"{child.record.name} ended ({how}); starting it again in {child.wait:g} s")
        if child.quick_deaths and child.quick_deaths % 5 == 0:
            self._say(f"{child.record.name} ended {child.quick_deaths} times in a row; {child.log} ends with:")
            for line in last_lines(child.log):
                self._say(f"  {line}")

    def _look_whether_ready(self) -> None:
        missing = still_missing(self._record.url)
        if missing is None:
            self._record.ready_at = time.time()
            self._tell("\n".join(["Rapport is ready:", *self._record.notes, "Ctrl-C stops it."]))
        elif time.monotonic() >= self._next_word:
            self._next_word = time.monotonic() + self._pace.silence
            self._say(f"still starting: {missing.rstrip('.')}; logs are in {self._var / 'logs'}")

    def _tell(self, *lines: str) -> None:
        """Keeps what has changed, then says it: who reads of it finds it in the record."""
        self._record.write(self._var)
        for line in lines:
            self._say(line)

    def _pause(self) -> float:
        due = [child.due - time.monotonic() for child in self._children if not child.running]
        return min([60.0 if self._record.ready_at else 0.25, *due])

    def _stop(self, signals: Signals) -> None:
        self._say("stopping")
        end = time.monotonic() + self._pace.grace
        for child in self._children:
            child.send(signal.SIGTERM)
        while self._still_there() and time.monotonic() < end:
            signals.stop_within(min(end - time.monotonic(), 1))
        for child in self._still_there():
            self._say(f"{child.record.name} did not stop within {self._pace.grace:g} s: killed")
            child.send(signal.SIGKILL)
        while self._still_there():
            signals.stop_within(0.1)
        (self._var / "run" / f"{self._record.port}.json").unlink(missing_ok=True)
        self._say("stopped")

    def _still_there(self) -> list[Child]:
        for child in self._children:
            child.died()
        return [child for child in self._children if child.running]


def still_missing(url: str) -> str | None:
    """What the gateway at `url` waits for before it can answer a turn, in its own words; none when it can."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(2000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return "the gateway does not answer yet"
    else:
        return None if answer.status == 200 else detail_of(body) or f"/readyz answers {answer.status}"
    finally:
        connection.close()


def detail_of(problem: str) -> str:
    """The sentence for people in a problem document (RFC 9457); empty where there is none."""
    with contextlib.suppress(ValueError, AttributeError):
        return str(json.loads(problem).get("detail", ""))
    return ""


def main(record_file: str, pace: Pace | None = None) -> int:
    """Runs what `record_file` lists. Exit code 0 after a stop that was asked for."""
    signals = Signals()
    path = Path(record_file)
    record = read_record(path)
    if record is None:
        print(f"{path} does not describe a stack; `rapport up` writes it", file=sys.stderr)
        return 1

    say = in_json if os.environ.get("RAPPORT_LOG_FORMAT") == "json" else in_text
    Supervisor(record, path.parent.parent, pace or Pace(), say).run(signals)
    return 0


def in_text(line: str) -> None:
    """To the terminal or the journal, for people."""
    print(time.strftime("%H:%M:%S"), line, flush=True)


def in_json(line: str) -> None:
    """As `bot.logs` has it, which is not imported here: the library behind it would stay in memory too."""
    at = datetime.now(UTC).isoformat()
    print(
        json.dumps({"at": at, "level": "INFO", "process": "supervisor", "logger": "supervisor", "message": line}),
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
