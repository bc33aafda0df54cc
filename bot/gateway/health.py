"""Whether the gateway lives, whether a turn could be answered now, and its figures."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot.gateway import metrics
from bot.gateway.problems import problem
from bot.gateway.stack import Stack, stack_of
from crm_store.conversations.inbox import backlog
from crm_store.database import reading
from crm_store.tables import conversations

router = APIRouter(tags=["health"])
STORE_SECONDS = 3.0
TheStack = Annotated[Stack, Depends(stack_of)]


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz", response_model=None)
async def readyz(request: Request, stack: TheStack) -> dict[str, str] | Response:
    missing = await _store_missing(request, stack) or await stack.assistant.missing()
    if missing:
        return problem(503, "not-ready", "Not ready", missing)
    return {"status": "ready"}


async def _store_missing(request: Request, stack: Stack) -> str | None:
    """A message could not even be taken in without it. Waits no longer than a probe does.

    Probes that come meanwhile share one look: however long a database hangs, it holds up one thread.
    """
    look: asyncio.Task[None] | None = getattr(request.app.state, "look", None)
    if look is None or look.done():
        look = request.app.state.look = asyncio.create_task(asyncio.to_thread(_look, stack))
    await asyncio.wait({look}, timeout=STORE_SECONDS)
    if not look.done():
        return f"The database has not answered for {STORE_SECONDS:g} seconds."
    return "The database cannot be read; `rapport doctor` says why." if look.exception() else None


def _look(stack: Stack) -> None:
    with reading(stack.engine) as connection:
        connection.execute(select(conversations.c.id).limit(1))


@router.get("/metrics")
def figures(stack: TheStack) -> Any:
    try:
        with reading(stack.engine) as connection:
            metrics.backlog.set(backlog(connection))
    except SQLAlchemyError:
        metrics.backlog.set(float("nan"))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
