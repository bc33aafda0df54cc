"""The needs of all customers at once, as `picture` has them for one. Reads in streams; holds few in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

import numpy as np
from sqlalchemy import Connection, select

from crm_store.access.consent import PROFILE, all_withdrawn
from crm_store.business import Business
from crm_store.differentiate.forward import log_posteriors
from crm_store.differentiate.learning import bought_by, gathered, parameters, said_by
from crm_store.differentiate.likelihoods import in_use
from crm_store.differentiate.needs import Posterior
from crm_store.tables import customers

DIGITS = 6
AT_A_TIME = 5000
T = TypeVar("T")


def all_needs(connection: Connection, business: Business, now: datetime) -> Iterator[tuple[str, Posterior]]:
    """Each customer, with the posterior over the segments, rounded to six digits; of whom nothing was known then, the prior.

    Nothing later than `now` is looked at, but for who is joined to whom, of which nothing earlier is kept.
    """
    model = in_use(connection, business, now)
    by = parameters(model)
    off = all_withdrawn(connection, PROFILE, now)
    said = _beside(said_by(connection, model, now))
    bought = _beside(bought_by(connection, model, now))
    who = select(customers.c.canonical_id).distinct().order_by(customers.c.canonical_id)
    rows = connection.execute(who.execution_options(yield_per=AT_A_TIME)).scalars()
    for some in rows.partitions(AT_A_TIME):
        words = [(row, said(customer)) for row, customer in enumerate(some)]
        days = [(row, bought(customer)) for row, customer in enumerate(some)]
        known = gathered(
            model.business,
            ((row, pieces) for row, pieces in words if pieces and some[row] not in off),
            ((row, periods) for row, periods in days if periods and some[row] not in off),
            len(some),
            now,
        )
        told = np.round(np.exp(log_posteriors(known, by)), DIGITS).tolist()
        for customer, needs in zip(some, told, strict=True):
            yield customer, dict(zip(model.business.segment_ids, needs, strict=True))


def _beside(stream: Iterator[tuple[str, T]]) -> Callable[[str], T | None]:
    """What the stream has of a customer; to be asked in the stream's own order."""
    head = next(stream, None)

    def of(customer: str) -> T | None:
        nonlocal head
        if head is None or head[0] != customer:
            return None
        found = head[1]
        head = next(stream, None)
        return found

    return of
