"""What is expected of one customer, as it was last computed: by `rapport score`, or since then when they bought or called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from crm_store.bulk import is_one_of
from crm_store.prepared import Prepared
from crm_store.tables import scorings, value_scores

_KEPT = value_scores.c
_NEWEST = Prepared(
    lambda connection: (
        select(
            *(_KEPT.future_value, _KEPT.future_low, _KEPT.future_high),
            *(_KEPT.potential_value, _KEPT.potential_low, _KEPT.potential_high),
            *(_KEPT.scoring_id, scorings.c.as_of, _KEPT.computed_at),
        )
        .join(scorings, scorings.c.id == _KEPT.scoring_id)
        .where(is_one_of(connection, _KEPT.customer_id, "profiles"), _KEPT.future_value.is_not(None))
        .order_by(_KEPT.computed_at.desc())
        .limit(1)
    )
)


@dataclass(frozen=True)
class Foreseen:
    """Future and potential value within the run's horizon, each with its interval at 90 %."""

    future: float
    future_low: float
    future_high: float
    potential: float
    potential_low: float
    potential_high: float
    scoring_id: str
    """The run of `rapport score` by whose models it was computed."""
    learnt_until: datetime
    """Nothing later was looked at when those were learnt."""
    computed_at: datetime
    """When the customer was last valued; a talk since then moves this and not the figures."""

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        times = {"learnt_until": self.learnt_until.isoformat(), "computed_at": self.computed_at.isoformat()}
        return asdict(self) | times


def foreseen(connection: Connection, customer_ids: Sequence[str]) -> Foreseen | None:
    """Of the customer who is these profiles; None where nothing was computed yet."""
    if not customer_ids:
        return None
    row = _NEWEST.row(connection, profiles=customer_ids)
    return Foreseen(*row) if row else None
