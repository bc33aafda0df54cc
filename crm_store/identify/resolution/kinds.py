"""What two records can be of: one person, or of whom else, weighed by expectation maximisation. Pure.

Splink knows two kinds of pairs, of one person and of two at random, and takes what agrees for independent. But people who live
together share address, telephone and family name; a number that is typed may be somebody else's: claimed, mistyped, given up and
handed on; and taken for independent such agreements alone make one person of a family. So each pair is weighed against what else
it could be. How frequent persons, households, namesakes and chance agreements are is learnt from the records themselves, so that
where nobody lives together nothing is held against an address; kinds too rare to be learnt follow one that is, by a ratio. It is
the mixture of Fellegi & Sunter with more than two classes (Winkler 1993, "Improved decision rules in the Fellegi-Sunter model").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

PERSON, STRANGERS = "person", "strangers"
TYPED = ("loyalty_id", "phone", "email")
IDENTIFIERS = (*TYPED, "telegram_id", "device_id")
NEAR_NAMES = (
    "sounds alike",
    "a slip",
    "a worse slip",
    "a similar name",
    "resembles",
    "a short form",
    "stands in the other field",
)


@dataclass(frozen=True)
class Agreement:
    """How the pairs stand in one comparison; every array has one entry a pair."""

    bits: Floats
    """log2(m/u); 0 where one of the two does not say."""
    level: npt.NDArray[np.str_]
    """By the names in `model`; empty where one of the two does not say."""
    several: Bools
    """Identifiers: the same in both, and said to be of others too."""

    @property
    def same(self) -> Bools:
        same: Bools = self.level == "same"
        return same


@dataclass(frozen=True)
class Kind:
    """Two people, by how often they agree in a column because they are of this kind; otherwise they agree as strangers do."""

    follows: str
    """The kind whose frequency is learnt: itself, or one that this is so many times as frequent as."""
    ratio: float = 1.0
    shares: Mapping[str, float] = field(default_factory=dict)
    near_given_name: float | None = None
    """How often their given names resemble each other."""
    at_home: bool = False
    """They live together: one telephone, mailbox or device that they have in common is to be expected, a second is rare."""
    one_identifier: bool = False
    """One of them gave, or was handed on, one identifier of the other."""
    claims: bool = False
    """One typed as many identifiers of the other as they pleased, where anybody can."""
    near_email: bool = False
    """Their addresses resemble each other, being made of names that do."""


HOME = {"street": 0.9, "city": 0.97, "postcode": 0.9, "family_name": 0.7, "loyalty_id": 0.002}
TOGETHER = {"phone": 0.02, "email": 0.02, "device_id": 0.02}
"""How often a household shares this too, when it shares one thing already."""
ONE_TOGETHER, SEVERAL_ONE, SEVERAL_MORE = 0.3, 0.9, 0.3
"""How often a household has the identifier that weighs most in common; the same, and a further one, when several people have it."""
ANOTHER_NUMBER = 6.0
"""Bits: two people of one name, of whom each adds a number to it, have addresses that differ in the number alone so much more
often than one person, who has two addresses seldom and two of one name with other numbers hardly ever."""
CARDS_IN_A_ROW = 0.9
"""Households sign up on one day and get numbers that resemble each other."""

KINDS: dict[str, Kind] = {
    "household": Kind("household", 2.0, HOME, at_home=True),
    "twins": Kind("household", 0.08, {**HOME, "family_name": 0.95, "date_of_birth": 0.98}, 0.8, at_home=True),
    "named after": Kind("household", 0.5, {**HOME, "given_name": 0.95, "family_name": 0.95}, at_home=True),
    "namesakes": Kind("namesakes", 1.0, {"given_name": 0.95, "family_name": 0.95, "date_of_birth": 0.95}),
    "chance": Kind("chance", 1.0, one_identifier=True),
    "mistaken": Kind("chance", 1.5, {"given_name": 0.95}, one_identifier=True),
    "claim": Kind(PERSON, 0.06, claims=True),
    "alike": Kind(STRANGERS, 0.1, near_email=True),
}
LEARNT = (PERSON, "household", "namesakes", "chance", STRANGERS)
FLOOR = {PERSON: 1.0, "household": 1e-4, "namesakes": 1e-5, "chance": 1e-4}
"""As many pairs of each kind a record are supposed beforehand (of one person: in all)."""
SUPPOSED = {PERSON: 0.65, "household": 0.08, "namesakes": 1e-3, "chance": 0.03}
"""Pairs of each kind a record where records are too few to learn it from."""
ROUNDS = 200
VOUCHED = -5.0
"""Bits for a claim when the mailbox that both give bears the name of who may have claimed it, and no other name is beside it."""


@dataclass(frozen=True)
class Weighed:
    """Each array has one entry a pair."""

    bits: Floats
    """log2 of the odds that both are of one person."""
    against: npt.NDArray[np.str_]
    """What else the pair is most likely to be."""
    frequency: Mapping[str, float]
    """Pairs of each kind, a record."""


def weigh(
    agreements: Mapping[str, Agreement],
    records: int,
    openly: Bools,
    vouched: Bools,
    *,
    frequency: Mapping[str, float] | None = None,
) -> Weighed:
    """`openly`: anybody may have typed the identifiers of one of the two. `vouched`: by a name that the mailbox bears.

    `frequency`: pairs of each kind, a record; where there is none it is learnt from these pairs.
    """
    nothing = np.zeros(len(openly))
    evidence = {PERSON: sum((a.bits for a in agreements.values()), nothing)}
    evidence |= {name: _evidence(kind, agreements, openly, vouched) for name, kind in KINDS.items()}
    evidence[STRANGERS] = nothing
    names = list(evidence)
    stacked = np.stack(list(evidence.values()))
    ratio = np.array([KINDS[name].ratio if name in KINDS else 1.0 for name in names])
    learns = np.array([LEARNT.index(KINDS[name].follows if name in KINDS else name) for name in names])
    own = [names.index(name) for name in LEARNT[:-1]]
    pairs = max(records * (records - 1) / 2, 1.0)
    expected = SUPPOSED if frequency is None else frequency
    frequent = np.array([*(expected[name] * records for name in LEARNT[:-1]), pairs])
    if frequency is None:
        frequent = _learnt(stacked, records, frequent, learns, ratio, own)
    weights = np.log2(frequent[learns] * ratio)[:, None] + stacked
    others = weights[1:]
    highest = others.max(axis=0)
    against = highest + np.log2(np.exp2(others - highest).sum(axis=0))
    likeliest = np.array(names[1:])[others.argmax(axis=0)]
    return Weighed(weights[0] - against, likeliest, dict(zip(LEARNT, (frequent / records).tolist(), strict=True)))


def _learnt(
    evidence: Floats, records: int, frequency: Floats, learns: npt.NDArray[np.int_], ratio: Floats, own: list[int]
) -> Floats:
    pairs = frequency[-1]
    floor = np.array([FLOOR[PERSON], *(records * FLOOR[name] for name in LEARNT[1:-1]), 0.0])
    for _ in range(ROUNDS):
        weights = np.log2(frequency[learns] * ratio)[:, None] + evidence
        shares = np.exp2(weights - weights.max(axis=0))
        shares /= shares.sum(axis=0)
        found = floor.copy()
        found[:-1] += shares[own].sum(axis=1)
        found[-1] = max(pairs - found[:-1].sum(), 1.0)
        settled = np.allclose(found, frequency, rtol=1e-4)
        frequency = found
        if settled:
            break
    return frequency


def _evidence(kind: Kind, agreements: Mapping[str, Agreement], openly: Bools, vouched: Bools) -> Floats:
    """Bits of all that is said against strangers, supposing this kind."""
    total = np.zeros(len(openly))
    most = np.zeros(len(openly))
    several = np.zeros(len(openly), dtype=bool)
    for column, found in agreements.items():
        if column in IDENTIFIERS:
            several |= found.several
            bits, instead = _identifier(kind, column, found, openly)
            total += bits
            most = np.maximum(most, instead - bits)
        elif column == "given_name" and kind.near_given_name is not None:
            total += _resembling(found, kind.near_given_name)
        else:
            total += _mixed(found.bits, kind.shares.get(column, 0.0))
    if kind.claims:
        total += np.where(vouched & ~several, VOUCHED, 0.0)
    return total + most


def _identifier(kind: Kind, column: str, found: Agreement, openly: Bools) -> tuple[Floats, Floats]:
    """Bits of an identifier, and bits if this is the one that weighs most."""
    none = np.zeros(len(openly))
    if kind.one_identifier:
        return none, np.where(found.same, found.bits, 0.0)
    if kind.claims and column in TYPED:
        return (bits := np.where(openly, np.maximum(found.bits, 0.0), 0.0)), bits
    if kind.near_email and column == "email":
        more = np.where(found.level == "another number", ANOTHER_NUMBER, 0.0)
        return (bits := np.where(found.same, 0.0, np.maximum(found.bits, 0.0) + more)), bits
    if not kind.at_home:
        return none, none
    near = _mixed(found.bits, CARDS_IN_A_ROW)
    if column not in TOGETHER:
        return (bits := np.where(found.same, _mixed(found.bits, kind.shares.get(column, 0.0)), near)), bits
    more = _mixed(found.bits, np.where(found.several, SEVERAL_MORE, TOGETHER[column]))
    one = _mixed(found.bits, np.where(found.several, SEVERAL_ONE, ONE_TOGETHER))
    return np.where(found.same, more, near), np.where(found.same, one, near)


def _mixed(bits: Floats, share: float | Floats) -> Floats:
    mixed: Floats = np.log2(share * np.exp2(bits) + 1 - share)
    return mixed


def _resembling(found: Agreement, share: float) -> Floats:
    """A name that resembles without being the same is the rule; where m would have it seldom among records of one person."""
    near = np.isin(found.level, NEAR_NAMES)
    return np.where(near, found.bits + np.log2(share * 10), _mixed(np.minimum(found.bits, 0.0), 1 - share))
