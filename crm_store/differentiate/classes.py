"""Segments proposed from what customers buy: latent classes, for a person to look at and accept by hand. Knows no pages.

Each class is a share of the customers and, for each category, the probability that one of them buys in it (latent class analysis:
Lazarsfeld & Henry 1968), fitted with StepMix. The number of classes is that with the least BIC (Schwarz 1978). StepMix is an extra:
only who runs this needs it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, distinct, func, select

from crm_store.access.consent import PROFILE, all_withdrawn
from crm_store.differentiate.evidence import bought_on
from crm_store.tables import customers, transactions

LEAST_CUSTOMERS = 100
MOST_CUSTOMERS = 20_000
"""So many are looked at, drawn by chance where there are more: the proposal gains nothing from a million."""
MOST_CATEGORIES = 12
MOST_CLASSES = 8
STARTS = 3
"""Each number of classes is fitted from so many random beginnings, since a fit may end in a poor place."""
SEED = 7
FROM, TO = 0.01, 0.99

Bought = NDArray[np.int64]
Advance = Callable[[int], None]


class SuggestionError(Exception):
    """The text says what is missing and, after a semicolon, the mend."""


class StepMixMissingError(SuggestionError):
    def __init__(self) -> None:
        super().__init__("stepmix is not installed; run `uv pip install 'stepmix>=3'` in Rapport's environment")


class TooFewError(SuggestionError):
    """Too few customers, or categories, to tell segments apart. `customers`: how many there are."""

    def __init__(self, count: int, categories: int) -> None:
        self.customers = count
        if not count:
            text = "nobody has bought anything that has a category; load purchases with `rapport import transactions FILE.csv`"
        elif count < LEAST_CUSTOMERS:
            text = f"only {count} customers have bought anything that has a category; come back when there are {LEAST_CUSTOMERS}"
        else:
            text = f"purchases are of {categories} category alone; give them categories that tell customers apart"
        super().__init__(text)


@dataclass(frozen=True)
class Class:
    """`share` of the customers; `buys`: by category, the probability that one of them buys in it."""

    share: float
    buys: dict[str, float]


@dataclass(frozen=True)
class Proposal:
    """`bic`: by number of classes. `surety`: the mean probability of the likeliest class of a customer."""

    customers: int
    of: int
    categories: dict[str, float]
    """By category, the share of all customers who bought in it."""
    bic: dict[int, float]
    classes: list[Class]
    surety: float


def require_stepmix() -> None:
    """Raises StepMixMissingError where the extra is not installed."""
    if find_spec("stepmix") is None:
        raise StepMixMissingError


def propose(
    connection: Connection, now: datetime, most: int = MOST_CLASSES, advance: Advance = lambda _: None
) -> Proposal:
    """Proposes classes of the customers who bought anything until `now`. `advance`: counts numbers of classes that are done.

    Raises StepMixMissingError and TooFewError.
    """
    require_stepmix()
    categories, bought = _purchases(connection, now)
    if len(bought) < LEAST_CUSTOMERS or len(categories) < 2:
        raise TooFewError(len(bought), len(categories))
    some = bought
    if len(bought) > MOST_CUSTOMERS:
        some = bought[np.random.default_rng(SEED).choice(len(bought), MOST_CUSTOMERS, replace=False)]
    bic, model = fitted(some, most, advance)
    classes = _classes(model, categories)
    surety = float(model.predict_proba(some).max(axis=1).mean())
    overall = {category: round(float(p), 4) for category, p in zip(categories, some.mean(axis=0), strict=True)}
    return Proposal(len(some), len(bought), overall, bic, classes, round(surety, 4))


def fitted(bought: Bought, most: int, advance: Advance = lambda _: None) -> tuple[dict[int, float], Any]:
    """BIC by number of classes, and the fit of the least. `bought`: (customers, categories), 1 for bought, 0 for not."""
    from stepmix.stepmix import StepMix

    bic: dict[int, float] = {}
    best = None
    # As many parameters as there are kinds of customers could not be told apart.
    most = min(most, max(1, (2 ** min(bought.shape[1], 20) - 1) // (bought.shape[1] + 1)))
    for number in range(1, most + 1):
        model = StepMix(
            number, measurement="binary", n_init=STARTS, random_state=SEED, max_iter=500, verbose=0, progress_bar=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a beginning that did not converge is one of several
            model.fit(bought)
        bic[number] = round(float(model.bic(bought)), 1)
        if best is None or bic[number] < min(v for n, v in bic.items() if n != number):
            best = model
        advance(1)
    return bic, best


def _classes(model: Any, categories: list[str]) -> list[Class]:
    """The largest first."""
    shares = np.exp(np.asarray(model.log_weights_)) if hasattr(model, "log_weights_") else np.asarray(model.weights_)
    chances = np.asarray(model.get_parameters()["measurement"]["pis"])
    found = [
        Class(
            round(float(share), 4),
            {c: round(float(np.clip(p, FROM, TO)), 3) for c, p in zip(categories, row, strict=True)},
        )
        for share, row in zip(shares, chances, strict=True)
    ]
    return sorted(found, key=lambda each: -each.share)


def _purchases(connection: Connection, now: datetime) -> tuple[list[str], Bought]:
    """The categories that most customers bought in, and who bought in which."""
    who = customers.c.canonical_id
    sold = transactions.c
    common = connection.execute(
        select(sold.category, func.count(distinct(who)).label("buyers"))
        .join(customers, customers.c.id == sold.customer_id)
        .where(sold.at <= now, sold.amount > 0, sold.category.is_not(None), sold.category != "")
        .group_by(sold.category)
        .order_by(func.count(distinct(who)).desc(), sold.category)
        .limit(MOST_CATEGORIES)
    ).all()
    places = {row.category: place for place, row in enumerate(common)}
    off = all_withdrawn(connection, PROFILE, now)
    rows = connection.execute(
        bought_on(connection, who).join(customers, customers.c.id == sold.customer_id).order_by(who), {"now": now}
    )
    numbers: dict[str, int] = {}
    cells = set()
    for row in rows:
        if row.category in places and row.canonical_id not in off:
            cells.add((numbers.setdefault(row.canonical_id, len(numbers)), places[row.category]))
    bought = np.zeros((len(numbers), len(places)), np.int64)
    if cells:
        bought[tuple(np.array(sorted(cells)).T)] = 1
    return list(places), bought
