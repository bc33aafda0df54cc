"""One customer at this moment: value, tier, needs, and the facts behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from crm_store.access.consent import PROFILE, withdrawn
from crm_store.business import Business
from crm_store.differentiate.evidence import purchases, told
from crm_store.differentiate.foreseen import Foreseen, foreseen
from crm_store.differentiate.likelihoods import Model, in_use
from crm_store.differentiate.needs import Evidence, Posterior, observed, posterior, tempered
from crm_store.differentiate.tiers import Figures, tier_of
from crm_store.differentiate.told_shares import Share, share_in
from crm_store.differentiate.value import ValueFacts, value_facts


@dataclass(frozen=True)
class Picture:
    value: ValueFacts
    tier: str
    needs: Posterior
    evidence: list[Evidence]
    model: Model
    """The likelihoods that were used, and the business with them."""
    foreseen: Foreseen | None = None
    """What is expected of them, where that was computed."""
    share: Share | None = None
    """The part of their spending that is spent here, where they told it and have bought here."""
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
    def figures(self) -> Figures:
        """What the tier goes by."""
        return _figures(self.value, self.foreseen)

    @property
    def facts(self) -> dict[str, Any]:
        """What the figures rest on, for the stored reason and the console."""
        return {
            "value": self.value.as_dict(),
            **({"foreseen": self.foreseen.as_dict()} if self.foreseen else {}),
            **({"share_of_customer": self.share.as_dict()} if self.share else {}),
            "tier": self.tier,
            "needs": {s: round(p, 4) for s, p in self.needs.items()},
            "evidence": [{"kind": e.kind, "key": e.key, "value": e.value, "words": e.words} for e in self.evidence],
        }

    @property
    def refused(self) -> frozenset[str]:
        """The segments of which the customer has said that they are not theirs."""
        return frozenset(piece.value for piece in self.evidence if piece.kind == "denied")

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
    ahead = foreseen(connection, customer_ids) if from_elsewhere else None
    model = in_use(connection, business, now)
    bought, last = purchases(connection, business, customer_ids, now) if from_elsewhere else ({}, {})
    said = told(connection, customer_ids, now, conversation_id, half_life=model.half_life, trust=model.trust)
    done = observed(model.business, bought, model.repeats, last, model.half_life)
    evidence = tempered([*said, *done], model.dependence)
    tier = tier_of(_figures(value, ahead), business.tiers).id
    share = share_in(connection, business, customer_ids, said, now) if from_elsewhere else None
    needs = posterior(model.business, evidence, model.mixing)
    return Picture(value, tier, needs, evidence, model, ahead, share, no_more)


def _figures(value: ValueFacts, ahead: Foreseen | None) -> Figures:
    if ahead is None:
        return Figures.of(value.actual_value)
    return Figures.of(value.actual_value, ahead.future, ahead.potential)
