"""Somebody of whom every table knows something: for tests that hold erasure and disclosure against the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Engine, Float, Integer, Numeric, Table, insert
from visitor import rows

from crm_store.database import UnitOfWork
from crm_store.tables import Utc, metadata, notices, staff

NOT_OF_CUSTOMERS = {
    "staff",
    "staff_sessions",
    "erasures",
    "stock",
    "telegram_updates",
    "learnt_likelihoods",
    "scorings",
    "notices",
    "codes_asked",
    "resolutions",
}
"""Tables that hold nothing of a customer; every other one is filled, and so has to be erased and disclosed."""
COLLEAGUE, WORDING = "c" * 32, "w" * 16
"""A member of staff and a privacy notice, to which rows of customers refer."""


@dataclass
class Person:
    """Somebody with a row in every table and their words in every column that has room for them."""

    words: str
    profile: str = field(default_factory=lambda: uuid4().hex)
    conversation: str = field(default_factory=lambda: uuid4().hex)
    message: str = field(default_factory=lambda: uuid4().hex)
    decision: str = field(default_factory=lambda: uuid4().hex)

    @property
    def traces(self) -> list[str]:
        return [self.words, self.profile, self.conversation, self.message, self.decision]

    def row(self, table: Table, at: datetime) -> dict[str, Any]:
        return {column.name: self._value(table, column, at) for column in table.c}

    def _value(self, table: Table, column: Column[Any], at: datetime) -> Any:
        own = {"customers": self.profile, "conversations": self.conversation, "messages": self.message}
        own["decisions"] = self.decision
        by_name = {
            "id": own.get(table.name) or uuid4().hex,
            "customer_id": self.profile,
            "canonical_id": self.profile,
            "other_id": self.profile,
            "conversation_id": self.conversation,
            "message_id": self.message,
            "in_reply_to": self.message,
            "decision_id": self.decision,
            "token_hash": uuid4().hex,
            "previous_hash": uuid4().hex,
            "buttons": [{"title": self.words, "payload": uuid4().hex, "meaning": "/affirm"}],
            "staff_id": COLLEAGUE,
            "held_by": COLLEAGUE,
            "reviewed_by": COLLEAGUE,
            "notice_id": WORDING,
            "scoring_id": None,
            "number": uuid4().int % 10**9,
        }
        if column.name in by_name:
            return by_name[column.name]
        kind = column.type
        if isinstance(kind, JSON):
            return {"words": self.words, "of": self.profile}
        if isinstance(kind, Boolean):
            return True
        if isinstance(kind, Date):
            return at.date()
        if isinstance(kind, Utc | DateTime):
            return at
        if isinstance(kind, Integer | Float | Numeric):
            return 1
        return self.words[: getattr(kind, "length", None) or 255]


def fill(engine: Engine, person: Person, at: datetime) -> None:
    with UnitOfWork(engine) as work:
        if not rows(work.connection, staff):
            rina = {"id": COLLEAGUE, "email": "rina@example.com", "name": "Rina", "role": "agent", "password_hash": "-"}
            work.connection.execute(insert(staff).values(created_at=at, **rina))
            work.connection.execute(insert(notices).values(id=WORDING, language="en", text="We keep.", at=at))
        for table in metadata.sorted_tables:
            if table.name not in NOT_OF_CUSTOMERS:
                work.connection.execute(insert(table).values(person.row(table, at)))
        work.commit()
