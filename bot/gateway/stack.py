"""What every route works with, put together in one place and handed in; tests hand in their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy import Engine

from bot.gateway.rasa import Assistant
from bot.gateway.wakeups import Wakeups
from bot.gateway.worker import TurnWorker
from bot.settings import Settings
from crm_store.business import Business


@dataclass(frozen=True)
class Stack:
    settings: Settings
    engine: Engine
    business: Business
    assistant: Assistant
    wakeups: Wakeups
    worker: TurnWorker
    clock: Callable[[], datetime]


async def stack_of(request: Request) -> Stack:
    stack: Stack = request.app.state.stack
    return stack
