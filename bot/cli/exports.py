"""`rapport export`: what is in the store, as CSV files, and everything about one customer as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.store import open_store
from bot.cli.terminal import Json, progress, show

if TYPE_CHECKING:
    from sqlalchemy import Select

app = typer.Typer(help="Write what is in the store to files.", no_args_is_help=True)

Out = Annotated[Path, typer.Argument(help="CSV file to write; one that is there is replaced.", resolve_path=True)]
Document = Annotated[Path, typer.Argument(help="JSON file to write; one that is there is replaced.", resolve_path=True)]
AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Nothing later is looked at; UTC. Now if not given."),
]
Customer = Annotated[
    str,
    typer.Argument(
        help="The customer's id, as `rapport export identities OUT.csv` lists it, or an identifier such as "
        "email:ana@example.com, phone:+62812..., record:shop/42."
    ),
]


@app.command()
def identities(out: Out, as_json: Json = False) -> None:
    """Which customer each source record is taken for: source, source_id, customer_id."""
    from crm_store.exports import IDENTITIES

    _export("records", IDENTITIES, out, as_json)


@app.command()
def values(out: Out, as_json: Json = False) -> None:
    """What each customer is worth, as `rapport score` found it: one line a source record."""
    from crm_store.exports import VALUES

    _export("values", VALUES, out, as_json)


@app.command()
def transcripts(out: Out, as_json: Json = False) -> None:
    """What was said in every conversation, what was understood, and why it was answered so."""
    from crm_store.exports import TRANSCRIPTS

    _export("messages", TRANSCRIPTS, out, as_json)


@app.command()
def offers(out: Out, as_json: Json = False) -> None:
    """Every decision to offer something: to whom, why, whether it was shown and what became of it."""
    from crm_store.exports import OFFERS

    _export("offers", OFFERS, out, as_json)


@app.command()
def needs(out: Out, as_of: AsOf = None, as_json: Json = False) -> None:
    """How likely each need of each customer is: customer_id, segment, probability."""
    from crm_store.business_file import load_business
    from crm_store.exports import export_needs, how_many_customers

    with open_store() as (settings, engine):
        business = load_business(settings.business)
        with progress("customers", how_many_customers(engine)) as advance:
            at = as_of.replace(tzinfo=UTC) if as_of else datetime.now(UTC)
            written = export_needs(engine, business, out, at, advance)
    _written("needs", written, out, as_json)


@app.command()
def shares(out: Out, as_of: AsOf = None, as_json: Json = False) -> None:
    """Which part of their spending customers told that they spend here: when, where, and what they so spend elsewhere."""
    from crm_store.business_file import load_business
    from crm_store.exports import export_shares

    with open_store() as (settings, engine):
        at = as_of.replace(tzinfo=UTC) if as_of else datetime.now(UTC)
        written = export_shares(engine, load_business(settings.business), out, at)
    _written("shares", written, out, as_json)


@app.command()
def customer(customer: Customer, out: Document, as_json: Json = False) -> None:
    """The right of access: everything that is kept of one customer, with all joined profiles."""
    from crm_store.access.disclosure import disclose
    from crm_store.access.whom import whom
    from crm_store.business_file import load_business
    from crm_store.database import reading
    from crm_store.exports import private_file

    with open_store() as (settings, engine), reading(engine) as connection:
        business = load_business(settings.business)
        customer_id = whom(connection, customer)
        found = disclose(connection, business, customer_id, settings.tracker_path, datetime.now(UTC))
    with private_file(out) as file:
        json.dump(found, file, ensure_ascii=False, indent=1)
    counted = {"profiles": len(found["profiles"]), "conversations": len(found["conversations"])}
    text = f"{counted['profiles']} profiles and {counted['conversations']} conversations written to {out}"
    show({"customer_id": customer_id, **counted, "path": str(out)}, text, as_json)


def _export(what: str, query: Select[Any], out: Path, as_json: bool) -> None:
    from crm_store.exports import export, how_many

    with open_store() as (_, engine), progress(what, how_many(engine, query)) as advance:
        written = export(engine, query, out, advance)
    _written(what, written, out, as_json)


def _written(what: str, written: int, out: Path, as_json: bool) -> None:
    show({what: written, "path": str(out)}, f"{written} {what} written to {out}", as_json)
