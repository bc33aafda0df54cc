"""What every command starts with: the settings, and the store where it needs one.

Imports late: `rapport --help` must not wait for a database library.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bot.settings import Settings

CACHE_MB = 64
"""Of the database's pages: a command has one connection, and an import or a score goes through all of a large file."""


def load_settings() -> Settings:
    """The settings as every process sees them."""
    from bot import home

    return home.load_settings()


@contextmanager
def opened(database_url: str) -> Iterator[Engine]:
    """An engine on the database as it is, closed afterwards whatever happens."""
    from crm_store.database import open_engine

    engine = open_engine(database_url, cache_mb=CACHE_MB)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def open_store() -> Iterator[tuple[Settings, Engine]]:
    """The settings and an engine on a database that is up to date, an empty one filled. Raises SchemaError."""
    from crm_store.schema import ensure_current

    settings = load_settings()
    with opened(settings.database_url) as engine:
        ensure_current(engine)
        yield settings, engine
