"""How the pages for the phone say things, beside what the whole console says. Pure; knows no database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.console.wording import Wording
from crm_store.identify.callers import Match
from crm_store.interact.caller import Fact, Order
from crm_store.interact.matters import OpenMatter

_BY = {
    "phone": "phone number",
    "email": "email",
    "loyalty_id": "card number",
    "order": "order number",
    "name": "name only",
}
_FACTS = {
    "date_of_birth": "Date of birth",
    "postcode": "Postcode of their address",
    "street": "Street of their address",
    "email": "Email on record",
    "loyalty_id": "Number of their card",
}
KINDS = {
    "question": "A question",
    "order_status": "An order",
    "complaint": "A complaint",
    "repair": "A repair",
    "return": "A return",
    "call": "Something else",
}
PURPOSES = {
    "questions": "Being asked things",
    "offers": "Being offered things",
    "profile": "A profile of what they say and buy",
}
OUTCOMES = {"settled": "Settled in this call", "open": "Still open", "call_back": "We call back"}


@dataclass(frozen=True)
class CallWords:
    say: Wording

    kinds = KINDS
    outcomes = OUTCOMES
    purposes = PURPOSES

    def kind(self, kind: str | None) -> str:
        return KINDS.get(kind or "", self.say.id(kind or "contact").capitalize())

    def outcome(self, outcome: str | None) -> str:
        return OUTCOMES.get(outcome or "", self.say.id(outcome or ""))

    def by(self, match: Match) -> str:
        """What somebody was found by, and how sure that is."""
        by = _BY.get(match.kind, self.say.id(match.kind))
        if match.assurance is None:
            return by
        if match.assurance == "proven":
            return f"{by}, proven to be theirs"
        return f"{by}, imported from {match.source}, never proven"

    def check(self, fact: Fact) -> tuple[str, str]:
        """What to ask for, and what we have."""
        if isinstance(fact.value, Order):
            order: Order = fact.value
            where = f", {self.say.id(order.touchpoint)}" if order.touchpoint else ""
            return "What they bought last, and when", f"{self.items(order)}, {self.say.when(order.at)}{where}"
        return _FACTS.get(fact.kind, self.say.id(fact.kind).capitalize()), str(fact.value)

    def items(self, order: Order) -> str:
        what = ", ".join(
            product if quantity in (None, 1) else f"{quantity:g} × {product}" for product, quantity in order.items
        )
        return f"Returned: {what or order.number}" if order.is_return else what or order.number

    def matter(self, matter: OpenMatter) -> str:
        """The matter in a few words, such as `Repair of espresso machine: ready at Menteng`."""
        what = f" of {matter.product}" if matter.product else ""
        where = f" at {matter.place}" if matter.place else ""
        return f"{self.say.id(matter.kind).capitalize()}{what}: {self.say.id(matter.status)}{where}"

    def points(self, points: float) -> str:
        return f"{points:,.0f}"

    def minutes(self, attributes: dict[str, Any]) -> str:
        spent = attributes.get("minutes")
        return f"{spent} min" if spent is not None else ""
