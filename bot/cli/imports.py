"""`rapport import`: customers, transactions, interactions and stock from CSV files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.store import load_settings, open_store
from bot.cli.terminal import Json, progress, show

if TYPE_CHECKING:
    from crm_store.imports import ImportReport

app = typer.Typer(help="Load CSV files; loading the same file again changes nothing.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="CSV, UTF-8, with a header row.", resolve_path=True)]


@app.command()
def customers(file: File, as_json: Json = False) -> None:
    """Records of customers: source, source_id and what is known of them."""
    from crm_store.business_file import load_business
    from crm_store.imports import import_customers

    rules = load_business(load_settings().business).linking
    _load(partial(import_customers, rules=rules), file, as_json)


@app.command()
def transactions(file: File, as_json: Json = False) -> None:
    """What customers bought or brought back."""
    from crm_store.business_file import load_business
    from crm_store.imports import import_transactions

    currency = load_business(load_settings().business).business.currency
    _load(partial(import_transactions, currency=currency), file, as_json)


@app.command()
def interactions(file: File, as_json: Json = False) -> None:
    """Calls, visits, deliveries, repairs, points: what happened at the touchpoints."""
    from crm_store.imports import import_interactions

    _load(import_interactions, file, as_json)


@app.command()
def stock(file: File, as_json: Json = False) -> None:
    """What there is of each product in each store: product, store, quantity, at."""
    from crm_store.business_file import load_business
    from crm_store.imports import import_stock

    _load(partial(import_stock, business=load_business(load_settings().business)), file, as_json)


def _load(load: Callable[..., ImportReport], file: Path, as_json: bool) -> None:
    from crm_store.imports import count_rows

    total = count_rows(file)
    with open_store() as (_, engine), progress(f"import: {file.name}", total) as advance:
        report = load(engine, file, now=datetime.now(UTC), progress=advance)
    text = f"{report.read} read: {report.loaded} loaded, {report.unchanged} unchanged, {report.rejected} rejected"
    if report.rejects_path:
        text += f"\nthe rejected rows and their reasons are in {report.rejects_path}"
    show(asdict(report), text, as_json)
