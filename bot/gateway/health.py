"""Whether the gateway lives, whether a turn could be answered now, and its figures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from bot.gateway import metrics
from bot.gateway.problems import problem
from bot.gateway.stack import Stack, stack_of
from crm_store.conversations.inbox import backlog
from crm_store.database import reading

router = APIRouter(tags=["health"])
TheStack = Annotated[Stack, Depends(stack_of)]


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz", response_model=None)
async def readyz(stack: TheStack) -> dict[str, str] | Response:
    if not await stack.assistant.is_ready():
        return problem(503, "not-ready", "Not ready", "Rasa or the action server does not answer yet.")
    return {"status": "ready"}


@router.get("/metrics")
def figures(stack: TheStack) -> Any:
    try:
        with reading(stack.engine) as connection:
            metrics.backlog.set(backlog(connection))
    except SQLAlchemyError:
        metrics.backlog.set(float("nan"))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
