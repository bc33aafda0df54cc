"""How every process of ours logs: a happening is one record on stderr, with time, level, process, logger and message.

What customers say, and what they are called, has no place in a log: name a message, a conversation or a customer by its id.
Also imported by the Rasa process, whose Python is 3.10: knows nothing else of ours.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from types import TracebackType
from typing import Any, Literal

Format = Literal["text", "json"]

CHATTY = ("httpx", "httpcore", "uvicorn.access", "urllib3", "asyncio", "alembic")
"""Libraries that tell every request; their warnings are enough."""

FIELDS = ("at", "level", "process", "logger", "message", "exception")
"""Of a JSON line, in this order. Whatever else a library hangs on a record is left out: it may be what a customer said."""

_BOT_TOKEN = re.compile(r"(?<!\d)\d{5,}:[A-Za-z0-9_-]{20,}")
"""A Telegram token stands in the address of every call, and so in many an error."""


def configure(level: str, name: str, form: Format = "text") -> None:
    """Logs from now on at `level` and above, as the process `name`. Times are UTC. A second call replaces the first."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json(name) if form == "json" else _Text(name))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    # uvicorn brings handlers of its own; without them its lines look like all others.
    for library in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(library).handlers.clear()
        logging.getLogger(library).propagate = True
    logging.captureWarnings(capture=True)
    _last_words(logging.getLogger(name))


def without_secrets(text: str) -> str:
    """The text with any Telegram token in it made unreadable."""
    return _BOT_TOKEN.sub("<token>", text)


class _Text(logging.Formatter):
    """For people; a traceback follows its line."""

    def __init__(self, name: str) -> None:
        super().__init__(f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {name} %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def _json(name: str) -> logging.Formatter:
    """For programs; always one line. Imported late: text needs no library."""
    from pythonjsonlogger.json import JsonFormatter

    class Json(JsonFormatter):
        def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
            return {field: log_data[field] for field in FIELDS if field in log_data}

        def format(self, record: logging.LogRecord) -> str:
            return without_secrets(super().format(record))

    return Json(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
        static_fields={"process": name},
        timestamp="at",
        json_ensure_ascii=False,
    )


def _last_words(log: logging.Logger) -> None:
    """What ends the process, or a thread of it, is a happening too."""

    def ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("ended by %s", kind.__name__, exc_info=(kind, error, trace))

    def thread_ended(what: threading.ExceptHookArgs) -> None:
        if what.exc_value is not None:
            log.error("a thread ended by %s", what.exc_type.__name__, exc_info=what.exc_value)

    sys.excepthook = ended
    threading.excepthook = thread_ended
