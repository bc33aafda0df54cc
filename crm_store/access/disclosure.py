"""The right of access: everything that is kept of one customer, in one document that a person can read.

Made from the tables themselves: each that knows a customer is in it without being named here. Left out are the secrets that
would open the customer's session, and what only machines need to find a button again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from crm_store.access.erasure import NoSuchCustomerError
from crm_store.business import Business
from crm_store.differentiate.picture import picture
from crm_store.identify.assurance import Assurance
from crm_store.identify.profiles import scope
from crm_store.tables import conversations, customers, journal, messages, metadata, notices, staff

SECRETS = {"token_hash", "previous_hash", "payload"}
Document = dict[str, Any]


def disclose(
    connection: Connection, business: Business, customer_id: str, tracker_path: Path, now: datetime
) -> Document:
    """Everything about a customer with every profile joined to them. Times are ISO 8601, in UTC.

    Raises NoSuchCustomerError.
    """
    profiles = sorted(scope(connection, customer_id, Assurance.VERIFIED))
    if not profiles:
        raise NoSuchCustomerError(customer_id)
    words = _Words(connection, business)
    talks = connection.execute(
        select(conversations).where(conversations.c.customer_id.in_(profiles)).order_by(conversations.c.started_at)
    ).all()
    document: Document = {
        "customer_id": customer_id,
        "of": now.isoformat(),
        "business": business.business.name,
        "profiles": [words.of(row) for row in _rows(connection, customers, "id", profiles)],
        "now": _now(connection, business, profiles, now),
    }
    for table in metadata.sorted_tables:
        if "customer_id" in table.c and table is not conversations:
            rows = _rows(connection, table, "customer_id", profiles)
            if "other_id" in table.c:
                rows = [*rows, *(row for row in _rows(connection, table, "other_id", profiles) if row not in rows)]
            document[table.name] = [words.of(row) for row in rows]
    document[conversations.name] = [_talk(connection, words, row) for row in talks]
    document["assistant_memory"] = _tracker(tracker_path, [row.id for row in talks])
    return document


def _now(connection: Connection, business: Business, profiles: Sequence[str], now: datetime) -> Document:
    """What is computed from all of it when it is needed."""
    seen = picture(connection, business, profiles, now)
    if not seen.is_profiled:
        return {"profile": "withdrawn: nothing is computed"}
    share = {"share_of_customer": seen.share.as_dict()} if seen.share else {}
    needs = {s: round(p, 4) for s, p in seen.needs.items()}
    return {"tier": seen.tier, "value": seen.value.as_dict(), **share, "needs": needs}


def _talk(connection: Connection, words: _Words, row: Row[Any]) -> Document:
    """A conversation with all that hangs on it."""
    talk = words.of(row)
    said = [message.id for message in _rows(connection, messages, "conversation_id", [row.id])]
    for table in metadata.sorted_tables:
        if "customer_id" in table.c:
            continue
        if "conversation_id" in table.c:
            talk[table.name] = [words.of(each) for each in _rows(connection, table, "conversation_id", [row.id])]
        elif "message_id" in table.c:
            talk[table.name] = [words.of(each) for each in _rows(connection, table, "message_id", said)]
    return talk


def _rows(connection: Connection, table: Table, column: str, values: Sequence[str]) -> Sequence[Row[Any]]:
    order = [table.c[name] for name in ("seq", "at", "started_at", "id") if name in table.c]
    return connection.execute(select(table).where(table.c[column].in_(values)).order_by(*order)).all()


class _Words:
    """Rows as a person reads them: names beside ids, times as text."""

    def __init__(self, connection: Connection, business: Business) -> None:
        self._business = business
        self._staff = {row.id: row.name for row in connection.execute(select(staff.c.id, staff.c.name))}
        self._notices = {row.id: row.text for row in connection.execute(select(notices))}

    def of(self, row: Row[Any]) -> Document:
        told: Document = {}
        for name, value in row._mapping.items():
            if name in SECRETS or value is None:
                continue
            told[name] = [button["title"] for button in value] if name == "buttons" else _plain(value)
            told.update(self._beside(name, value))
        return told

    def _beside(self, name: str, value: Any) -> Document:
        """What an id stands for, under a name of its own."""
        if name in ("staff_id", "held_by", "reviewed_by", journal.c.actor.name) and value in self._staff:
            return {f"{name.removesuffix('_id')}_name": self._staff[value]}
        if name == "notice_id":
            return {"notice": self._notices.get(value)}
        language = self._business.business.default_language
        if name == "question_id" and (question := self._business.question(value)):
            return {"question": question.text[language]}
        if name == "offer_id" and (offer := self._business.offer(value)):
            return {"offer": offer.title[language]}
        return {}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _tracker(tracker_path: Path, talks: Sequence[str]) -> list[Document]:
    """What the assistant remembers of these conversations, event by event."""
    if not tracker_path.exists():
        return []
    with closing(sqlite3.connect(f"file:{tracker_path}?mode=ro", uri=True, timeout=10)) as tracker:
        if not tracker.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
            return []
        query = "SELECT data FROM events WHERE sender_id = ? ORDER BY id"
        return [
            {"conversation_id": talk, **json.loads(data)}
            for talk in talks
            for (data,) in tracker.execute(query, (talk,))
        ]
