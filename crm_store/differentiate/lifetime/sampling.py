"""Some who stand for all: evenly spaced, and so the same each time."""

from __future__ import annotations


def spacing(count: int, most: int) -> int:
    """Each how-many-th of `count` is looked at, so that no more than `most` are."""
    return max(1, -(-count // most))
