"""How sure it has to be that two records are one person's before they are joined with nobody asked. Pure.

A probability is as good as what the model knows of how people come to resemble each other. These are the rules that somebody
careful keeps to beside it; what they hold back is shown to staff.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm_store.business import Resolution
from crm_store.identify.resolution.kinds import IDENTIFIERS, Agreement, Bools, Floats

NEVER = 2.0
"""No probability reaches it."""
WHO = ("given_name", "family_name", "date_of_birth")
ONE_EACH = ("phone", "email", "loyalty_id", "telegram_id")
"""Identifiers of which one person as a rule has one; devices they have several of."""
NEAR = {
    "street": ("same", "alike to 0.95", "alike to 0.88"),
    "postcode": ("same",),
    "city": ("same", "alike to 0.92", "alike to 0.80"),
}
"""The levels in which an address agrees."""


@dataclass(frozen=True)
class Sides:
    """What the two records of each pair say, each for itself; every array has one entry a pair."""

    identified: Bools
    """Both give an identifier."""
    named: Bools
    """Both give a name."""
    alike: Bools
    """Neither names nor days of birth tell the two apart."""


def needed(agreements: Mapping[str, Agreement], sides: Sides, settings: Resolution) -> Floats:
    """The probability from which each pair is joined; `NEVER` where it may not be, however probable.

    An identifier that the file says is of several people counts as none. Two in common are the rule; where both records are named
    alike, one of the two may be several people's; both may, where the given names are the same: whoever types somebody else's
    address must not keep their records apart. One alone may be a family's, or claimed: names or birth have to be told by both, and
    no other may differ. Where none is in common though both give some, an address or a mailbox has to agree beside names and
    birth: namesakes may be born on one day.
    """
    shared = _number((agreements[column].same for column in IDENTIFIERS if column in agreements), sides.named)
    own = _number((f.same & ~f.several for c, f in agreements.items() if c in IDENTIFIERS), sides.named)
    told = {column: found.level != "" for column, found in agreements.items()}
    differ = {column: told[column] & ~found.same for column, found in agreements.items()}
    who = _any((told[column] for column in WHO if column in told), sides.named)
    contradicted = _any((differ[column] for column in ONE_EACH if column in differ), sides.named)
    placed = _any((np.isin(agreements[c].level, near) for c, near in NEAR.items() if c in agreements), sides.named)
    if mailbox := agreements.get("email"):
        others = _any((differ[column] for column in ONE_EACH if column in differ and column != "email"), sides.named)
        placed |= told["email"] & ~np.isin(mailbox.level, ("another", "another number")) & ~others
    same_given_name = agreements["given_name"].same if "given_name" in agreements else np.zeros_like(sides.named)
    by_two = sides.alike & ((own >= 2) | ((own == 1) & sides.named))
    return np.select(
        [
            (shared == 0) & sides.identified & ~placed,
            (shared == 1) & (contradicted | ~who),
            (shared >= 2) & (own < 2) & ~sides.alike,
            (shared >= 2) & by_two,
            (shared == 0) | (own >= 2) | ((shared >= 2) & sides.alike & same_given_name),
        ],
        [NEVER, NEVER, NEVER, settings.join_from, settings.join_from_none],
        default=settings.join_from_one,
    )


def _any(found: Iterable[Bools], shape: Bools) -> Bools:
    either: Bools = np.logical_or.reduce([np.zeros_like(shape), *found])
    return either


def _number(found: Iterable[Bools], shape: Bools) -> npt.NDArray[np.int_]:
    total: npt.NDArray[np.int_] = np.add.reduce([np.zeros(len(shape), dtype=np.int_), *found])
    return total
