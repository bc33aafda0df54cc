"""What `rapport up` promises of the processes it keeps: restarted when they die, stopped together, never orphans."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import psutil
import pytest
from fakes import programs

from bot.cli.child import LOG_SIZE, LOGS_KEPT, rotate
from bot.cli.machine import remove_leftovers, runs
from bot.cli.run_record import ChildRecord, RunRecord, holder_of, read_record, record_path

PATIENCE = 30


class Run:
    """A supervisor under test and what it said so far."""

    def __init__(self, argv: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            argv,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        assert self.process.stdout
        self.process.stdout.close()

    def until(self, pattern: str) -> re.Match[str]:
        """Waits for it to say something, and forgets what it said before that."""
        assert self.process.stdout
        while not (found := re.search(pattern, self.said)):
            readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            more = os.read(self.process.stdout.fileno(), 65536).decode() if readable else ""
            assert more, f"never said {pattern!r}, but: {self.said}"
            self.said += more
        self.said = self.said[found.end() :]
        return found

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """As a terminal does: to the whole process group. Returns the exit code."""
        os.killpg(self.process.pid, number)
        return self.process.wait(PATIENCE)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path, port: int) -> dict[str, str]:
    (tmp_path / "ready").touch()
    return {"READY": str(tmp_path / "ready"), "PORT": str(port), "RAPPORT_VAR": str(tmp_path)}


@pytest.fixture
def supervise(tmp_path: Path, port: int, environment: dict[str, str]) -> Iterator[Callable[..., Run]]:
    """Starts a supervisor of the named programs; each is called like its program."""
    started: list[Run] = []

    def start(*names: str) -> Run:
        children = [programs.child(name, name) for name in names]
        path = RunRecord(port, f"http://127.0.0.1:{port}", children, notes=["  console here"])
        (tmp_path / "run").mkdir()
        run = Run([*programs.argv("hasty"), str(path.write(tmp_path))], environment)
        started.append(run)
        return run

    yield start
    for run in started:
        run.__exit__()


def record_of(tmp_path: Path, port: int) -> RunRecord:
    record = read_record(record_path(tmp_path, port))
    assert record
    return record


def processes_of(tmp_path: Path, port: int) -> list[psutil.Process]:
    return [psutil.Process(child.pid) for child in record_of(tmp_path, port).children]


def test_it_says_where_everything_is_once_the_gateway_is_ready(
    supervise: Callable[..., Run], tmp_path: Path, port: int
) -> None:
    (tmp_path / "ready").unlink()
    run = supervise("gateway", "patient")
    run.until("still starting: Rasa does not answer yet; logs are in")
    (tmp_path / "ready").touch()
    run.until("Rapport is ready:\n  console here")
    record = record_of(tmp_path, port)
    assert record.ready_at
    assert all(runs(child) for child in record.children)
    assert "at your service" in (tmp_path / "logs" / "gateway.log").read_text()


def test_a_killed_process_is_started_again_and_the_others_are_left_alone(
    supervise: Callable[..., Run], tmp_path: Path, port: int
) -> None:
    run = supervise("gateway", "patient")
    run.until("Rapport is ready")
    gateway, patient = processes_of(tmp_path, port)
    patient.kill()
    run.until(r"patient ended \(killed by SIGKILL\); starting it again in 0.01 s")
    run.until("patient started again, pid")
    now_gateway, now_patient = processes_of(tmp_path, port)
    assert now_gateway.pid == gateway.pid
    assert now_patient.pid != patient.pid
    assert record_of(tmp_path, port).children[1].last_exit == "killed by SIGKILL"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_ends_every_process_and_is_no_failure(
    supervise: Callable[..., Run], tmp_path: Path, port: int, number: signal.Signals
) -> None:
    run = supervise("gateway", "patient")
    run.until("Rapport is ready")
    processes = processes_of(tmp_path, port)
    assert run.stop(number) == 0
    assert not any(process.is_running() for process in processes)
    assert not record_path(tmp_path, port).exists()


def test_a_process_that_does_not_listen_is_killed_in_the_end(
    supervise: Callable[..., Run], tmp_path: Path, port: int
) -> None:
    (tmp_path / "ready").unlink()
    run = supervise("gateway", "stubborn")
    run.until("Rapport is ready")
    stubborn = processes_of(tmp_path, port)[1]
    assert run.stop() == 0
    run.until("stubborn did not stop within 0.5 s: killed")
    assert not stubborn.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start removes what was left")
def test_nothing_is_left_when_the_supervisor_itself_is_killed(
    supervise: Callable[..., Run], tmp_path: Path, port: int
) -> None:
    (tmp_path / "ready").unlink()
    run = supervise("gateway", "patient", "stubborn")
    run.until("Rapport is ready")
    processes = processes_of(tmp_path, port)
    run.process.kill()
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    assert not alive


def test_a_process_that_dies_again_and_again_is_quoted_and_tried_further(supervise: Callable[..., Run]) -> None:
    run = supervise("gateway", "short")
    waits = [run.until(r"short ended \(exit code 1\); starting it again in (\S+) s")[1] for _ in range(5)]
    assert waits == ["0.01", "0.02", "0.04", "0.04", "0.04"]
    run.until("short ended 5 times in a row; .*short.log ends with:\n.*these are my last words")
    run.until("short started again")


def test_a_program_that_is_not_there_is_named_and_keeps_nobody_from_starting(
    tmp_path: Path, port: int, environment: dict[str, str]
) -> None:
    (tmp_path / "run").mkdir()
    children = [programs.child("gateway", "gateway"), ChildRecord("rasa", ["/nowhere/python"], 0)]
    path = RunRecord(port, f"http://127.0.0.1:{port}", children).write(tmp_path)
    with Run([*programs.argv("hasty"), str(path)], environment) as run:
        run.until(r"rasa ended \(could not be started: .*/nowhere/python")
        run.until("Rapport is ready")
        assert run.stop() == 0


def test_up_becomes_a_light_supervisor(tmp_path: Path, port: int, environment: dict[str, str]) -> None:
    with Run(programs.argv("up"), environment) as run:
        run.until(rf"http://127.0.0.1:{port}/console")
        assert holder_of(tmp_path, port) == run.process.pid
        assert psutil.Process(run.process.pid).memory_info().rss < 40e6
        assert run.stop() == 0
    assert holder_of(tmp_path, port) is None


def test_a_second_up_on_the_same_port_is_told_who_has_it(
    port: int, tmp_path: Path, environment: dict[str, str]
) -> None:
    with Run(programs.argv("up"), environment) as first:
        first.until("Rapport is ready")
        second = rapport("up", environment)
        assert second.returncode == 1
        assert f"Rapport runs on port {port} already, as pid {first.process.pid}" in second.stderr
        assert f"kill -INT {first.process.pid}" in second.stderr
        first.process.kill()  # not even this keeps the port from the next one
        first.process.wait(PATIENCE)
        with Run(programs.argv("up"), environment) as third:
            third.until("Rapport is ready")
            assert third.stop() == 0


def test_a_port_that_another_program_has_is_refused_before_anything_else(
    port: int, tmp_path: Path, environment: dict[str, str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        refused = rapport("up", environment)
    assert refused.returncode == 1
    assert f"port {port} is taken by" in refused.stderr
    assert f"(pid {os.getpid()})" in refused.stderr
    assert re.search(r"mend: .*PORT=\d+ make run", refused.stderr)
    assert "Traceback" not in refused.stderr


def test_what_a_dead_supervisor_left_is_removed_by_the_next(tmp_path: Path) -> None:
    with subprocess.Popen(programs.argv("patient"), start_new_session=True) as left:
        started = psutil.Process(left.pid).create_time()
        child = ChildRecord("rasa", [], 0, left.pid, started)
        stranger = ChildRecord("actions", [], 0, os.getpid(), started - 1000)
        assert remove_leftovers(RunRecord(1, "", [child, stranger])) == ["rasa"]
        assert left.wait(PATIENCE) == -signal.SIGKILL


def test_a_log_that_has_grown_large_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    log = tmp_path / "rasa.log"
    for number in range(LOGS_KEPT + 2):
        log.write_text(str(number) * LOG_SIZE)
        rotate(log)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"rasa.log.{n}" for n in range(1, LOGS_KEPT + 1)]
    assert (tmp_path / "rasa.log.1").read_text(encoding="utf-8")[0] == str(LOGS_KEPT + 1)
    log.write_text("small")
    rotate(log)
    assert log.read_text() == "small"


def rapport(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "bot.cli.main", command]
    return subprocess.run(
        program, env={**os.environ, **environment}, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
