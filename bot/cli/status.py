"""`rapport status`: what runs on the port, what waits for an answer, which versions and how much memory."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from importlib.metadata import distributions, version
from typing import Any

import httpx
from sqlalchemy import Connection, func, select

from bot.cli import stack, training
from bot.cli.machine import memory_mb, runs
from bot.cli.run_record import ChildRecord, RunRecord, holder_of, read_record, record_path
from bot.cli.store import opened
from bot.cli.training import Model
from bot.settings import ROOT, Settings


def status(settings: Settings) -> dict[str, Any]:
    """Everything in one object; times are UTC, memory is in MB. Raises what opening the database raises."""
    supervisor = holder_of(settings.var, settings.port)
    record = read_record(record_path(settings.var, settings.port)) if supervisor else None
    return {
        "running": supervisor is not None,
        "ready": bool(record and record.ready_at),
        "port": settings.port,
        "url": record.url if record else None,
        "home": str(settings.home.resolve()),
        "processes": _processes(supervisor, record),
        "model": {"state": training.model_state(settings), **_model(training.recorded(settings))},
        **_from_store(settings, record),
        "versions": _versions(),
    }


def as_text(found: dict[str, Any]) -> str:
    """The same for people."""
    backlog, model = found["backlog"], found["model"]
    if found["ready"]:
        lines = [f"running on {found['url']}"]
    else:
        lines = [f"starting on port {found['port']}" if found["running"] else f"not running on port {found['port']}"]
    if found["home"] != str(ROOT):
        lines.append(f"home       {found['home']}")
    for process in found["processes"]:
        past = f", restarted {process['restarts']}x (last: {process['last_exit']})" if process["restarts"] else ""
        port = f", port {process['port']}" if process["port"] else ""
        where = f"pid {process['pid']}{port}" if process["running"] else "down"
        lines.append(f"  {process['name']:<10} {where}, {process['memory_mb']:.0f} MB{past}")
    trained = f", trained {model['trained_at']}: {model['path']}" if model["path"] else ""
    lines.append(f"model      {model['state']}{trained}")
    oldest = f", the oldest since {backlog['oldest_at']:%Y-%m-%d %H:%M:%S} UTC" if backlog["oldest_at"] else ""
    lines.append(f"backlog    {backlog['messages']} messages wait for an answer{oldest}")
    lines += _telegram_line(found["telegram"])
    lines.append("versions   " + ", ".join(f"{name} {number}" for name, number in found["versions"].items()))
    return "\n".join(lines)


def _telegram_line(telegram: dict[str, Any] | None) -> list[str]:
    if telegram is None:
        return []
    how = {True: "connected", False: "not connected: the gateway's log says why", None: "set up, not running"}
    waiting = f"{telegram['waiting']} messages wait to be delivered"
    past = f"{telegram['ambiguous']} may or may not have arrived, {telegram['failed']} did not"
    return [f"telegram   {how[telegram['connected']]} ({telegram['mode']}); {waiting}, {past}"]


def _model(model: Model | None) -> dict[str, Any]:
    if model is None:
        return {"path": None, "sha256": None, "trained_at": None}
    return {"path": model.path, "sha256": model.sha256, "trained_at": model.trained_at}


def _processes(supervisor: int | None, record: RunRecord | None) -> list[dict[str, Any]]:
    if supervisor is None:
        return []
    own = {"name": "supervisor", "pid": supervisor, "port": None, "running": True, "restarts": 0, "last_exit": None}
    # Its children are listed on their own.
    rows = [{**own, "memory_mb": memory_mb(supervisor, family=False)}]
    return rows + [_process(child) for child in (record.children if record else [])]


def _process(child: ChildRecord) -> dict[str, Any]:
    running = runs(child)
    return {
        "name": child.name,
        "pid": child.pid if running else None,
        "port": child.port,
        "running": running,
        "restarts": child.restarts,
        "last_exit": child.last_exit,
        "memory_mb": memory_mb(child.pid) if running and child.pid else 0.0,
    }


def _from_store(settings: Settings, record: RunRecord | None) -> dict[str, Any]:
    from crm_store.schema import ensure_current

    with opened(settings.database_url) as engine:
        ensure_current(engine)
        with engine.connect() as connection:
            count, oldest = _waiting(connection)
            telegram = _telegram(connection, settings, record)
    return {"backlog": {"messages": count, "oldest_at": oldest}, "telegram": telegram}


def _telegram(connection: Connection, settings: Settings, record: RunRecord | None) -> dict[str, Any] | None:
    """How it is doing; none where no bot is set up. `connected` is what the running gateway says, none where none runs."""
    from crm_store.tables import outbox

    if settings.telegram_token is None:
        return None
    states = connection.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state)).all()
    counted = {state: count for state, count in states}  # noqa: C416 - rows, not pairs
    return {
        "mode": settings.telegram_mode,
        "connected": _connected(record.url) if record else None,
        "waiting": counted.get("due", 0) + counted.get("sending", 0),
        "ambiguous": counted.get("ambiguous", 0),
        "failed": counted.get("failed", 0),
    }


def _connected(url: str) -> bool | None:
    try:
        figures = httpx.get(f"{url}/metrics", timeout=2, trust_env=False).text
    except httpx.HTTPError:
        return None
    found = re.search(r"^rapport_telegram_up (\S+)$", figures, re.MULTILINE)
    return float(found[1]) == 1 if found else None


def _waiting(connection: Connection) -> tuple[int, datetime | None]:
    from crm_store.tables import messages

    waiting = select(func.count(), func.min(messages.c.at)).where(messages.c.state == "received")
    count, oldest = connection.execute(waiting).one()
    return count, oldest.astimezone(UTC) if oldest else None


def _versions() -> dict[str, str]:
    site = sorted(stack.RASA_PYTHON.parent.parent.glob("lib/python*/site-packages"))
    rasa = next((found.version for found in distributions(name="rasa", path=[str(s) for s in site])), "missing")
    return {"rapport": version("rapport"), "rasa": rasa, "python": platform.python_version(), "folder": str(ROOT)}
