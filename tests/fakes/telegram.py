"""Telegram as a server: the Bot API (`telegram_api`) over HTTP, with people who write to the bot (`telegram_people`).

It brings updates by long poll or to a webhook, keeps what is sent, and can redeliver, answer 429, hang, drop connections, refuse
the token and be away. It runs in a thread of its own, so that a test may wait for it in whatever way it likes; or as a
program, for processes that are started apart:

    cd tests && python -m fakes.telegram --port 8081

    POST /fake/says {"person": 1, "text": "hello", "language_code": "en"}
    GET  /fake/sent
"""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web
from fakes.telegram_api import PATIENCE_SECONDS, TOKEN, ApiError, BotApi


@dataclass
class Fault:
    """What becomes of the next `times` calls of a method. `kind`:

    flood (429, to be tried again in `seconds`), hang (done, and answered after `seconds`), lost (done, but the answer never
    arrives), cut (not done, the connection breaks), error (500, not done), blocked (403, the person wants no more of it),
    conflict (409, somebody else asks)
    """

    kind: str
    method: str = "sendMessage"
    times: float = 1
    seconds: float = 1
    chat: int | None = None


class HangUpError(Exception):
    """The connection is broken off without a word."""


@dataclass
class FakeTelegram(BotApi):
    """The server. `flood`: the share of sends that are refused for now."""

    faults: list[Fault] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    """What a webhook answered other than 200."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._run, name="telegram", daemon=True)

    # Its life

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody listens at its address."""
        self._do(self._close())
        try:
            yield
        finally:
            self._do(self._open())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    async def _open(self) -> None:
        self._news = asyncio.Event()
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", self._call)
        app.router.add_post("/fake/says", self._says)
        app.router.add_get("/fake/sent", self._shown)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._pusher = asyncio.create_task(self._push())

    async def _close(self) -> None:
        self._pusher.cancel()
        await asyncio.gather(self._pusher, return_exceptions=True)
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _end(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    # What a test does

    def fail(self, kind: str, method: str = "sendMessage", **more: Any) -> None:
        self.faults.append(Fault(kind, method, **more))

    # The Bot API

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            given = dict(await request.post())
        except ConnectionResetError:  # who asked is gone
            return web.Response()
        if request.match_info["token"] != self.token:
            return web.json_response(ApiError(401, "Unauthorized").body, status=401)
        try:
            with self._changed:
                self.calls[method] += 1
                self._changed.notify_all()
            fault = self._fault(method, given)
            result = await self._do_unless(fault, method, given)
        except ApiError as error:
            return web.json_response(error.body, status=error.code)
        except HangUpError:
            assert request.transport
            request.transport.abort()
            return web.Response()
        return web.json_response({"ok": True, "result": result})

    async def _do_unless(self, fault: Fault | None, method: str, given: dict[str, Any]) -> Any:
        kind = fault.kind if fault else ""
        if kind == "flood":
            assert fault
            wait = int(fault.seconds)
            raise ApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        if kind == "error":
            raise ApiError(500, "Internal Server Error")
        if kind == "blocked":
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if kind == "conflict":
            raise ApiError(409, "Conflict: terminated by other getUpdates request")
        if kind == "cut":
            raise HangUpError
        do = getattr(self, f"_{method}", None)
        if do is None:
            raise ApiError(404, "Not Found: method not found")
        result = do(given)
        if asyncio.iscoroutine(result):
            result = await result
        if kind == "lost":
            raise HangUpError
        if kind == "hang":
            assert fault
            await asyncio.sleep(fault.seconds)
        return result

    def _fault(self, method: str, given: dict[str, Any]) -> Fault | None:
        chat = int(given.get("chat_id", 0))
        for fault in self.faults:
            if fault.times > 0 and fault.method == method and fault.chat in (None, chat):
                fault.times -= 1
                return fault
        if method == "sendMessage" and self._chance.random() < self.flood:
            return Fault("flood")
        return None

    # Its own webhook calls

    async def _push(self) -> None:
        """Brings updates to the webhook, each until it is taken."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as http:
            while True:
                if not self.webhook or not (self._pending or self._repeats):
                    await asyncio.sleep(0.02)
                    continue
                line = self._pending or self._repeats
                if await self._post(http, line[0]):
                    with self._changed:
                        line.pop(0)
                        self._changed.notify_all()
                else:
                    await asyncio.sleep(0.2)

    async def _post(self, http: aiohttp.ClientSession, update: dict[str, Any]) -> bool:
        assert self.webhook
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook.get("secret_token", "")}
        self.brought[update["update_id"]] += 1
        try:
            async with http.post(self.webhook["url"], json=update, headers=headers) as answer:
                if not answer.ok:
                    self.refusals.append(answer.status)
                return answer.ok
        except (aiohttp.ClientError, TimeoutError):
            return False

    # For other programs

    async def _says(self, request: web.Request) -> web.Response:
        from fakes.telegram_people import Person

        asked = await request.json()
        person = Person(self, int(asked["person"]), asked.get("language_code"))
        return web.json_response({"update_id": person.says(asked["text"])})

    async def _shown(self, _: web.Request) -> web.Response:
        return web.json_response([vars(sent) for sent in self.sent])


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--port", type=int, default=0)
    asked.add_argument("--token", default=TOKEN)
    options = asked.parse_args()
    with FakeTelegram(options.token, options.port) as telegram:
        print(f"RAPPORT_TELEGRAM_API_URL={telegram.url} RAPPORT_TELEGRAM_TOKEN={options.token}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
