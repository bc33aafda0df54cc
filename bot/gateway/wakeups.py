"""Waking those who wait for news of a conversation, or of any: polls, streams, deliveries. In this process and its loop only."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Wakeups:
    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._of_any: set[asyncio.Event] = set()

    def wake(self, conversation_id: str) -> None:
        for event in (*self._waiting.get(conversation_id, ()), *self._of_any):
            event.set()

    @contextmanager
    def listening_to_all(self) -> Iterator[asyncio.Event]:
        """An event that is set by news of whichever conversation; it is for whoever listens to clear."""
        event = asyncio.Event()
        self._of_any.add(event)
        try:
            yield event
        finally:
            self._of_any.discard(event)

    @contextmanager
    def listening(self, conversation_id: str) -> Iterator[asyncio.Event]:
        """An event that is set by news. Listen before you look, or news in between is missed."""
        event = asyncio.Event()
        self._waiting[conversation_id].add(event)
        try:
            yield event
        finally:
            self._waiting[conversation_id].discard(event)
            if not self._waiting[conversation_id]:
                del self._waiting[conversation_id]


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set or the time is over."""
    # Not `asyncio.wait_for`: up to Python 3.11 it loses a cancellation that comes together with the event.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
