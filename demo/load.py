"""Loads the demo business's customers and stock, by the same imports that a real business uses, and values the customers."""

from __future__ import annotations

import tempfile
from datetime import datetime
from functools import partial
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

HORIZON_DAYS = 365.0


def load_demo(engine: Engine, now: datetime, progress: Progress | None = None) -> list[ImportReport]:
    """Invents two years that end today and imports them: about 60,000 rows, which `progress` is told of as they go. Then values
    everybody, as `rapport score` does.

    Returns the reports on customers, transactions, interactions and stock.
    """
    # What fits the models takes seconds to import, and only the first start needs it.
    from crm_store.differentiate.runs import draw
    from crm_store.differentiate.scoring import score

    business = load_business(BUSINESS)
    with tempfile.TemporaryDirectory(prefix="rapport-demo-") as made:
        folder = Path(made)
        generate(folder, until=now.astimezone(JAKARTA).date())
        reports = [
            load(engine, folder / name, now=now, progress=progress)
            for load, name in (
                (partial(import_customers, rules=business.linking), "customers.csv"),
                (partial(import_transactions, currency=business.business.currency), "transactions.csv"),
                (import_interactions, "interactions.csv"),
                (_import_stock, "stock.csv"),
            )
        ]
    found = score(engine, business, as_of=now, horizon=HORIZON_DAYS, now=now)
    draw(engine, business, found.run)
    return reports


def count_stock(engine: Engine, now: datetime) -> ImportReport:
    """Counts the shelves again: at each start, because an old count says nothing any more."""
    with tempfile.TemporaryDirectory(prefix="rapport-demo-") as made:
        generate(Path(made), customers=0, until=now.astimezone(JAKARTA).date())
        return _import_stock(engine, Path(made) / "stock.csv", now=now)


def _import_stock(engine: Engine, path: Path, *, now: datetime, progress: Progress | None = None) -> ImportReport:
    return import_stock(engine, path, business=load_business(BUSINESS), now=now, progress=progress)
