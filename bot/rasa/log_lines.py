"""Rasa's own log lines, which come by way of structlog, in the one form of all processes.

Only what happened is kept of them, and the error, if any: Rasa hangs the customer's words on a line, and structlog the local
variables on an error.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

from bot import logs


def log_as_all_others_do(form: logs.Format) -> None:
    """From now on, warnings and worse; to be called before Rasa logs anything."""
    logs.configure("WARNING", "rasa", form)
    # Old libraries warn of each other by the dozen, and one of them undoes `-W ignore`.
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.dev.set_exc_info, _what_happened],
        # Without this structlog renders every debug line, only to have most of them thrown away.
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _what_happened(_logger: object, _method: str, event: MutableMapping[str, Any]) -> tuple[tuple[str], dict[str, Any]]:
    told = str(event.get("event_info") or event.get("event", ""))
    return (told,), {"exc_info": event["exc_info"]} if event.get("exc_info") else {}
