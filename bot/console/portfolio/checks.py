"""What became of forecasts, in words and plots: of values and of needs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bot.console.portfolio.figures import day, off_by, percent, short
from bot.console.portfolio.plots import Dot, Pair, pairs, reliability
from crm_store.differentiate.calibration import Bin, Group, NeedsCheck, TooFew, ValueCheck

LIKE_FOR_LIKE = 0.03
"""Where the naive forecast is as near as this, neither is called nearer."""


@dataclass(frozen=True)
class Plot:
    """A drawing with the table behind it."""

    title: str
    drawn: Markup
    heads: list[str]
    rows: list[list[str]]
    has_pairs: bool = False
    """Of bars, what was expected beside what came."""


@dataclass(frozen=True)
class Check:
    """`says`: the verdict, the worst of it too. `missing`: why there is none."""

    says: list[str]
    plots: list[Plot]
    missing: str | None = None


def check_of_values(found: ValueCheck | TooFew | None) -> Check:
    if found is None:
        return Check([], [], "Not looked at in this run: rapport score --report OUT.html does it.")
    if isinstance(found, TooFew):
        what = (
            f"days of history to hold out: {found.found}"
            if found.of == "days"
            else f"customers who had bought by then: {found.found}"
        )
        return Check([], [], f"Too little to judge by ({what}; it takes {found.needed}).")
    return Check(_of_values(found), [_by_frequency(found), _by_tenth(found)])


def _of_values(found: ValueCheck) -> list[str]:
    every = found.together
    purchases = off_by(every.expected_purchases, every.purchases)
    value = off_by(every.expected_value, every.value)
    said = [
        f"Forecast from what was known on {day(found.cut)} alone, held against the {found.days} days that followed; "
        f"{every.customers:,} customers.",
        f"Purchases: {every.expected_purchases:,.0f} expected, {every.purchases:,} came: {purchases}.",
        f"Value: {short(every.expected_value)} expected, {short(every.value)} came: {value}.",
        f"The interval at {percent(found.level)} held the number of purchases of {percent(found.covered)} of the customers.",
        _beside_naive(found),
    ]
    if found.newcomers:
        said.append(f"{found.newcomers:,} customers came later; nothing was forecast of them.")
    return said


def _beside_naive(found: ValueCheck) -> str:
    ours, theirs = found.error, found.naive_error
    ratio = ours / theirs - 1 if theirs else 0.0
    nearer = "about the same as" if abs(ratio) <= LIKE_FOR_LIKE else "farther off than" if ratio > 0 else "nearer than"
    all_of_it = off_by(found.naive_value, found.together.value)
    return (
        f"One customer's value is off by {short(ours)} on average: {nearer} expecting the same as in the {found.days} days "
        f"before, which is off by {short(theirs)} (in all: {all_of_it})."
    )


def _by_frequency(found: ValueCheck) -> Plot:
    return _plot(
        "Purchases a customer, by how often they had bought",
        found.by_frequency,
        lambda group: (group.expected_purchases, group.purchases),
        lambda figure: f"{figure:,.1f}" if 0 < figure < 9.95 else f"{figure:,.0f}",
        "purchases before the cut",
    )


def _by_tenth(found: ValueCheck) -> Plot:
    return _plot(
        "Value a customer, by tenths of what was expected",
        found.tenths,
        lambda group: (group.expected_value, group.value),
        short,
        "tenths by value expected, the greatest first",
    )


def _plot(
    title: str,
    groups: Sequence[Group],
    sums: Callable[[Group], tuple[float, float]],
    figure: Callable[[float], str],
    axis: str,
) -> Plot:
    shown, rows = [], []
    for group in groups:
        expected, came = (total / group.customers for total in sums(group))
        told = f"{figure(expected)} expected, {figure(came)} came ({group.customers} customers)"
        shown.append(Pair(group.name.replace("-", "\N{EN DASH}"), expected, came, f"{group.name}: {told}"))
        rows.append([shown[-1].name, f"{group.customers:,}", figure(expected), figure(came), off_by(*sums(group))])
    says = f"{title}: expected beside what came, in {len(groups)} groups; the figures are in the table"
    return Plot(
        title, pairs(shown, says, axis, figure), ["Group", "Customers", "Expected", "Came", "Off by"], rows, True
    )


def check_of_needs(found: NeedsCheck | TooFew | None) -> Check:
    if found is None:
        return Check([], [], "Not looked at in this run: rapport score --report OUT.html does it.")
    if isinstance(found, TooFew):
        said = f"Too little to judge by: customers of whom something was known have told {found.found} things of themselves since."
        return Check([], [], f"{said} It takes {found.needed}. The chat, the till and the phone ask.")
    expected = found.likeliest_expected / found.answers
    return Check(
        [
            f"{found.answers:,} first answers and stated needs of {found.customers:,} customers, each held against what was "
            "expected before it was given.",
            f"Probabilities are off by {percent(found.error)} on average (expected calibration error).",
            f"The likeliest answer was given in {percent(found.likeliest_right / found.answers)} of the cases; "
            f"expected: {percent(expected)}.",
            *([f"Of {found.unknown:,} more nothing was known before."] if found.unknown else []),
        ],
        [_reliability(found)],
    )


def _reliability(found: NeedsCheck) -> Plot:
    every = sum(each.predictions for each in found.bins)
    dots, rows = [], []
    for each in found.bins:
        low, high = each.interval()
        told = f"{percent(each.expected)} expected, {percent(each.share)} came true, {each.predictions} predictions"
        dots.append(Dot(each.expected, each.share, low, high, each.predictions / every, told))
        rows.append([*_row(each), f"{percent(low)} to {percent(high)}"])
    title = "How often what was expected came true"
    says = f"{title}, in {len(dots)} bins of probability; on the line both are the same; the figures are in the table"
    heads = ["Probability", "Predictions", "Expected", "Came true", "Interval at 90\N{NO-BREAK SPACE}%"]
    return Plot(title, reliability(dots, says, "probability that was expected"), heads, rows)


def _row(each: Bin) -> list[str]:
    return [
        f"{percent(each.low)} to {percent(each.high)}",
        f"{each.predictions:,}",
        percent(each.expected),
        percent(each.share),
    ]
