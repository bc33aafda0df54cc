"""Deliveries: how what was said reaches customers on channels that are sent to. The states are drawn in docs/messages.md.

`due` -> `sending` -> `sent`, `ambiguous` or `failed`; from `sending` back to `due` where it surely did not arrive. At one
address one message is under way at a time, and what was said earlier goes first. Knows no channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from crm_store.tables import conversations, messages, outbox, staff

LONGEST_PROBLEM = 255


class Outcome(StrEnum):
    """What became of a try, by the name of the state that it leads to."""

    SENT = "sent"
    AMBIGUOUS = "ambiguous"  # it may have arrived or not; nobody can say
    FAILED = "failed"  # it will never arrive
    AGAIN = "due"  # it surely did not arrive: another try


@dataclass(frozen=True)
class Delivery:
    """A message under way. `name`: of the member of staff who said it; `parts_sent`: of it, by earlier tries."""

    message_id: str
    conversation_id: str
    address: str
    text: str
    language: str
    action: str | None
    name: str | None
    buttons: list[dict[str, str]]
    offer: dict[str, Any] | None
    attempts: int
    parts_sent: int


@dataclass(frozen=True)
class Told:
    """How a try ended. `problem`: for staff, in a few words; `wait`: until the next try, where there is one."""

    outcome: Outcome
    parts_sent: int = 0
    external_id: str | None = None
    problem: str | None = None
    wait: timedelta = timedelta()


@dataclass(frozen=True)
class DeliveryState:
    """Of one message, for whoever reads the conversation."""

    state: str
    attempts: int
    problem: str | None
    settled_at: datetime | None


_OPEN = outbox.c.state.in_(("due", "sending"))


def addresses_due(connection: Connection, now: datetime) -> list[str]:
    """Addresses at which something is to be tried now, the longest waiting first."""
    due = select(outbox.c.address).where(outbox.c.state == "due", outbox.c.due_at <= now).order_by(outbox.c.due_at)
    return list(dict.fromkeys(connection.execute(due).scalars()))


def is_due(connection: Connection, address: str, now: datetime) -> bool:
    """Whether something is to be tried now at this address."""
    due = (outbox.c.address == address) & (outbox.c.state == "due") & (outbox.c.due_at <= now)
    return connection.execute(select(outbox.c.message_id).where(due).limit(1)).first() is not None


def begin(connection: Connection, address: str, now: datetime) -> Delivery | None:
    """Marks the next message for an address as `sending`, and returns it. The caller commits before it sends.

    None where nothing is due there, or what is next has still to wait or is under way.
    """
    row = connection.execute(
        select(
            outbox,
            messages.c.text,
            messages.c.action,
            messages.c.buttons,
            messages.c.offer,
            conversations.c.language,
            staff.c.name,
        )
        .join(messages, messages.c.id == outbox.c.message_id)
        .join(conversations, conversations.c.id == outbox.c.conversation_id)
        .outerjoin(staff, staff.c.id == messages.c.staff_id)
        .where(outbox.c.address == address, _OPEN)
        # A number is one of its conversation; an address may have seen several.
        .order_by(conversations.c.started_at, outbox.c.position)
        .limit(1)
    ).first()
    if row is None or row.state != "due" or row.due_at > now:
        return None
    begun = connection.execute(
        update(outbox)
        .where(outbox.c.message_id == row.message_id, outbox.c.state == "due")
        .values(state="sending", attempts=outbox.c.attempts + 1)
    )
    return _delivery(row) if begun.rowcount else None


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        message_id=row.message_id,
        conversation_id=row.conversation_id,
        address=row.address,
        text=row.text,
        language=row.language,
        action=row.action,
        name=row.name,
        buttons=list(row.buttons or ()),
        offer=row.offer,
        attempts=row.attempts + 1,
        parts_sent=row.parts_sent,
    )


def settle(connection: Connection, message_id: str, told: Told, now: datetime) -> None:
    """Writes down how a try ended; of a message that was erased meanwhile nothing is.

    What another process has given up as ambiguous is settled too: whoever sent it knows better.
    """
    again = told.outcome is Outcome.AGAIN
    connection.execute(
        update(outbox)
        .where(outbox.c.message_id == message_id, outbox.c.state.in_(("sending", "ambiguous")))
        .values(
            state=told.outcome.value,
            parts_sent=told.parts_sent,
            external_id=told.external_id,
            problem=told.problem[:LONGEST_PROBLEM] if told.problem else None,
            due_at=now + told.wait if again else outbox.c.due_at,
            settled_at=None if again else now,
        )
    )


def give_up_unknown(connection: Connection, now: datetime) -> int:
    """Marks as ambiguous what was under way when its process died. Returns how many; for the start of a process."""
    left = update(outbox).where(outbox.c.state == "sending")
    problem = "The process ended while this was being sent."
    return connection.execute(left.values(state="ambiguous", problem=problem, settled_at=now)).rowcount


def waiting(connection: Connection) -> int:
    """How many messages wait or are under way."""
    return connection.execute(select(func.count()).select_from(outbox).where(_OPEN)).scalar_one()


def delivery_states(connection: Connection, message_ids: Iterable[str]) -> dict[str, DeliveryState]:
    """By message; one that its customer fetches has none."""
    rows = connection.execute(select(outbox).where(outbox.c.message_id.in_(list(message_ids))))
    return {row.message_id: DeliveryState(row.state, row.attempts, row.problem, row.settled_at) for row in rows}
