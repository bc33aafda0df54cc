"""What was talked about in a call, kept as an interaction at the contact centre: what it cost, what is open because of it.

An open complaint or repair from a call is open everywhere: the chat speaks of it first and offers nothing before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.database import one_at_a_time
from crm_store.identify.profiles import make_profile
from crm_store.interact.calls import Call, call_touchpoint, next_step, require_agent, require_caller
from crm_store.interact.matters import SERIOUS
from crm_store.interact.requests import SOURCE as CHAT
from crm_store.tables import interactions

SOURCE = "calls"
KINDS = ("question", "order_status", "complaint", "repair", "return", "call")
"""What a call may be about; `call` is anything else."""
OUTCOMES = ("settled", "open", "call_back")
LONGEST_TEXT = 4000
LONGEST_CALL = 600
"""Minutes."""


class InvalidLogError(ValueError):
    """What was filled in cannot be kept. `field`: which; the text says the mend."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True)
class Log:
    """What the agent filled in. `form_id`: of the form as it was shown, so that sending it twice keeps one."""

    form_id: str
    kind: str
    outcome: str
    text: str = ""
    minutes: int | None = None
    product: str = ""
    order_id: str = ""

    @property
    def is_open_matter(self) -> bool:
        return self.kind in SERIOUS and self.outcome != "settled"


def log_call(connection: Connection, business: Business, person: Staff, call: Call, log: Log, now: datetime) -> bool:
    """Keeps what a call was about; False when this form is kept already. What to say is decided anew where it opened something.

    What it cost is what a contact at that touchpoint costs by `business.yml` today. Raises InvalidLogError and NotCallerError.
    """
    require_caller(call)
    if not _is_new(connection, log):
        return False
    _keep(connection, business, person, call.customer_id, log, now, source_id=call.id, call=call.id, agrees=call.agrees)
    if log.is_open_matter:
        next_step(connection, business, call, now)
    return True


def log_stranger(connection: Connection, business: Business, person: Staff, log: Log, now: datetime) -> bool:
    """The same of a call by somebody whom no system knows: a contact of a new profile, of whom nothing else is kept.

    Raises InvalidLogError and NotAllowedError.
    """
    require_agent(person)
    if not _is_new(connection, log):
        return False
    _keep(connection, business, person, make_profile(connection, now), log, now, source_id=log.form_id)
    return True


def logged(connection: Connection, call: Call) -> Sequence[object]:
    """What has been kept of this call, in order."""
    mine = (interactions.c.source == SOURCE) & (interactions.c.source_id == call.id)
    return connection.execute(select(interactions).where(mine).order_by(interactions.c.at)).all()


def is_ours(source: str) -> bool:
    """Whether a matter was noted by us, so that we may end it; another system tells the end of its own."""
    return source in (SOURCE, CHAT)


def settle(
    connection: Connection, business: Business, call: Call, source: str, interaction_id: str, now: datetime
) -> None:
    """Ends a complaint or repair that was noted in a call or in the chat. Nothing happens where it is no such of this customer's.

    Raises NotCallerError.
    """
    require_caller(call)
    if not is_ours(source):
        return
    met = interactions.c
    ended = connection.execute(
        update(interactions)
        .where(
            met.source == source,
            met.interaction_id == interaction_id,
            met.customer_id.in_(call.profiles),
            met.kind.in_(SERIOUS),
            met.status != "resolved",
        )
        .values(status="resolved")
    )
    if ended.rowcount:
        next_step(connection, business, call, now)


def _is_new(connection: Connection, log: Log) -> bool:
    """Whether this form is not kept yet; nobody else keeps it until the transaction ends. Raises InvalidLogError."""
    _check(log)
    one_at_a_time(connection, f"call {log.form_id}")
    mine = (interactions.c.source == SOURCE) & (interactions.c.interaction_id == log.form_id)
    return connection.execute(select(interactions.c.interaction_id).where(mine)).first() is None


def _keep(
    connection: Connection,
    business: Business,
    person: Staff,
    customer_id: str,
    log: Log,
    now: datetime,
    *,
    source_id: str,
    **attributes: Any,
) -> None:
    touchpoint = call_touchpoint(business)
    minutes = {} if log.minutes is None else {"minutes": log.minutes}
    connection.execute(
        interactions.insert().values(
            source=SOURCE,
            interaction_id=log.form_id,
            source_id=source_id,
            customer_id=customer_id,
            at=now,
            touchpoint=touchpoint,
            kind=log.kind,
            text=log.text or None,
            cost=business.touchpoints[touchpoint].cost,
            outcome=log.outcome,
            order_id=log.order_id or None,
            product=log.product or None,
            status=("open" if log.is_open_matter else "resolved") if log.kind in SERIOUS else None,
            attributes={"staff": person.id, **attributes, **minutes},
        )
    )


def _check(log: Log) -> None:
    if log.kind not in KINDS:
        raise InvalidLogError("kind", "Say what the call was about.")
    if log.outcome not in OUTCOMES:
        raise InvalidLogError("outcome", "Say how the call ended.")
    if log.minutes is not None and not 0 <= log.minutes <= LONGEST_CALL:
        raise InvalidLogError("minutes", f"Minutes are a whole number up to {LONGEST_CALL}.")
    if len(log.text) > LONGEST_TEXT:
        raise InvalidLogError(
            "text", f"That is longer than {LONGEST_TEXT} characters. Keep what a colleague needs to know."
        )
    if log.is_open_matter and not log.text:
        raise InvalidLogError("text", "Write what is wrong: the colleague who sees to it was not on the phone.")
    for field in ("product", "order_id"):
        if len(getattr(log, field)) > 128:
            raise InvalidLogError(field, "That is longer than 128 characters.")
