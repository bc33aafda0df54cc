"""The right to be forgotten, asked for in the chat: confirmed first, then handed to the gateway to carry out."""

from __future__ import annotations

from crm_store.moment import Moment, Reply, TurnResult

ERASE = "erase"
"""The effect of a confirmed wish: the gateway erases once the turn is over and nothing of it can come back."""


def begin_forgetting(moment: Moment) -> list[Reply]:
    moment.pending["yes"] = {"kind": "forget", "message_id": moment.message_id}
    return [Reply("utter_forget_confirm")]


def confirm_forgetting(moment: Moment, meant: dict[str, str]) -> TurnResult:
    """A yes erases only when it is the very next thing said; otherwise it is asked again."""
    before, _ = moment.said_before()
    if before != meant["message_id"]:
        return TurnResult(tuple(begin_forgetting(moment)))
    return TurnResult((Reply("utter_forget_done"),), (ERASE,))
