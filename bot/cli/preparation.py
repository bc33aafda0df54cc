"""All that must be true before the processes start: business, database, model, demo data, one administrator.

Each step does nothing where nothing is missing. Runs in `rapport up` before it becomes the supervisor.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import typer
from sqlalchemy import Engine, insert, select

from bot.cli import training
from bot.cli.refusals import Refusal
from bot.cli.store import opened
from bot.cli.terminal import Advance, progress, say
from bot.settings import Settings

FIRST_ADMINISTRATOR = "admin@example.com"


def prepare(settings: Settings) -> Path:
    """Brings everything to where the processes can start; returns the model's path.

    Raises what `refusals.explain` knows. A second caller waits for the first, then finds its work done.
    """
    from crm_store.business_file import load_business
    from demo.load import count_stock, load_demo

    load_business(settings.business)
    _ = settings.token_keys  # one that cannot be read keeps the gateway from starting, and says so here
    with _alone(settings.var), opened(settings.database_url) as engine:
        bring_up_to_date(engine)
        model = ready_model(settings)
        if settings.shows_demo:
            load_demo_once(engine, load_demo)
            count_stock(engine, datetime.now(UTC))
        add_first_administrator(engine)
    return model


def require_writable(var: Path) -> None:
    """Raises Refusal when nothing can be kept under `var`."""
    try:
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=var).close()
    except OSError as error:
        raise Refusal(
            f"{var} is not writable: {error.strerror}",
            f"give this user the folder (chown -R $USER {var}), or set RAPPORT_VAR to another",
        ) from None


def bring_up_to_date(engine: Engine) -> str | None:
    """Fills an empty database, migrates an older one. Returns the older one's revision, none where nothing was older.

    Raises DatabaseNewerError, or Refusal for one that holds somebody else's tables.
    """
    from crm_store.schema import DatabaseOlderError, ensure_current, migrate

    try:
        ensure_current(engine)
    except DatabaseOlderError as older:
        if older.found is None:
            raise Refusal(
                "the database holds tables that are not Rapport's", "point DATABASE_URL at an empty database"
            ) from None
        say(f"database: migrating from revision {older.found} to {older.expected}")
        migrate(engine)
        return older.found
    return None


def ready_model(settings: Settings) -> Path:
    """The model's path; trained first where it is missing or older than what it was trained from."""
    state = training.model_state(settings)
    if state == "foreign":
        raise Refusal("the model is not one that was trained here", "`rapport train` replaces it with one that is")
    if state != "ready":
        say(f"model: {state}, so it is trained now")
        return Path(training.train(settings, say).path)
    model = training.recorded(settings)
    assert model is not None  # it is ready
    return Path(model.path)


def load_demo_once(engine: Engine, load: Callable[[Engine, datetime, Advance], object]) -> None:
    """The demo business's customers, by `load`, into a store that has no customer yet.

    The journal tells a load that was cut short; it is taken up again as of the same moment, and so makes the same rows.
    """
    from crm_store.tables import customers, journal

    with engine.connect() as connection:
        noted = dict(connection.execute(select(journal.c.kind, journal.c.at).where(journal.c.actor == "demo")).all())
        strangers = connection.execute(select(customers.c.id).limit(1)).first() is not None
    if "demo_loaded" in noted or (strangers and "demo_begun" not in noted):
        return
    now = noted.get("demo_begun") or datetime.now(UTC)
    if "demo_begun" not in noted:
        _note(engine, "demo_begun", now)
    with progress("demo: loading customers and two years of purchases") as advance:
        load(engine, now, advance)
    _note(engine, "demo_loaded", datetime.now(UTC))


def _note(engine: Engine, kind: str, at: datetime) -> None:
    from crm_store.database import UnitOfWork
    from crm_store.tables import journal

    with UnitOfWork(engine) as uow:
        uow.connection.execute(insert(journal).values(id=uuid4().hex, at=at, kind=kind, actor="demo", details={}))
        uow.commit()


def add_first_administrator(engine: Engine) -> None:
    """An account for the console where there is none; its password is shown now and never again."""
    from crm_store.access.staff import add_staff, list_staff, make_password
    from crm_store.database import UnitOfWork

    with UnitOfWork(engine) as uow:
        if list_staff(uow.connection):
            return
        password = make_password()
        add_staff(uow, FIRST_ADMINISTRATOR, "administrator", password, datetime.now(UTC))
        uow.commit()
    typer.echo(f"console: sign in as {FIRST_ADMINISTRATOR} with the password {password} (shown only this once)")


@contextmanager
def _alone(var: Path) -> Iterator[None]:
    """One at a time: two that start together must not train or fill the same store twice."""
    run = var / "run"
    run.mkdir(parents=True, exist_ok=True)
    with (run / "preparing.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another `rapport up` prepares the same folder; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
