"""`rapport needs`: what was learnt of the likelihoods of needs, and segments proposed from what customers buy."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.refusals import Refusal
from bot.cli.store import open_store
from bot.cli.terminal import Json, progress, show

if TYPE_CHECKING:
    from crm_store.differentiate.likelihoods import Learnt, Part

app = typer.Typer(help="What customers need: what was learnt, and what segments there may be.", no_args_is_help=True)


@app.command()
def learnt(as_json: Json = False) -> None:
    """What business.yml says of likelihoods, what was learnt since, and from how many customers."""
    from crm_store.database import reading
    from crm_store.differentiate.likelihoods import newest

    with open_store() as (_, engine), reading(engine) as connection:
        found = newest(connection, datetime.now(UTC))
    if found is None:
        text = "nothing was learnt yet: likelihoods are as business.yml says; `rapport score` learns"
        show({"learnt": None}, text, as_json)
        return
    show({"learnt": found.as_dict()}, _as_text(found), as_json)


def _as_text(found: Learnt) -> str:
    from crm_store.differentiate.filtering import OTHER, SECOND
    from crm_store.differentiate.needs import REPEATS, STATED

    lines = [
        f"learnt on {found.at:%Y-%m-%d %H:%M} UTC from {found.customers} customers; business.yml counts as "
        f"{found.equivalent_sample_size:g} of each segment",
        *_rows("share of customers", found.prior),
        *(line for name, part in found.questions.items() for line in _rows(f"answers to {name}", part)),
        *_rows("purchases, as shares of all that behaviours tell of", found.behaviours),
        f"a stated need is had: {STATED:.2f} -> {found.stated:.2f} (from {found.stated_by} customers)",
        f"concentration of purchases: {REPEATS:.1f} -> {found.repeats:.1f} (from {found.repeated_by} customers)",
    ]
    lines += [
        f"a word is of a second need: {SECOND:.2f} -> {found.second:.2f}",
        f"customers who answer as somebody else would: {OTHER:.2f} -> {found.other:.2f}",
    ]
    if found.half_life is not None:
        lines.append(f"half have another need after: {found.half_life_given:.0f} -> {found.half_life:.0f} days")
    lines += [f"{a} and {b} go together: {rho:.2f} (from {n} customers)" for a, b, rho, n in found.dependence if rho]
    return "\n".join(lines)


def _rows(title: str, part: Part) -> list[str]:
    lines = [f"{title} (from {part.customers} customers)"]
    for name, given in part.given.items():
        cells = (f"{s} {given[s]:.2f} -> {part.learnt[name][s]:.2f}" for s in given)
        lines.append(f"  {name:<20} {'   '.join(cells)}")
    return lines


@app.command()
def suggest(
    report: Annotated[
        Path | None,
        typer.Option(help="HTML file to write, with plots; one that is there is replaced.", resolve_path=True),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=20, help="Classes that are tried, at most.")] = 8,
    as_json: Json = False,
) -> None:
    """Propose segments from what customers buy, for you to look at; nothing is changed."""
    from bot.cli.needs_page import fragment, page
    from crm_store.business_file import load_business
    from crm_store.database import reading
    from crm_store.differentiate.classes import SuggestionError, propose

    with open_store() as (settings, engine):
        business = load_business(settings.business)
        try:
            with progress("numbers of classes", most) as advance, reading(engine) as connection:
                found = propose(connection, datetime.now(UTC), most, advance)
        except SuggestionError as error:
            wrong, _, mend = str(error).partition("; ")
            raise Refusal(wrong, mend) from None
    pasted = fragment(found, business.business.languages)
    result: dict[str, Any] = asdict(found) | {"fragment": pasted, "report": str(report) if report else None}
    lines = [
        f"{len(found.classes)} classes of {found.customers} customers (least BIC of {len(found.bic)} numbers tried)"
    ]
    for number, each in enumerate(found.classes, 1):
        likeliest = sorted(each.buys.items(), key=lambda c: -c[1])[:3]
        lines.append(f"  class {number}: {each.share:.0%}, buys {', '.join(f'{c} {p:.0%}' for c, p in likeliest)}")
    if report:
        report.write_text(page(found, business, pasted, datetime.now(UTC)), "utf-8")
        then = "look at it, then paste what you accept into business.yml"
        lines.append(
            f"written to {report}: {then if len(found.classes) > 1 else 'what customers buy does not tell them apart'}"
        )
    else:
        lines.append("add --report OUT.html for the plots and what to paste into business.yml")
    show(result, "\n".join(lines), as_json)
