"""How often somebody may try to sign in with one address. A rule with a memory; knows no clock.

The memory is one process's: a restart forgets it, which costs an attacker more than it gives.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

FREE_FAILURES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
MOST_ADDRESSES = 10_000
"""Anybody can invent addresses; the memory they fill is bounded, the oldest goes first."""


class Attempts:
    """Failures by address: after FREE_FAILURES in a row each further one doubles the wait, up to
    LONGEST_WAIT.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def wait(self, email: str, now: datetime) -> timedelta:
        """How long from now until this address may be tried again; zero when it may be at once."""
        count, last = self._failures.get(_key(email), (0, now))
        if count < FREE_FAILURES or now - last >= FORGOTTEN_AFTER:
            return timedelta(0)
        doublings: int = 1 << min(count - FREE_FAILURES, 10)
        pause = min(FIRST_WAIT * doublings, LONGEST_WAIT)
        return max(last + pause - now, timedelta(0))

    def failed(self, email: str, now: datetime) -> None:
        count, last = self._failures.pop(_key(email), (0, now))
        self._failures[_key(email)] = (1 if now - last >= FORGOTTEN_AFTER else count + 1, now)
        if len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, email: str) -> None:
        self._failures.pop(_key(email), None)


def _key(email: str) -> str:
    return email.strip().lower()[:255]
