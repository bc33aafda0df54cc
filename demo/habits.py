"""How an ordinary invented customer lives with the demo business: where, what and how much, by need and by worth.

What people of a segment buy is drawn from the likelihoods in `business.yml`, so the data agree with what the business
believes. Money in the business's currency, days counted back from the end of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from random import Random

from crm_store.business import Business, Product
from demo.ledger import SOURCE_AT, Ledger, Line

WINDOW = (1, 358)
"""Days that count for value, short of the year's edge so that nobody changes tier in the data's first week."""
YEAR_BEFORE = (372, 728)

TIERS = {
    "office": {"most_valuable": 0.22, "growable": 0.33, "migrator": 0.38, "below_zero": 0.07},
    "explorer": {"most_valuable": 0.13, "growable": 0.30, "migrator": 0.47, "below_zero": 0.10},
    "quick": {"most_valuable": 0.07, "growable": 0.26, "migrator": 0.54, "below_zero": 0.13},
    "thrifty": {"most_valuable": 0.03, "growable": 0.16, "migrator": 0.55, "below_zero": 0.26},
}
WORTH = {"most_valuable": (1_650_000, 4_200_000), "growable": (560_000, 1_350_000), "migrator": (90_000, 370_000)}
"""Margin less cost to serve over the window; clear of zero and of the border to the most valuable by more than one item earns.
Who of the others is growable is for `business.yml` to say, by what is unrealised.
"""

CONTACTS = {"most_valuable": (4, 9), "growable": (2, 6), "migrator": (1, 4), "below_zero": (1, 4)}
"""Cheap contacts a year."""
CALLS = {"most_valuable": (0, 2), "growable": (0, 1), "migrator": (0, 1), "below_zero": (4, 10)}
"""Phone calls a year of those who call at all."""

KINDS = {"web": ("question", "review", "newsletter"), "store": ("advice", "tasting"), "loyalty": ("points",)}
CALLS_ABOUT = ("question", "question", "order_status", "order_change", "complaint")


@dataclass(frozen=True)
class Customer:
    """An invented customer: what they need, what they are worth, and their id in each system that knows them."""

    segment: str
    tier: str
    ids: dict[str, str]

    def at(self, touchpoint: str) -> str | None:
        """The id under which this touchpoint knows them."""
        return self.ids.get(SOURCE_AT[touchpoint])


class Life:
    """Two years of one customer, written into the ledger."""

    def __init__(self, customer: Customer, business: Business, ledger: Ledger, rng: Random) -> None:
        self._customer, self._ledger, self._rng = customer, ledger, rng
        taste = _taste(customer.segment, business, rng)
        self._products = [ledger.products[product] for product in taste]
        self._weights = list(accumulate(taste.values()))
        self._shops = [t for t in ("web", "store") if customer.at(t)]

    def live(self) -> None:
        tier, rng = self._customer.tier, self._rng
        lapsed = tier == "migrator" and rng.random() < 0.12
        newcomer = not lapsed and rng.random() < 0.2
        usual = self._year(WINDOW) if not lapsed else rng.uniform(*WORTH["migrator"])
        if not newcomer:
            self._machine()
            cost = self._contacts(YEAR_BEFORE)
            self._shop(YEAR_BEFORE, (usual + cost) * rng.uniform(0.8, 1.3))

    def _year(self, days: tuple[int, int]) -> float:
        """Lives the year that counts, and returns about what it was worth before the cost to serve."""
        tier, rng = self._customer.tier, self._rng
        cost = self._contacts(days)
        if tier == "below_zero":
            lines = self._shop(days, cost * rng.uniform(0.3, 0.8))
            for line in lines[: rng.randint(0, 2)]:
                self._ledger.give_back(line)
            return cost
        low, high = WORTH[tier]
        worth = low + (high - low) * rng.betavariate(1.2, 2.2)
        lines = self._shop(days, worth + cost)
        if tier != "migrator" and lines and rng.random() < 0.08:
            self._ledger.give_back(min(lines, key=lambda line: line.margin))
        return worth

    def _shop(self, days: tuple[int, int], budget: float) -> list[Line]:
        """Buys until another item would earn the business more than `budget`."""
        lines: list[Line] = []
        earned, misses = 0.0, 0
        while misses < 3:
            touchpoint, product = self._rng.choice(self._shops), self._product()
            unit = self._ledger.unit_margin(product, touchpoint)
            quantity = min(self._quantity(product), int((budget - earned) / unit))
            if quantity < 1:
                misses += 1
                continue
            basket = self._basket(lines, touchpoint, product)
            day = basket.day if basket else self._rng.randint(*days)
            source_id = self._customer.at(touchpoint) or ""
            lines.append(self._ledger.buy(source_id, day, touchpoint, product, quantity, basket))
            earned += lines[-1].margin
        return lines

    def _basket(self, lines: list[Line], touchpoint: str, product: Product) -> Line | None:
        """The last line, when this one is to go with it: a basket holds two lines at most."""
        if not lines or self._rng.random() > 0.2:
            return None
        last = lines[-1].row
        if len(lines) > 1 and lines[-2].row["transaction_id"] == last["transaction_id"]:
            return None
        return lines[-1] if last["touchpoint"] == touchpoint and last["product"] != product.name else None

    def _product(self) -> Product:
        return self._rng.choices(self._products, cum_weights=self._weights)[0]

    def _quantity(self, product: Product) -> int:
        return self._rng.choice((1, 2, 3) if product.category == "office_beans" else (1, 1, 1, 2))

    def _contacts(self, days: tuple[int, int]) -> float:
        """A year of contacts at the touchpoints that know this customer; returns what they cost."""
        customer, rng = self._customer, self._rng
        places = [t for t in ("web", "loyalty", "loyalty", "store") if customer.at(t)]
        cost = 0.0
        for _ in range(rng.randint(*CONTACTS[customer.tier])):
            cost += self._cheap_contact(rng.choice(places), rng.randint(*days))
        if customer.at("phone"):
            cost += sum(self._call(rng.randint(*days)) for _ in range(rng.randint(*CALLS[customer.tier])))
        if customer.at("repair") and rng.random() < 0.6:
            cost += self._repair(rng.randint(*days))
        return cost

    def _cheap_contact(self, touchpoint: str, day: int) -> float:
        kind, columns = self._rng.choice(KINDS[touchpoint]), {}
        if kind == "points":
            points = self._rng.choice((20, 40, 60, 80, 120, 150, -100))
            kind, columns = ("points" if points > 0 else "redeem"), {"points": points}
        return self._ledger.meet(self._customer.at(touchpoint) or "", day, touchpoint, kind, **columns)

    def _call(self, day: int) -> float:
        about = self._rng.choice(CALLS_ABOUT)
        status = "open" if about == "complaint" and day < 10 else "resolved"
        cost = self._rng.choice((None, None, 18000, 32000))
        source_id = self._customer.at("phone") or ""
        return self._ledger.meet(source_id, day, "phone", about, status=status, cost=cost or "")

    def _repair(self, day: int) -> float:
        status = "collected" if day > 14 else self._rng.choice(("waiting", "ready"))
        return self._ledger.meet(
            self._customer.at("repair") or "",
            day,
            "repair",
            "repair",
            product=self._rng.choice(("Espresso machine", "Grinder")),
            status=status,
            place=self._rng.choice(("Menteng", "Kemang")),
        )

    def _machine(self) -> None:
        """A machine is bought in the year before: in the year that counts it alone would lift anybody a tier."""
        if self._customer.at("repair") or self._rng.random() < 0.03:
            touchpoint = self._rng.choice(self._shops)
            product = self._ledger.products[self._rng.choice(("espresso_machine", "grinder"))]
            day = self._rng.randint(*YEAR_BEFORE)
            self._ledger.buy(self._customer.at(touchpoint) or "", day, touchpoint, product, 1)


def _taste(segment: str, business: Business, rng: Random) -> dict[str, float]:
    """What somebody of this segment buys, by product id, and how often."""
    likelihood = {b.category: b.likelihood[segment] for b in business.needs.behaviours}
    favourite = max(likelihood, key=lambda category: likelihood[category])
    categories = {c for c, p in likelihood.items() if rng.random() < p} or {favourite}
    return {p.id: likelihood[p.category] for p in business.products if p.category in categories}
