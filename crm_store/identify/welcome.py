"""How somebody is greeted, by how surely they are known; and claims, which are noted and change nothing."""

from __future__ import annotations

from sqlalchemy import select

from crm_store.conversations.outbox import NOTICE
from crm_store.identify.assurance import Act
from crm_store.identify.profiles import new_id
from crm_store.moment import Moment, Reply
from crm_store.tables import claims, decisions, messages

CLAIMED = ("email", "phone", "order_number", "loyalty_number")


def is_first_answer(moment: Moment) -> bool:
    """Whether nothing has been said by us in this conversation yet. That an answer will take longer is no answer."""
    mine = (messages.c.conversation_id == moment.conversation_id) & (messages.c.author != "customer")
    mine &= messages.c.action.is_distinct_from(NOTICE)
    decided = decisions.c.conversation_id == moment.conversation_id
    return (
        moment.connection.execute(
            select(messages.c.id).where(mine).union_all(select(decisions.c.id).where(decided)).limit(1)
        ).first()
        is None
    )


def greeting(moment: Moment, *, alone: bool) -> Reply:
    """By name when verified, "welcome back" when the device is known, as a guest otherwise.

    `alone`: nothing follows, so that the greeting itself asks what may be done.
    """
    kind = "greet" if alone else "welcome"
    name = moment.name
    if name:
        return Reply(f"utter_{kind}_name", {"name": name})
    return Reply(f"utter_{kind}_{'back' if moment.may(Act.BE_WELCOMED_BACK) else 'guest'}")


def note_claims(moment: Moment) -> list[str]:
    """Keeps typed emails, numbers and the like beside the profile, unproven. Returns their types."""
    noted = [
        {
            "id": new_id(),
            "customer_id": moment.profile,
            "message_id": moment.message_id,
            "type": kind,
            "value": value,
            "at": moment.now,
        }
        for kind, value in dict.fromkeys((k, v[:255]) for k, v, _ in moment.understanding.entities if k in CLAIMED)
    ]
    if noted:
        moment.connection.execute(claims.insert(), noted)
    return [str(claim["type"]) for claim in noted]
