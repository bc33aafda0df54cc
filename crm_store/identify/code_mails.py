"""The mails that carry one-time codes: which is to go out next, and what became of it. The states are drawn in docs/identity.md.

`due` -> `sending` -> `sent`, `ambiguous` or `failed`; back to `due` where it surely did not go out. One of an address that not
exactly one customer has ends as `nobody`, one whose code is over before it went out as `over`. Knows no mail server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from crm_store.conversations.deliveries import LONGEST_PROBLEM, Outcome, Told
from crm_store.identify.codes import LASTS, profiles_with
from crm_store.identify.linking import Rules
from crm_store.tables import conversations, one_time_codes

MOST_LOOKED_AT = 200
"""In one transaction."""


@dataclass(frozen=True)
class CodeMail:
    """A mail under way. `language`: in which the customer talks."""

    code_id: str
    address: str
    language: str
    attempts: int
    asked_at: datetime
    state: str = "sending"


def is_mail_due(connection: Connection, now: datetime) -> bool:
    """Whether there is any to be begun now."""
    due = (one_time_codes.c.state == "due") & (one_time_codes.c.due_at <= now)
    return connection.execute(select(one_time_codes.c.id).where(due).limit(1)).first() is not None


def begin_mails(connection: Connection, now: datetime, most: int, rules: Rules | None = None) -> list[CodeMail]:
    """Marks up to `most` mails that are due as `sending`, and returns them. The caller commits before it sends.

    Those that are not to be sent at all are settled on the way and take nobody's place.
    """
    rows = connection.execute(
        _MAILS.where(one_time_codes.c.state == "due", one_time_codes.c.due_at <= now)
        .order_by(one_time_codes.c.due_at)
        .limit(MOST_LOOKED_AT)
        # Waits for nobody: a row that somebody holds is being tried or erased.
        .with_for_update(of=one_time_codes, skip_locked=True)
    ).all()
    begun: list[CodeMail] = []
    for row in rows:
        if len(begun) == most:
            break
        if row.ended_at is not None or now >= row.expires_at:
            _set(connection, row.id, state="over", settled_at=now)
        elif not profiles_with(connection, row.address, rules):
            _set(connection, row.id, state="nobody", settled_at=now)
        else:
            _set(connection, row.id, state="sending", attempts=row.attempts + 1)
            begun.append(_mail(row, row.attempts + 1, "sending"))
    return begun


def settle_mail(connection: Connection, code_id: str, told: Told, now: datetime) -> None:
    """Writes down how a try ended; of a code that was erased meanwhile nothing is."""
    again = told.outcome is Outcome.AGAIN
    connection.execute(
        update(one_time_codes)
        .where(one_time_codes.c.id == code_id, one_time_codes.c.state.in_(("sending", "ambiguous")))
        .values(
            state=told.outcome.value,
            problem=told.problem[:LONGEST_PROBLEM] if told.problem else None,
            due_at=now + told.wait if again else one_time_codes.c.due_at,
            settled_at=None if again else now,
        )
    )


def give_up_unknown_mails(connection: Connection, now: datetime) -> int:
    """Marks as ambiguous what was under way when its process died. Returns how many; for the start of a process."""
    left = update(one_time_codes).where(one_time_codes.c.state == "sending")
    problem = "The process ended while this was being sent."
    return connection.execute(left.values(state="ambiguous", problem=problem, settled_at=now)).rowcount


def mails_lately(connection: Connection, now: datetime) -> Sequence[CodeMail]:
    """The mails of codes that may still be good, the newest first: for the demo, which shows what it does not send."""
    recent = one_time_codes.c.asked_at > now - LASTS
    rows = connection.execute(_MAILS.where(recent).order_by(one_time_codes.c.asked_at.desc())).all()
    return [_mail(row, row.attempts, row.state) for row in rows]


_MAILS = select(one_time_codes, conversations.c.language).join(
    conversations, conversations.c.id == one_time_codes.c.conversation_id
)


def _mail(row: Row[Any], attempts: int, state: str) -> CodeMail:
    return CodeMail(row.id, row.address, row.language, attempts, row.asked_at, state)


def _set(connection: Connection, code_id: str, **values: object) -> None:
    connection.execute(update(one_time_codes).where(one_time_codes.c.id == code_id).values(values))
