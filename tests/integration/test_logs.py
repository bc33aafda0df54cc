"""A happening is one line, for people or for programs, and no line holds what is nobody's business."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from acceptance.running import free_port, until

from bot.settings import ROOT

HAPPENINGS = """
    import logging, sys, threading, warnings
    from bot import logs
    logs.configure("INFO", "gateway", sys.argv[1])
    log = logging.getLogger("worker")
    log.info("message %s is answered, or 100%%", "m-1", extra={"text": "what a customer said"})
    log.debug("too much")
    logging.getLogger("httpx").info("GET https://api.telegram.org/bot1/getMe")
    log.warning("call of https://api.telegram.org/bot123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getMe failed")
    try:
        {}["key"]
    except KeyError:
        log.exception("a turn failed")
    warnings.warn("this is old")
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    log.info("kopi ☕")
    raise ValueError("the end")
"""
SAID = "my cat is called Zanzibar"


def told(form: str) -> list[str]:
    program = [sys.executable, "-c", textwrap.dedent(HAPPENINGS), form]
    return subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=False).stderr.splitlines()


def test_json_is_one_object_a_line_whatever_happens() -> None:
    rows = [json.loads(line) for line in told("json")]
    assert [(row["level"], row["logger"]) for row in rows] == [
        ("INFO", "worker"),
        ("WARNING", "worker"),
        ("ERROR", "worker"),
        ("WARNING", "py.warnings"),
        ("ERROR", "gateway"),
        ("INFO", "worker"),
        ("CRITICAL", "gateway"),
    ]
    assert all(row["process"] == "gateway" and row["at"].endswith("+00:00") for row in rows)
    assert rows[0] == {**rows[0], "message": "message m-1 is answered, or 100%"}
    assert list(rows[0]) == ["at", "level", "process", "logger", "message"]
    assert "KeyError: 'key'" in rows[2]["exception"]
    assert "ZeroDivisionError" in rows[4]["exception"]
    assert rows[5]["message"] == "kopi ☕"
    assert "ValueError: the end" in rows[6]["exception"]


def test_text_begins_every_happening_with_time_level_and_process() -> None:
    lines = told("text")
    assert lines[0].endswith("Z INFO    gateway worker: message m-1 is answered, or 100%")
    assert any(line.endswith("Z ERROR   gateway worker: a turn failed") for line in lines)
    assert lines[-1] == "ValueError: the end"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_token_or_a_customers_words_are_in_no_line(form: str) -> None:
    everything = "\n".join(told(form))
    assert "/bot<token>/getMe failed" in everything
    assert "AAHdq" not in everything
    assert "what a customer said" not in everything


@contextmanager
def started(module: str, port: int, folder: Path, **environment: str) -> Iterator[Path]:
    """A process of the stack on its own, that logs as JSON; the file with its lines."""
    log = folder / "lines.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            stdout=out,
            stderr=out,
            env={
                **os.environ,
                "DATABASE_URL": f"sqlite:///{folder}/rapport.db",
                "RAPPORT_VAR": str(folder),
                "RAPPORT_LOG_FORMAT": "json",
                "PORT": str(port),
                **environment,
            },
        )
    try:
        yield log
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def answers(url: str, body: bytes | None = None) -> int:
    """The status; 0 while nobody answers."""
    try:
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def rows_in(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_the_gateway_logs_as_json_from_its_first_line(tmp_path: Path) -> None:
    port = free_port()
    with started("bot.gateway", port, tmp_path) as log:
        until(lambda: answers(f"http://127.0.0.1:{port}/healthz") == 200, "the gateway lives", 60)
    rows = rows_in(log)
    assert {row["process"] for row in rows} == {"gateway"}
    assert any(f"http://127.0.0.1:{port}" in row["message"] for row in rows)


def test_the_action_server_logs_as_json_what_it_fails_at(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    tracker = {"sender_id": "c", "latest_message": {"text": SAID}}
    call = {"next_action": "action_greet", "sender_id": "c", "tracker": tracker, "domain": {}, "version": "3.21.0"}
    with started("actions", port, tmp_path, RAPPORT_ACTIONS_URL=url) as log:
        until(lambda: answers(f"{url}/health") == 200, "the action server lives", 60)
        assert answers(f"{url}/webhook", json.dumps(call).encode()) >= 400
        time.sleep(0.2)
    rows = rows_in(log)
    assert {row["process"] for row in rows} == {"actions"}
    assert any("Traceback" in row.get("exception", "") for row in rows)
    assert SAID not in log.read_text()


def test_the_supervisor_says_in_json_what_it_would_say_to_people() -> None:
    program = "from bot.cli.supervisor import in_json; in_json('Rapport is ready:\\n  staff console')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["process"] == "supervisor"
    assert json.loads(line)["message"] == "Rapport is ready:\n  staff console"
