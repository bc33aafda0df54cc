"""Rasa's rule policy, looking at the turn under way only.

Each of our rules is one turn long. Rasa's policy turns the whole conversation into states at each prediction, so that a long
talk would cost more and more to predict the same.
"""

from __future__ import annotations

from typing import Any

from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.core.domain import Domain, State
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True)
class OneTurnRulePolicy(RulePolicy):
    def _prediction_states(self, tracker: DialogueStateTracker, domain: Domain, *args: Any, **more: Any) -> list[State]:
        return super()._prediction_states(one_turn(tracker), domain, *args, **more)


def one_turn(tracker: DialogueStateTracker) -> DialogueStateTracker:
    """The same conversation from its last action before the last thing the user said; all of it when nothing was said."""
    events = list(tracker.events)
    said = next((i for i in range(len(events) - 1, -1, -1) if isinstance(events[i], UserUttered)), None)
    if said is None:
        return tracker
    short = DialogueStateTracker(tracker.sender_id, tracker.slots.values())
    for event in events[max(0, said - 1) :]:
        short.update(event)
    return short
