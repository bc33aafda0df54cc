"""Learning from all customers of a test, within its own transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from crm_store.business import Business
from crm_store.differentiate.learning import likelihoods
from crm_store.differentiate.likelihoods import Learnt, keep_learnt


def teach(connection: Connection, business: Business, now: datetime) -> Learnt | None:
    found = likelihoods(connection, business, now)
    if found is not None:
        keep_learnt(connection, found)
    return found
