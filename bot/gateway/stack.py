"""What every route works with, put together in one place and handed in; tests hand in their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ParamSpec, TypeVar

from fastapi import Request
from sqlalchemy import Engine

from bot.gateway.limits import Limit
from bot.gateway.rasa import Assistant
from bot.gateway.wakeups import Wakeups
from bot.gateway.worker import TurnWorker
from bot.settings import Settings
from crm_store.business import Business

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Stack:
    settings: Settings
    engine: Engine
    business: Business
    assistant: Assistant
    wakeups: Wakeups
    worker: TurnWorker
    clock: Callable[[], datetime]
    openings: Limit
    """Of chat sessions, by address."""


async def read(engine: Engine, query: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Runs a short query without holding up the loop.

    SQLite answers a reader sooner than a thread could be woken, and no writer keeps it waiting; anything else gets a thread.
    """
    if engine.dialect.name == "sqlite":
        return query(*args, **kwargs)
    return await asyncio.to_thread(query, *args, **kwargs)


async def stack_of(request: Request) -> Stack:
    stack: Stack = request.app.state.stack
    return stack
