"""Loads the demo business's customers and stock, by the same imports that a real business uses."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from crm_store.business_file import load_business
from crm_store.imports import (
    ImportReport,
    Progress,
    import_customers,
    import_interactions,
    import_stock,
    import_transactions,
)
from demo.generate import BUSINESS, generate
from demo.ledger import JAKARTA


def load_demo(engine: Engine, now: datetime, progress: Progress | None = None) -> list[ImportReport]:
    """Invents two years that end today and imports them: about 60,000 rows, which `progress` is told of as they go.

    Returns the reports on customers, transactions, interactions and stock.
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
                (_import_stock, "stock.csv"),
            )
        ]


def count_stock(engine: Engine, now: datetime) -> ImportReport:
    """Counts the shelves again: at each start, because an old count says nothing any more."""
    with tempfile.TemporaryDirectory(prefix="rapport-demo-") as made:
        generate(Path(made), customers=0, until=now.astimezone(JAKARTA).date())
        return _import_stock(engine, Path(made) / "stock.csv", now=now)


def _import_stock(engine: Engine, path: Path, *, now: datetime, progress: Progress | None = None) -> ImportReport:
    return import_stock(engine, path, business=load_business(BUSINESS), now=now, progress=progress)
