"""Our tracker store holds what Rasa's own would hold, and a turn that failed leaves no trace in it."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

from rasa.core.tracker_store import FailSafeTrackerStore, SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, Event, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.rasa import tracker as tracker_module
from bot.rasa.tracker import TrackerStore, forget_conversation

DOMAIN = Domain.from_dict(
    {
        "version": "3.1",
        "intents": ["greet"],
        "slots": {"language": {"type": "text", "mappings": [{"type": "from_entity", "entity": "language"}]}},
        "entities": ["language"],
    }
)
SESSION: list[Event] = [ActionExecuted("action_session_start"), SessionStarted(), ActionExecuted("action_listen")]


def turn(message_id: str, text: str = "halo") -> list[Event]:
    """What one turn adds to a tracker."""
    intent = {"name": "greet", "confidence": 0.93}
    found = [{"entity": "language", "value": "id", "confidence_entity": 0.9}]
    understood = {"text": text, "intent": intent, "entities": found}
    said = UserUttered(text, intent, found, understood, input_channel="rapport", metadata={"message_id": message_id})
    answer = BotUttered("Halo!", {"custom": {"offer": {"id": "o"}}}, {"utter_action": "utter_greet_guest"})
    return [
        said,
        SlotSet("language", "id"),
        ActionExecuted("action_greet", policy="RulePolicy", confidence=1.0),
        answer,
        ActionExecuted("action_listen"),
    ]


def tracker_of(sender: str, *events: Event) -> DialogueStateTracker:
    tracker = DialogueStateTracker(sender, DOMAIN.slots)
    for event in events:
        tracker.update(event, DOMAIN)
    return tracker


def as_dicts(tracker: DialogueStateTracker | None) -> list[dict[str, Any]] | None:
    return None if tracker is None else [event.as_dict() for event in tracker.events]


class TheTrackerStore(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = str(Path(folder.name) / "tracker.db")

    def store(self) -> TrackerStore:
        """A store on the file, as a process that has just started has it."""
        made = TrackerStore(domain=DOMAIN, dialect="sqlite", db=self.path)
        self.addCleanup(made.engine.dispose)
        return made

    def rasas_own(self) -> SQLTrackerStore:
        made = SQLTrackerStore(domain=DOMAIN, dialect="sqlite", db=self.path)
        self.addCleanup(made.engine.dispose)
        return made

    async def take(self, store: TrackerStore, events: list[Event], sender: str = "c-1") -> DialogueStateTracker:
        """A turn to its end, asked for and saved as Rasa does."""
        tracker = await store.get_or_create_tracker(sender, append_action_listen=False)
        for event in events:
            tracker.update(event, DOMAIN)
        await store.save(tracker)
        return tracker

    async def fail(self, store: TrackerStore, events: list[Event], sender: str = "c-1") -> None:
        """A turn that ends before it is saved."""
        tracker = await store.get_or_create_tracker(sender, append_action_listen=False)
        for event in events:
            tracker.update(event, DOMAIN)

    async def test_nothing_is_kept_of_a_conversation_that_was_never_saved(self) -> None:
        self.assertIsNone(await self.store().retrieve("c-1"))

    async def test_what_was_saved_is_what_rasas_own_store_reads(self) -> None:
        store = self.store()
        await self.take(store, [*SESSION, *turn("m-1")])
        await self.take(store, turn("m-2", "apa kabar?"))
        theirs = as_dicts(await self.rasas_own().retrieve("c-1"))
        self.assertEqual(len(theirs or []), 13 - 1)  # Rasa reads from the start of the session on
        self.assertEqual(as_dicts(await self.store().retrieve("c-1")), theirs)

    async def test_a_tracker_at_hand_is_the_one_in_the_file(self) -> None:
        store = self.store()
        saved = await self.take(store, [*SESSION, *turn("m-1")])
        self.assertIs(await store.retrieve("c-1"), saved)
        in_file = await self.store().retrieve("c-1")
        assert in_file
        self.assertEqual(in_file.get_slot("language"), "id")
        self.assertEqual(in_file.latest_message.metadata["message_id"], "m-1")

    async def test_each_event_is_written_once_by_whichever_process(self) -> None:
        for number in range(4):
            first = SESSION if number == 0 else []
            await self.take(self.store(), [*first, *turn(f"m-{number}")])
        everything = await self.rasas_own().retrieve_full_tracker("c-1")
        self.assertEqual([e.type_name for e in everything.events].count("user"), 4)
        self.assertEqual(len(everything.events), 3 + 4 * 5)

    async def test_a_new_session_begins_where_rasas_own_store_lets_it_begin(self) -> None:
        store = self.store()
        await self.take(store, [*SESSION, *turn("m-1")])
        later = [ActionExecuted("action_session_start"), SessionStarted(), ActionExecuted("action_listen")]
        await self.take(store, [*later, *turn("m-2")])
        fresh = self.store()
        theirs = as_dicts(await self.rasas_own().retrieve("c-1"))
        self.assertEqual(as_dicts(await fresh.retrieve("c-1")), theirs)
        await self.take(fresh, turn("m-3"))
        everything = await self.rasas_own().retrieve_full_tracker("c-1")
        self.assertEqual([e.type_name for e in everything.events].count("user"), 3)

    async def test_a_turn_that_fails_leaves_what_was_saved_before(self) -> None:
        store = self.store()
        await self.take(store, [*SESSION, *turn("m-1")])
        before = as_dicts(await self.store().retrieve("c-1"))
        await self.fail(store, turn("m-2")[:3])
        self.assertEqual(as_dicts(await store.retrieve("c-1")), before)

    async def test_the_first_turn_of_a_conversation_may_fail_too(self) -> None:
        store = self.store()
        await self.fail(store, [*SESSION, *turn("m-1")[:3]])
        again = await store.get_or_create_tracker("c-1", append_action_listen=False)
        self.assertEqual(as_dicts(again), [])

    async def test_after_a_failed_first_turn_its_repetition_is_written_once(self) -> None:
        store = self.store()
        await self.fail(store, [*SESSION, *turn("m-1")[:3]])
        await self.take(store, [*SESSION, *turn("m-1")])
        everything = await self.rasas_own().retrieve_full_tracker("c-1")
        self.assertEqual(len(everything.events), len(SESSION) + 5)

    async def test_after_a_failed_turn_its_repetition_is_written_once(self) -> None:
        store = self.store()
        await self.take(store, [*SESSION, *turn("m-1")])
        await self.fail(store, turn("m-2")[:3])
        await self.take(store, turn("m-2"))
        everything = await self.rasas_own().retrieve_full_tracker("c-1")
        self.assertEqual(len(everything.events), len(SESSION) + 2 * 5)

    async def test_the_one_longest_silent_goes_first_and_is_read_back(self) -> None:
        self.addCleanup(setattr, tracker_module, "AT_HAND", tracker_module.AT_HAND)
        tracker_module.AT_HAND = 2
        store = self.store()
        first = await self.take(store, [*SESSION, *turn("m-1")], "c-1")
        for sender in ("c-2", "c-3"):
            await self.take(store, [*SESSION, *turn("m-1")], sender)
        read_back = await store.retrieve("c-1")
        self.assertIsNot(read_back, first)
        assert read_back
        self.assertEqual(as_dicts(read_back), [e.as_dict() for e in list(first.events)[1:]])

    async def test_a_forgotten_conversation_is_neither_at_hand_nor_in_the_file(self) -> None:
        store = self.store()
        for sender in ("c-1", "c-2"):
            await self.take(store, [*SESSION, *turn("m-1", "rahasia sekali")], sender)
        forget_conversation(FailSafeTrackerStore(store), "c-1")
        self.assertIsNone(await store.retrieve("c-1"))
        self.assertIsNone(await self.store().retrieve("c-1"))
        self.assertIsNotNone(await store.retrieve("c-2"))
        await self.take(store, [*SESSION, *turn("m-9")], "c-1")
        everything = await self.rasas_own().retrieve_full_tracker("c-1")
        self.assertEqual(len(everything.events), len(SESSION) + 5, "what is said afterwards begins anew")

    async def test_what_could_not_be_saved_is_forgotten_too(self) -> None:
        store = FailSafeTrackerStore(self.store())
        await store.fallback_tracker_store.save(tracker_of("c-1", *SESSION, *turn("m-1")))
        forget_conversation(store, "c-1")
        self.assertIsNone(await store.fallback_tracker_store.retrieve("c-1"))

    async def test_conversations_do_not_mix(self) -> None:
        store = self.store()
        await self.take(store, [*SESSION, *turn("m-1", "halo")], "c-1")
        await self.take(store, [*SESSION, *turn("m-2", "apa kabar?")], "c-2")
        for sender, text in (("c-1", "halo"), ("c-2", "apa kabar?")):
            tracker = await self.store().retrieve(sender)
            assert tracker
            self.assertEqual(tracker.latest_message.text, text)
