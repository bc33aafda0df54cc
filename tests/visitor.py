"""Somebody who talks to the business in a test: through sessions, inbox and turns as the gateway and Rasa lead them, without
either. What Rasa would have understood is said along; time passes only when something is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from sqlalchemy import Connection, Engine, Table, event, func, insert, select

from crm_store import prepared
from crm_store.business import Business
from crm_store.conversations import inbox
from crm_store.conversations.inbox import Understood
from crm_store.conversations.outbox import Outgoing
from crm_store.conversations.sessions import open_session, raise_session
from crm_store.database import UnitOfWork, reading
from crm_store.identify.proof import Proof
from crm_store.moment import Reply, TurnResult, Understanding
from crm_store.prepared import carried_out
from crm_store.tables import conversations, interactions, metadata
from crm_store.turn import TurnRequest, take_turn

SARI = Proof("web", "sari.w", {"given_name": "Sari"})
BUDI = Proof("web", "budi.h", {"given_name": "Budi"})
"""Customers whom the shop signs for."""
OFFICE = ("need", "office", 0.95)
"""An entity: what Rasa hears in a wish for the office."""
NOTHING_SAID = TurnRequest("", "", Understanding("", 0.0, "en"))


@dataclass
class Visitor:
    """One open conversation. `at`: the time of the last thing said."""

    engine: Engine
    business: Business
    at: datetime
    conversation_id: str
    session_token: str
    device_token: str
    last_request: TurnRequest = field(default=NOTHING_SAID)
    code_key: bytes | None = None
    """Of one-time codes, where the business can send any."""

    def says(
        self, text: str, action: str, *entities: tuple[str, str, float], language: str = "en", confidence: float = 0.9
    ) -> TurnResult:
        """A message, understood as `action` with these entities, answered, and the answer in the conversation."""
        message_id = self.writes(text)
        understanding = Understanding(action.removeprefix("action_"), confidence, language, entities)
        self.last_request = TurnRequest(message_id, action, understanding)
        result = self.again()
        self.hears(message_id, result)
        return result

    def writes(self, text: str) -> str:
        """A message that waits in the inbox. Returns its id."""
        self.at += timedelta(seconds=30)
        with UnitOfWork(self.engine) as work:
            taken = inbox.accept(work.connection, self.conversation_id, uuid4().hex, text, None, self.at)
            work.commit()
        return taken.message_id

    def again(self) -> TurnResult:
        """The turn of the last message, taken or retried."""
        return take_turn(self.engine, self.business, self.last_request, lambda: self.at, self.code_key)

    def hears(self, message_id: str, result: TurnResult) -> None:
        replies = [Outgoing(reply.response, reply.response, (), reply.offer) for reply in result.replies]
        understood = Understood("any", action=replies[0].action if replies else None)
        with UnitOfWork(self.engine) as work:
            inbox.answer(work.connection, message_id, self.conversation_id, replies, understood, self.at)
            work.commit()

    def proves(self, proof: Proof) -> None:
        """Signs in to the shop while the conversation is open."""
        with UnitOfWork(self.engine) as work:
            raise_session(work.connection, self.conversation_id, proof, self.at)
            work.commit()

    def comes_back(self, after: timedelta, proof: Proof | None = None) -> Visitor:
        """Opens the chat again on the same device."""
        return arrive(self.engine, self.business, self.at + after, device_token=self.device_token, proof=proof)

    @property
    def profile(self) -> str:
        return str(self._conversation("customer_id"))

    @property
    def pending(self) -> dict[str, Any]:
        return dict(self._conversation("pending") or {})

    def _conversation(self, column: str) -> Any:
        with reading(self.engine) as connection:
            return connection.execute(
                select(conversations.c[column]).where(conversations.c.id == self.conversation_id)
            ).scalar_one()


def arrive(
    engine: Engine,
    business: Business,
    at: datetime,
    *,
    device_token: str | None = None,
    proof: Proof | None = None,
    channel: str = "web",
    page: str | None = None,
    fresh: bool = False,
) -> Visitor:
    """Somebody opens the chat."""
    with UnitOfWork(engine) as work:
        opened = open_session(
            work.connection,
            channel=channel,
            language="en",
            now=at,
            lasts=timedelta(hours=12),
            device_token=device_token,
            proof=proof,
            page=page,
            fresh=fresh,
        )
        work.commit()
    return Visitor(engine, business, at, opened.conversation_id, opened.session_token, opened.device_token)


def responses(result: TurnResult) -> list[str]:
    return [reply.response for reply in result.replies]


def only(result: TurnResult) -> Reply:
    (reply,) = result.replies
    return reply


def offered(result: TurnResult) -> str | None:
    """The id of the offer on the card, if there is one."""
    return next((reply.offer["id"] for reply in result.replies if reply.offer), None)


def counts(engine: Engine) -> dict[str, int]:
    """How many rows each table has."""
    with reading(engine) as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }


def everything(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with reading(engine) as connection:
        return {name: sorted(map(tuple, rows(connection, table)), key=repr) for name, table in metadata.tables.items()}


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Every statement that is run."""
    run: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        run.append(statement)

    def noted(connection: Connection, statement: str, asked: Any) -> Sequence[Sequence[Any]]:
        run.append(statement)
        return carried_out(connection, statement, asked)

    event.listen(engine, "before_cursor_execute", note)
    try:
        with patch.object(prepared, "carried_out", noted):
            yield run
    finally:
        event.remove(engine, "before_cursor_execute", note)


def rows(connection: Any, table: Table, **where: Any) -> Sequence[Any]:
    """The rows whose columns have these values."""
    query = select(table)
    for column, value in where.items():
        query = query.where(table.c[column] == value)
    found: Sequence[Any] = connection.execute(query).all()
    return found


def kept(engine: Engine, table: Table, **where: Any) -> Sequence[Any]:
    """The rows with these values, in a reading of their own."""
    with reading(engine) as connection:
        return rows(connection, table, **where)


def only_row(engine: Engine, table: Table, **where: Any) -> Any:
    (row,) = kept(engine, table, **where)
    return row


def requests(engine: Engine, kind: str) -> Sequence[Any]:
    """What customers asked for in the chat, as the business gets to know it."""
    return kept(engine, interactions, source="rapport", kind=kind)


def add_matter(connection: Any, customer: str, kind: str, status: str, at: datetime, **more: Any) -> str:
    """A repair or complaint of a customer, as after-sales service reports it. Returns the interaction's id."""
    row = {"source": "repair", "interaction_id": uuid4().hex, "touchpoint": "repair", "attributes": {}, **more}
    connection.execute(
        insert(interactions).values(source_id="R-1", customer_id=customer, at=at, kind=kind, status=status, **row)
    )
    return str(row["interaction_id"])
