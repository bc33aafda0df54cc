"""Whether this machine's clock is right.

Nothing tells that for sure without a network, so every witness at hand is asked: a file of ours or a conversation cannot be
from the future; PostgreSQL has a clock of its own, often on another machine; and where Telegram is used and reached, it says
the time with each answer. A clock that is slow by little, on a machine that is alone, stays unnoticed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from bot.cli.refusals import Refusal
from bot.cli.store import opened
from bot.settings import ROOT, Settings
from crm_store.tables import conversations

TOLERANCE = timedelta(minutes=2)
MEND = (
    "set the clock and have it kept (timedatectl set-ntp true): sign-ins of the shop, opening hours and the rests of offers "
    "go by it"
)


def examine_clock(settings: Settings, now: datetime) -> None:
    """Raises Refusal when a witness speaks against `now`."""
    for witness, at in _not_from_the_future(settings):
        if at - now > TOLERANCE:
            raise _wrong(now, f"{witness} is of {at:%Y-%m-%d %H:%M} UTC, which is yet to come")
    for witness, at in _other_clocks(settings):
        if abs(at - now) > TOLERANCE:
            raise _wrong(now, f"{witness} says {at:%Y-%m-%d %H:%M} UTC")


def _wrong(now: datetime, against: str) -> Refusal:
    return Refusal(f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, but {against}", MEND)


def _not_from_the_future(settings: Settings) -> Iterator[tuple[str, datetime]]:
    ours = [ROOT / "pyproject.toml", settings.business, settings.var / "model.json", settings.var / "secrets.json"]
    for path in [*ours, *(settings.var / "logs").glob("*.log")]:
        if path.exists():
            yield str(path), datetime.fromtimestamp(path.stat().st_mtime, UTC)
    if newest := _newest_conversation(settings):
        yield "a conversation in the store", newest


def _newest_conversation(settings: Settings) -> datetime | None:
    try:
        with opened(settings.database_url) as engine, engine.connect() as connection:
            if engine.dialect.name == "postgresql":  # a lock is no reason to wait for ever
                connection.execute(text("SET LOCAL statement_timeout = 3000"))
            newest: datetime | None = connection.execute(select(func.max(conversations.c.last_at))).scalar_one()
            return newest
    except SQLAlchemyError:  # the database has a check of its own
        return None


def _other_clocks(settings: Settings) -> Iterator[tuple[str, datetime]]:
    if settings.database_url.startswith("postgres") and (at := _server_time(settings)):
        yield "the database server", at
    if settings.telegram_token and (at := _peer_time(settings.telegram_api_url)):
        yield settings.telegram_api_url, at


def _server_time(settings: Settings) -> datetime | None:
    os.environ.setdefault("PGCONNECT_TIMEOUT", "5")
    try:
        with opened(settings.database_url) as engine, engine.connect() as connection:
            told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return told
    except SQLAlchemyError:
        return None


def _peer_time(url: str) -> datetime | None:
    try:
        return parsedate_to_datetime(httpx.head(url, timeout=5).headers["date"])
    except (httpx.HTTPError, KeyError, ValueError):  # Telegram has a check of its own
        return None
