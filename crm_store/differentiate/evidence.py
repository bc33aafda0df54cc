"""Evidence as it is kept: one row for each thing that was told, unique on the message, or on the decision of a till or call
that asked. Queries only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from crm_store.differentiate.needs import NOW, Evidence
from crm_store.identify.profiles import new_id
from crm_store.tables import decisions, messages, staff
from crm_store.tables import evidence as table


def keep(connection: Connection, profile: str, pieces: Sequence[Evidence], message_id: str, now: datetime) -> None:
    """Writes what a message told. The turn is stored in the same transaction, so a retry never comes here twice."""
    if pieces:
        connection.execute(
            table.insert(),
            [
                {
                    "id": new_id(),
                    "customer_id": profile,
                    "kind": piece.kind,
                    "key": piece.key,
                    "value": piece.value,
                    "words": piece.words,
                    "strength": piece.strength,
                    "message_id": message_id,
                    "at": now,
                }
                for piece in pieces
            ],
        )


def told(connection: Connection, customer_ids: Sequence[str], conversation_id: str | None = None) -> list[Evidence]:
    """What these profiles have said, the newest word on each matter only.

    `conversation_id`: the conversation under way, whose evidence counts more.
    """
    rows = connection.execute(
        select(
            table,
            func.coalesce(messages.c.conversation_id, decisions.c.conversation_id).label("conversation_id"),
            decisions.c.touchpoint,
            staff.c.name.label("told_by"),
        )
        .outerjoin(messages, messages.c.id == table.c.message_id)
        .outerjoin(decisions, decisions.c.id == table.c.decision_id)
        .outerjoin(staff, staff.c.id == table.c.staff_id)
        .where(table.c.customer_id.in_(customer_ids))
        .order_by(table.c.at, table.c.id)
    )
    newest: dict[tuple[str, str], Evidence] = {}
    wish: tuple[str, str] | None = None
    for row in rows:
        matter = (row.kind, row.key if row.kind == "answered" else row.value)
        here = bool(conversation_id) and row.conversation_id == conversation_id
        newest.pop(matter, None)
        newest[matter] = Evidence(
            row.kind,
            row.key,
            row.value,
            row.strength,
            NOW if here else 1.0,
            row.words,
            row.message_id,
            row.touchpoint,
            row.told_by,
        )
        if here and row.kind == "stated":
            # Who wishes for something else has changed their mind: the wish before counts as one of earlier.
            if wish and wish != matter and wish in newest:
                newest[wish] = replace(newest[wish], weight=1.0)
            wish = matter
    return list(newest.values())
