"""What `rapport score` makes of a run: the portfolio that it keeps, the file for people, and the lines that it says."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.refusals import Refusal
from bot.cli.terminal import progress

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from crm_store.business import Business
    from crm_store.differentiate.likelihoods import Learnt
    from crm_store.differentiate.portfolio import Portfolio
    from crm_store.differentiate.scoring import Scored

FEW = 100_000
"""Customers up to whom needs are looked at in every run; of more they take longer than all the rest, so only for a report."""
MANY = 20_000
"""Customers beyond whom a second process is worth the two seconds that it takes to start."""


def require_place(report: Path) -> None:
    """Before minutes of work: that the file can be written. Raises Refusal."""
    if not report.parent.is_dir() or report.is_dir():
        raise Refusal(f"{report} cannot be written", "name a file in a folder that is there")


def value_and_learn(
    engine: Engine, business: Business, *, until: datetime, horizon: float, now: datetime
) -> tuple[Scored, Learnt | None]:
    """Everybody's value and the likelihoods of needs, both kept. Raises Refusal where amounts are in different currencies."""
    from functools import partial

    from crm_store.database import UnitOfWork
    from crm_store.differentiate.learning import likelihoods
    from crm_store.differentiate.likelihoods import keep_learnt
    from crm_store.differentiate.scoring import CurrencyError, look, value
    from crm_store.differentiate.second_process import read_beside, second_process
    from crm_store.exports import how_many_customers

    many = how_many_customers(engine)
    with second_process(is_needed=many > MANY) as other:
        with progress("score", many) as advance:
            looked = look(engine, business, until, other)
            learning = read_beside(other, engine, partial(likelihoods, business=business, now=until))
            try:
                found = value(engine, business, looked, as_of=until, horizon=horizon, now=now, progress=advance)
            except CurrencyError as error:
                raise Refusal(error.wrong, error.mend) from None
        with progress("likelihoods of needs"):
            learnt = learning.result()
    if learnt:
        with UnitOfWork(engine) as work:
            keep_learnt(work.connection, learnt)
            work.commit()
    return found, learnt


def portfolio(engine: Engine, business: Business, found: Scored, report: Path | None, now: datetime) -> Portfolio:
    """The portfolio of this run, kept with it; written as a file where one is asked for."""
    from crm_store.differentiate.runs import check, draw
    from crm_store.exports import how_many_customers

    many = how_many_customers(engine)
    with progress("portfolio", many) as advance:
        drawn = draw(engine, business, found.run, needs=report is not None or many <= FEW, advance=advance)
    if report is None:
        return drawn
    with progress("forecasts held against what came") as advance:
        drawn = check(engine, business, found.run, drawn, advance)
    _write(engine, business, drawn, report, now)
    return drawn


def _write(engine: Engine, business: Business, drawn: Portfolio, report: Path, now: datetime) -> None:
    from bot.console.portfolio.page import file_of
    from bot.console.wording import Wording
    from crm_store.database import reading
    from crm_store.differentiate.movers import movers
    from crm_store.exports import private_file

    with reading(engine) as connection:
        moved = movers(connection, business, drawn)
    with private_file(report) as file:
        file.write(file_of(drawn, moved, Wording(business, now)))


def as_text(found: Scored, drawn: Portfolio, report: Path | None, taught_by: int) -> str:
    """What the run came to. `taught_by`: from how many customers likelihoods of needs were learnt."""
    from bot.console.portfolio.figures import day, percent, short, signed
    from bot.console.portfolio.view import top_share

    tiers = ", ".join(f"{n} {tier}" for tier, n in found.by_tier.items())
    together, share = drawn.together, top_share(drawn)
    lines = [
        f"{found.customers} customers valued: {tiers}",
        f"likelihoods of needs learnt from {taught_by} customers (`rapport needs learnt` shows them)",
        f"actual value {short(together.actual)}, future {short(together.future)}, unrealised {short(together.unrealised)}"
        + (f"; the top tenth brings {percent(share)} of actual value" if share is not None else ""),
    ]
    if drawn.before:
        changed = sum(move.customers for move in drawn.moves if move.before != move.after)
        change = signed(drawn.before.stayed_after - drawn.before.stayed_before)
        lines.append(
            f"since the run as of {day(drawn.before.as_of)}: {changed} changed tier, came or went; value {change}"
        )
    lines.append(
        f"written to {report}" if report else "add --report OUT.html for all of it as a page; the console shows it too"
    )
    return "\n".join(lines)
