"""Importing what there is: one row is the count of a product in a store."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from crm_store.business import Business
from crm_store.imports.errors import BadRowError
from crm_store.imports.fields import number, require, time
from crm_store.imports.loading import ImportReport, Layout, Progress, load
from crm_store.stock import Count, UnknownStockError, count_of, keep_counts

REQUIRED = ("product", "quantity")
KNOWN = (*REQUIRED, "store", "at")


def import_stock(
    engine: Engine, path: Path, *, business: Business, now: datetime, progress: Progress | None = None
) -> ImportReport:
    """Loads counts; of a product in a store the newest stays. `now`: when rows without a time were counted.

    Raises ImportRefusedError and RejectsUnwritableError.
    """
    return load(engine, path, Layout(REQUIRED, KNOWN, partial(_parse, business, now), keep_counts), progress)


def _parse(business: Business, now: datetime, row: dict[str, str]) -> Count:
    require(row, REQUIRED)
    at = time(row["at"], "at") if "at" in row else now
    if at > now:
        raise BadRowError(f"at {row['at']!r} is in the future; nothing has been counted yet then")
    try:
        return count_of(business, row["product"], row.get("store", ""), number(row["quantity"], "quantity"), at)
    except UnknownStockError as error:
        raise BadRowError(str(error)) from None
