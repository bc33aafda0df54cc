"""Delivers what is in the outbox to Telegram: in order and one at a time in a chat, chats side by side.

What must survive is in the outbox. A message is marked as under way before it is sent, so that what a crash leaves behind is
known to be unclear; where it is certain that nothing arrived it is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from aiolimiter import AsyncLimiter
from sqlalchemy import Engine
from telegram import LinkPreviewOptions
from telegram.constants import FloodLimit
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.channels.telegram.api import Bot, NotSentError, wait_of
from bot.channels.telegram.rendering import parts
from bot.gateway import metrics
from bot.gateway.wakeups import Wakeups, wait_for
from crm_store.conversations import deliveries
from crm_store.conversations.deliveries import Delivery, Outcome, Told
from crm_store.database import UnitOfWork, reading

log = logging.getLogger("gateway.telegram")

AT_ONCE = 8
"""Messages under way at one time: what a crash can leave unclear."""
SWEEP_SECONDS = 1.0
"""How often the outbox is looked into for what nobody announced, or what has waited for its time."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
GRACE_SECONDS = 2.0
"""For what is under way when the gateway stops."""


class Deliveries:
    """`trouble`: what stands in the way of all deliveries, in a few words; None while nothing does."""

    def __init__(
        self,
        engine: Engine,
        bot: Bot,
        wakeups: Wakeups,
        clock: Callable[[], datetime],
        public_url: str | None,
        first_pause: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._engine = engine
        self._bot = bot
        self._wakeups = wakeups
        self._clock = clock
        self._public_url = public_url
        self._first_pause = first_pause
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._free = asyncio.Event()
        self._free.set()
        self._stopping = False
        self._places = asyncio.Semaphore(AT_ONCE)
        # Waited for before a message is marked as under way; the library's own limit would be waited for after.
        self._pace = AsyncLimiter(FloodLimit.MESSAGES_PER_SECOND, 1)
        self.trouble: str | None = None
        self._probe: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Delivers until cancelled; a store that is away for a while is waited for."""
        left_given_up = False
        try:
            with self._wakeups.listening_to_all() as news:
                self._news = news
                while True:
                    news.clear()
                    try:
                        if not left_given_up:
                            await asyncio.to_thread(self._give_up_unknown)
                            left_given_up = True
                        for address in await asyncio.to_thread(self._look):
                            self._start(address)
                    except Exception:
                        log.exception("the outbox cannot be looked into; deliveries are tried again")
                        await asyncio.sleep(SWEEP_SECONDS)
                    await wait_for(news, SWEEP_SECONDS)
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """What is under way may come to its end; the rest is for the next start."""
        self._stopping = True
        tasks = {*self._busy.values(), *([self._probe] if self._probe else [])}
        for task in tasks - self._under_way:
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=GRACE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _give_up_unknown(self) -> None:
        with UnitOfWork(self._engine) as work:
            left = deliveries.give_up_unknown(work.connection, self._clock())
            work.commit()
        if left:
            metrics.deliveries.labels(Outcome.AMBIGUOUS.value).inc(left)
            log.warning("%d messages were being sent when the process ended: whether they arrived is not known", left)

    def _look(self) -> list[str]:
        with reading(self._engine) as connection:
            metrics.outbox.set(deliveries.waiting(connection))
            return deliveries.addresses_due(connection, self._clock())

    def _start(self, address: str) -> None:
        if address in self._busy or self._stopping:
            return
        task = asyncio.create_task(self._serve(address))
        self._busy[address] = task
        task.add_done_callback(lambda done: self._finished(address, done))

    def _finished(self, address: str, task: asyncio.Task[None]) -> None:
        del self._busy[address]
        if not task.cancelled() and task.exception():
            log.error("deliveries to a chat stumbled; they are tried again", exc_info=task.exception())
        else:
            self._news.set()

    async def _serve(self, address: str) -> None:
        """Sends everything that is due in one chat."""
        due = True
        while due and not self._stopping:
            await self._free.wait()
            async with self._places:
                await self._pace.acquire()
                if self._free.is_set() and not self._stopping:
                    due = await self._deliver(address)

    async def _deliver(self, address: str) -> bool:
        """One try of what is next in a chat. True where more is due there."""
        task = asyncio.current_task()
        assert task
        self._under_way.add(task)
        try:
            delivery = await asyncio.to_thread(self._begin, address)
            return delivery is not None and await self._settle(delivery, await self._send(delivery))
        finally:
            self._under_way.discard(task)

    def _begin(self, address: str) -> Delivery | None:
        with UnitOfWork(self._engine) as work:
            delivery = deliveries.begin(work.connection, address, self._clock())
            work.commit()
        return delivery

    async def _settle(self, delivery: Delivery, told: Told) -> bool:
        """Writes down what is known of a try, however long the store takes. True where more is due in the chat."""
        metrics.deliveries.labels("again" if told.outcome is Outcome.AGAIN else told.outcome.value).inc()
        if told.problem:
            log.warning("message %s: %s (%s)", delivery.message_id, told.outcome.value, told.problem)
        while True:
            try:
                return await asyncio.to_thread(self._write, delivery, told)
            except Exception:
                log.exception("message %s: what became of it cannot be written down yet", delivery.message_id)
                await asyncio.sleep(SWEEP_SECONDS)

    def _write(self, delivery: Delivery, told: Told) -> bool:
        now = self._clock()
        with UnitOfWork(self._engine) as work:
            deliveries.settle(work.connection, delivery.message_id, told, now)
            more = deliveries.is_due(work.connection, delivery.address, now)
            work.commit()
        return more and told.outcome is not Outcome.AGAIN

    async def _send(self, delivery: Delivery) -> Told:
        """One try of a message, from the first part that has not been sent."""
        sent, external_id = delivery.parts_sent, None
        try:
            for part in parts(delivery, self._public_url)[sent:]:
                message = await self._bot.send_message(
                    chat_id=int(delivery.address),
                    text=part.text,
                    reply_markup=part.markup,
                    link_preview_options=LinkPreviewOptions(is_disabled=True),
                )
                sent, external_id = sent + 1, str(message.message_id)
        except TelegramError as error:
            return self._told(error, delivery, sent)
        return Told(Outcome.SENT, sent, external_id)

    def _told(self, error: TelegramError, delivery: Delivery, sent: int) -> Told:
        """What a failure means for this message, and whether it concerns all."""
        problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, RetryAfter):
            return Told(Outcome.AGAIN, sent, problem=problem, wait=wait_of(error))
        if isinstance(error, Forbidden | BadRequest | ChatMigrated):
            return Told(Outcome.FAILED, sent, problem=problem)
        self._in_trouble(problem)
        if isinstance(error, NotSentError | InvalidToken):
            pause = min(self._first_pause * 2 ** (delivery.attempts - 1), LONGEST_PAUSE_SECONDS)
            return Told(Outcome.AGAIN, sent, problem=problem, wait=timedelta(seconds=pause))
        return Told(Outcome.AMBIGUOUS, sent, problem=problem)

    def _in_trouble(self, problem: str) -> None:
        """Holds all deliveries until Telegram answers a question that does no harm: else each would become unclear."""
        self.trouble = problem
        self._free.clear()
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._wait_for_telegram())

    async def _wait_for_telegram(self) -> None:
        pause = self._first_pause
        while True:
            try:
                await self._bot.get_me()
                break
            except (InvalidToken, NetworkError) as error:
                self.trouble = f"{type(error).__name__}: {error}"
                log.warning("deliveries wait: %s; asking again in %.0f s", self.trouble, pause)
            except TelegramError as error:
                log.warning("Telegram answers %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self.trouble = None
        self._free.set()
