"""`rapport import`: customers, transactions, interactions and stock from CSV files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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

NAMED = 5
"""How many of what the file alone knows are named."""

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

    business = load_business(load_settings().business)
    load = partial(import_transactions, currency=business.business.currency, touchpoints=business.touchpoints)
    _load(load, file, as_json)


@app.command()
def interactions(file: File, as_json: Json = False) -> None:
    """Calls, visits, deliveries, repairs, points: what happened at the touchpoints."""
    from crm_store.business_file import load_business
    from crm_store.imports import import_interactions

    business = load_business(load_settings().business)
    _load(partial(import_interactions, touchpoints=business.touchpoints), file, as_json)


@app.command()
def stock(file: File, as_json: Json = False) -> None:
    """What there is of each product in each store: product, store, quantity, at."""
    from crm_store.business_file import load_business
    from crm_store.imports import import_stock

    load = partial(import_stock, business=load_business(load_settings().business))
    _load(load, file, as_json, unknown_are="left out")


def _load(
    load: Callable[..., ImportReport], file: Path, as_json: bool, unknown_are: str = "kept with the record"
) -> None:
    from crm_store.imports import count_rows

    total = count_rows(file)
    with open_store() as (_, engine), progress(f"import: {file.name}", total) as advance:
        report = load(engine, file, now=datetime.now(UTC), progress=advance)
    show(asdict(report), "\n".join(_lines(report, unknown_are)), as_json)


def _lines(report: ImportReport, unknown_are: str) -> Iterator[str]:
    yield f"{report.read} read: {report.loaded} loaded, {report.unchanged} unchanged, {report.rejected} rejected"
    if report.rejects_path:
        yield f"the rejected rows and their reasons are in {report.rejects_path}"
    if report.unknown_columns:
        yield (
            f"columns that Rapport does not know, {unknown_are}: {_some(report.unknown_columns)}; "
            "correct the header where one of them is meant to be read (docs/operate.md)"
        )
    if report.unknown_touchpoints:
        counts = report.unknown_touchpoints.items()
        found = [f"{name} ({rows} {'row' if rows == 1 else 'rows'})" for name, rows in counts]
        yield (
            f"touchpoints that business.yml does not know: {_some(found)}; "
            "name it in business.yml or correct the file; what it costs to serve counts as nothing until then"
        )


def _some(names: Sequence[str]) -> str:
    named = "".join(c if c.isprintable() else "\ufffd" for c in ", ".join(names[:NAMED]))
    return f"{named} and {len(names) - NAMED} more" if len(names) > NAMED else named
