"""Who moved since the run before: from tier to tier, and those whose worth changed most, with the reason. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.console.portfolio.figures import percent, short, signed
from bot.console.wording import Wording
from crm_store.differentiate.movers import Mover, Movers
from crm_store.differentiate.portfolio import Portfolio

WORTH_TELLING = 0.01
"""Of a change, what cost less than this part of it is not its reason."""


@dataclass(frozen=True)
class Flow:
    """A tier before, and where its customers are now. `kinds`: of each cell, rose, fell, same, new, gone or none."""

    title: str
    counts: list[int]
    kinds: list[str]
    together: int


@dataclass(frozen=True)
class Flows:
    heads: list[str]
    rows: list[Flow]
    says: list[str]


@dataclass(frozen=True)
class Moved:
    """One customer among those who moved most."""

    who: str
    mover: Mover
    tiers: str
    change: str
    value: str
    why: str


def flows(drawn: Portfolio, say: Wording) -> Flows | None:
    """From tier to tier since the run before; None for the first run."""
    if drawn.before is None:
        return None
    counts = {(move.before, move.after): move.customers for move in drawn.moves}
    tiers = [*drawn.ranks, *dict.fromkeys(t for pair in counts for t in pair if t and t not in drawn.ranks)]
    order: list[str | None] = [*tiers, None]
    rows = []
    for was in order:
        each = [counts.get((was, now), 0) for now in order]
        kinds = [_way(order, was, now) if number else "none" for now, number in zip(order, each, strict=True)]
        title = say.tier(was) if was else "Not there before"
        if was or any(each):
            rows.append(Flow(title, each, kinds, sum(each)))
    return Flows([*(say.tier(t) for t in tiers), "Gone"], rows, _moved_says(drawn, rows))


def _way(order: Sequence[str | None], was: str | None, now: str | None) -> str:
    if was is None or now is None:
        return "new" if was is None else "gone"
    places = order.index(was), order.index(now)
    return "same" if places[0] == places[1] else "rose" if places[0] > places[1] else "fell"


def _moved_says(drawn: Portfolio, rows: Sequence[Flow]) -> list[str]:
    assert drawn.before
    told = dict.fromkeys(("rose", "fell", "same", "new", "gone"), 0)
    for row in rows:
        for kind, number in zip(row.kinds, row.counts, strict=True):
            if number:
                told[kind] += number
    stayed = drawn.before.stayed_after - drawn.before.stayed_before
    said = [f"{told['rose']:,} moved up, {told['fell']:,} down, {told['same']:,} stayed."]
    if told["new"] or told["gone"]:
        new, gone = told["new"], told["gone"]
        said.append(
            f"{new:,} {'was' if new == 1 else 'were'} not there before, {gone:,} {'is' if gone == 1 else 'are'} gone."
        )
    value = f"Actual and future value of those who stayed customers: {signed(stayed)}"
    said.append(f"{value}; of the new: {signed(drawn.before.came)}." if told["new"] else f"{value}.")
    if drawn.as_of < drawn.before.as_of:
        said.append("This run looks at an earlier day than the one before.")
    return said


def moved(found: Movers, drawn: Portfolio, say: Wording) -> dict[str, list[Moved]]:
    """Who moved most, up and down."""
    return {
        "gained": [_moved(each, drawn, say) for each in found.up],
        "lost": [_moved(each, drawn, say) for each in found.down],
    }


def _moved(mover: Mover, drawn: Portfolio, say: Wording) -> Moved:
    if mover.record:
        source, number = mover.record
        who = number if number.lower().startswith(source.lower()) else f"{say.id(source)} {number}"
    else:
        who = f"customer {say.short(mover.customer_id)}"
    before, after = say.tier(mover.tier_before), say.tier(mover.tier)
    tiers = after if before == after else f"{before} \N{RIGHTWARDS ARROW} {after}"
    value = f"{short(mover.value_before)} \N{RIGHTWARDS ARROW} {short(mover.value)}"
    return Moved(mover.name or who, mover, tiers, signed(mover.change), value, why(mover, drawn.window_days))


def why(mover: Mover, window_days: int) -> str:
    """What happened in between that the change comes from."""
    since = mover.since
    said = []
    if since.purchases:
        said.append(f"bought on {_many(since.purchases, 'day')}, margin {short(since.margin)}")
    if since.returns:
        said.append(
            f"brought back {_many(since.returns, 'thing')}"
            + ("" if since.purchases else f", margin {short(since.margin)}")
        )
    if since.cost > abs(mover.change) * WORTH_TELLING:
        said.append(f"{_many(since.contacts, 'contact')} cost {short(since.cost)}")
    if round(since.aged) > 0:
        said.append(f"margin of {short(since.aged)} is more than {window_days} days old now")
    if not since.purchases:
        said.append(f"bought nothing; still a customer with {percent(mover.p_alive)}")
    return "; ".join(said)


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
