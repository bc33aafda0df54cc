"""Updates of Telegram that were taken, so that none is taken twice. Knows their numbers and nothing of what is in them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import IntegrityError

from crm_store.tables import telegram_updates

KEPT = timedelta(days=2)
"""Telegram brings an update for 24 hours at most. After a week without any it may begin with other numbers."""


def note_update(connection: Connection, bot_id: str, update_id: int, now: datetime) -> bool:
    """Takes an update down in the caller's transaction. False where it was taken before, which spends the transaction.

    Of two at the same moment the second waits here for the first.
    """
    seen = select(telegram_updates.c.at).where(
        telegram_updates.c.bot_id == bot_id, telegram_updates.c.update_id == update_id
    )
    if connection.execute(seen).first():
        return False
    try:
        connection.execute(telegram_updates.insert().values(bot_id=bot_id, update_id=update_id, at=now))
    except IntegrityError:
        return False
    return True


def prune_updates(connection: Connection, now: datetime) -> int:
    """Forgets the updates that cannot come again. Returns how many."""
    return connection.execute(delete(telegram_updates).where(telegram_updates.c.at < now - KEPT)).rowcount
