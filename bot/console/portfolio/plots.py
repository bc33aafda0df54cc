"""Plots as SVG: bars, pairs of bars, and what came true beside what was expected. Pure; colours are the style sheet's.

As wide as a phone, so that what is written in them is read there too. Each says in words what it shows; the figures stand in a
table beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from bot.console.portfolio.figures import percent

WIDE, TALL = 400, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 38
Figure = Callable[[float], str]


@dataclass(frozen=True)
class Bar:
    """`title`: what is said of it when it is pointed at."""

    name: str
    value: float
    title: str


@dataclass(frozen=True)
class Pair:
    """What was expected and what came."""

    name: str
    expected: float
    came: float
    title: str


@dataclass(frozen=True)
class Dot:
    """`expected`, `share` and its interval lie between 0 and 1; `weight`: of all predictions, how many are here."""

    expected: float
    share: float
    low: float
    high: float
    weight: float
    title: str


def bars(those: Sequence[Bar], says: str, axis: str, figure: Figure) -> Markup:
    """Upright bars; those below zero hang from the line."""
    scale = _Scale.of([bar.value for bar in those])
    step = (WIDE - LEFT - RIGHT) / max(1, len(those))
    drawn = [scale.grid(figure)]
    for place, bar in enumerate(those):
        drawn.append(
            _rect(
                "column" if bar.value >= 0 else "column loss",
                LEFT + place * step + 3,
                step - 6,
                bar.value,
                scale,
                bar.title,
            )
        )
        drawn.append(_name(LEFT + (place + 0.5) * step, bar.name))
    return _svg(says, axis, drawn)


def pairs(those: Sequence[Pair], says: str, axis: str, figure: Figure) -> Markup:
    """Of each group what was expected, pale, beside what came."""
    scale = _Scale.of([value for pair in those for value in (pair.expected, pair.came)])
    step = (WIDE - LEFT - RIGHT) / max(1, len(those))
    half = (step - 8) / 2
    drawn = [scale.grid(figure)]
    for place, pair in enumerate(those):
        x = LEFT + place * step + 4
        drawn.append(_rect("column pale", x, half, pair.expected, scale, pair.title))
        drawn.append(_rect("column" if pair.came >= 0 else "column loss", x + half, half, pair.came, scale, pair.title))
        drawn.append(_name(LEFT + (place + 0.5) * step, pair.name))
    return _svg(says, axis, drawn)


def reliability(those: Sequence[Dot], says: str, axis: str) -> Markup:
    """Shares that came true over probabilities; on the diagonal where both are the same."""
    side_x, side_y = WIDE - LEFT - RIGHT, TALL - TOP - BOTTOM

    def x(p: float) -> str:
        return f"{LEFT + p * side_x:.1f}"

    def y(p: float) -> str:
        return f"{TOP + (1 - p) * side_y:.1f}"

    drawn = [_line("even", x(0), y(0), x(1), y(1))]
    for mark in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawn += [
            _line("axis", x(0), y(mark), x(1), y(mark)),
            _at_left(y(mark), percent(mark)),
            _name(float(x(mark)), percent(mark)),
        ]
    for dot in those:
        drawn.append(_line("spread", x(dot.expected), y(dot.low), x(dot.expected), y(dot.high)))
        radius = 3 + 6 * dot.weight**0.5
        drawn.append(
            f'<circle class="point" cx="{x(dot.expected)}" cy="{y(dot.share)}" r="{radius:.1f}">'
            f"<title>{escape(dot.title)}</title></circle>"
        )
    return _svg(says, axis, drawn)


@dataclass(frozen=True)
class _Scale:
    """From values to heights: round steps from the least to the greatest, zero among them."""

    low: float
    high: float
    step: float

    @classmethod
    def of(cls, values: Sequence[float]) -> _Scale:
        low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
        rough = (high - low) / 4 or 1.0
        ten = 10.0 ** _exponent(rough)
        step = next(times * ten for times in (1, 2, 2.5, 5, 10) if times * ten >= rough)
        return cls(_down(low / step) * step, -_down(-high / step) * step, step)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low or 1.0) * (TALL - TOP - BOTTOM)

    def grid(self, figure: Figure) -> str:
        marks = [self.low + place * self.step for place in range(round((self.high - self.low) / self.step) + 1)]
        return "".join(
            _line(
                "axis zero" if not round(mark / self.step) else "axis",
                LEFT,
                f"{self.y(mark):.1f}",
                WIDE - RIGHT,
                f"{self.y(mark):.1f}",
            )
            + _at_left(f"{self.y(mark):.1f}", figure(mark))
            for mark in marks
        )


def _exponent(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def _down(value: float) -> int:
    return int(value // 1)


def _rect(kind: str, x: float, wide: float, value: float, scale: _Scale, title: str) -> str:
    top, bottom = sorted((scale.y(value), scale.y(0.0)))
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{bottom - top:.1f}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _line(kind: str, x1: object, y1: object, x2: object, y2: object) -> str:
    return f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _at_left(y: str, text: str) -> str:
    return f'<text x="{LEFT - 5}" y="{y}" dy="0.35em" text-anchor="end">{escape(text)}</text>'


def _name(x: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{TALL - BOTTOM + 15}" text-anchor="middle">{escape(text)}</text>'


def _svg(says: str, axis: str, drawn: Sequence[str]) -> Markup:
    below = f'<text class="what" x="{(WIDE + LEFT) / 2:.0f}" y="{TALL - 5}" text-anchor="middle">{escape(axis)}</text>'
    inner = "".join(drawn) + below
    return Markup(f'<svg class="plot" viewBox="0 0 {WIDE} {TALL}" role="img" aria-label="{escape(says)}">{inner}</svg>')  # noqa: S704  what is not ours is escaped above
