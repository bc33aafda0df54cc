"""The rule policy sees the turn under way: what was understood last, and the action before it."""

from __future__ import annotations

import unittest

from rasa.shared.core.events import ActionExecuted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.rasa.policy import one_turn
from bot.rasa.tests.test_tracker import DOMAIN, SESSION, turn


def talk(*events: object) -> DialogueStateTracker:
    tracker = DialogueStateTracker("c-1", DOMAIN.slots)
    for event in events:
        tracker.update(event, DOMAIN)
    return tracker


class OneTurn(unittest.TestCase):
    def test_is_the_last_one_with_the_action_before_it(self) -> None:
        whole = talk(*SESSION, *turn("m-1"), *turn("m-2", "apa kabar?")[:2])
        short = one_turn(whole)
        self.assertEqual([type(e) for e in short.events], [ActionExecuted, UserUttered, SlotSet])
        self.assertEqual(short.latest_message.text, "apa kabar?")
        self.assertEqual(short.latest_action_name, whole.latest_action_name)
        self.assertEqual(short.get_slot("language"), "id")

    def test_of_the_first_thing_that_is_said_is_the_same(self) -> None:
        short = one_turn(talk(*SESSION, *turn("m-1")[:1]))
        self.assertEqual([type(e) for e in short.events], [ActionExecuted, UserUttered])

    def test_of_nothing_is_nothing(self) -> None:
        whole = talk(*SESSION)
        self.assertIs(one_turn(whole), whole)

    def test_leaves_the_conversation_as_it_is(self) -> None:
        whole = talk(*SESSION, *turn("m-1"), *turn("m-2"))
        before = [event.as_dict() for event in whole.events]
        one_turn(whole)
        self.assertEqual([event.as_dict() for event in whole.events], before)
        self.assertEqual(whole.get_slot("language"), "id")
