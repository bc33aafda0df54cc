"""The four CSV files of the demo business, written as its five systems would export them.

Keeps the ids, prices and margins consistent; knows nothing of who buys what and why.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta, timezone
from pathlib import Path
from random import Random
from typing import IO, Any, Self

from crm_store.business import Business, Product

Row = dict[str, Any]
DAYS = 730
DAYS_UNDER_WAY = 2
"""A web order takes two days."""
TOLD_OF_DELIVERIES = 30
"""For so many days back the couriers' word on each web order is there."""

JAKARTA = timezone(timedelta(hours=7))
"""There is no summer time."""

SOURCE_AT = {"web": "web", "loyalty": "loyalty", "phone": "phone", "store": "pos", "repair": "repair"}
"""Which system reports from each touchpoint."""

MARGINS = {
    "office_beans": 0.36,
    "single_origin": 0.40,
    "drip_bags": 0.38,
    "capsules": 0.35,
    "machines": 0.18,
    "grinders": 0.2,
}
"""Share of the price that the web shop reports as margin; the till reports none."""

CUSTOMERS = """
source source_id given_name family_name email phone loyalty_id date_of_birth street city postcode country language
"""
TRANSACTIONS = """
source transaction_id source_id at amount margin currency product category quantity touchpoint order_id status
"""
INTERACTIONS = """
source interaction_id source_id at touchpoint kind text cost outcome order_id product status points place expected
"""
STOCK = "product store quantity"
FILES = {
    "customers": CUSTOMERS.split(),
    "transactions": TRANSACTIONS.split(),
    "interactions": INTERACTIONS.split(),
    "stock": STOCK.split(),
}
"""The columns of each file."""


@dataclass(frozen=True)
class Line:
    """One line of a purchase, with what it is worth to the business."""

    row: Row
    day: int
    margin: float


class Ledger:
    """Writes the files of one folder. Days are counted back from `until`: 1 is the day before."""

    def __init__(self, folder: Path, business: Business, until: date, rng: Random) -> None:
        self._files: list[IO[str]] = []
        self._write = {name: self._open(folder / f"{name}.csv", columns) for name, columns in FILES.items()}
        self._until = until
        self._dates = [(until - timedelta(days=day)).isoformat() for day in range(DAYS + 1)]
        self._rng, self._number = rng, 0
        self._rate = business.value.margin_rate
        self._costs = {name: touchpoint.cost for name, touchpoint in business.touchpoints.items()}
        self._currency = business.business.currency
        self.products = {product.id: product for product in business.products}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def record(self, **columns: str) -> None:
        """Writes one source's record of a customer."""
        self._write["customers"](columns)

    def unit_margin(self, product: Product, touchpoint: str) -> float:
        return product.price * (MARGINS.get(product.category, self._rate) if touchpoint == "web" else self._rate)

    def buy(
        self,
        source_id: str,
        day: int,
        touchpoint: str,
        product: Product,
        quantity: int,
        basket: Line | None = None,
        *,
        order: str = "",
        takes: int = DAYS_UNDER_WAY,
    ) -> Line:
        """Sells at `web` or in the `store`; `basket` is another line of the same purchase.

        `order`: the number of a web order that has to have this one; `takes`: days after which it was to arrive.
        """
        web = touchpoint == "web"
        number = order or self._next("ORD" if web else "N")
        margin = self.unit_margin(product, touchpoint) * quantity
        row = {
            "source": SOURCE_AT[touchpoint],
            "transaction_id": number,
            "source_id": source_id,
            "at": self._at(day),
            "amount": f"{product.price * quantity:.0f}",
            "margin": f"{margin:.0f}" if web else "",
            "currency": self._currency,
            "product": product.name,
            "category": product.category,
            "quantity": quantity,
            "touchpoint": touchpoint,
            "order_id": number if web else "",
            "status": ("delivered" if day > DAYS_UNDER_WAY else "on_the_way") if web else "paid",
        }
        if basket:
            row |= {name: basket.row[name] for name in ("transaction_id", "at", "order_id", "status")}
        self._write["transactions"](row)
        if web and not basket and day <= TOLD_OF_DELIVERIES:
            self._deliver(source_id, day, number, takes)
        return Line(row, day, round(margin) if web else margin)

    def give_back(self, line: Line) -> Line:
        """Takes a line back a few days after it was sold."""
        day = max(1, line.day - self._rng.randint(2, 9))
        row = line.row | {
            "transaction_id": self._next("R"),
            "at": self._at(day),
            "amount": f"-{line.row['amount']}",
            "margin": f"-{line.row['margin']}" if line.row["margin"] else "",
            "quantity": -line.row["quantity"],
            "status": "returned",
        }
        self._write["transactions"](row)
        return Line(row, day, -line.margin)

    def meet(self, source_id: str, day: int, touchpoint: str, kind: str, **columns: Any) -> float:
        """Notes a contact and returns what it cost to serve."""
        self._write["interactions"](
            {
                "source": SOURCE_AT[touchpoint],
                "interaction_id": self._next("C"),
                "source_id": source_id,
                "at": self._at(day, columns.pop("hour", None)),
                "touchpoint": touchpoint,
                "kind": kind,
            }
            | columns
        )
        return float(columns.get("cost") or self._costs[touchpoint])

    def count(self, product: Product, store: str, quantity: int) -> None:
        """Notes how many of a product there are in a store."""
        self._write["stock"]({"product": product.id, "store": store, "quantity": quantity})

    def _deliver(self, source_id: str, day: int, order: str, takes: int) -> None:
        """The courier's newest word on a web order."""
        arrived = day > DAYS_UNDER_WAY
        word = {
            "source": SOURCE_AT["web"],
            "interaction_id": f"D-{order}",
            "source_id": source_id,
            "at": f"{self._dates[day - takes if arrived else day]}T20:30:00+07:00",
            "touchpoint": "web",
            "kind": "delivery",
            "cost": 0,
            "order_id": order,
            "status": "delivered" if arrived else "on_the_way",
            "expected": (self._until - timedelta(days=day - takes)).isoformat(),
        }
        self._write["interactions"](word)

    def _at(self, day: int, hour: int | None = None) -> str:
        opening, closing = 8, 20
        minute = int(self._rng.random() * (closing - opening) * 60)
        hour = opening + minute // 60 if hour is None else hour
        return f"{self._dates[day]}T{hour:02}:{minute % 60:02}:00+07:00"

    def _next(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}-{100000 + self._number}"

    def _open(self, path: Path, columns: list[str]) -> Callable[[Row], object]:
        file = path.open("w", encoding="utf-8", newline="")
        self._files.append(file)
        writer = csv.writer(file)
        writer.writerow(columns)
        return lambda row: writer.writerow([row.get(column, "") for column in columns])
