"""Shows that an answer is being written, while a turn takes long enough for a person to wonder."""

from __future__ import annotations

import asyncio

from sqlalchemy import Engine, select
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.channels.telegram.api import Bot
from bot.gateway.wakeups import Wakeups, wait_for
from crm_store.conversations.inbox import Waiting
from crm_store.database import reading
from crm_store.tables import messages

QUICK_SECONDS = 0.4
"""An answer that comes sooner needs no announcement."""
SHOWN_SECONDS = 4.5
"""Telegram shows it for five seconds."""
TIMES = 5
"""Then the customer has been told that it takes longer."""
AT_ONCE = 8


class Typing:
    def __init__(self, engine: Engine, bot: Bot, wakeups: Wakeups) -> None:
        self._engine = engine
        self._bot = bot
        self._wakeups = wakeups
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, message: Waiting, chat: str) -> None:
        """Shown in the chat until the message is answered; where many wait already it is left away."""
        if chat not in self._tasks and len(self._tasks) < AT_ONCE:
            task = asyncio.create_task(self._show(message, chat))
            self._tasks[chat] = task
            task.add_done_callback(lambda _: self._tasks.pop(chat, None))

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _show(self, message: Waiting, chat: str) -> None:
        with self._wakeups.listening(message.conversation_id) as news:
            if await self._is_answered(message, news, QUICK_SECONDS):
                return
            for _ in range(TIMES):
                try:
                    await self._bot.send_chat_action(int(chat), ChatAction.TYPING)
                except TelegramError:
                    return  # nobody misses it
                if await self._is_answered(message, news, SHOWN_SECONDS):
                    return

    async def _is_answered(self, message: Waiting, news: asyncio.Event, seconds: float) -> bool:
        """Whether the message is answered within so many seconds."""
        end = asyncio.get_running_loop().time() + seconds
        while (left := end - asyncio.get_running_loop().time()) > 0:
            await wait_for(news, left)
            news.clear()
            if not await asyncio.to_thread(self._waits, message.message_id):
                return True
        return False

    def _waits(self, message_id: str) -> bool:
        with reading(self._engine) as connection:
            state = connection.execute(select(messages.c.state).where(messages.c.id == message_id)).scalar()
        return bool(state == "received")
