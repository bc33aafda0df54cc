"""Telegram's life in the gateway: updates in by polling or webhook, messages out, and how it is doing.

An update is committed before Telegram hears that it arrived. Whatever is wrong with Telegram or its token, the gateway goes on.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from datetime import timedelta
from typing import Annotated, Any
from weakref import WeakValueDictionary

from fastapi import APIRouter, Depends, Header, Request, Response
from sqlalchemy.exc import IntegrityError, InterfaceError, NoResultFound, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from telegram import LinkPreviewOptions, Update
from telegram.error import Conflict, InvalidToken, TelegramError

from bot.channels.telegram.api import Bot, bot_id, open_bot, update_of
from bot.channels.telegram.delivery import Deliveries
from bot.channels.telegram.menu import show_menu
from bot.channels.telegram.reading import WANTED, Incoming, read
from bot.channels.telegram.taking import CHANNEL, Taken, Taker
from bot.channels.telegram.typing_action import Typing
from bot.gateway import metrics
from bot.gateway.problems import ProblemError
from bot.gateway.stack import Stack, stack_of
from crm_store.conversations.inbox import ConcurrentDuplicateError
from crm_store.conversations.outbox import ConversationGoneError
from crm_store.conversations.updates import prune_updates
from crm_store.database import UnitOfWork

log = logging.getLogger("gateway.telegram")
router = APIRouter(tags=["telegram"])

PATH = "/telegram/webhook"
POLL_SECONDS = 25
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
TRIES = 5
"""How often an update at which we fail is tried, before what comes after it has its turn."""
PRUNE_SECONDS = 3600.0
OVERTAKEN = (ConcurrentDuplicateError, ConversationGoneError, IntegrityError, NoResultFound)
"""Somebody else was faster, such as an erasure of this very conversation: another look finds how it is now."""
STORE_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
CONNECTED = "connected"


def telegram_of(stack: Stack) -> Telegram | None:
    """The channel, where the settings have a token."""
    token = stack.settings.telegram_token
    return Telegram(stack, token.get_secret_value()) if token and token.get_secret_value() else None


class Telegram:
    """`state`: how it is doing, in a few words."""

    def __init__(self, stack: Stack, token: str) -> None:
        self._stack = stack
        self._token = token
        settings = stack.settings
        lasts = timedelta(hours=settings.session_hours)
        page = settings.page_url or settings.public_url
        self._taker = Taker(stack.engine, stack.business, bot_id(token), lasts, stack.clock, page)
        self._in_order: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._failed: dict[int, int] = {}
        self._bot: Bot | None = None
        self._typing: Typing | None = None
        self._deliveries: Deliveries | None = None
        self._courtesies: set[asyncio.Task[Any]] = set()
        self._state = "starting"

    @property
    def state(self) -> str:
        trouble = self._deliveries.trouble if self._deliveries else None
        return f"deliveries wait: {trouble}" if self._state == CONNECTED and trouble else self._state

    @property
    def takes_webhooks(self) -> bool:
        return self._stack.settings.telegram_mode == "webhook"

    async def run(self) -> None:
        """Works until cancelled."""
        stack = self._stack
        bot = self._bot = open_bot(self._token, stack.settings.telegram_api_url)
        self._typing = Typing(stack.engine, bot, stack.wakeups)
        self._deliveries = Deliveries(stack.engine, bot, stack.wakeups, stack.clock, stack.settings.public_url)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._deliveries.run())
                tasks.create_task(self._listen(bot))
                tasks.create_task(self._prune())
        except Exception:
            self._is("stopped", "the gateway goes on without it", exc_info=True)
        finally:
            metrics.telegram_up.set(0)
            await self._typing.stop()
            for task in self._courtesies:
                task.cancel()
            await asyncio.gather(*self._courtesies, return_exceptions=True)
            await bot.shutdown()

    # Updates in

    async def _listen(self, bot: Bot) -> None:
        if self.takes_webhooks and not self._stack.settings.public_url:
            self._is("no RAPPORT_PUBLIC_URL", "a webhook needs RAPPORT_PUBLIC_URL, where Telegram finds the gateway")
            return
        self._pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await bot.initialize()
                if self.takes_webhooks:
                    await self._ask_for_webhooks(bot)
                    return
                await bot.delete_webhook()
                await show_menu(bot, self._stack.business)
                await self._poll(bot)
            except InvalidToken:
                self._is(
                    "wrong token", "Telegram does not know this RAPPORT_TELEGRAM_TOKEN: take it from BotFather anew"
                )
            except Conflict as error:
                self._is("another program asks for its updates", f"{error}: stop it, or make a bot of its own for it")
            except TelegramError as error:
                self._is("away", f"{type(error).__name__}: {error}")
            except STORE_AWAY as error:
                self._is("the store is away", type(error).__name__)
            except Exception:
                self._is("stumbled", "an update cannot be worked on", exc_info=True)
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    async def _ask_for_webhooks(self, bot: Bot) -> None:
        settings = self._stack.settings
        url = f"{(settings.public_url or '').rstrip('/')}{PATH}"
        await bot.set_webhook(url, secret_token=settings.telegram_secret, allowed_updates=WANTED)
        await show_menu(bot, self._stack.business)
        self._connected(bot)

    async def _poll(self, bot: Bot) -> None:
        offset, timeout = None, 0  # the first answer comes at once, and tells that all is well
        while True:
            updates = await bot.get_updates(offset, timeout=timeout, allowed_updates=WANTED)
            timeout = POLL_SECONDS
            self._connected(bot)
            for update in updates:
                await self.take(update)
                offset = update.update_id + 1

    def _connected(self, bot: Bot) -> None:
        if self._state != CONNECTED:
            log.info("Telegram: connected as @%s", bot.username)
        self._state = CONNECTED
        self._pause = FIRST_PAUSE_SECONDS
        metrics.telegram_up.set(1)

    def _is(self, state: str, why: str, *, exc_info: bool = False) -> None:
        log.error("Telegram: %s (%s)", state, why, exc_info=exc_info)
        self._state = state
        metrics.telegram_up.set(0)

    async def take(self, update: Update) -> None:
        """Takes an update in; it is committed when this returns. Raises where it should come again."""
        incoming = read(update)
        if incoming is None:
            return
        async with self._in_order.setdefault(incoming.chat, asyncio.Lock()):
            taken = await self._take(incoming)
        metrics.telegram_updates.labels("taken" if taken else "repeated").inc()
        if incoming.query:
            self._acknowledge(incoming)
        if taken is None:
            return
        if taken.private:
            self._send_privately(incoming, taken.private)
        if taken.is_new:
            metrics.messages.labels(CHANNEL).inc()
        if taken.waiting:
            self._stack.worker.announce(taken.waiting, alone=taken.alone)
            if self._typing:
                self._typing.begin(taken.waiting, incoming.chat)
        self._stack.wakeups.wake(taken.conversation_id)

    async def _take(self, incoming: Incoming) -> Taken | None:
        try:
            taken = await asyncio.to_thread(self._taker.take, incoming)
        except STORE_AWAY:
            raise
        except Exception as error:
            tries = self._failed[incoming.update_id] = self._failed.get(incoming.update_id, 0) + 1
            if tries < TRIES:
                if isinstance(error, OVERTAKEN):
                    return await self._take(incoming)
                raise
            log.exception("update %d: given up after %d tries", incoming.update_id, tries)
            await asyncio.to_thread(self._taker.skip, incoming.update_id)
            metrics.telegram_updates.labels("failed").inc()
            taken = None
        self._failed.pop(incoming.update_id, None)
        return taken

    def _acknowledge(self, incoming: Incoming) -> None:
        """Ends the waiting sign on a button that was pressed. Nothing is lost where that fails."""
        if self._bot and incoming.query:
            task = asyncio.create_task(self._bot.answer_callback_query(incoming.query))
            self._courtesies.add(task)
            task.add_done_callback(self._acknowledged)

    def _send_privately(self, incoming: Incoming, text: str) -> None:
        """Sends what no table may hold. Where that fails the customer asks again."""
        if self._bot:
            preview = LinkPreviewOptions(is_disabled=True)
            task = asyncio.create_task(self._bot.send_message(int(incoming.chat), text, link_preview_options=preview))
            self._courtesies.add(task)
            task.add_done_callback(self._sent_privately)

    def _sent_privately(self, task: asyncio.Task[Any]) -> None:
        self._courtesies.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("a link could not be sent (%s)", type(error).__name__)

    def _acknowledged(self, task: asyncio.Task[Any]) -> None:
        self._courtesies.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.info("a button's press could not be acknowledged (%s)", type(error).__name__)

    async def _prune(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._prune_now)
            except Exception:
                log.exception("old updates cannot be forgotten yet")
            await asyncio.sleep(PRUNE_SECONDS)

    def _prune_now(self) -> None:
        with UnitOfWork(self._stack.engine) as work:
            prune_updates(work.connection, self._stack.clock())
            work.commit()


@router.post(PATH)
async def webhook(
    request: Request,
    stack: Annotated[Stack, Depends(stack_of)],
    x_telegram_bot_api_secret_token: Annotated[str, Header()] = "",
) -> Response:
    """An update, brought by Telegram. 200 when it is committed; anything else and Telegram brings it again."""
    telegram: Telegram | None = request.app.state.telegram
    if telegram is None or not telegram.takes_webhooks:
        raise ProblemError(404, "no-webhook", "No webhook here", "RAPPORT_TELEGRAM_MODE is not `webhook`.")
    if not hmac.compare_digest(x_telegram_bot_api_secret_token.encode(), stack.settings.telegram_secret.encode()):
        raise ProblemError(401, "wrong-secret", "Not from Telegram", "Send X-Telegram-Bot-Api-Secret-Token.")
    update = update_of(await request.body())
    if update is None:  # it would be read no better the next time, and hold up what comes after it
        metrics.telegram_updates.labels("failed").inc()
        return Response()
    try:
        await telegram.take(update)
    except STORE_AWAY:
        raise ProblemError(503, "not-ready", "Not ready", "The store is away; bring it again.") from None
    return Response()
