"""Erasures carried to their end beside the gateway's work: whatever Rasa remembers, the files, the goodbyes.

The rows are gone by then; what is still to do stands in `erasures`, whoever erased: a customer in the chat, the operator's
command, a gateway that died in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from bot.gateway.rasa import Assistant
from crm_store.access import remains


class Erasing:
    def __init__(self, engine: Engine, assistant: Assistant, tracker_path: Path, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._assistant = assistant
        self._tracker_path = tracker_path
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def carry_out(self) -> int:
        """Takes every open erasure as far as it goes now. Returns how many are done.

        Raises RasaUnavailableError while Rasa cannot say that it has forgotten; they stay open then.
        """
        async with self._one_at_a_time:
            erased = await asyncio.to_thread(remains.open_erasures, self._engine)
            if not erased:
                return 0
            talks = [talk for each in erased for talk in each.trackers]
            await self._forget(talks)
            return await asyncio.to_thread(remains.carry_out, self._engine, self._tracker_path, erased, self._clock())

    async def forget_strays(self) -> int:
        """Lets go of conversations that the tracker holds and the store does not know. Returns how many."""
        async with self._one_at_a_time:
            talks = await asyncio.to_thread(remains.strays, self._engine, self._tracker_path)
            await self._forget(talks)
            return len(talks)

    async def _forget(self, talks: list[str]) -> None:
        if not talks:
            return
        try:
            await self._assistant.forget(talks)
        finally:  # the file can be emptied without Rasa
            await asyncio.to_thread(remains.forget_in_file, self._tracker_path, talks)
