"""The action server: rasa-sdk's own, on loopback, with the store behind it.

python -m actions
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from rasa_sdk.endpoint import create_app
from rasa_sdk.executor import ActionExecutor
from sanic import Sanic

from actions import customize, differentiate, identify, interact, service
from actions.call import StoreAction
from bot import logs
from bot.home import load_settings
from crm_store.business_file import load_business
from crm_store.database import open_engine
from crm_store.schema import ensure_current
from crm_store.turn import take_turn


def now() -> datetime:
    return datetime.now(UTC)


def build() -> Sanic[Any, Any]:
    """The server with every action of the project on it."""
    settings = load_settings()
    # Not durable by itself: the gateway's commit of the answer follows in the same log; until then the turn is repeated.
    engine = open_engine(settings.database_url, durable=False)
    ensure_current(engine)
    business = load_business(settings.business)
    StoreAction.take_turn = partial(take_turn, engine, business, clock=now, code_key=settings.code_key)
    executor = ActionExecutor()
    for module in (identify, differentiate, interact, customize, service):
        for member in vars(module).values():
            if isinstance(member, type) and issubclass(member, StoreAction) and member is not StoreAction:
                executor.register_action(member())
    return create_app(executor, cors_origins=[])


def main() -> None:
    logs.configure("WARNING", "actions", "json" if os.environ.get("RAPPORT_LOG_FORMAT") == "json" else "text")
    address = urlsplit(os.environ.get("RAPPORT_ACTIONS_URL", "http://127.0.0.1:5055"))
    build().run(host=address.hostname, port=address.port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    main()
