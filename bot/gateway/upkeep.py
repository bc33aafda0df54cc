"""What the gateway does by itself once an hour: what is over goes, and conversations that have been kept long enough."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from bot.gateway.erasing import Erasing
from bot.gateway.rasa import RasaUnavailableError
from crm_store.access.retention import prune_all, tidy
from crm_store.database import UnitOfWork

log = logging.getLogger("gateway")

EVERY_SECONDS = 3600.0


class Upkeep:
    """`keep_days`: how long a conversation is kept after its last word; 0: for ever."""

    def __init__(self, engine: Engine, erasing: Erasing, clock: Callable[[], datetime], keep_days: int) -> None:
        self._engine = engine
        self._erasing = erasing
        self._clock = clock
        self._keep_days = keep_days

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self._once)
                await self._erasing.forget_strays()
            except RasaUnavailableError as error:
                log.info("what the assistant remembers of erased conversations waits for it (%s)", error)
            except Exception:
                log.exception("what is over cannot be removed; the gateway tries again in an hour")
            await asyncio.sleep(EVERY_SECONDS)

    def _once(self) -> None:
        with UnitOfWork(self._engine) as work:
            tidy(work.connection, self._clock())
            work.commit()
        if self._keep_days:
            prune_all(self._engine, self._keep_days, self._clock(), lambda _: None)
