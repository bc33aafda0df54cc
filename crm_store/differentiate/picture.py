"""One customer at this moment: value, tier, needs, and the facts behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from crm_store.access.consent import PROFILE, withdrawn
from crm_store.business import Business
from crm_store.differentiate.evidence import told
from crm_store.differentiate.needs import Evidence, Posterior, observed, posterior
from crm_store.differentiate.value import ValueFacts, purchase_days, tier_of, value_facts


@dataclass(frozen=True)
class Picture:
    value: ValueFacts
    tier: str
    needs: Posterior
    evidence: list[Evidence]
    withdrawn: frozenset[str] = frozenset()
    """What the customer wants no more, as `access.consent` names it; without a profile the rest here is of nobody."""

    @property
    def is_profiled(self) -> bool:
        """Whether what was learnt of this customer may be used."""
        return PROFILE not in self.withdrawn

    @property
    def actual_value(self) -> float:
        return self.value.actual_value

    @property
    def facts(self) -> dict[str, Any]:
        """What the figures rest on, for the stored reason and the console."""
        return {
            "value": self.value.as_dict(),
            "tier": self.tier,
            "needs": {s: round(p, 4) for s, p in self.needs.items()},
            "evidence": [{"kind": e.kind, "key": e.key, "value": e.value, "words": e.words} for e in self.evidence],
        }

    @property
    def likeliest(self) -> str:
        return max(self.needs, key=lambda s: self.needs[s])


def picture(
    connection: Connection,
    business: Business,
    customer_ids: Sequence[str],
    now: datetime,
    *,
    conversation_id: str | None = None,
    from_elsewhere: bool = True,
) -> Picture:
    """All that is known of the customer who is these profiles.

    `conversation_id`: the conversation under way, whose words count more. `from_elsewhere`: whether what the business's
    other systems know may be used; the chat alone otherwise. Who wants no profile gets the picture of a stranger.
    """
    no_more = withdrawn(connection, customer_ids)
    if PROFILE in no_more:
        customer_ids, from_elsewhere = (), False
    value = value_facts(connection, business, customer_ids, now) if from_elsewhere else ValueFacts()
    days = purchase_days(connection, customer_ids, now) if from_elsewhere else {}
    evidence = [*told(connection, customer_ids, conversation_id), *observed(business, days)]
    tier = tier_of(value.actual_value, business.tiers).id
    return Picture(value, tier, posterior(business, evidence), evidence, no_more)
