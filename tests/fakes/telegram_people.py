"""People on Telegram: they write to the bot of `fakes.telegram`, press what it shows them and read what it says."""

from __future__ import annotations

import itertools
import time
from typing import Any

from fakes.telegram import FakeTelegram
from fakes.telegram_api import PATIENCE_SECONDS, Sent

_message_ids = itertools.count(1000)


class Person:
    """One account, in its private chat with the bot. `heard`: what they have read so far."""

    def __init__(self, telegram: FakeTelegram, account: int, language_code: str | None = "en") -> None:
        self.telegram = telegram
        self.account = account
        self.language_code = language_code
        self.heard: list[Sent] = []

    def says(self, text: str) -> int:
        """Returns the update's number, as all of these do."""
        return self.sends(text=text)

    def sends(self, **content: Any) -> int:
        """A message of whatever content."""
        return self.telegram.bring(message=self.message(**content))

    def edits(self, text: str) -> int:
        return self.telegram.bring(edited_message=self.message(text=text, edit_date=int(time.time())))

    def shares_own_phone(self, number: str, **more: Any) -> int:
        return self.shares_contact(number, self.account, **more)

    def shares_contact(self, number: str, account: int | None, **more: Any) -> int:
        contact = {"phone_number": number, "first_name": "Somebody", **({"user_id": account} if account else {})}
        return self.sends(contact=contact, **more)

    def presses(self, title: str) -> int:
        """Presses the newest button of this title."""
        shown = next(sent for sent in reversed(self.telegram.to(self.account)) if title in sent.buttons)
        return self.presses_data(shown.buttons[title], shown)

    def presses_data(self, data: str, shown: Sent) -> int:
        bot = {"id": 70001, "is_bot": True, "first_name": "Kopi Sudirman"}
        message = self.message(text=shown.text, message_id=shown.message_id, reply_markup=shown.markup, sender=bot)
        query = {
            "id": f"q{next(_message_ids)}",
            "from": self._user,
            "chat_instance": "1",
            "message": message,
            "data": data,
        }
        return self.telegram.bring(callback_query=query)

    def message(
        self, *, sender: dict[str, Any] | None = None, chat: dict[str, Any] | None = None, **content: Any
    ) -> dict[str, Any]:
        """As the Bot API writes it."""
        return {
            "message_id": next(_message_ids),
            "date": int(time.time()),
            "from": sender or self._user,
            "chat": chat or {"id": self.account, "type": "private", "first_name": "Somebody"},
            **content,
        }

    def hears(self, times: int = 1, seconds: float = PATIENCE_SECONDS) -> list[Sent]:
        """The next so many messages of the bot."""
        so_far = len(self.heard)
        self.telegram.until(lambda: len(self.telegram.to(self.account)) >= so_far + times, seconds)
        self.heard = self.telegram.to(self.account)[: so_far + times]
        return self.heard[so_far:]

    def asks(self, text: str, seconds: float = PATIENCE_SECONDS) -> Sent:
        """Says something and reads the one message that answers it."""
        self.says(text)
        return self.hears(seconds=seconds)[0]

    @property
    def _user(self) -> dict[str, Any]:
        user = {"id": self.account, "is_bot": False, "first_name": "Somebody"}
        return {**user, **({"language_code": self.language_code} if self.language_code else {})}
