"""The assistant in memory: stands for Rasa in tests of the gateway, which need its promises and nothing of its wits.

It echoes unless it is told otherwise, remembers what it answered as a tracker does, and can be held, taken down or made to
refuse. `tests/integration/test_assistant.py` holds it to what `bot.gateway.rasa.Rasa` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.gateway.rasa import RasaUnavailableError, Receipt, TurnRefusedError
from crm_store.conversations.inbox import Understood, Waiting
from crm_store.conversations.outbox import Outgoing

Answer = Callable[[Waiting], Receipt]


def says(*texts: str, language: str = "en", effects: tuple[str, ...] = ()) -> Receipt:
    """A receipt with these replies, of a greeting understood."""
    replies = [Outgoing(text, "utter_greet_guest", [], None) for text in texts]
    action = replies[0].action if replies else None
    return Receipt(Understood("greet", 0.9, language, action, []), replies, list(effects))


def echo(message: Waiting) -> Receipt:
    return says(f"You said: {message.text}", language=message.language)


@dataclass
class FakeAssistant:
    """`turns`: each attempt as it began, with `again`; `ran`: the texts of those turns that were really run."""

    answer: Answer = echo
    is_down: bool = False
    absent: set[str] = field(default_factory=set)
    """Texts upon which it is down."""
    refused: set[str] = field(default_factory=set)
    """Texts that it cannot work on."""
    turns: list[tuple[Waiting, bool]] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    crowded: set[str] = field(default_factory=set)
    """Conversations in which two turns were under way at one time."""
    most_at_once: int = 0
    is_closed: bool = False
    forgotten: list[str] = field(default_factory=list)
    """Conversations that it was told to forget, in order."""

    def __post_init__(self) -> None:
        self._remembered: dict[str, Receipt] = {}
        self._under_way: list[str] = []
        self._begun = asyncio.Event()
        self._may_begin, self._may_answer = asyncio.Event(), asyncio.Event()
        self.let_go()

    def hold(self) -> None:
        """Turns begin and get no further until they are let go."""
        self._may_begin.clear()

    def hold_answers(self) -> None:
        """Turns are run and remembered, but their receipts do not arrive until they are let go."""
        self._may_answer.clear()

    def let_go(self) -> None:
        self._may_begin.set()
        self._may_answer.set()

    async def asked(self, times: int) -> None:
        """Until so many turns have begun since the fake was made."""
        async with asyncio.timeout(20):
            while len(self.turns) < times:
                self._begun.clear()
                await self._begun.wait()

    async def take_turn(self, message: Waiting, *, again: bool) -> Receipt:
        self.turns.append((message, again))
        self._begun.set()
        if self.is_down or message.text in self.absent:
            raise RasaUnavailableError("told to be down")
        if message.text in self.refused:
            raise TurnRefusedError("told to refuse")
        conversation = message.conversation_id
        self.crowded |= {conversation}.intersection(self._under_way)
        self._under_way.append(conversation)
        self.most_at_once = max(self.most_at_once, len(self._under_way))
        try:
            await self._may_begin.wait()
            if not (again and message.message_id in self._remembered):
                self.ran.append(message.text)
                self._remembered[message.message_id] = self.answer(message)
            await self._may_answer.wait()
            return self._remembered[message.message_id]
        finally:
            self._under_way.remove(conversation)

    async def forget(self, conversation_ids: Sequence[str]) -> None:
        if self.is_down:
            raise RasaUnavailableError("told to be down")
        self.forgotten += conversation_ids

    async def missing(self) -> str | None:
        return "Told to be down." if self.is_down else None

    async def close(self) -> None:
        self.is_closed = True
