"""The whole stack as an operator starts it, and a customer who talks to it over HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import Engine, select

from bot.cli.run_record import read_record, record_path
from bot.cli.training import model_state, train
from bot.settings import ROOT, Settings
from crm_store.database import reading
from crm_store.tables import erasures

PATIENCE = 120.0
"""Seconds for a busy machine to start all of it."""


def train_if_needed() -> None:
    """So that a stack finds its model."""
    settings = Settings(_env_file=None)
    if model_state(settings) != "ready":
        train(settings, print)


class Stack:
    """`rapport up` on a free port, with folders and a database of its own; the model is the one trained in `var`."""

    def __init__(self, database_url: str, var: Path, *, demo: bool = True, **settings: str) -> None:
        self.database_url = database_url
        self.var = var
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        var.mkdir(parents=True, exist_ok=True)
        (var / "model.json").write_bytes((ROOT / "var/model.json").read_bytes())
        self.environment = {
            **os.environ,
            "PORT": str(self.port),
            "DATABASE_URL": database_url,
            "RAPPORT_VAR": str(var),
            "RAPPORT_DEMO": "1" if demo else "0",
            **settings,
        }
        self.http = httpx.Client(base_url=self.url, timeout=40)
        self._log = (var / "up.log").open("wb")
        self._up = subprocess.Popen(
            [sys.executable, "-m", "bot.cli.main", "up"],
            cwd=ROOT,
            env=self.environment,
            stdout=self._log,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self._up.poll() is None, (self.var / "up.log").read_text()[-3000:]
            try:
                return self.http.get("/readyz", timeout=5).is_success
            except httpx.HTTPError:
                return False

        until(ready, "the stack is ready", PATIENCE)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self._up.send_signal(signal.SIGINT)
        code = self._up.wait(30)
        self._log.close()
        self.http.close()
        return code

    @property
    def supervisor(self) -> int:
        return self._up.pid

    def pid(self, name: str) -> int:
        """Of a process of the stack; 0 while it is down."""
        record = read_record(record_path(self.var, self.port))
        assert record
        return next((child.pid for child in record.children if child.name == name and child.pid), 0)

    def signal(self, name: str, number: signal.Signals) -> int:
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def rapport(self, *words: str) -> str:
        """A command of the operator's; its output."""
        done = subprocess.run(
            [sys.executable, "-m", "bot.cli.main", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def api_key(self) -> str:
        """As other systems of the business have it; it was made when the stack first started."""
        key: str = json.loads((self.var / "secrets.json").read_text())["api_key"]
        return key

    def user_token(self, person: str) -> str:
        """Signed in at the demo shop."""
        token: str = self.http.post("/demo/sign-in", json={"id": person}).raise_for_status().json()["user_token"]
        return token


@contextmanager
def running(database_url: str, var: Path, **settings: str) -> Iterator[Stack]:
    """`settings`: of the environment, such as RAPPORT_TELEGRAM_TOKEN."""
    stack = Stack(database_url, var, **settings)
    try:
        stack.wait_until_ready()
        yield stack
    finally:
        stack.stop()


class Talker:
    """One customer in the chat."""

    def __init__(self, stack: Stack, language: str = "en", **session: str | bool) -> None:
        self._http = stack.http
        opened = self._http.post("/v1/chat/sessions", json={"language": language, **session})
        assert opened.status_code == 201, opened.text
        body = opened.json()
        self.session_token: str = body["session_token"]
        self.device_token: str = body["device_token"]
        self.conversation_id: str = body["conversation_id"]
        self._headers = {"authorization": f"Bearer {self.session_token}"}
        self.seq = 0
        self.heard: list[dict[str, Any]] = []

    def post(self, **message: str) -> httpx.Response:
        return self._http.post("/v1/chat/messages", json={"client_id": uuid4().hex, **message}, headers=self._headers)

    def send(self, **message: str) -> str:
        """Sends and returns the message's id."""
        sent = self.post(**message)
        assert sent.status_code == 202, sent.text
        message_id: str = sent.json()["message_id"]
        return message_id

    def news(self, wait: float = 0) -> list[dict[str, Any]]:
        answered = self._http.get("/v1/chat/messages", params={"after": self.seq, "wait": wait}, headers=self._headers)
        got = answered.raise_for_status().json()
        for message in got["messages"]:
            self.seq = max(self.seq, message["seq"])
            self.heard.append(message)
        return [m for m in got["messages"] if m["author"] != "customer"]

    def answer(self, seconds: float = PATIENCE) -> list[dict[str, Any]]:
        """What is said next that is no mere notice of a delay."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            real = [m for m in self.news(wait=10) if not is_notice(m)]
            if real:
                return real
        raise AssertionError(f"no answer within {seconds} s")

    def say(self, text: str) -> list[dict[str, Any]]:
        self.send(text=text)
        return self.answer()

    def press(self, title: str) -> list[dict[str, Any]]:
        """Presses the newest button of this title."""
        buttons = [b for m in reversed(self.heard) for b in m.get("buttons", []) if b["title"] == title]
        self.send(payload=buttons[0]["payload"])
        return self.answer()


def is_notice(message: dict[str, Any]) -> bool:
    return message["text"].startswith(("I can't answer right now", "Saya belum bisa menjawab"))


def text_of(said: list[dict[str, Any]]) -> str:
    return "\n".join(m["text"] for m in said)


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Waits for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


def is_carried_out(store: Engine) -> bool:
    """Whether every erasure has come to its end, in Rasa's memory too."""
    with reading(store) as connection:
        return connection.execute(select(erasures.c.id).where(erasures.c.done_at.is_(None))).first() is None


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
