"""The `rapport` command in a test, and the states of an installation that tests of it begin with."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from typer.testing import CliRunner, Result

from bot.cli.main import app
from crm_store.tables import conversations, customers, messages

Rapport = Callable[..., Result]
"""Runs a command, by its words."""


def answer(result: Result) -> dict[str, Any]:
    """The one JSON object on stdout."""
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def diagnosis(check: str, *arguments: str) -> dict[str, Any]:
    """What the doctor says of one check."""
    result = CliRunner().invoke(app, ["doctor", "--json", *arguments])
    found = {finding["check"]: finding for finding in answer(result)["findings"]}
    assert (result.exit_code == 1) == any(finding["wrong"] for finding in found.values())
    return found[check]


def make_newer(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'ffff'"))


def plant_a_foreign_model(var: Path) -> None:
    var.mkdir()
    (var / "model.tar.gz").write_bytes(b"from elsewhere")
    (var / "model.json").write_text(
        json.dumps({"path": str(var / "model.tar.gz"), "sha256": "0" * 64, "inputs": "", "trained_at": "2026-01-01"})
    )


def leave_a_message(engine: Engine, at: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(customers.insert().values(id="c", canonical_id="c", created_at=at))
        connection.execute(
            conversations.insert().values(
                id="t",
                customer_id="c",
                channel="widget",
                assurance="anonymous",
                language="en",
                state="bot",
                started_at=at,
                last_at=at,
                last_seq=1,
            )
        )
        connection.execute(
            messages.insert().values(
                id="m", conversation_id="t", seq=1, author="customer", state="received", text="hi", at=at
            )
        )
