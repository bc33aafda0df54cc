"""The portfolio as one view, for the console's page; and as a file that asks for nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment
from markupsafe import Markup

from bot.console.portfolio import heat, moves, view
from bot.console.portfolio.checks import Check, check_of_needs, check_of_values
from bot.console.portfolio.figures import NONE, day, percent, short
from bot.console.rendering import HERE, templates
from bot.console.wording import Wording
from crm_store.differentiate.movers import Movers
from crm_store.differentiate.portfolio import Portfolio

_STYLES = ("console.css", "portfolio.css")


@dataclass(frozen=True)
class View:
    """All that the template names."""

    facts: list[str]
    warning: str | None
    tiles: list[view.Tile]
    heat: heat.Heat
    concentration: Markup | None
    tenths: list[list[str]]
    as_of: str
    before: str
    flows: moves.Flows | None
    moved: dict[str, list[moves.Moved]]
    values: Check
    needs: Check


def view_of(drawn: Portfolio, found: Movers, say: Wording) -> View:
    return View(
        view.facts(drawn, say),
        view.warning(drawn),
        view.tiles(drawn, say),
        heat.heat(drawn, say),
        view.concentration(drawn),
        [
            [
                short(tenth.actual),
                NONE if share is None else percent(share),
                short(tenth.future),
                short(tenth.unrealised),
            ]
            for tenth, share in view.cumulated(drawn)
        ],
        day(drawn.as_of),
        day(drawn.before.as_of) if drawn.before else "",
        moves.flows(drawn, say),
        moves.moved(found, drawn, say),
        check_of_values(drawn.values),
        check_of_needs(drawn.needs),
    )


def file_of(drawn: Portfolio, found: Movers, say: Wording) -> str:
    """The whole file. Nobody should be named in it: files are passed on."""
    pages: Environment = templates()
    style = Markup("\n".join((HERE / "static" / name).read_text("utf-8") for name in _STYLES))  # noqa: S704  ours
    shown = view_of(drawn, found, say)
    return pages.get_template("portfolio_file.html").render(
        business=say.business, view=shown, style=style, lists=False, base=""
    )
