"""Figures as people read them at a glance. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime

NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
_UNITS = ((1e9, "bn"), (1e6, "M"), (1e3, "k"))


def short(amount: float) -> str:
    """Three digits and a unit: 178 M, 4.12 M, -950 k."""
    size = abs(amount)
    for unit, name in _UNITS:
        if size >= unit * 0.9995:
            return f"{_sign(amount)}{_three(size / unit)}\N{NO-BREAK SPACE}{name}"
    return f"{_sign(amount) if round(size) else ''}{size:.0f}"


def signed(amount: float) -> str:
    """The same with its sign, also where something was gained."""
    return f"+{short(amount)}" if round(amount) > 0 else short(amount)


def percent(share: float | None) -> str:
    """Without decimals; below 1 % and above 99 % as such."""
    if share is None:
        return NONE
    figure = f"{abs(share) * 100:.0f}"
    if figure == "0" and share:
        figure = "<1"
    if figure == "100" and abs(share) < 1:
        figure = ">99"
    return f"{MINUS if share < 0 else ''}{figure}\N{NO-BREAK SPACE}%"


def off_by(expected: float, came: float) -> str:
    """By how much a forecast was too high or too low, of what came."""
    if came <= 0:
        return NONE
    error = expected / came - 1
    if abs(error) < 0.005:
        return "exact to 1\N{NO-BREAK SPACE}%"
    return f"{percent(abs(error))} too {'high' if error > 0 else 'low'}"


def day(at: datetime | date) -> str:
    """A day as runs count them: in UTC."""
    on = at.astimezone(UTC) if isinstance(at, datetime) else at
    return f"{on.day} {on:%B %Y}"


def _three(size: float) -> str:
    return f"{size:.0f}" if size >= 99.95 else f"{size:.1f}" if size >= 9.995 else f"{size:.2f}"


def _sign(amount: float) -> str:
    return MINUS if amount < 0 else ""
