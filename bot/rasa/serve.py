"""Starts the Rasa server for one stack: our patch, our channel, loopback, the model that was trained last."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from bot.rasa.log_lines import log_as_all_others_do


def main() -> None:
    log_as_all_others_do("json" if os.environ.get("RAPPORT_LOG_FORMAT") == "json" else "text")
    # Imported only now: dozens of old libraries come with these, and what they have to say is logged like all else.
    from rasa.core.run import serve_application
    from rasa.core.utils import AvailableEndpoints
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    from bot.rasa import graph, remote_action

    os.environ.setdefault("RAPPORT_TRACKER", str(Path(os.environ.get("RAPPORT_VAR", "var")) / "tracker.db"))
    remote_action.install()
    graph.install()
    event.listen(Engine, "connect", _prepare)
    address = urlsplit(os.environ.get("RAPPORT_RASA_URL", "http://127.0.0.1:5005"))
    serve_application(
        model_path=os.environ["RAPPORT_MODEL"],
        interface=address.hostname,
        port=address.port or 5005,
        credentials="credentials.yml",
        endpoints=AvailableEndpoints.read_endpoints("endpoints.yml"),
        enable_api=False,
    )


def _prepare(connection: object, _record: object) -> None:
    """A tracker that is lost with the power is no loss: the gateway still has the message and asks again."""
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON", "busy_timeout = 10000"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
