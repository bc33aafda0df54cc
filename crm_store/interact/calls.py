"""A call: who may be calling is looked up, what to say is decided as in the chat, and what came of it is kept.

A lookup is an access and stands in the journal; the one that finds a single customer is the call, by its id, for as long as a
call lasts. Knows no pages. Whom it is about is `caller`, what was talked about `call_log`.

CallError
+-- NoSuchCallError   none of this id, a colleague's, or over
+-- NotCallerError    the facts did not agree: nothing of this customer is told or kept in this call
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from crm_store.access.consent import PROFILE, withdrawn
from crm_store.access.staff import NotAllowedError, Staff
from crm_store.business import Business
from crm_store.customize.advice import Customer, decide
from crm_store.customize.decisions import keep_decision
from crm_store.customize.outcomes import NoSuchDecisionError, Standing, Told, keep_told, standing
from crm_store.differentiate.evidence import keep_refusal
from crm_store.identify.assurance import Assurance
from crm_store.identify.callers import MOST, Found, Match, find_callers
from crm_store.identify.profiles import new_id, scope
from crm_store.tables import customers, decisions, journal

LASTS = timedelta(hours=4)
"""How long after the lookup a call can be read and written to: reading later is another access."""
LOOKED_UP, LISTED = "looked_up", "listed"
AGREED, DISAGREED = "caller_agreed", "caller_disagreed"


class CallError(Exception):
    """The text says what to do instead."""


class NoSuchCallError(CallError):
    def __init__(self) -> None:
        super().__init__("This call is over, a colleague's, or its customer was erased. Look the caller up again.")


class NotCallerError(CallError):
    def __init__(self) -> None:
        super().__init__("What the caller said did not agree, so nothing is kept. Look the caller up again.")


@dataclass(frozen=True)
class Call:
    id: str
    customer_id: str
    at: datetime
    by: str
    """What was looked up, one of `callers.KINDS`; "any" for the one box, "customer" where somebody was picked."""
    matches: list[Match]
    profiles: list[str]
    agrees: bool | None
    """Whether the caller's facts agreed with ours; None while nobody has compared them."""


@dataclass(frozen=True)
class Lookup:
    """What a lookup came to: a call where it found one customer, else whom it may mean."""

    call_id: str | None
    found: Found
    is_cut: bool = False
    """Whether there are more than are listed."""


@dataclass(frozen=True)
class Step:
    """What was decided to say in a call, and what came of it."""

    decision: Row[Any]
    standing: Standing


def look_up(
    connection: Connection, business: Business, person: Staff, text: str, kind: str | None, now: datetime
) -> Lookup:
    """Looks for a caller. Of one who is found alone the call begins: its first decision is made.

    Raises NotAllowedError.
    """
    require_agent(person)
    found = find_callers(connection, business, text, kind)
    if len(found) == 1:
        ((customer, matches),) = found.items()
        return Lookup(_begin(connection, business, person, customer, kind or "any", matches, now), found)
    shown = dict(list(found.items())[:MOST])
    for customer in shown:
        _tell_journal(connection, person, LISTED, customer, {"by": kind or "any"}, now)
    # What was typed is not kept: where it finds nobody it may be anybody's.
    _tell_journal(connection, person, LOOKED_UP, None, {"by": kind or "any", "found": len(shown)}, now)
    return Lookup(None, shown, len(found) > MOST)


def pick(connection: Connection, business: Business, person: Staff, customer_id: str, now: datetime) -> str:
    """Begins a call with a customer who was picked from a list. Returns its id. Raises NotAllowedError, NoSuchCallError."""
    require_agent(person)
    canonical = connection.execute(
        select(customers.c.canonical_id).where(customers.c.id == customer_id)
    ).scalar_one_or_none()
    if canonical is None:
        raise NoSuchCallError
    return _begin(connection, business, person, canonical, "customer", [], now)


def call_of(connection: Connection, person: Staff, call_id: str, now: datetime) -> Call:
    """A call of this person's that is not over. Raises NotAllowedError, NoSuchCallError."""
    require_agent(person)
    if "\0" in call_id:
        # PostgreSQL would choke on it.
        raise NoSuchCallError
    row = connection.execute(
        select(journal).where(
            journal.c.id == call_id,
            journal.c.kind == LOOKED_UP,
            journal.c.actor == person.id,
            journal.c.customer_id.is_not(None),
            journal.c.at > now - LASTS,
        )
    ).one_or_none()
    if row is None:
        raise NoSuchCallError
    matches = [Match(**match) for match in row.details["matches"]]
    profiles = scope(connection, row.customer_id, Assurance.VERIFIED)
    agrees = _agrees(connection, row)
    return Call(row.id, row.customer_id, row.at, row.details["by"], matches, profiles, agrees)


def compared(connection: Connection, person: Staff, call: Call, agrees: bool, now: datetime) -> None:
    """Keeps whether the caller's facts agreed with ours."""
    _tell_journal(connection, person, AGREED if agrees else DISAGREED, call.customer_id, {"call": call.id}, now)


def next_step(connection: Connection, business: Business, call: Call, now: datetime) -> None:
    """Decides anew what to say: something has changed since."""
    whom = Customer(call.profiles, Assurance.VERIFIED, call_touchpoint(business), call.id)
    before = steps(connection, call)
    # Two of one moment would have no order.
    at = max(now, before[-1].decision.at + timedelta(microseconds=1)) if before else now
    keep_decision(
        connection,
        decide(connection, business, whom, now).decision,
        profile=call.customer_id,
        conversation_id=call.id,
        message_id=None,
        touchpoint=call_touchpoint(business),
        now=at,
    )


def steps(connection: Connection, call: Call) -> Sequence[Step]:
    """What was decided in this call, the newest last: that is what to say now."""
    rows = connection.execute(
        select(decisions).where(decisions.c.conversation_id == call.id).order_by(decisions.c.at)
    ).all()
    return [Step(row, standing(connection, row.id)) for row in rows]


def tell(
    connection: Connection,
    business: Business,
    person: Staff,
    call: Call,
    decision_id: str,
    told: Told,
    now: datetime,
    option_id: str | None = None,
) -> None:
    """Keeps what the caller said to what was decided. After a question it is decided what comes next.

    Raises NotCallerError, and what `keep_told` raises.
    """
    require_caller(call)
    # A page that is open in two tabs: only the newest step leads on.
    before = steps(connection, call)
    if decision_id not in {step.decision.id for step in before}:
        raise NoSuchDecisionError
    keep_told(connection, business, decision_id, told, now, option_id=option_id, staff_id=person.id)
    if before[-1].decision.id == decision_id and before[-1].decision.question_id:
        next_step(connection, business, call, now)


def refuse_need(
    connection: Connection, business: Business, person: Staff, call: Call, segment: str, now: datetime
) -> None:
    """Keeps that the caller says a need is not theirs, with who wrote it down; what to say is decided anew.

    Of who wants no profile, or of a need that there is not, nothing is kept. Raises NotCallerError.
    """
    require_caller(call)
    if business.segment(segment) is None or PROFILE in withdrawn(connection, call.profiles):
        return
    keep_refusal(connection, call.customer_id, segment, person.id, now)
    # What is open between customer and business is spoken of first, whatever they need.
    if steps(connection, call)[-1].decision.treatment != "service_first":
        next_step(connection, business, call, now)


def call_touchpoint(business: Business) -> str:
    """The id of the contact centre's touchpoint, to which calls count; the chat's where the business has none."""
    found = (name for name, touchpoint in business.touchpoints.items() if touchpoint.kind == "contact_centre")
    return next(found, business.chat_touchpoint)


def require_caller(call: Call) -> None:
    """Raises NotCallerError where the caller is known to be somebody else."""
    if call.agrees is False:
        raise NotCallerError


def require_agent(person: Staff) -> None:
    """Raises NotAllowedError where this person may not take calls."""
    if not person.is_active or person.role not in {"agent", "administrator"}:
        raise NotAllowedError("look callers up")


def _begin(
    connection: Connection,
    business: Business,
    person: Staff,
    customer: str,
    by: str,
    matches: Sequence[Match],
    now: datetime,
) -> str:
    details = {"by": by, "found": 1, "matches": [vars(match) for match in matches]}
    call_id = _tell_journal(connection, person, LOOKED_UP, customer, details, now)
    next_step(connection, business, call_of(connection, person, call_id, now), now)
    return call_id


def _agrees(connection: Connection, row: Row[Any]) -> bool | None:
    words = connection.execute(
        select(journal.c.kind, journal.c.details)
        .where(
            journal.c.customer_id == row.customer_id,
            journal.c.kind.in_((AGREED, DISAGREED)),
            journal.c.actor == row.actor,
            journal.c.at >= row.at,
        )
        .order_by(journal.c.at)
    )
    said = [word.kind == AGREED for word in words if word.details.get("call") == row.id]
    return said[-1] if said else None


def _tell_journal(
    connection: Connection, person: Staff, kind: str, customer: str | None, details: dict[str, Any], now: datetime
) -> str:
    entry = new_id()
    connection.execute(
        journal.insert().values(id=entry, at=now, kind=kind, customer_id=customer, actor=person.id, details=details)
    )
    return entry
