"""Renders the console's pages with what all of them need: wording, who is signed in, how many customers wait.

Knows templates, and nothing of what a single page shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Engine
from starlette.responses import HTMLResponse

from bot.console.guards import local_path
from bot.console.wording import Wording
from bot.settings import Settings
from crm_store.business import Business
from crm_store.conversations.overview import how_many_wait
from crm_store.conversations.search import marked
from crm_store.database import reading

HERE = Path(__file__).parent
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Live:
    """What a page hears news of: `list`, `requests` or a conversation's id, and the mark of what it shows."""

    of: str
    mark: str


class Pages:
    """The templates of this business's console. `clock`: the time now, aware."""

    def __init__(self, engine: Engine, business: Business, settings: Settings, clock: Clock) -> None:
        self._engine = engine
        self._business = business
        self._settings = settings
        self._clock = clock
        self._templates = templates()

    def wording(self) -> Wording:
        return Wording(self._business, self._clock())

    def address(self, request: Request, place: str, within: str = "") -> str:
        """A path of the console's, such as `conversations/ID`, from the root. `within`: a mark on the page."""
        marked_place = f"#{within}" if re.fullmatch(r"[\w-]{1,64}", within) else ""
        return f"{request.scope.get('root_path', '')}/{place}{marked_place}"

    def render(
        self, request: Request, template: str, status: int = 200, live: Live | None = None, **context: Any
    ) -> HTMLResponse:
        """A page as an answer. `context`: what the template names besides what every page has; `live`: what it hears of."""
        staff = getattr(request.state, "staff", None)
        html = self._templates.get_template(template).render(
            base=request.scope.get("root_path", ""),
            # The first part of the path says which entry of the navigation the page belongs to.
            place=local_path(request.scope).strip("/").partition("/")[0] or "conversations",
            business=self._business,
            say=self.wording(),
            staff=staff,
            waiting_count=self._how_many_wait() if staff else 0,
            live=live,
            # The shop page at / is only there in demo mode.
            shop="/" if self._settings.shows_demo else None,
            shows_codes=self._settings.shows_codes,
            **context,
        )
        return HTMLResponse(html, status)

    def _how_many_wait(self) -> int:
        with reading(self._engine) as connection:
            return how_many_wait(connection)


def templates() -> Environment:
    """The pages as templates, with what they name besides what they are given."""
    made = Environment(
        loader=FileSystemLoader(HERE / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["query"] = query
    made.globals["marked"] = marked
    return made


def query(choices: Mapping[str, str | None]) -> str:
    """The query of a link; nothing where nothing is chosen."""
    chosen = urlencode({name: value for name, value in choices.items() if value})
    return f"?{chosen}" if chosen else ""
