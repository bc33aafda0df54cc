"""What leaves the store as CSV files: header row, UTF-8, one line a source record. Queries only."""

from __future__ import annotations

import csv
from pathlib import Path

from sqlalchemy import Engine, select

from crm_store.database import reading
from crm_store.tables import customers, records

AT_A_TIME = 5000


def export_identities(engine: Engine, path: Path) -> int:
    """Which customer each source record is taken for: `source, source_id, customer_id`. Returns how many records.

    The customer id is the canonical one, so that joined records share it.
    """
    query = (
        select(records.c.source, records.c.source_id, customers.c.canonical_id.label("customer_id"))
        .join(customers, customers.c.id == records.c.customer_id)
        .order_by(records.c.source, records.c.source_id)
    )
    written = 0
    with reading(engine) as connection, path.open("w", newline="", encoding="utf-8") as file:
        rows = connection.execution_options(yield_per=AT_A_TIME).execute(query)
        lines = csv.writer(file)
        lines.writerow(rows.keys())
        for row in rows:
            lines.writerow(row)
            written += 1
    return written
