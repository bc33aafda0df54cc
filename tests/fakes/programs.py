"""Small programs that stand in for the processes of a stack: run as `python programs.py NAME`.

gateway    answers /readyz on $PORT: 503 until the file $READY exists, 200 from then on
patient    waits until it is told to stop
stubborn   does not listen to TERM, and makes the file $READY once it no longer does
short      says its last words and dies
up         `rapport up` with the first two in the place of the real processes
hasty      the supervisor on the record file that is named next, with waits of hundredths of a second
held       the same with its usual waits, and with the lock of its port
"""

from __future__ import annotations

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from bot.cli.run_record import ChildRecord


def argv(name: str) -> list[str]:
    """How to start the program `name`."""
    return [sys.executable, __file__, name]


def child(name: str, program: str, port: int = 0) -> ChildRecord:
    return ChildRecord(name, argv(program), port)


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ready = Path(os.environ["READY"]).exists()
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(b"{}" if ready else b'{"detail": "Rasa does not answer yet."}')


def gateway() -> None:
    print("gateway: at your service", flush=True)
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), _Ready).serve_forever()


def patient() -> None:
    signal.pause()


def stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(os.environ["READY"]).touch()
    while True:
        signal.pause()


def short() -> None:
    sys.exit("short: these are my last words")


def up() -> None:
    from bot.cli.up import up as start
    from bot.settings import Settings

    def processes(settings: Settings) -> list[ChildRecord]:
        return [child("gateway", "gateway", settings.port), child("actions", "patient"), child("rasa", "patient")]

    start(Settings(), prepare=lambda settings: settings.var / "model", processes=processes)


def hasty() -> None:
    from bot.cli.child import Pace
    from bot.cli.supervisor import main

    sys.exit(main(sys.argv[2], Pace(first_wait=0.01, longest_wait=0.04, quick=60, grace=0.5, silence=0.1)))


def held() -> None:
    from bot.cli.run_record import hold_port
    from bot.cli.supervisor import main

    hold_port(Path(os.environ["RAPPORT_VAR"]), int(os.environ["PORT"]))
    sys.exit(main(sys.argv[2]))


if __name__ == "__main__":
    {f.__name__: f for f in (gateway, patient, stubborn, short, up, hasty, held)}[sys.argv[1]]()
