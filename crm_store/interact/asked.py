"""What was asked of a customer. Queries only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from crm_store.identify.profiles import new_id
from crm_store.interact.questions import Asked
from crm_store.moment import Moment
from crm_store.tables import questions_asked


@dataclass(frozen=True)
class AskedBefore:
    question_ids: frozenset[str]
    in_conversation: int
    in_30_days: int


def asked_before(
    connection: Connection, profiles: Sequence[str], conversation_id: str | None, now: datetime
) -> AskedBefore:
    rows = connection.execute(
        select(questions_asked.c.question_id, questions_asked.c.conversation_id, questions_asked.c.at).where(
            questions_asked.c.customer_id.in_(profiles)
        )
    ).all()
    return AskedBefore(
        frozenset(row.question_id for row in rows),
        # At a till there is no conversation, and all that was ever asked at one is not one.
        sum(bool(conversation_id) and row.conversation_id == conversation_id for row in rows),
        sum(now - row.at < timedelta(days=30) for row in rows),
    )


def last_asked(connection: Connection, conversation_id: str) -> str | None:
    """The question that was asked last in this conversation, answered or not."""
    return connection.execute(
        select(questions_asked.c.question_id)
        .where(questions_asked.c.conversation_id == conversation_id)
        .order_by(questions_asked.c.at.desc())
        .limit(1)
    ).scalar_one_or_none()


def keep_question(moment: Moment, asked: Asked) -> None:
    moment.connection.execute(
        questions_asked.insert().values(
            id=new_id(),
            customer_id=moment.profile,
            conversation_id=moment.conversation_id,
            question_id=asked.question.id,
            message_id=moment.message_id,
            at=moment.now,
            information=round(asked.information, 4),
        )
    )
