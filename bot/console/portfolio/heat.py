"""The heat table: tiers by needs, the deeper the shade the more value, with what is most named. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.console.portfolio.figures import percent, short
from bot.console.wording import Wording
from crm_store.differentiate.portfolio import Portfolio, Sums

UNKNOWN = "Not known yet"
SHADES = 8


@dataclass(frozen=True)
class Cell:
    """`shade`: its class, by its part of all actual value; `marks`: what is most in it. `chosen`: of which tier and need."""

    customers: int
    actual: str
    future: str
    unrealised: str
    shade: str
    marks: list[str]
    chosen: dict[str, str | None]


@dataclass(frozen=True)
class Row:
    title: str
    chosen: dict[str, str | None]
    cells: list[Cell]
    together: Cell


@dataclass(frozen=True)
class Column:
    title: str
    chosen: dict[str, str | None]


@dataclass(frozen=True)
class Heat:
    columns: list[Column]
    rows: list[Row]
    foot: list[Cell]
    together: Cell
    sentences: list[str]


def heat(drawn: Portfolio, say: Wording) -> Heat:
    """Tiers, the most valuable first, by needs."""
    cells = {(cell.tier, cell.segment): cell.sums for cell in drawn.cells}
    tiers = drawn.ranks
    known: list[str | None] = list(drawn.segments)
    needs = [*known, None] if any(segment is None for _, segment in cells) else known
    needs = needs if drawn.segments else []
    marks = _marks(cells, needs)
    scale = _Scale.of(cells)

    def cell(tier: str | None, need: str | None, sums: Sums, scale: _Scale = scale) -> Cell:
        chosen = {"tier": tier, "need": need}
        return Cell(
            sums.customers,
            short(sums.actual),
            short(sums.future),
            short(sums.unrealised),
            _shade(sums.actual, scale) if sums.customers else "none",
            marks.get((tier, need), []) if tier else [],
            chosen,
        )

    rows = []
    for tier in tiers:
        theirs = [cells.get((tier, need), Sums()) for need in needs]
        each = [cell(tier, need, sums) for need, sums in zip(needs, theirs, strict=True)]
        rows.append(Row(say.tier(tier), {"tier": tier}, each, cell(tier, None, drawn.by_tier()[tier], _NO_SCALE)))
    foot = [cell(None, need, sum((s for (_, n), s in cells.items() if n == need), Sums()), _NO_SCALE) for need in needs]
    heads = [Column(say.segment(need) if need else UNKNOWN, {"need": need}) for need in needs]
    return Heat(heads, rows, foot, cell(None, None, drawn.together, _NO_SCALE), _sentences(drawn, cells, needs, say))


Cells = dict[tuple[str, str | None], Sums]
MOST = {"actual": "most value", "unrealised": "most to win", "loss": "costs most"}


def _most(cells: Cells) -> dict[str, tuple[str, str | None]]:
    """Which cell has most of what, where any has."""
    if not cells:
        return {}
    found = {name: max(cells, key=lambda place: getattr(cells[place], name)) for name in ("actual", "unrealised")}
    found = {name: place for name, place in found.items() if getattr(cells[place], name) > 0}
    loss = min(cells, key=lambda place: cells[place].actual)
    return found | ({"loss": loss} if cells[loss].actual < 0 else {})


def _marks(cells: Cells, needs: Sequence[str | None]) -> dict[tuple[str | None, str | None], list[str]]:
    marks: dict[tuple[str | None, str | None], list[str]] = {}
    for name, place in (_most(cells) if needs else {}).items():
        marks.setdefault(place, []).append(MOST[name])
    return marks


def _sentences(drawn: Portfolio, cells: Cells, needs: Sequence[str | None], say: Wording) -> list[str]:
    together, most = drawn.together, _most(cells)

    def named(place: tuple[str, str | None]) -> str:
        tier, need = place
        return f"{say.tier(tier)}" + (f", {say.segment(need) if need else UNKNOWN.lower()}" if needs else "")

    def part(place: tuple[str, str | None]) -> str:
        return percent(cells[place].customers / together.customers)

    said = []
    if "actual" in most and together.actual > 0:
        at = most["actual"]
        said.append(
            f"Most value: {named(at)}. {part(at)} of the customers, {percent(cells[at].actual / together.actual)} of actual value."
        )
    if "unrealised" in most and together.unrealised > 0:
        at = most["unrealised"]
        said.append(
            f"Most to win: {named(at)}. {percent(cells[at].unrealised / together.unrealised)} of what is unrealised lies with them."
        )
    if "loss" in most:
        at = most["loss"]
        said.append(
            f"Costs most: {named(at)}. {part(at)} of the customers cost {short(-cells[at].actual)} more than they brought."
        )
    return said


@dataclass(frozen=True)
class _Scale:
    """The greatest value and the greatest loss of a cell."""

    value: float = 0.0
    loss: float = 0.0

    @classmethod
    def of(cls, cells: Cells) -> _Scale:
        return cls(
            max((sums.actual for sums in cells.values()), default=0.0),
            max((-sums.actual for sums in cells.values()), default=0.0),
        )


_NO_SCALE = _Scale()


def _shade(amount: float, scale: _Scale) -> str:
    """`v1` to `v8` by value, `l1` to `l8` by loss, `even` for nothing; `sum` for the sums of rows and columns."""
    if scale == _NO_SCALE:
        return "sum"
    kind, most = ("l", scale.loss) if amount < 0 else ("v", scale.value)
    return f"{kind}{max(1, round(abs(amount) / most * SHADES))}" if amount else "even"
