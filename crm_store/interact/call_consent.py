"""What a caller says of being asked, of offers and of being profiled: a word on consent, kept with who wrote it down."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from crm_store.access.consent import PURPOSES, keep_word, withdrawn
from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.identify.profiles import new_id
from crm_store.interact.calls import Call, next_step, require_caller, steps
from crm_store.tables import journal

CHANNEL = "phone"
SAID = "consent_by_phone"


def keep_said(
    connection: Connection, business: Business, person: Staff, call: Call, purpose: str, granted: bool, now: datetime
) -> None:
    """Keeps what the caller said of a purpose; what to offer or ask is decided anew. Nothing happens where it stands so already.

    Raises NotCallerError, and ValueError for a purpose that is none.
    """
    require_caller(call)
    if purpose not in PURPOSES:
        raise ValueError(purpose)
    if granted is (purpose not in withdrawn(connection, call.profiles)):
        return
    keep_word(connection, call.customer_id, purpose, granted, CHANNEL, now)
    said = {"call": call.id, "purpose": purpose, "granted": granted}
    row = {
        "id": new_id(),
        "at": now,
        "kind": SAID,
        "customer_id": call.customer_id,
        "actor": person.id,
        "details": said,
    }
    connection.execute(journal.insert().values(row))
    # What is open between customer and business is spoken of first, whatever they agree to.
    if steps(connection, call)[-1].decision.treatment != "service_first":
        next_step(connection, business, call, now)
