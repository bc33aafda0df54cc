"""The way to Telegram: the library's bot, over a transport that says what became of a call that failed.

telegram.error.TelegramError
+-- InvalidToken        Telegram does not know the token
+-- RetryAfter          too much was sent; when to try again
+-- Forbidden           the customer has blocked the bot, or is gone
+-- Conflict            another program asks for this bot's updates, or a webhook is set
+-- NetworkError
    +-- BadRequest      Telegram does not take this message, now or ever
    +-- NotSentError    it surely never reached Telegram
    +-- UnclearError    nobody can say whether it did
"""

from __future__ import annotations

import json
import logging
import os
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpx
from telegram import Update
from telegram.error import NetworkError, RetryAfter
from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest

log = logging.getLogger("gateway.telegram")

# Asks the library for times as what they are; without it an attribute of RetryAfter warns whenever it is read.
os.environ["PTB_TIMEDELTA"] = "true"

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
"""How long Telegram may take to answer; what takes longer has an outcome that nobody knows."""
CONNECTIONS = 32


class NotSentError(NetworkError):
    """No connection came about, or none was free: nothing has left this machine."""


class UnclearError(NetworkError):
    """The call was on its way, and then something failed: a time-out, a connection that broke, a server's own error."""


class Transport(HTTPXRequest):
    """The library's own, which tells every failure of the network alike; here they are told apart."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        try:
            code, payload = await super().do_request(*args, **kwargs)
        except NetworkError as error:
            cause = error.__cause__
            sent = not isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            what = type(cause).__name__ if cause else str(error)
            raise (UnclearError(what) if sent else NotSentError(what)) from error
        if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise UnclearError(f"Telegram answered {code}")
        return code, payload


class UpdatesTransport(Transport):
    """For updates: one that the library cannot read arrives empty, with its number, and holds up nothing that comes after it."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        code, payload = await super().do_request(*args, **kwargs)
        if code != HTTPStatus.OK:
            return code, payload
        body = json.loads(payload)
        if isinstance(body["result"], list):
            body["result"] = [raw if update_of(raw) else {"update_id": raw["update_id"]} for raw in body["result"]]
        return code, json.dumps(body).encode()


def update_of(raw: Any) -> Update | None:
    """The update as the library's object; None where the library cannot read it, such as one of an older Bot API server.

    `raw`: what the JSON holds, or its bytes.
    """
    try:
        return Update.de_json(json.loads(raw) if isinstance(raw, bytes) else raw, None)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        # Its words have no place in a log.
        log.error("an update cannot be read (%s): passed over", type(error).__name__)  # noqa: TRY400
        return None


Bot = ExtBot[Any]


def open_bot(token: str, api_url: str) -> Bot:
    """A bot that keeps Telegram's limits. Needs a running loop; `initialize` is the first call to Telegram."""
    # It reports each 429 with a traceback; the delivery takes it up and says so in one line.
    logging.getLogger("telegram.ext.AIORateLimiter").setLevel(logging.CRITICAL)
    return ExtBot(
        token=token,
        base_url=f"{api_url.rstrip('/')}/bot",
        request=_transport(Transport, CONNECTIONS),
        get_updates_request=_transport(UpdatesTransport, 1),
        rate_limiter=AIORateLimiter(),
    )


def bot_id(token: str) -> str:
    """The bot's own id, which its token begins with."""
    return token.partition(":")[0][:32]


def wait_of(error: RetryAfter) -> timedelta:
    """How long Telegram wants us to wait."""
    wait = error.retry_after
    return wait if isinstance(wait, timedelta) else timedelta(seconds=wait)


def _transport(kind: type[Transport], connections: int) -> Transport:
    return kind(
        connection_pool_size=connections,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=ANSWER_SECONDS,
        write_timeout=ANSWER_SECONDS,
        pool_timeout=ANSWER_SECONDS,
    )
