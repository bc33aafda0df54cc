"""A neighbour that speaks HTTP, as far as the doctor listens to it: Rasa, the action server, Telegram."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

RASA = "/webhooks/rapport/ready"
ACTIONS = "/health"
BOT_TOKEN = "123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


class Peer:
    """Knows one internal token and one bot. `date`: what its clock says; its real one where there is nothing."""

    def __init__(self, internal_token: str = "", date: str | None = None) -> None:
        self.internal_token = internal_token
        self.date = date
        self.asked: list[str] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                peer.asked.append(self.path)
                self.send_response_only(peer._status(self.path, self.headers.get("x-rapport-token")))
                self.send_header("date", peer.date or self.date_time_string())
                self.send_header("content-length", "0")
                self.end_headers()

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def _status(self, path: str, token: str | None) -> int:
        if path == RASA:
            return 204 if token == self.internal_token else 401
        if path == ACTIONS:
            return 200
        if path.endswith("/getMe"):
            return 200 if path == f"/bot{BOT_TOKEN}/getMe" else 401
        return 302

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
