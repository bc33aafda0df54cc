"""The home of an installation: the folder whose `.env` is read, and to which relative paths in the settings are relative.

It is the project's folder, or one of the operator's own, so that a business needs no place in the project and two of them none
of each other's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from bot.settings import ROOT, Settings

SQLITE = "sqlite:///"


def load_settings() -> Settings:
    """The settings as every process sees them, from whatever folder; paths are whole, unless they are short by being ours.

    Raises what pydantic raises for a setting that cannot be read.
    """
    folder = find_home()
    settings = Settings(home=folder, _env_file=folder / ".env")  # type: ignore[call-arg]
    if folder == ROOT == Path.cwd():
        return settings
    # The demo, which is what a home that names no business has, stays where it is.
    business = folder / settings.business if "business" in settings.model_fields_set else ROOT / settings.business
    placed = {
        "var": folder / settings.var,
        "user_token_keys": folder / settings.user_token_keys if settings.user_token_keys else None,
        "business": business,
        "database_url": _placed(settings.database_url, folder),
    }
    return settings.model_copy(update=placed)


def find_home() -> Path:
    """`RAPPORT_HOME`; else the folder we are called in, if its `.env` names a business; else the project's."""
    if given := os.environ.get("RAPPORT_HOME"):
        return Path(given).resolve()
    here = Path.cwd()
    return here if _is_ours(here / ".env") else ROOT


def _is_ours(env: Path) -> bool:
    """Any project may have an `.env`, with a DATABASE_URL of its own: only one that is meant for us counts."""
    try:
        return bool(re.search(r"^\s*(export\s+)?RAPPORT_BUSINESS\s*=", env.read_text("utf-8"), re.MULTILINE))
    except (OSError, UnicodeDecodeError):
        return False


def _placed(database_url: str, folder: Path) -> str:
    """The URL, of an SQLite file by its whole path."""
    path = database_url.removeprefix(SQLITE)
    if path in (database_url, "", ":memory:"):
        return database_url
    return f"{SQLITE}{folder / path}"
