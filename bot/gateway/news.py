"""What a customer has not heard yet: words, and who holds the conversation. Waits for it where asked to; knows no route."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Row

from bot.gateway.problems import session_unknown
from bot.gateway.stack import Stack, read
from bot.gateway.wakeups import wait_for
from crm_store.conversations import inbox, sessions
from crm_store.conversations.presence import staff_names
from crm_store.database import reading

State = Literal["bot", "waiting", "staff"]


@dataclass(frozen=True)
class News:
    """`name`: of the member of staff who holds the conversation."""

    conversation_id: str
    state: State
    name: str | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def holder(self) -> dict[str, str]:
        return {"state": self.state, **({"name": self.name} if self.name else {})}

    def is_worth_telling(self, known: State | None) -> bool:
        """`known`: the state that is known to whoever asks; None where they do not ask for it."""
        return bool(self.messages) or (known is not None and self.state != known)


async def news_of(stack: Stack, token: str, after: int, wait: float, known: State | None = None) -> News:
    """What was said after a number and is worth telling, as soon as it is there, after `wait` seconds at the latest."""
    end = asyncio.get_running_loop().time() + wait
    news = await read(stack.engine, _look, stack, token, after)
    while not news.is_worth_telling(known) and (left := end - asyncio.get_running_loop().time()) > 0:
        with stack.wakeups.listening(news.conversation_id) as woken:
            news = await read(stack.engine, _look, stack, token, after)
            if not news.is_worth_telling(known):
                await wait_for(woken, left)
        if not news.is_worth_telling(known):
            news = await read(stack.engine, _look, stack, token, after)
    return news


def _look(stack: Stack, token: str, after: int) -> News:
    with reading(stack.engine) as connection:
        here = sessions.session(connection, token, stack.clock())
        if here is None:
            raise session_unknown()
        said = inbox.said_after(connection, here.id, after) if here.last_seq > after else ()
        names = staff_names(connection, (here.held_by, *(row.staff_id for row in said)))
        shown = [_shown(row, names.get(row.staff_id)) for row in said]
        return News(here.id, here.state, names.get(here.held_by), shown)


def _shown(row: Row[Any], name: str | None) -> dict[str, Any]:
    shown = {"seq": row.seq, "id": row.id, "author": row.author, "text": row.text, "at": row.at.isoformat()}
    if name:
        shown["name"] = name
    if row.client_id:
        shown["client_id"] = row.client_id
    if row.buttons:
        shown["buttons"] = [{"title": b["title"], "payload": b["payload"]} for b in row.buttons]
    if row.offer:
        shown["offer"] = row.offer
    if row.in_reply_to:
        shown["in_reply_to"] = row.in_reply_to
    return shown
