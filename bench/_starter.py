"""The peer: the assistant that `rasa init` makes, as it comes, over its REST channel. Trained once, kept under var/bench."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

import httpx
import psutil

from bot.settings import ROOT

RASA = ROOT / "bot/rasa/.venv/bin/rasa"
HOME = ROOT / "var/bench/starter"
SAYS = (
    "hello",
    "I am feeling great",
    "hi there",
    "so sad",
    "yes",
    "are you a bot?",
    "no",
    "awesome",
    "good morning",
    "bye",
)


@contextmanager
def running(port: int) -> Iterator[psutil.Process]:
    """The starter's server; trained first when it is not."""
    environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if not list(HOME.glob("models/*.tar.gz")):
        print("starter: rasa init and its training, a minute or two ...")
        HOME.mkdir(parents=True, exist_ok=True)
        subprocess.run([RASA, "init", "--no-prompt"], cwd=HOME, env=environment, check=True, **quiet)
    (HOME / "credentials.yml").write_text("rest:\n")
    server = subprocess.Popen([RASA, "run", "--port", str(port)], cwd=HOME, env=environment, **quiet)
    try:
        _wait(f"http://127.0.0.1:{port}/", server)
        yield psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(30)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise SystemExit("the starter's server did not start")
        with suppress(httpx.HTTPError):
            httpx.get(url, timeout=1)
            return
        time.sleep(0.3)
    raise SystemExit("the starter's server did not answer")


class StarterCustomer:
    def __init__(self, port: int) -> None:
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)
        self._lines = itertools.cycle(SAYS)
        self._said = 0
        self._name = ""

    def turn(self) -> None:
        if self._said % len(SAYS) == 0:
            self._name = uuid4().hex
        self._said += 1
        body = {"sender": self._name, "message": next(self._lines)}
        self._http.post("/webhooks/rest/webhook", json=body).raise_for_status()
