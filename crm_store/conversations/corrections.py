"""Staff write down that a customer, in a conversation, said that a need is not theirs. Knows no HTTP."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from crm_store.access.consent import PROFILE, withdrawn
from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.conversations.desk import NoSuchConversationError
from crm_store.conversations.transcripts import readable
from crm_store.differentiate.evidence import keep_refusal
from crm_store.tables import conversations


def refuse_need(
    connection: Connection, business: Business, person: Staff, conversation_id: str, segment: str, now: datetime
) -> None:
    """Keeps it, with who wrote it down. Of who wants no profile, or of a need that there is not, nothing is kept.

    Raises NoSuchConversationError.
    """
    here = readable(person).where(conversations.c.id == conversation_id)
    if connection.execute(here.with_for_update(read=True, key_share=True)).one_or_none() is None:
        raise NoSuchConversationError
    profile: str = connection.execute(
        select(conversations.c.customer_id).where(conversations.c.id == conversation_id)
    ).scalar_one()
    if business.segment(segment) and PROFILE not in withdrawn(connection, [profile]):
        keep_refusal(connection, profile, segment, person.id, now)
