"""Which imported record belongs to which customer, decided by exact agreement alone.

The rule is conservative, because a wrong link shows one person's life to another while a missing one only costs a
repeated question: a record joins a customer when it shares a loyalty id, an e-mail address or a phone number with that
one customer and no other, and no name speaks against it. What resembles without agreeing is for batch resolution. Pure;
knows no database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crm_store.identify.normalise import normalise

Identifier = tuple[str, str]
"""Type and normalised value."""

TYPES = ("email", "phone", "loyalty_id", "telegram_id", "device_id")
"""What a record may be identified by, by the name of its column."""

LINKING_TYPES = frozenset({"loyalty_id", "email", "phone"})
"""A device or a Telegram account is recognised at run time; in a file it proves no link."""


@dataclass(frozen=True)
class Person:
    """What one record says about who it is. Names as written, empty when absent; identifiers normalised."""

    given_name: str = ""
    family_name: str = ""
    identifiers: frozenset[Identifier] = field(default_factory=frozenset)

    @property
    def linking(self) -> frozenset[Identifier]:
        return frozenset(i for i in self.identifiers if i[0] in LINKING_TYPES)


def person_of(attributes: Mapping[str, object]) -> Person:
    """Reads a record's columns. What is not an identifier of its column's type is left out."""
    country = str(attributes.get("country", ""))
    region = country.upper() if len(country) == 2 and country.isalpha() else "ID"
    found = ((kind, normalise(kind, str(attributes[kind]), region)) for kind in TYPES if kind in attributes)
    return Person(
        str(attributes.get("given_name", "")),
        str(attributes.get("family_name", "")),
        frozenset((kind, value) for kind, value in found if value),
    )


def same_person(a: Person, b: Person) -> bool:
    """Whether two records agree on an identifier that links, and their names do not conflict."""
    return bool(a.linking & b.linking) and names_agree(a, b)


def names_agree(a: Person, b: Person) -> bool:
    """Family names are equal or one is absent; given names start alike ("B." and "Budi") or one is absent."""
    family_a, family_b = _plain(a.family_name), _plain(b.family_name)
    if family_a and family_b and family_a != family_b:
        return False
    given_a, given_b = _plain(a.given_name), _plain(b.given_name)
    return given_a.startswith(given_b) or given_b.startswith(given_a)


def _plain(name: str) -> str:
    return " ".join(name.replace(".", " ").split()).casefold()


class KnownPeople:
    """The customers whom the records at hand may belong to, with every identifier and name known of them."""

    def __init__(self) -> None:
        self._owners: dict[Identifier, set[str]] = defaultdict(set)
        self._people: dict[str, list[Person]] = defaultdict(list)

    def own(self, customer_id: str, identifiers: Iterable[Identifier]) -> None:
        """Says that the identifiers are the customer's."""
        for identifier in identifiers:
            self._owners[identifier].add(customer_id)

    def add(self, customer_id: str, person: Person) -> None:
        """Adds what one of the customer's records says."""
        self._people[customer_id].append(person)
        self.own(customer_id, person.linking)

    def match(self, person: Person) -> str | None:
        """The one customer whom the record belongs to; None when there is none, or more than one could be."""
        owners = {owner for identifier in person.linking for owner in self._owners.get(identifier, ())}
        if len(owners) != 1:
            return None
        owner = owners.pop()
        return owner if all(names_agree(person, known) for known in self._people[owner]) else None
