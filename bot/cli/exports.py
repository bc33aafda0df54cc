"""`rapport export`: what is in the store, as CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.store import open_store
from bot.cli.terminal import Json, show

app = typer.Typer(help="Write what is in the store to CSV files.", no_args_is_help=True)

# Made absolute while the caller's folder is still the current one.
Out = Annotated[Path, typer.Argument(help="CSV file to write; one that is there is replaced.", resolve_path=True)]


@app.command()
def identities(out: Out, as_json: Json = False) -> None:
    """Which customer each source record is taken for: source, source_id, customer_id."""
    from crm_store.exports import export_identities

    with open_store() as (_, engine):
        written = export_identities(engine, out)
    show({"records": written, "path": str(out)}, f"{written} records written to {out}", as_json)
