"""Rasa's SQL tracker store, with the conversations under way kept in memory.

Rasa's own reads all events of a conversation back and counts them again on each turn. Here a tracker that was saved stays at
hand until it is next asked for; a turn that fails never puts it back, so that the next one reads what was really saved.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.events import SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import SingletonThreadPool

AT_HAND = 512
"""Conversations kept in memory; the one longest silent goes first."""

_FORGET = text("DELETE FROM events WHERE sender_id = :sender")
_EVENTS = text("SELECT data FROM events WHERE sender_id = :sender ORDER BY id")


class TrackerStore(SQLTrackerStore):
    def __init__(self, *args: object, **kwargs: object) -> None:
        self._at_hand: OrderedDict[str, tuple[DialogueStateTracker, int]] = OrderedDict()
        self._stored: dict[str, int] = {}
        super().__init__(*args, **kwargs)
        # Rasa's engine opens the file anew for each turn; one connection serves the one thread that there is.
        self.engine = create_engine(self.engine.url, poolclass=SingletonThreadPool)
        self.sessionmaker = sessionmaker(bind=self.engine)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        kept = self._at_hand.pop(sender_id, None)
        if kept:
            tracker, self._stored[sender_id] = kept
            return tracker
        events = self._read(sender_id)
        self._stored[sender_id] = len(events)
        return DialogueStateTracker.from_dict(sender_id, events, self.domain.slots) if events else None

    def _read(self, sender_id: str) -> list[dict[str, Any]]:
        """The events of the conversation's last session, which is what Rasa works with."""
        with self.engine.connect() as connection:
            rows = connection.execute(_EVENTS, {"sender": sender_id}).scalars()
            events = [json.loads(row) for row in rows]
        starts = [i for i, event in enumerate(events) if event["event"] == SessionStarted.type_name]
        return events[starts[-1] :] if starts else events

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Writes the events that are new since the tracker was retrieved."""
        sender = tracker.sender_id
        events = list(tracker.events)[self._stored.pop(sender, 0) :]
        if not events:  # Rasa saves a conversation when it makes it, before anything was said
            return
        rows = [_row(sender, event.as_dict()) for event in events]
        with self.engine.begin() as connection:
            connection.execute(self.SQLEvent.__table__.insert(), rows)
        self._at_hand[sender] = (tracker, len(tracker.events))
        if len(self._at_hand) > AT_HAND:
            self._at_hand.popitem(last=False)

    def forget(self, sender_id: str) -> None:
        """Leaves nothing of a conversation, at hand or in the file."""
        self._at_hand.pop(sender_id, None)
        self._stored.pop(sender_id, None)
        with self.engine.begin() as connection:
            connection.execute(_FORGET, {"sender": sender_id})


def forget_conversation(store: Any, sender_id: str) -> None:
    """Forgets a conversation in a store as Rasa wraps ours: what could not be saved is in the wrapper's own memory."""
    unsaved = getattr(store, "_fallback_tracker_store", None)
    if unsaved is not None:
        unsaved.store.pop(sender_id, None)
    getattr(store, "_tracker_store", store).forget(sender_id)


def _row(sender: str, event: dict[str, object]) -> dict[str, object]:
    parsed = event.get("parse_data")
    return {
        "sender_id": sender,
        "type_name": event["event"],
        "timestamp": event.get("timestamp"),
        "intent_name": parsed["intent"].get("name") if isinstance(parsed, dict) else None,
        "action_name": event.get("name"),
        "data": json.dumps(event),
    }
