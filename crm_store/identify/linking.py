"""Which imported record belongs to which customer, decided by exact agreement alone.

The rule is conservative, because a wrong link shows one person's life to another while a missing one only costs a
repeated question. One row is judged at a time, so it cannot see that a number is a family's, an employer's or a claim: a record
joins a customer when it shares identifiers of two types (loyalty id, e-mail address, phone number), or one that machines have
read in both, or one beside the full name and date of birth; when few enough have them, and nothing else speaks against it.
All else, one identifier alone too, is for batch resolution, which sees who else has it. Pure; knows no database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from crm_store.identify.normalise import normalise

if TYPE_CHECKING:
    from crm_store.business import Identity, Limits

Identifier = tuple[str, str]
"""Type and normalised value."""

TYPES = ("email", "phone", "loyalty_id", "telegram_id", "device_id")
"""What a record may be identified by, by the name of its column."""

NOBODYS = ("a@a.com", "email@email.com", "na@na.com", "no@email.com", "no@no.com", "none@none.com", "test@test.com")
"""Addresses that are typed where one is asked for and there is none."""

LINKING_TYPES = frozenset({"loyalty_id", "email", "phone"})
"""A device or a Telegram account is recognised at run time; in a file it proves no link."""


class Rules:
    """The section `identity` of `business.yml`, as it is asked here. `own`: identifiers of the business itself."""

    def __init__(self, identity: Identity, own: Iterable[Identifier] = ()) -> None:
        self._limits: dict[str, Limits] = dict(identity.identifiers)  # type: ignore[arg-type]
        self._typed_by: Mapping[str, Mapping[str, str]] = identity.typed_by  # type: ignore[assignment]
        self._own = frozenset(own)
        self._customers = _kinds_by_source(self._typed_by, "customer")
        self._machines = _kinds_by_source(self._typed_by, "machine")

    @cached_property
    def blocked(self) -> frozenset[Identifier]:
        """Values of nobody, in their one spelling."""
        named = [(kind, value) for kind, limits in self._limits.items() for value in limits.blocked]
        everywhere = [("email", address) for address in NOBODYS]
        spelled = ((kind, normalise(kind, value)) for kind, value in (*named, *everywhere, *self._own))
        return frozenset((kind, value) for kind, value in spelled if value)

    def priority(self, kind: str) -> int:
        return self._limits[kind].priority

    def shared_by(self, kind: str) -> int:
        return self._limits[kind].shared_by

    def values(self, kind: str) -> int:
        return self._limits[kind].values

    def window(self, kind: str) -> timedelta:
        return timedelta(days=self._limits[kind].window_days)

    def links(self, source: str, kind: str) -> bool:
        """Whether an identifier of this type from this source may join anybody."""
        return kind in LINKING_TYPES and kind not in self.typed_by_customers(source)

    def reads(self, source: str, kind: str) -> bool:
        """Whether a machine enters an identifier of this type at this source."""
        return kind in self.typed_by_machines(source)

    def typed_by_customers(self, source: str) -> frozenset[str]:
        """The types of identifiers that anybody could have typed at this source, of those that join."""
        return self._customers.get(source, frozenset())

    def typed_by_machines(self, source: str) -> frozenset[str]:
        """The types of identifiers that a machine enters at this source."""
        return self._machines.get(source, frozenset())


def _kinds_by_source(typed_by: Mapping[str, Mapping[str, str]], who: str) -> dict[str, frozenset[str]]:
    joining = LINKING_TYPES if who == "customer" else frozenset(TYPES)
    return {
        source: frozenset(kind for kind, typist in kinds.items() if typist == who and kind in joining)
        for source, kinds in typed_by.items()
    }


@dataclass(frozen=True)
class Person:
    """What one record says about who it is. Names and date as written, empty when absent; identifiers normalised."""

    given_name: str = ""
    family_name: str = ""
    identifiers: frozenset[Identifier] = field(default_factory=frozenset)
    date_of_birth: str = ""
    unproven: frozenset[Identifier] = field(default_factory=frozenset)
    """Those of the identifiers that anybody could have typed."""
    read: frozenset[Identifier] = field(default_factory=frozenset)
    """Those that a machine has read."""

    @cached_property
    def linking(self) -> frozenset[Identifier]:
        return frozenset(i for i in self.identifiers - self.unproven if i[0] in LINKING_TYPES)


def named(attributes: Mapping[str, object]) -> Person:
    """Reads who a record says it is, without its identifiers."""
    given, family, born = (str(attributes.get(name, "")) for name in ("given_name", "family_name", "date_of_birth"))
    return Person(given, family, date_of_birth=born)


def person_of(attributes: Mapping[str, object], source: str = "", rules: Rules | None = None) -> Person:
    """Reads a record's columns. What is not an identifier of its column's type, or is blocked, is left out."""
    country = str(attributes.get("country", ""))
    region = country.upper() if len(country) == 2 and country.isalpha() else "ID"
    spelled = [(kind, normalise(kind, str(attributes[kind]), region)) for kind in TYPES if kind in attributes]
    found = frozenset([(kind, value) for kind, value in spelled if value])
    said = named(attributes)
    if rules is None:
        return Person(said.given_name, said.family_name, found, said.date_of_birth)
    return Person(
        said.given_name,
        said.family_name,
        found - rules.blocked,
        said.date_of_birth,
        unproven=_of_kinds(found, rules.typed_by_customers(source)),
        read=_of_kinds(found, rules.typed_by_machines(source)),
    )


def _of_kinds(identifiers: Collection[Identifier], kinds: Collection[str]) -> frozenset[Identifier]:
    return frozenset([i for i in identifiers if i[0] in kinds]) if kinds else frozenset()


def same_person(a: Person, b: Person) -> bool:
    """Whether what two records share is enough, and nothing else in them speaks against it."""
    shared = a.linking & b.linking
    return agree(a, b, {kind for kind, _ in shared}, read=bool(shared & a.read & b.read))


def agree(a: Person, b: Person, shared: Collection[str], *, read: bool) -> bool:
    """Whether records that share identifiers of these types are of one person. `read`: machines have read one in both.

    A family has one phone or one mailbox, a number is handed on, and a friend's card is named at the till: what one identifier
    says, the full name and the date of birth have to say too. Of two, neither may be contradicted.
    """
    born = bool(a.date_of_birth and b.date_of_birth)
    born_alike = _plain(a.date_of_birth) == _plain(b.date_of_birth)
    if not shared or not names_agree(a, b) or (born and not born_alike):
        return False
    return read or len(set(shared)) > 1 or (born and _same_full_name(a, b))


def names_agree(a: Person, b: Person) -> bool:
    """Family names are equal or one is absent; given names start alike ("B." and "Budi") or one is absent."""
    family_a, family_b = _plain(a.family_name), _plain(b.family_name)
    if family_a and family_b and family_a != family_b:
        return False
    given_a, given_b = _plain(a.given_name), _plain(b.given_name)
    return given_a.startswith(given_b) or given_b.startswith(given_a)


def _same_full_name(a: Person, b: Person) -> bool:
    one, other = ((_plain(each.given_name), _plain(each.family_name)) for each in (a, b))
    return all(one) and one == other


def _plain(name: str) -> str:
    return " ".join(name.replace(".", " ").split()).casefold()


@dataclass(frozen=True)
class Match:
    """The customer whom a record belongs to. `shared`: the profiles that it agrees with, each with the types of what is shared."""

    customer_id: str
    shared: Mapping[str, Collection[str]]


class KnownPeople:
    """The customers whom the records at hand may belong to, with every identifier and name known of them."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._owners: dict[Identifier, dict[str, dict[str, bool]]] = defaultdict(lambda: defaultdict(dict))
        """By identifier the customers, with their profiles, who have it, and whether a machine has read it there."""
        self._people: dict[str, list[Person]] = defaultdict(list)
        self._values: dict[str, dict[Identifier, datetime]] = defaultdict(dict)
        """By customer what they have, and since when."""

    def own(self, customer_id: str, profile: str, identifier: Identifier, *, read: bool) -> None:
        """Says that the identifier is the customer's, and whether a machine has read it."""
        profiles = self._owners[identifier][customer_id]
        profiles[profile] = read or profiles.get(profile, False)

    def have(self, customer_id: str, identifier: Identifier, since: datetime) -> None:
        """Says that the customer has this, whoever else has it."""
        before = self._values[customer_id].get(identifier, since)
        self._values[customer_id][identifier] = min(before, since)

    def describe(self, customer_id: str, person: Person) -> None:
        """Says what one of the customer's records says."""
        self._people[customer_id].append(person)

    def add(self, customer_id: str, profile: str, person: Person, now: datetime) -> None:
        """Adds a record of the customer's."""
        self.describe(customer_id, person)
        for identifier in person.linking:
            self.own(customer_id, profile, identifier, read=identifier in person.read)
        for identifier in person.identifiers:
            self.have(customer_id, identifier, now)

    def may_identify(self, identifier: Identifier) -> list[str]:
        """The customers who have this, where they are few enough for it to identify anybody."""
        owners = list(self._owners.get(identifier, ()))
        return owners if len(owners) <= self._rules.shared_by(identifier[0]) else []

    def match(self, person: Person, now: datetime) -> Match | None:
        """The one customer whom the record belongs to; None when there is none, or more than one could be."""
        shared: dict[str, set[Identifier]] = defaultdict(set)
        for identifier in person.linking:
            for owner in self.may_identify(identifier):
                shared[owner].add(identifier)
        if not shared:
            return None
        agreeing = {owner: found for owner, found in shared.items() if self._agrees(person, owner, found)}
        best = {owner: min(self._rules.priority(kind) for kind, _ in found) for owner, found in agreeing.items()}
        first = [owner for owner, place in best.items() if place == min(best.values())]
        if len(first) != 1 or self._is_too_many(person, first[0], now):
            return None
        profiles: dict[str, set[str]] = defaultdict(set)
        for identifier in sorted(agreeing[first[0]]):
            for profile in self._owners[identifier][first[0]]:
                profiles[profile].add(identifier[0])
        return Match(first[0], profiles)

    def _agrees(self, person: Person, owner: str, shared: Collection[Identifier]) -> bool:
        kinds = {kind for kind, _ in shared}
        read = any(i in person.read and any(self._owners[i][owner].values()) for i in shared)
        return all(agree(person, known, kinds, read=read) for known in self._people[owner])

    def _is_too_many(self, person: Person, owner: str, now: datetime) -> bool:
        """Whether the customer would come to have more values of a type than one person has: a card lent to many, say."""
        had = self._values[owner]
        for kind in LINKING_TYPES:
            since = now - self._rules.window(kind)
            values = {value for (of, value), at in had.items() if of == kind and at > since}
            new = {value for of, value in person.identifiers if of == kind} - values
            if new and len(values | new) > self._rules.values(kind):
                return True
        return False
