"""How every process of ours logs: one line a happening, with time, level, process and message, on stderr.

What customers say, and what they are called, has no place in a log: name a message, a conversation or a customer by its id.
"""

from __future__ import annotations

import logging
import sys
import time

CHATTY = ("httpx", "httpcore", "uvicorn.access", "urllib3", "asyncio", "alembic")
"""Libraries that tell every request; their warnings are enough."""


def configure(level: str, name: str) -> None:
    """Logs from now on at `level` and above, as the process `name`. Times are UTC. A second call replaces the first."""
    formatter = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {name} %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    # uvicorn brings handlers of its own; without them its lines look like all others.
    for library in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(library).handlers.clear()
        logging.getLogger(library).propagate = True
