"""Starts the gateway.

python -m bot.gateway
"""

from __future__ import annotations

import uvicorn

from bot import logs
from bot.gateway.app import create_app
from bot.gateway.rasa import Rasa
from bot.home import load_settings
from crm_store.business_file import load_business
from crm_store.database import open_engine
from crm_store.schema import ensure_current


def main() -> None:
    settings = load_settings()
    logs.configure(settings.log_level, "gateway", settings.log_format)
    engine = open_engine(settings.database_url)
    ensure_current(engine)
    assistant = Rasa(settings.rasa_url, settings.actions_url, settings.secret("internal_token"))
    app = create_app(settings, engine, load_business(settings.business), assistant)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
