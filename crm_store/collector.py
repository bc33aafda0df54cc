"""Python's collector of cycles, kept from looking through millions of objects that hold none while many rows are dealt with."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 50_000
"""Made and not yet let go of, at which cycles are looked for among them."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Looks for cycles once in a few batches of rows meanwhile, which all go at their end. Also decorates a function."""
    usual = gc.get_threshold()
    gc.set_threshold(OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
