"""Bringing a database to the tables of this version, and refusing one that this version cannot read.

Knows Alembic; nothing else does.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Engine, inspect


class SchemaError(Exception):
    """The database does not fit this version. `found`, `expected`: revisions; the text says the mend."""

    def __init__(self, text: str, found: str | None, expected: str) -> None:
        super().__init__(text)
        self.found = found
        self.expected = expected


class DatabaseOlderError(SchemaError):
    """Made by an older version; `rapport migrate` mends it."""


class DatabaseNewerError(SchemaError):
    """Made by a newer version, or not by Rapport at all."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def migrate(engine: Engine) -> None:
    """Brings the database up to the newest revision. Raises DatabaseNewerError for one that it does not know."""
    expected, found = _revisions(engine)
    if found == expected:
        return
    _refuse_unknown(found, expected)
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def ensure_current(engine: Engine) -> None:
    """Fills an empty database, passes a current one.

    Raises DatabaseOlderError or DatabaseNewerError for any other: only the operator migrates one that holds data.
    """
    expected, found = _revisions(engine)
    if found == expected:
        return
    if found is None and not inspect(engine).get_table_names():
        migrate(engine)
        return
    _refuse_unknown(found, expected)
    raise DatabaseOlderError(
        f"the database is at revision {found or 'none'}, this version needs {expected}: back it up, then run `rapport migrate`",
        found,
        expected,
    )


def _revisions(engine: Engine) -> tuple[str, str | None]:
    expected = ScriptDirectory.from_config(_config()).get_current_head()
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return expected or "", found


def _refuse_unknown(found: str | None, expected: str) -> None:
    if found is None:
        return
    try:
        ScriptDirectory.from_config(_config()).get_revision(found)
    except CommandError:
        raise DatabaseNewerError(
            f"the database is at revision {found}, which this version ({expected}) does not know: "
            "install the newer Rapport that made it, or point DATABASE_URL at another database",
            found,
            expected,
        ) from None
