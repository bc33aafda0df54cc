"""A running conversation becomes a proven customer's, by whatever proof; what it taught comes along by the tie."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from crm_store.database import one_at_a_time
from crm_store.identify.assurance import Assurance
from crm_store.identify.merging import Wanted, merge_all
from crm_store.identify.profiles import WHO_IS_WHO, canonical, is_somebody
from crm_store.identify.ties import Ground
from crm_store.tables import conversations


class BeginWithWhoIsWhoError(Exception):
    """What this transaction comes to changes who is who, and it holds rows already. It is taken back, and begun again with that."""


class OtherCustomerError(ValueError):
    """The conversation, or the device or account it is held on, is proven to be another customer's. Nothing was changed."""


def prove_to_be(
    connection: Connection, conversation_id: str, proven: Sequence[str], by: str, reason: str, now: datetime
) -> str:
    """Verifies a conversation as the customer's who has these profiles, and ties its own to each of them. Returns the profile
    that it is of from then on.

    `proven`: those that the proof is of, all of one customer. A conversation on a device is then of the first of them, whoever
    that turns out to be joined to; an account stays itself. `by`, `reason`: for the journal. Raises OtherCustomerError.
    """
    row = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one()
    one_at_a_time(connection, WHO_IS_WHO)
    mine: str = row.customer_id
    same = canonical(connection, mine) == canonical(connection, proven[0])
    if row.assurance == Assurance.VERIFIED.word:
        if not same:
            raise OtherCustomerError("this conversation belongs to another customer; open a new session")
        return mine
    if not same and is_somebody(connection, mine):
        raise OtherCustomerError("this device is another customer's; open a new session")
    is_account = row.address is not None
    if is_account or not same:
        # An account is one person's: what it proves holds whatever else joins the two. At a device others sit too.
        merge_all(connection, [Wanted(mine, each, reason) for each in proven], by, now, Ground.PROOF)
    of = mine if is_account else proven[0]
    verified = {"customer_id": of, "assurance": Assurance.VERIFIED.word}
    connection.execute(conversations.update().where(conversations.c.id == conversation_id).values(verified))
    return of
