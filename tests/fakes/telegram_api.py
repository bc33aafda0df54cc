"""What Telegram's Bot API holds and does, in memory: updates in line, messages that people can see. Knows no HTTP."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TOKEN = "70001:AAfake-token-of-the-tests-0123456789abc"
PATIENCE_SECONDS = 20.0
LONGEST_TEXT = 4096


@dataclass(frozen=True)
class Sent:
    """A message of the bot's that a person can see."""

    message_id: int
    chat: int
    text: str
    markup: dict[str, Any]
    at: float

    @property
    def buttons(self) -> dict[str, str]:
        """Callback data by title."""
        rows = self.markup.get("inline_keyboard", [])
        return {button["text"]: button["callback_data"] for row in rows for button in row}

    @property
    def asks_for_phone(self) -> str | None:
        """What stands on the button that shares the own phone number, where there is one."""
        keys = [key for row in self.markup.get("keyboard", []) for key in row]
        return next((key["text"] for key in keys if key.get("request_contact")), None)


class ApiError(Exception):
    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        self.body = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.body["parameters"] = parameters
        self.code = code
        super().__init__(description)


@dataclass
class BotApi:
    """The state of it all, and each method by its name. `repeat`: the share of updates that are brought twice."""

    token: str = TOKEN
    port: int = 0
    flood: float = 0.0
    repeat: float = 0.0
    sent: list[Sent] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    actions: list[int] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    webhook: dict[str, Any] | None = None
    menu: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    brought: Counter[int] = field(default_factory=Counter)
    """How often each update was brought."""

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._pending: list[dict[str, Any]] = []
        self._repeats: list[dict[str, Any]] = []
        self._next_update = random.Random(self.token).randrange(10**6, 10**7)
        self._polls = 0
        self._chance = random.Random(20260302)
        self._loop = asyncio.new_event_loop()
        self._news: asyncio.Event

    # What a test does

    def bring(self, **what: Any) -> int:
        """Puts an update in line, such as `message={...}`. Returns its number."""
        with self._changed:
            self._next_update += 1
            update = {"update_id": self._next_update, **what}
            self._pending.append(update)
        self._loop.call_soon_threadsafe(self._news.set)
        return int(update["update_id"])

    def bring_again(self, update_id: int, **what: Any) -> None:
        """Brings an update that was brought before, confirmed or not."""
        with self._changed:
            self._repeats.append({"update_id": update_id, **what})
        self._loop.call_soon_threadsafe(self._news.set)

    def until(self, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """Waits until something is so; what the condition came to."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), f"not within {seconds} s; sent: {self.sent}"
            return condition()

    def to(self, chat: int) -> list[Sent]:
        return [sent for sent in self.sent if sent.chat == chat]

    @property
    def unconfirmed(self) -> int:
        """Updates that were not brought or whose arrival nobody confirmed."""
        return len(self._pending) + len(self._repeats)

    # The methods

    def _getMe(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = {"first_name": "Kopi Sudirman", "username": "kopi_sudirman_bot"}
        return {"id": int(self.token.partition(":")[0]), "is_bot": True, **name}

    async def _getUpdates(self, given: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        if self.webhook:
            raise ApiError(409, "Conflict: can't use getUpdates method while webhook is active")
        self._polls += 1
        mine = self._polls
        self._news.set()  # ends another poll
        await asyncio.sleep(0)
        offset = int(given.get("offset") or 0)
        with self._changed:
            self._pending = [update for update in self._pending if update["update_id"] >= offset]
        end = time.monotonic() + float(given.get("timeout") or 0)
        while not self._pending and not self._repeats and (left := end - time.monotonic()) > 0:
            self._news.clear()
            await asyncio.wait([asyncio.ensure_future(self._news.wait())], timeout=left)
            if mine != self._polls:
                raise ApiError(409, "Conflict: terminated by other getUpdates request")
        with self._changed:
            batch = [*self._repeats, *self._pending][: int(given.get("limit") or 100)]
            self._repeats = self._repeats[len(batch) :]
            self._repeats += [
                u for u in batch if not self.brought[u["update_id"]] and self._chance.random() < self.repeat
            ]
            self.brought.update(update["update_id"] for update in batch)
            self._changed.notify_all()
        return batch

    def _setWebhook(self, given: dict[str, Any]) -> bool:  # noqa: N802
        self.webhook = dict(given)
        self._news.set()
        return True

    def _deleteWebhook(self, _: dict[str, Any]) -> bool:  # noqa: N802
        self.webhook = None
        return True

    def _setMyCommands(self, given: dict[str, Any]) -> bool:  # noqa: N802
        self.menu[given.get("language_code", "")] = json.loads(given["commands"])
        return True

    def _sendMessage(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        text, chat = given.get("text", ""), int(given["chat_id"])
        if not text.strip():
            raise ApiError(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > LONGEST_TEXT:
            raise ApiError(400, "Bad Request: message is too long")
        markup = json.loads(given.get("reply_markup", "{}"))
        with self._changed:
            sent = Sent(len(self.sent) + 1, chat, text, markup, time.time())
            self.sent.append(sent)
            self._changed.notify_all()
        return {
            "message_id": sent.message_id,
            "date": int(sent.at),
            "chat": {"id": chat, "type": "private"},
            "text": text,
        }

    def _sendChatAction(self, given: dict[str, Any]) -> bool:  # noqa: N802
        with self._changed:
            self.actions.append(int(given["chat_id"]))
            self._changed.notify_all()
        return True

    def _answerCallbackQuery(self, given: dict[str, Any]) -> bool:  # noqa: N802
        with self._changed:
            self.acknowledged.append(given["callback_query_id"])
            self._changed.notify_all()
        return True
