"""The three processes of a stack: their programs, and the environment in which each finds the others."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.cli.ports import free_inner_ports
from bot.cli.run_record import ChildRecord
from bot.settings import ROOT, Settings

RASA_PYTHON = ROOT / "bot" / "rasa" / ".venv" / "bin" / "python"


def processes(settings: Settings) -> list[ChildRecord]:
    """Gateway, actions and Rasa; the last two on free ports of the loopback."""
    actions, rasa = free_inner_ports(2)
    return [
        ChildRecord("gateway", [sys.executable, "-m", "bot.gateway"], settings.port),
        ChildRecord("actions", [sys.executable, "-m", "actions"], actions),
        ChildRecord("rasa", [str(RASA_PYTHON), "-W", "ignore", "-m", "bot.rasa.serve"], rasa),
    ]


def environment(settings: Settings, ports: dict[str, int], model: Path) -> dict[str, str]:
    """What all of them are told. Every value is spelt out, so that none reads `.env` differently than we did."""
    return {
        "RAPPORT_HOME": str(settings.home.resolve()),
        "PORT": str(settings.port),
        "DATABASE_URL": settings.database_url,
        "RAPPORT_HOST": settings.host,
        "RAPPORT_VAR": str(settings.var),
        "RAPPORT_BUSINESS": str(settings.business),
        "RAPPORT_LOG_LEVEL": settings.log_level,
        "RAPPORT_LOG_FORMAT": settings.log_format,
        "RAPPORT_ACTIONS_URL": f"http://127.0.0.1:{ports['actions']}",
        "RAPPORT_RASA_URL": f"http://127.0.0.1:{ports['rasa']}",
        "RAPPORT_INTERNAL_TOKEN": settings.secret("internal_token"),
        "RAPPORT_MODEL": str(model),
        "RASA_TELEMETRY_ENABLED": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONUNBUFFERED": "1",
    }


def address(settings: Settings) -> str:
    """Where a browser on this machine finds the gateway."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def pages(settings: Settings) -> list[str]:
    """The lines under which a person finds everything."""
    url = address(settings)
    return [
        f"  page with the chat  {url}/",
        f"  staff console       {url}/console",
        f"  API documentation   {url}/docs",
    ]
