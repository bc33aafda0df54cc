"""How often one address may do something. In this process's memory; knows no route."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

MINUTE = timedelta(minutes=1)
MOST_ADDRESSES = 10_000
"""Remembered at once; then those that have been quiet for a minute are let go."""


class Limit:
    """`per_minute` times at once, and as many again spread over each minute that follows; 0: without limit.

    This machine's own addresses have none: checks and measurements come from there, and so does everybody where a proxy does
    not say for whom it asks, who must not be shut out together.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._spent: dict[str, tuple[float, datetime]] = {}

    def wait(self, address: str | None, now: datetime) -> float:
        """Counts one more time and returns 0, or the seconds after which there is room for it."""
        who = _counted_as(address) if address and self._per_minute else None
        if who is None:
            return 0
        spent, at = self._spent.get(who, (0.0, now))
        spent = max(0.0, spent - self._earned(now - at)) + 1
        if spent > self._per_minute:
            return (spent - self._per_minute) * MINUTE.total_seconds() / self._per_minute
        if len(self._spent) >= MOST_ADDRESSES:
            self._spent = {a: s for a, s in self._spent.items() if now - s[1] < MINUTE}
        self._spent[who] = (spent, now)
        return 0

    def _earned(self, passed: timedelta) -> float:
        return max(0.0, passed / MINUTE) * self._per_minute


def _counted_as(address: str) -> str | None:
    """An address, of IPv6 the network that one customer is given; None for this machine's own and for what is none."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return None
    return str(found) if found.version == 4 else found.exploded[:19]
