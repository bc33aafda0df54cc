"""`rapport report`: how the four steps are executed, as a table or as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.refusals import Refusal
from bot.cli.store import open_store
from bot.cli.terminal import Json, show

if TYPE_CHECKING:
    from crm_store.business import Business
    from crm_store.report import Report

app = typer.Typer(help="How the business does with its customers.", no_args_is_help=True)

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day, in the business's time zone.")]
WIDTH = 14
"""Of a column, at least."""


@app.command()
def idic(since: Day = None, until: Day = None, as_json: Json = False) -> None:
    """How identify, differentiate, interact and customize are executed at each of the five kinds of touchpoint.

    Over the last 90 days, or from one day to another, both included.
    """
    from crm_store.business_file import load_business
    from crm_store.database import reading
    from crm_store.report import Period
    from crm_store.report import idic as report_of

    with open_store() as (settings, engine):
        business = load_business(settings.business)
        try:
            period = Period.of_days(
                since.date() if since else None,
                until.date() if until else None,
                datetime.now(UTC),
                business.business.zone,
            )
        except ValueError as error:
            raise Refusal(str(error).rstrip("."), "give --since a day that is not after --until") from None
        with reading(engine) as connection:
            found = report_of(connection, business, period)
    show(found.as_dict(), as_text(found, business), as_json)


def as_text(report: Report, business: Business) -> str:
    """The report as a table of touchpoints by figures, what the figures mean, and what to connect."""
    from bot.report_words import TITLES, columns, steps

    zone = business.business.zone
    since, until = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (report.period.since, report.period.until))
    shown = columns(report)
    found = steps(report, business)
    wide = max(len(line.title) for step in found for line in step.lines) + 3
    each = max(WIDTH, *(len(cell) + 2 for step in found for line in step.lines for cell in line.cells))
    lines = [f"IDIC, {business.business.name}, {since} to {until} ({zone.key})"]
    for step in found:
        lines += ["", f"{step.title.upper()}: {step.says}"]
        lines.append(" " * wide + "".join(f"{_short(TITLES[t.kind]):>{each}}" for t in shown))
        for line in step.lines:
            title = ("  " if line.is_part else "") + line.title
            lines.append(f"{title:<{wide}}" + "".join(f"{cell:>{each}}" for cell in line.cells))
    lines += ["", "WHAT THE FIGURES COUNT"]
    told = {line.title: line.meaning for step in found for line in step.lines if line.meaning}
    lines += [f"  {title}: {meaning}" for title, meaning in told.items()]
    mends = [(TITLES[t.kind], mend) for t in shown for mend in t.mends]
    if mends:
        lines += ["", "WHAT TO CONNECT", *(f"  {title}: {mend}" for title, mend in mends)]
    return "\n".join(lines)


def _short(title: str) -> str:
    return title if len(title) < WIDTH else title.split(maxsplit=1)[0]
