"""What a run found in a few figures: what it rests on, tiles, and where value is concentrated. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from bot.console.portfolio.figures import NONE, day, percent, short, signed
from bot.console.portfolio.plots import Bar, bars
from bot.console.wording import Wording
from crm_store.differentiate.portfolio import Portfolio, Sums

STALE = timedelta(days=7)
"""Without a purchase for so long, an import may be missing."""


@dataclass(frozen=True)
class Tile:
    title: str
    figure: str
    says: str


def facts(drawn: Portfolio, say: Wording) -> list[str]:
    """When, as of which day, of whom, how far ahead, of which data."""
    return [
        f"{drawn.together.customers:,} customers as of {day(drawn.as_of)}",
        f"computed on {say.in_full(drawn.computed_at)}",
        f"actual value: the {drawn.window_days} days before; future value: the {drawn.horizon:g} days after",
        f"{drawn.purchases:,} days of purchase"
        + (f", the last on {day(drawn.last_purchase)}" if drawn.last_purchase else ""),
        f"money in {say.business.business.currency}",
    ]


def warning(drawn: Portfolio) -> str | None:
    """That what is shown may rest on too little."""
    if drawn.last_purchase and drawn.as_of.date() - drawn.last_purchase > STALE:
        days = (drawn.as_of.date() - drawn.last_purchase).days
        return f"Nothing was bought for {days} days before the day that was looked at: an import may be missing."
    return None


def tiles(drawn: Portfolio, say: Wording) -> list[Tile]:
    together, money = drawn.together, say.business.business.currency
    found = [
        Tile(
            "Actual value",
            f"{money} {short(together.actual)}",
            f"brought in {drawn.window_days} days, less cost to serve",
        ),
        Tile("Future value", f"{money} {short(together.future)}", f"expected in the next {drawn.horizon:g} days"),
        Tile(
            "Unrealised",
            f"{money} {short(together.unrealised)}",
            "more, were all like the best tenth of those comparable, or bought all here who told their share",
        ),
    ]
    if drawn.shares:
        told = drawn.shares
        who = "1 customer" if told.customers == 1 else f"{told.customers:,} customers"
        here = percent(told.here / (told.here + told.elsewhere))
        says = f"in {drawn.window_days} days, as {who} told, who spent {here} here"
        found.append(Tile("Spent elsewhere", f"{money} {short(told.elsewhere)}", says))
    if (share := top_share(drawn)) is not None:
        found.append(Tile("Top tenth", percent(share), "of actual value comes from a tenth of the customers"))
    if drawn.before:
        change = drawn.before.stayed_after - drawn.before.stayed_before
        says = f"actual and future value of those who were there on {day(drawn.before.as_of)}"
        found.append(Tile("Since the last run", signed(change), says))
    return found


def top_share(drawn: Portfolio) -> float | None:
    """What part of actual value the top tenth brings; None where there is no tenth, or nothing was brought."""
    total = drawn.together.actual
    return drawn.tenths[0].actual / total if drawn.tenths and total > 0 else None


def concentration(drawn: Portfolio) -> Markup | None:
    """The tenths as bars; None where there are none."""
    if not drawn.tenths:
        return None
    shares = [NONE if share is None else percent(share) for _, share in cumulated(drawn)]
    shown = [
        Bar(f"{place}", tenth.actual, f"Tenth {place}: {short(tenth.actual)} of {tenth.customers} customers")
        for place, tenth in enumerate(drawn.tenths, 1)
    ]
    says = f"Actual value by tenths of the customers, the most valuable first; the first brings {shares[0]} of all"
    return bars(shown, says, "tenths of the customers, the most valuable first", short)


def cumulated(drawn: Portfolio) -> list[tuple[Sums, float | None]]:
    """Each tenth with the part of all actual value that it and those before it bring."""
    total, so_far, found = drawn.together.actual, 0.0, []
    for tenth in drawn.tenths:
        so_far += tenth.actual
        found.append((tenth, so_far / total if total > 0 else None))
    return found
