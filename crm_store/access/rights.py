"""The right to be forgotten, asked for in the chat: confirmed first, then handed to the gateway to carry out."""

from __future__ import annotations

from sqlalchemy import select

from crm_store.moment import Moment, Reply, TurnResult
from crm_store.tables import messages

ERASE = "erase"
"""The effect of a confirmed wish: the gateway erases once the turn is over and nothing of it can come back."""


def begin_forgetting(moment: Moment) -> list[Reply]:
    moment.pending["yes"] = {"kind": "forget", "message_id": moment.message_id}
    return [Reply("utter_forget_confirm")]


def confirm_forgetting(moment: Moment, meant: dict[str, str]) -> TurnResult:
    """A yes erases only when it is the very next thing said; otherwise it is asked again."""
    if _message_before(moment) != meant["message_id"]:
        return TurnResult(tuple(begin_forgetting(moment)))
    return TurnResult((Reply("utter_forget_done"),), (ERASE,))


def _message_before(moment: Moment) -> str | None:
    mine = select(messages.c.seq).where(messages.c.id == moment.message_id).scalar_subquery()
    return moment.connection.execute(
        select(messages.c.id)
        .where(
            messages.c.conversation_id == moment.conversation_id,
            messages.c.author == "customer",
            messages.c.seq < mine,
        )
        .order_by(messages.c.seq.desc())
        .limit(1)
    ).scalar_one_or_none()
