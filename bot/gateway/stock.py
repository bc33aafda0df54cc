"""What there is of each product and where, as the shop's own systems count it; the chat answers from it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot.gateway.chat import ONE_LINE, TheStack
from bot.gateway.events import api_key
from bot.gateway.problems import ProblemError
from crm_store.database import UnitOfWork
from crm_store.stock import UnknownStockError, count_of, keep_counts

router = APIRouter(prefix="/v1", tags=["stock"])

Name = Annotated[str, Field(max_length=128, pattern=ONE_LINE)]


class CountIn(BaseModel):
    """One count. Without a store it is the web shop's own; without a time it was made now."""

    model_config = ConfigDict(extra="forbid")

    product: Annotated[Name, Field(min_length=1)]
    store: Name = ""
    quantity: Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]
    at: datetime | None = None

    @field_validator("at")
    @classmethod
    def _aware(cls, at: datetime | None) -> datetime | None:
        return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


class CountsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    counts: Annotated[list[CountIn], Field(min_length=1, max_length=500)]


@router.put("/stock", dependencies=[Depends(api_key)])
def take_stock(body: CountsIn, stack: TheStack) -> dict[str, int]:
    """Takes counts; all of them or, where one is of something unknown, none."""
    now = stack.clock()
    try:
        counts = [
            # Nothing has been counted in the future: a clock that is ahead must not outlast the next count.
            count_of(stack.business, count.product, count.store, count.quantity, min(count.at or now, now))
            for count in body.counts
        ]
    except UnknownStockError as error:
        raise ProblemError(422, "unknown-stock", "No such product or store", f"{error}.") from None
    with UnitOfWork(stack.engine) as work:
        kept = keep_counts(work.connection, counts)
        work.commit()
    return {"kept": kept, "unchanged": len(counts) - kept}
