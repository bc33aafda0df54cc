"""The right to be forgotten, across every table. What is left of it elsewhere (`remains`) is carried out afterwards.

What stays is a tombstone without content: when something was erased, and while it is not done, what still has to go. A test
holds this module against the tables: one that knows a customer and is not emptied here fails it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from crm_store.database import UnitOfWork, one_at_a_time
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.identify.merging import leave_out
from crm_store.identify.profiles import WHO_IS_WHO, make_profile, new_id, scope
from crm_store.tables import (
    conversations,
    customers,
    erasures,
    journal,
    messages,
    metadata,
    outbox,
    sessions,
    turns,
    verdicts,
)


class NoSuchCustomerError(LookupError):
    """No customer has this id."""


def erase_customer(work: UnitOfWork, customer_id: str, now: datetime) -> int:
    """Erases a customer with every profile joined to them. Returns how many rows went. Raises NoSuchCustomerError."""
    one_at_a_time(work.connection, WHO_IS_WHO)  # whoever is joined to them meanwhile is erased too
    profiles = scope(work.connection, customer_id, Assurance.VERIFIED)
    if not profiles:
        raise NoSuchCustomerError(customer_id)
    return erase_profiles(work.connection, profiles, now)


def erase_profiles(
    connection: Connection, profiles: Sequence[str], now: datetime, *, farewell: str | None = None
) -> int:
    """Erases all rows of these profiles and of their conversations. Returns how many; leaves a tombstone.

    `farewell`: the conversation in which goodbye will be said to them.
    """
    talks = _hold(connection, profiles)
    leave_out(connection, profiles, now)
    gone = remove(connection, profiles, talks)
    connection.execute(erasures.insert().values(id=new_id(), at=now, trackers=talks, farewell=farewell))
    return gone


def _talks(connection: Connection, profiles: Sequence[str]) -> list[str]:
    theirs = conversations.c.customer_id.in_(profiles)
    return list(connection.execute(select(conversations.c.id).where(theirs)).scalars())


def _hold(connection: Connection, profiles: Sequence[str]) -> list[str]:
    """Waits for whoever is writing to these profiles; who comes after finds nothing left to write to. Returns their conversations.

    Who is who first, as everybody does who changes it. Then rows in the order in which turns and staff take them: messages,
    conversations, customers. Of what was written, or begun, while one of them was waited for a turn may be under way: then
    all rows are let go of, and it begins anew.
    """
    one_at_a_time(connection, WHO_IS_WHO)
    while True:
        held = connection.begin_nested()
        talks = _talks(connection, profiles)
        if _hold_talks(connection, talks) and _hold_customers(connection, profiles, talks):
            held.commit()
            return talks
        held.rollback()


def _hold_talks(connection: Connection, talks: Sequence[str]) -> bool:
    """Whether all of their messages are held."""
    said = select(messages.c.id).where(messages.c.conversation_id.in_(talks))
    before = set(connection.execute(said.with_for_update()).scalars())
    # Nothing more can be written into them from here on.
    connection.execute(select(conversations.c.id).where(conversations.c.id.in_(talks)).with_for_update()).all()
    return before.issuperset(connection.execute(said).scalars())


def _hold_customers(connection: Connection, profiles: Sequence[str], talks: Sequence[str]) -> bool:
    """Whether they have no other conversations; none can be begun from here on."""
    connection.execute(select(customers.c.id).where(customers.c.id.in_(profiles)).with_for_update()).all()
    return set(talks) == set(_talks(connection, profiles))


def remove(connection: Connection, profiles: Sequence[str], talks: Sequence[str]) -> int:
    """Deletes all rows of these profiles and of their conversations. Returns how many."""
    gone = remove_from(connection, talks)
    for named in (journal.c.other_id, verdicts.c.other_id):
        # Of a profile that stays: it tells who was taken for the same, or for another.
        gone += connection.execute(delete(named.table).where(named.in_(profiles))).rowcount
    for table in reversed(metadata.sorted_tables):
        if "customer_id" in table.c:
            gone += connection.execute(delete(table).where(table.c.customer_id.in_(profiles))).rowcount
    return gone + connection.execute(delete(customers).where(customers.c.id.in_(profiles))).rowcount


def remove_from(connection: Connection, talks: Sequence[str]) -> int:
    """Deletes what belongs to these conversations alone: what was said in them, and what hangs on that."""
    said = select(messages.c.id).where(messages.c.conversation_id.in_(talks))
    gone = connection.execute(delete(turns).where(turns.c.message_id.in_(said))).rowcount
    for table in reversed(metadata.sorted_tables):
        if "conversation_id" in table.c and "customer_id" not in table.c:
            gone += connection.execute(delete(table).where(table.c.conversation_id.in_(talks))).rowcount
    return gone


def forget_in_conversation(connection: Connection, conversation_id: str, now: datetime) -> str | None:
    """Erases whoever speaks in a conversation, as far as they are proven, and gives their session a fresh, empty one.

    Returns the id of the new conversation, in which goodbye is to be said; None when they were erased already. Its numbering
    goes on after the old one, so that a waiting client sees what follows; it belongs to a new, unknown profile, and the device
    is a stranger's from now on. An address is kept until goodbye has gone out, or as long as they go on writing from there.
    """
    one_at_a_time(connection, WHO_IS_WHO)
    talk = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one_or_none()
    if talk is None:
        return None
    tokens = list(connection.execute(select(sessions).where(sessions.c.conversation_id == conversation_id)).mappings())
    assurance = Assurance.of(talk.assurance)
    everything = may(assurance, Act.ERASE_EVERYTHING)
    profiles = scope(connection, talk.customer_id, assurance if everything else Assurance.ANONYMOUS)
    fresh = new_id()
    erase_profiles(connection, profiles, now, farewell=fresh if talk.address else None)
    connection.execute(
        conversations.insert().values(
            id=fresh,
            customer_id=make_profile(connection, now),
            channel=talk.channel,
            assurance=Assurance.ANONYMOUS.word,
            language=talk.language,
            state="bot",
            address=talk.address,
            started_at=now,
            last_at=now,
            last_seq=talk.last_seq,
        )
    )
    for token in tokens:
        connection.execute(sessions.insert().values({**token, "conversation_id": fresh}))
    return fresh


def bury(connection: Connection, farewell: str) -> bool:
    """Removes the conversation in which goodbye was said, with its address. False while goodbye is on its way.

    Nothing is removed where they have written again since: they are somebody new then.
    """
    under_way = (outbox.c.conversation_id == farewell) & outbox.c.state.in_(("due", "sending"))
    if connection.execute(select(outbox.c.message_id).where(under_way).limit(1)).first():
        return False
    # Whoever writes at this moment goes first or finds it gone: seen without the lock, their message would go too.
    here = select(conversations.c.customer_id).where(conversations.c.id == farewell).with_for_update()
    profile = connection.execute(here).scalar_one_or_none()
    wrote_again = select(messages.c.id).where(messages.c.conversation_id == farewell, messages.c.author == "customer")
    if profile and not connection.execute(wrote_again.limit(1)).first():
        remove(connection, [profile], [farewell])
    return True


def erase_late(connection: Connection, conversation_id: str, now: datetime) -> bool:
    """Of a turn that ended after its conversation was erased: what the assistant remembers of it has to go too.

    False, and nothing is done, when the conversation is there.
    """
    here = select(conversations.c.id).where(conversations.c.id == conversation_id)
    if connection.execute(here).first():
        return False
    connection.execute(erasures.insert().values(id=new_id(), at=now, trackers=[conversation_id]))
    return True
