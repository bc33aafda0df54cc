"""`rapport erase` and `rapport prune`: rows, and at once whatever else remains of them, beside a running stack or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.cli.run_record import holder_of, read_record
from bot.cli.terminal import Advance

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bot.settings import Settings


def erase(settings: Settings, engine: Engine, customer: str) -> dict[str, Any]:
    """Erases a customer. `done` is false where the running stack, or the next one, has to finish it.

    Raises NoSuchCustomerError and UnclearCustomerError.
    """
    from crm_store.access.erasure import erase_customer
    from crm_store.access.whom import whom
    from crm_store.database import UnitOfWork

    with UnitOfWork(engine) as work:
        customer_id = whom(work.connection, customer)
        rows = erase_customer(work, customer_id, datetime.now(UTC))
        work.commit()
    return {"customer_id": customer_id, "rows": rows, **_finish(settings, engine)}


def prune(settings: Settings, engine: Engine, days: int, advance: Advance) -> dict[str, Any]:
    """Removes conversations of more than so many days ago, and strangers who have not come back since."""
    from crm_store.access.retention import prune_all

    gone = prune_all(engine, days, datetime.now(UTC), advance)
    found = {"conversations": gone.conversations, "strangers": gone.strangers}
    return {"older_than_days": days, **found, **_finish(settings, engine)}


def _finish(settings: Settings, engine: Engine) -> dict[str, Any]:
    """What remains of this erasure and of any that is open."""
    from crm_store.access import remains

    erased = remains.open_erasures(engine)
    talks = [talk for each in erased for talk in each.trackers]
    if asyncio.run(_is_forgotten(settings, talks)):
        remains.carry_out(engine, settings.tracker_path, erased, datetime.now(UTC))
    else:
        remains.forget_in_file(settings.tracker_path, talks)
        remains.scrub(engine)
    return {"trackers": len(talks), "done": not remains.open_erasures(engine)}


def as_text(what: str, found: dict[str, Any]) -> str:
    text = f"erased {what} and {found['trackers']} conversation trackers"
    return text if found["done"] else f"{text}; Rapport finishes the rest by itself as soon as all of it runs"


async def _is_forgotten(settings: Settings, talks: list[str]) -> bool:
    """Whether nobody remembers these conversations: no running Rasa, and no tracker whose file is not to be seen from here."""
    from bot.gateway.rasa import Rasa, RasaError

    if not talks:
        return True
    for address in _rasas(settings):
        rasa = Rasa(address, "", settings.secret("internal_token"))
        try:
            await rasa.forget(talks)
        except RasaError:
            return False
        finally:
            await rasa.close()
    return settings.tracker_path.exists()


def _rasas(settings: Settings) -> Iterator[str]:
    """Where Rasa listens, of each stack that runs with this folder."""
    for path in sorted((settings.var / "run").glob("*.json")):
        record = read_record(path)
        if record and holder_of(settings.var, record.port):
            yield from (f"http://127.0.0.1:{child.port}" for child in record.children if child.name == "rasa")
