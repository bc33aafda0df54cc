"""Stock as the shop's own systems count it: one count for each product and store, the newest. Knows no HTTP and no CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from crm_store.business import Business
from crm_store.interact.answers import plain
from crm_store.interact.service.products import product_of
from crm_store.tables import stock

WEB_SHOP = ""
"""The store of what the web shop itself has."""


class UnknownStockError(LookupError):
    """A count of something, or at some place, that `business.yml` does not know. The text says what it does know."""


@dataclass(frozen=True)
class Count:
    """How many of a product are in a store at a time."""

    product_id: str
    store_id: str
    quantity: float
    at: datetime


def count_of(business: Business, product: str, store: str, quantity: float, at: datetime) -> Count:
    """A count by the names that another system uses: an id, a name or another name; no store is the web shop.

    Raises UnknownStockError.
    """
    found = product_of(business, product)
    if found is None:
        known = ", ".join(p.id for p in business.products)
        raise UnknownStockError(f"no product is called {product!r}; business.yml has: {known}")
    return Count(found.id, _store_id(business, store), quantity, at)


def keep_counts(connection: Connection, counts: Sequence[Count]) -> int:
    """Keeps the newest count of each product and store. Returns how many of these said something new."""
    newest: dict[tuple[str, str], Count] = {}
    for count in sorted(counts, key=lambda c: c.at):
        newest[count.product_id, count.store_id] = count
    there = {
        (row.product_id, row.store_id): row
        for row in connection.execute(select(stock).where(stock.c.product_id.in_({p for p, _ in newest})))
    }
    new = [
        {"product_id": count.product_id, "store_id": count.store_id, "quantity": count.quantity, "at": count.at}
        for key, count in newest.items()
        if key not in there
        or count.at > there[key].at
        or (count.at == there[key].at and count.quantity != there[key].quantity)
    ]
    if new:
        insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(stock)
        replaced = {"quantity": insert.excluded.quantity, "at": insert.excluded.at}
        connection.execute(insert.on_conflict_do_update(index_elements=["product_id", "store_id"], set_=replaced), new)
    return len(new)


def _store_id(business: Business, written: str) -> str:
    wanted = plain(written)
    if not wanted:
        return WEB_SHOP
    for store in business.stores:
        if wanted in map(plain, (store.id, store.name, *store.names)):
            return store.id
    known = ", ".join(store.id for store in business.stores) or "none"
    raise UnknownStockError(f"no store is called {written!r}; business.yml has: {known} (no store: the web shop)")
