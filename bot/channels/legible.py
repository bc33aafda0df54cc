"""What can be read of a text that somebody sent, the same on every channel. Pure."""

from __future__ import annotations

import unicodedata

INVISIBLE = {"Cc", "Cf", "Cs", "Co"}
"""Not Cn: what this Python's table of characters does not have yet is, most of all, the newest emoji."""
KEPT = "\n\t\u200d"
"""Line breaks, and the joiner inside emoji."""


def legible(text: str) -> str:
    """The text without what nobody can see; empty where nothing else was in it. PostgreSQL could not even store some of it."""
    seen = "".join(c for c in text if c in KEPT or unicodedata.category(c) not in INVISIBLE).strip()
    return seen if seen.strip(KEPT) else ""
