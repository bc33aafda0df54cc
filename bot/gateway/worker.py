"""The turn worker: takes unanswered messages to Rasa, in order within a conversation, conversations side by side.

Everything that must survive is in the inbox; what is held here (which conversations are busy, which messages are new) can be
lost at any moment. After a restart every unanswered message is sent again, marked as such.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from bot.gateway import metrics
from bot.gateway.erasing import Erasing
from bot.gateway.notices import GAVE_UP, LATER, notice
from bot.gateway.rasa import Assistant, RasaUnavailableError, Receipt, TurnRefusedError
from bot.gateway.wakeups import Wakeups
from crm_store.access.erasure import erase_late, forget_in_conversation
from crm_store.access.rights import ERASE
from crm_store.conversations import inbox, outbox
from crm_store.conversations.inbox import Understood, Waiting
from crm_store.conversations.outbox import NOTICE, Outgoing
from crm_store.database import UnitOfWork, reading
from crm_store.moment import MASK, SPEAK

log = logging.getLogger("gateway")

AT_ONCE = 16
"""Turns under way at one time; Rasa works on one after the other anyway."""
TRIES = 5
"""How often a message that Rasa refuses is tried."""
SWEEP_SECONDS = 2.0
"""How often the inbox is looked at for messages that nobody announced."""
LONGEST_PAUSE_SECONDS = 5.0


class TurnWorker:
    def __init__(
        self,
        engine: Engine,
        assistant: Assistant,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        tracker_path: Path,
        first_pause: float = 0.25,
    ) -> None:
        self._engine = engine
        self._assistant = assistant
        self._wakeups = wakeups
        self._clock = clock
        self.erasing = Erasing(engine, assistant, tracker_path, clock)
        self._first_pause = first_pause
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._new: set[str] = set()
        self._places = asyncio.Semaphore(AT_ONCE)

    def announce(self, message: Waiting, *, alone: bool) -> None:
        """A message was committed to the inbox just now, by this process: it cannot have been through a turn.

        `alone`: nothing else of its conversation waits, so that it is next without looking.
        """
        self._new.add(message.message_id)
        self._start(message.conversation_id, message if alone else None)

    async def run(self) -> None:
        """Works until cancelled; a store that is away for a while is waited for."""
        try:
            while True:
                await self._carry_out_erasures()
                try:
                    for conversation_id in await asyncio.to_thread(self._conversations_waiting):
                        self._start(conversation_id)
                except Exception:
                    log.exception("the inbox cannot be looked at; the worker tries again")
                await asyncio.sleep(SWEEP_SECONDS)
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _carry_out_erasures(self) -> None:
        """Also of those that began elsewhere, or before this process did; what cannot be done now is tried at the next sweep."""
        try:
            await self.erasing.carry_out()
        except RasaUnavailableError as error:
            log.warning("an erasure waits for Rasa to forget (%s)", error)
        except Exception:
            log.exception("an erasure cannot be carried out; the worker tries again")

    def _conversations_waiting(self) -> list[str]:
        with reading(self._engine) as connection:
            return inbox.conversations_waiting(connection)

    def _start(self, conversation_id: str, first: Waiting | None = None) -> None:
        if conversation_id in self._busy:
            self._again.add(conversation_id)
            return
        # Here and not in the task: what is announced before it takes its first step must not be forgotten.
        self._again.discard(conversation_id)
        task = asyncio.create_task(self._serve(conversation_id, first))
        self._busy[conversation_id] = task
        task.add_done_callback(lambda done: self._finished(conversation_id, done))

    def _finished(self, conversation_id: str, task: asyncio.Task[None]) -> None:
        del self._busy[conversation_id]
        if not task.cancelled() and task.exception():
            log.error(
                "conversation %s: the worker stumbled; it tries again", conversation_id, exc_info=task.exception()
            )
        elif conversation_id in self._again and not task.cancelled():
            self._start(conversation_id)

    async def _serve(self, conversation_id: str, first: Waiting | None) -> None:
        """Answers everything that waits in one conversation, the oldest first."""
        if first:
            await self._answer(first)
            if conversation_id not in self._again:
                return
            self._again.discard(conversation_id)
        while (message := await asyncio.to_thread(self._next, conversation_id)) is not None:
            await self._answer(message)

    def _next(self, conversation_id: str) -> Waiting | None:
        with reading(self._engine) as connection:
            return inbox.next_waiting(connection, conversation_id)

    async def _answer(self, message: Waiting) -> None:
        """Tries until the message is answered or given up."""
        again = message.message_id not in self._new
        self._new.discard(message.message_id)
        told, tries, pause = message.was_told, 0, self._first_pause
        while True:
            try:
                async with self._places:
                    with metrics.turn_seconds.time():
                        receipt = await self._assistant.take_turn(message, again=again)
                if await asyncio.to_thread(self._finish, message, receipt):
                    self._wakeups.wake(message.conversation_id)
                    await self._carry_out_erasures()
                metrics.turns.labels("answered").inc()
                break
            except RasaUnavailableError as error:
                log.warning("message %s: no turn (%s), trying again in %.1f s", message.message_id, error, pause)
                if not await asyncio.to_thread(self._note_trouble, message, not told):
                    break
                told = True
            except TurnRefusedError as error:
                tries += 1
                log.warning("message %s: refused %d of %d times (%s)", message.message_id, tries, TRIES, error)
                if not await asyncio.to_thread(self._note_trouble, message, tell=False):
                    break
                if tries >= TRIES:
                    await asyncio.to_thread(self._give_up, message)
                    metrics.turns.labels("failed").inc()
                    break
            self._wakeups.wake(message.conversation_id)
            again = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self._wakeups.wake(message.conversation_id)

    def _finish(self, message: Waiting, receipt: Receipt) -> bool:
        """Writes the answer. True where something was erased: by it, or before it came."""
        replies = receipt.replies or [Outgoing(notice(GAVE_UP, message.language), NOTICE)]
        now = self._clock()
        with UnitOfWork(self._engine) as work:
            if ERASE in receipt.effects:
                fresh = forget_in_conversation(work.connection, message.conversation_id, now)
                if fresh:
                    outbox.say(work.connection, fresh, replies, now)
                is_erased = True
            else:
                is_answered = inbox.answer(
                    work.connection,
                    message.message_id,
                    message.conversation_id,
                    replies,
                    replace(receipt.understood, entities=[]) if MASK in receipt.effects else receipt.understood,
                    now,
                    speaks=_language_asked_for(receipt),
                )
                is_erased = not is_answered and erase_late(work.connection, message.conversation_id, now)
            work.commit()
        return is_erased

    def _note_trouble(self, message: Waiting, tell: bool) -> bool:
        """False when the message waits no more: it was erased meanwhile."""
        with UnitOfWork(self._engine) as work:
            if not inbox.count_attempt(work.connection, message.message_id):
                return False
            if tell:
                text = notice(LATER, message.language)
                outbox.notify(work.connection, message.message_id, message.conversation_id, text, self._clock())
            work.commit()
        return True

    def _give_up(self, message: Waiting) -> None:
        reply = Outgoing(notice(GAVE_UP, message.language), NOTICE)
        with UnitOfWork(self._engine) as work:
            inbox.answer(
                work.connection,
                message.message_id,
                message.conversation_id,
                [reply],
                Understood(),
                self._clock(),
                state="failed",
            )
            work.commit()


def _language_asked_for(receipt: Receipt) -> str | None:
    return next((effect.removeprefix(SPEAK) for effect in receipt.effects if effect.startswith(SPEAK)), None)
