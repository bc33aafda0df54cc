"""Loads the demo business's customers into an empty store, by the same imports that a real business uses."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from crm_store.imports import ImportReport, Progress, import_customers, import_interactions, import_transactions
from demo.generate import generate
from demo.ledger import JAKARTA


def load_demo(engine: Engine, now: datetime, progress: Progress | None = None) -> list[ImportReport]:
    """Invents two years that end today and imports them: about 60,000 rows, which `progress` is told of as they go.

    Returns the reports on customers, transactions and interactions.
    """
    with tempfile.TemporaryDirectory(prefix="rapport-demo-") as made:
        folder = Path(made)
        generate(folder, until=now.astimezone(JAKARTA).date())
        return [
            load(engine, folder / name, now=now, progress=progress)
            for load, name in (
                (import_customers, "customers.csv"),
                (import_transactions, "transactions.csv"),
                (import_interactions, "interactions.csv"),
            )
        ]
