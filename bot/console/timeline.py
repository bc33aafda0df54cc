"""A transcript in the order in which it happened: days, messages, and who came in and left between them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from bot.console.wording import Wording
from crm_store.conversations.handovers import Change
from crm_store.conversations.transcripts import Message, Transcript


@dataclass(frozen=True)
class Entry:
    """One line. `id`: the same for the same line whenever the page is made, so that a page can tell what is new."""

    kind: Literal["day", "message", "change"]
    id: str
    at: datetime
    message: Message | None = None
    change: Change | None = None


def timeline(transcript: Transcript, wording: Wording) -> list[Entry]:
    """All lines. A message stays where its number puts it, whatever its clock said."""
    entries: list[Entry] = []
    coming = [
        Entry("change", f"c{n}", change.at, change=change) for n, change in enumerate(transcript.changes, start=1)
    ]
    for message in transcript.messages:
        while coming and coming[0].at <= message.at:
            entries.append(coming.pop(0))
        entries.append(Entry("message", f"m{message.seq}", message.at, message=message))
    return _with_days([*entries, *coming], wording)


def _with_days(entries: list[Entry], wording: Wording) -> list[Entry]:
    dated: list[Entry] = []
    last: date | None = None
    for entry in entries:
        day = entry.at.astimezone(wording.zone).date()
        if day != last:
            dated.append(Entry("day", f"d{day.isoformat()}-{entry.id}", entry.at))
            last = day
        dated.append(entry)
    return dated
