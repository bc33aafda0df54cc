"""CSV files in: customers, transactions, interactions, stock.

Idempotent on the row's key; bad rows are put aside with a reason, the rest is loaded.

report = import_customers(engine, Path("customers.csv"), now=now)
"""

from crm_store.imports.customers import import_customers
from crm_store.imports.errors import (
    FileMissingError,
    ImportRefusedError,
    MissingColumnError,
    NotCsvError,
    RejectsUnwritableError,
)
from crm_store.imports.facts import import_interactions, import_transactions
from crm_store.imports.loading import ImportReport, Progress
from crm_store.imports.reading import count_rows
from crm_store.imports.stock import import_stock

__all__ = [
    "FileMissingError",
    "ImportRefusedError",
    "ImportReport",
    "MissingColumnError",
    "NotCsvError",
    "Progress",
    "RejectsUnwritableError",
    "count_rows",
    "import_customers",
    "import_interactions",
    "import_stock",
    "import_transactions",
]
