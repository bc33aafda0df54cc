"""What a shop's own systems have of a customer, written straight into the store: orders, couriers' words, points, shelves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import seeds
from sqlalchemy import Engine, insert

from crm_store.database import UnitOfWork
from crm_store.identify.proof import Proof
from crm_store.tables import interactions, stock, transactions


@dataclass
class Known:
    """A customer of the shop, with an account there under `name`."""

    engine: Engine
    now: datetime
    name: str
    profile: str = ""

    def __post_init__(self) -> None:
        with UnitOfWork(self.engine) as work:
            self.profile = seeds.add_customer(work.connection, self.now - timedelta(days=400))
            seeds.add_record(
                work.connection,
                self.profile,
                "web",
                self.name,
                self.now - timedelta(days=400),
                given_name=self.name.capitalize(),
                family_name="Wijaya",
                email=f"{self.name}@example.com",
                phone="+628115550001",
            )
            work.commit()

    @property
    def proof(self) -> Proof:
        return Proof("web", self.name)

    def ordered(self, number: str, days_ago: int, *items: tuple[str, float], status: str = "", **more: Any) -> None:
        """An order in the web shop; without items, one bag of Gayo."""
        for product, quantity in items or (("Gayo single origin 250 g", 1),):
            self._add(
                transactions,
                source="web",
                transaction_id=number,
                product=product,
                at=self.now - timedelta(days=days_ago),
                amount=more.get("amount", 100_000 * quantity),
                quantity=quantity,
                order_id=number,
                status=status,
                attributes=more.get("attributes", {}),
            )

    def courier_says(self, number: str, days_ago: int, status: str, **attributes: str) -> None:
        self._met("delivery", days_ago, order_id=number, status=status, attributes=attributes)

    def earned(self, points: float, days_ago: int) -> None:
        self._met("points", days_ago, points=points)

    def in_repair(self, product: str, days_ago: int, status: str, **more: Any) -> None:
        self._met("repair", days_ago, product=product, status=status, **more)

    def _met(self, kind: str, days_ago: float, **columns: Any) -> None:
        row = {"attributes": {}, "touchpoint": "web", **columns}
        at = self.now - timedelta(days=days_ago)
        self._add(interactions, source=kind, interaction_id=uuid4().hex, kind=kind, at=at, **row)

    def _add(self, table: Any, **row: Any) -> None:
        with UnitOfWork(self.engine) as work:
            work.connection.execute(insert(table).values(source_id=self.name, customer_id=self.profile, **row))
            work.commit()


def on_shelf(engine: Engine, product: str, store: str, quantity: float, at: datetime) -> None:
    with UnitOfWork(engine) as work:
        row = {"product_id": product, "store_id": store, "quantity": quantity, "at": at}
        work.connection.execute(insert(stock).values(row))
        work.commit()
