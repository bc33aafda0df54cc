"""What is known of customers' purchases, as arrays: all that the models of lifetime look at.

A purchase is one (customer, day). Returns are no purchases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
AMOUNTS = ("mean_amount", "mean_log_amount")


@dataclass(frozen=True)
class History:
    """Purchases of n customers until a day, each array of shape (n,). Money in the business's currency.

    Raises ValueError where the arrays do not go together or a purchase lies outside its customer's age.
    """

    frequency: Floats
    """Purchases after the first: x in the papers. -1 is somebody who never bought, such as one with only a return."""
    recency: Floats
    """Days from the first purchase to the last: t_x. 0 where there is only one."""
    age: Floats
    """Days from the first purchase to the day until which is looked: T."""
    mean_amount: Floats | None = None
    """Mean amount of a purchase, the first one included; None where amounts are not known."""
    mean_log_amount: Floats | None = None
    """Mean natural logarithm of a purchase's amount, which says how much one customer's amounts differ. May be None; not
    finite where a purchase cost nothing."""

    def __post_init__(self) -> None:
        for name in ("frequency", "recency", "age", *AMOUNTS):
            given = getattr(self, name)
            if given is not None and not (
                isinstance(given, np.ndarray) and given.dtype == np.float64 and given.ndim == 1
            ):
                object.__setattr__(self, name, np.atleast_1d(np.asarray(given, dtype=np.float64)))
        if self.frequency.ndim != 1 or not self.frequency.shape == self.recency.shape == self.age.shape:
            raise ValueError("frequency, recency and age must be as long as each other, with one place a customer")
        for name in AMOUNTS:
            if getattr(self, name) is not None and getattr(self, name).shape != self.frequency.shape:
                raise ValueError(f"{name} must have one place a customer, as frequency has")
        if self.mean_amount is not None and not np.isfinite(self.mean_amount).all():
            raise ValueError("mean_amount must be finite; 0 where nothing was bought")
        x, t_x, age = self.frequency, self.recency, self.age
        is_sound = (x >= 0) & (x == np.floor(x)) & (t_x >= 0) & (t_x <= age) & (age < np.inf)
        if not (is_sound | (x == -1)).all():
            raise ValueError("frequency must be a whole number from -1 on, and recency between 0 and age, all finite")
        if ((x == 0) & (t_x > 0)).any():
            raise ValueError("recency must be 0 where nothing was bought after the first purchase")

    def __len__(self) -> int:
        return len(self.frequency)

    @property
    def bought(self) -> NDArray[np.bool_]:
        """Who has ever bought."""
        return self.frequency >= 0

    def take(self, places: Any) -> History:
        """The customers at these places: a slice, a mask or indices."""
        amounts = (None if given is None else given[places] for given in (self.mean_amount, self.mean_log_amount))
        return History(self.frequency[places], self.recency[places], self.age[places], *amounts)

    def blocks(self, size: int) -> Iterator[tuple[slice, History]]:
        """Pieces of at most `size` customers and where they lie, so that a million take little memory."""
        if 0 < len(self) <= size:
            yield slice(None), self
            return
        for start in range(0, len(self), size):
            place = slice(start, min(start + size, len(self)))
            yield place, self.take(place)

    @classmethod
    def of_purchases(
        cls, customers: ArrayLike, days: ArrayLike, amounts: ArrayLike, until: int
    ) -> tuple[NDArray[np.int64], History]:
        """Sums lines up, one a transaction: the customers, ascending, and their history until the day `until`, that day included.

        `customers` and `days` are whole numbers. Lines after `until` are not looked at. A line below zero is a return and no
        purchase; who has only such is there with a frequency of -1. What is bought on a day is one purchase of their sum.
        """
        who, day, amount = (
            np.asarray(customers, np.int64),
            np.asarray(days, np.int64),
            np.asarray(amounts, np.float64),
        )
        seen = day <= until
        known, who = np.unique(who[seen], return_inverse=True)
        day, amount = day[seen], amount[seen]
        sold = amount >= 0
        who, day, amount = who[sold], day[sold], amount[sold]
        last = np.full(len(known), np.iinfo(np.int64).min)
        first = np.full(len(known), np.iinfo(np.int64).max)
        np.maximum.at(last, who, day)
        np.minimum.at(first, who, day)
        begin = int(day.min()) if len(day) else 0
        span = int(day.max()) - begin + 1 if len(day) else 1
        distinct, purchase = np.unique(who * span + day - begin, return_inverse=True)
        paid, whose = np.bincount(purchase, amount, minlength=len(distinct)), distinct // span
        purchases = np.bincount(whose, minlength=len(known))
        bought, each = purchases > 0, np.maximum(purchases, 1)
        with np.errstate(divide="ignore"):
            logs = np.bincount(whose, np.log(paid), minlength=len(known))
        mean = np.bincount(whose, paid, minlength=len(known)) / each
        recency, age = np.where(bought, last - first, 0), np.where(bought, until - first, 0)
        return known, cls(
            (purchases - 1.0).astype(np.float64),
            recency.astype(np.float64),
            age.astype(np.float64),
            mean.astype(np.float64),
            logs / each,
        )
