"""What tests of Telegram say in one line each: somebody hears, something becomes so, rows are read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fakes.telegram import FakeTelegram
from fakes.telegram_api import Sent
from fakes.telegram_people import Person
from sqlalchemy import Engine, func, select

from bot.gateway.rasa import Receipt
from crm_store.conversations.inbox import Understood, Waiting
from crm_store.conversations.outbox import Outgoing
from crm_store.database import reading
from crm_store.tables import messages


async def hears(person: Person, times: int = 1) -> list[Sent]:
    return await asyncio.to_thread(person.hears, times)


async def text(person: Person, words: str) -> str:
    """What somebody is answered."""
    return (await asyncio.to_thread(person.asks, words)).text


async def until(telegram: FakeTelegram, condition: Callable[[], Any]) -> Any:
    """Until something is so at the fake."""
    return await asyncio.to_thread(telegram.until, condition)


async def until_stored(condition: Callable[[], Any]) -> Any:
    """Until something is so in the store."""
    async with asyncio.timeout(20):
        while not (found := await asyncio.to_thread(condition)):
            await asyncio.sleep(0.02)
    return found


def rows(engine: Engine, query: Any) -> list[Any]:
    with reading(engine) as connection:
        return list(connection.execute(query).all())


def said_by_customers(engine: Engine) -> list[Any]:
    return rows(engine, select(messages).where(messages.c.author == "customer").order_by(messages.c.at, messages.c.seq))


def count(engine: Engine, table: Any) -> int:
    return int(rows(engine, select(func.count()).select_from(table))[0][0])


def with_buttons(_: Waiting) -> Receipt:
    """An answer with two buttons."""
    buttons = [
        {"title": "Up to 10", "payload": "/answer_question cups.up_to_10"},
        {"title": "10 to 40", "payload": "/answer_question cups.10_to_40"},
    ]
    return replies(Outgoing("How many cups?", "utter_ask_cups", buttons))


def replies(*said: Outgoing) -> Receipt:
    return Receipt(Understood("greet", 0.9, "en"), list(said))
