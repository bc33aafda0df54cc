"""Invents the demo business's customers and stock: four CSV files in the form that `rapport import` reads.

The same seed and date give the same files. Everything is invented: e-mail goes to domains reserved for documentation,
phone numbers are of two blocks that follow one pattern (+62 811 5550 ..., +62 21 5550 ...).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

from crm_store.business import Business
from crm_store.business_file import load_business
from demo import names
from demo.habits import TIERS, Customer, Life
from demo.ledger import Ledger
from demo.people import PEOPLE
from demo.stories import STORIES

BUSINESS = Path(__file__).parent / "business.yml"


@dataclass(frozen=True)
class Identity:
    """Who an invented customer is, whichever system asks."""

    index: int
    given_name: str
    family_name: str
    language: str

    @property
    def email(self) -> str:
        domain = names.MAIL[self.index % len(names.MAIL)]
        return f"{self.given_name}.{self.family_name}.{self.index}@{domain}".lower()

    @property
    def phone(self) -> str:
        """As different people write it; empty beyond the twenty thousand numbers of the two blocks."""
        block, number = divmod(self.index, 10_000)
        if block > 1:
            return ""
        start = ("+62 811 5550 ", "0811-5550-", "+628115550")[self.index % 3] if block == 0 else "+62 21 5550 "
        return f"{start}{number:04}"

    @property
    def card(self) -> str:
        return f"KS {700_000 + self.index}"


def generate(folder: Path, seed: int = 20, customers: int = 2000, until: date | None = None) -> None:
    """Writes customers.csv, transactions.csv, interactions.csv and stock.csv into `folder`.

    `until`: the day after the data's last; today when not given. `customers` counts the four people worth meeting, who
    come first.
    """
    business = load_business(BUSINESS)
    rng = Random(seed)  # noqa: S311  invents people, not secrets
    with Ledger(folder, business, until or date.today(), rng) as ledger:
        for index, person in enumerate(PEOPLE, start=1):
            identity = Identity(index, person.given_name, person.family_name, person.language)
            ids = {source: f"{source}-{index}" for source in person.sources} | {"web": person.id}
            _introduce(identity, ids, ledger, rng)
            STORIES[person.id](Customer(person.segment, "", ids), ledger)
        for index in range(len(PEOPLE) + 1, customers + 1):
            identity = _invent(index, rng)
            customer = _differ(index, business, rng)
            _introduce(identity, customer.ids, ledger, rng)
            Life(customer, business, ledger, rng).live()
        _count(business, ledger, seed)


def _count(business: Business, ledger: Ledger, seed: int) -> None:
    """What is on the shelves: of one thing only a few, of one nothing, so that there is something to ask about."""
    rng = Random(seed)  # noqa: S311  invents shelves, not secrets
    short = {("toraja", "kemang"): 3, ("capsules", "menteng"): 0, ("espresso_machine", "kemang"): 0}
    for product in business.products:
        for place in (*(store.id for store in business.stores), ""):
            ledger.count(product, place, short.get((product.id, place), rng.randint(8, 60)))


def _invent(index: int, rng: Random) -> Identity:
    language = "id" if rng.random() < 0.8 else "en"
    return Identity(index, rng.choice(names.GIVEN), rng.choice(names.FAMILY), language)


def _differ(index: int, business: Business, rng: Random) -> Customer:
    """Draws what a customer needs and is worth, and which systems know of them: one to three."""
    segment = rng.choices(list(business.prior), list(business.prior.values()))[0]
    tier = rng.choices(list(TIERS[segment]), list(TIERS[segment].values()))[0]
    sources = ["web"] if rng.random() < 0.7 else ["pos"]
    calls = 1.0 if tier == "below_zero" else 0.12
    for source, chance in (("phone", calls), ("repair", 0.05), ("loyalty", 0.55), ("pos", 0.35)):
        if source not in sources and len(sources) < 3 and rng.random() < chance:
            sources.append(source)
    return Customer(segment, tier, {source: f"{source}-{index}" for source in sources})


def _introduce(who: Identity, ids: dict[str, str], ledger: Ledger, rng: Random) -> None:
    """Writes each system's record; each but the first shares an e-mail address, phone number or card with another."""
    member, alone = "loyalty" in ids, len(ids) == 1
    street, (city, postcode) = f"{rng.choice(names.STREETS)} {rng.randint(1, 90)}", rng.choice(names.CITIES)
    born = f"{rng.randint(1958, 2004)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    named = {"given_name": who.given_name, "family_name": who.family_name}
    lives = {"street": street, "city": city, "postcode": postcode, "country": "ID", "language": who.language}
    reached = {"email": who.email, "phone": "" if alone and rng.random() < 0.4 else who.phone}
    said = {
        "web": named | lives | reached | {"date_of_birth": born if rng.random() < 0.3 else ""},
        "loyalty": named | {"loyalty_id": who.card} | ({"email": who.email} if "web" in ids else {"phone": who.phone}),
        "pos": {"given_name": who.given_name} | ({"loyalty_id": who.card} if member else {"phone": who.phone}),
        "phone": {"given_name": who.given_name, "phone": who.phone},
        "repair": named | {"phone": who.phone},
    }
    for source, columns in said.items():
        if source in ids:
            ledger.record(source=source, source_id=ids[source], **columns)
