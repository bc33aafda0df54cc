"""`rapport consent`: what a customer allows, and a word on it that came by letter or by phone."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

CHANNEL = "operator"


class Purpose(StrEnum):
    """As `crm_store.access.consent` names them; a test holds the two together."""

    QUESTIONS = "questions"
    OFFERS = "offers"
    PROFILE = "profile"


def note(engine: Engine, customer: str, purpose: Purpose, granted: bool) -> None:
    """Keeps a word of the customer's. Raises NoSuchCustomerError and UnclearCustomerError."""
    from crm_store.access.consent import keep_word
    from crm_store.access.whom import whom
    from crm_store.database import UnitOfWork

    with UnitOfWork(engine) as work:
        customer_id = whom(work.connection, customer)
        keep_word(work.connection, customer_id, purpose, granted, CHANNEL, datetime.now(UTC))
        work.commit()


def consent(engine: Engine, customer: str) -> dict[str, Any]:
    """What the customer allows now, and every word on it. Raises NoSuchCustomerError and UnclearCustomerError."""
    from crm_store.access.consent import PURPOSES, history, withdrawn
    from crm_store.access.whom import whom
    from crm_store.database import reading

    with reading(engine) as connection:
        customer_id = whom(connection, customer)
        no_more = withdrawn(connection, [customer_id])
        told = [
            {"purpose": row.purpose, "granted": row.granted, "channel": row.channel, "at": row.at}
            for row in history(connection, [customer_id])
        ]
    return {"customer_id": customer_id, "allows": {p: p not in no_more for p in PURPOSES}, "words": told}


def as_text(found: dict[str, Any]) -> str:
    lines = [f"{purpose:<10} {'allowed' if allowed else 'withdrawn'}" for purpose, allowed in found["allows"].items()]
    for word in found["words"]:
        said = ("shown" if word["purpose"] == "notice" else "allowed") if word["granted"] else "withdrawn"
        lines.append(f"{word['at']:%Y-%m-%d %H:%M} UTC  {word['purpose']} {said} ({word['channel']})")
    return "\n".join(lines)
