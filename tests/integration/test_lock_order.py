"""On PostgreSQL nobody waits for whoever waits for them: whatever proves who somebody is, and an erasure of the very same.

Both are made to meet while something else, such as an import, changes who is who; the erasure comes first, or last.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import seeds
from serving import Known
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from visitor import Visitor, arrive, kept

from bot.channels.telegram.reading import Command, Incoming, OwnPhone, Said
from bot.channels.telegram.taking import Taker
from crm_store.access.erasure import erase_customer, forget_in_conversation
from crm_store.business import Business
from crm_store.conversations import inbox
from crm_store.conversations.outbox import ConversationGoneError
from crm_store.database import UnitOfWork, one_at_a_time, reading
from crm_store.identify.codes import ask_for_code, code_of
from crm_store.identify.links import follow_link, make_link
from crm_store.identify.merging import merge
from crm_store.identify.profiles import WHO_IS_WHO
from crm_store.moment import Understanding
from crm_store.tables import conversations, customers, identifiers, messages
from crm_store.turn import TurnRequest, UnknownMessageError, take_turn

KEY = b"a key of thirty-two bytes or more"
PHONE = "+628115550001"
SOON_SECONDS, PATIENCE_SECONDS = 1.0, 20.0

pytestmark = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
either_order = pytest.mark.parametrize("order", ["erased first", "erased last"])


@pytest.fixture
def sari(engine: Engine, now: datetime) -> Known:
    return Known(engine, now, "sari")


@pytest.fixture
def guest(engine: Engine, business: Business, now: datetime) -> Visitor:
    """A device that was here before."""
    guest = arrive(engine, business, now).comes_back(timedelta(days=1))
    guest.writes("hello")
    return guest


@dataclass
class Doing:
    """Something under way in a thread of its own. `failure`: how it ended, if not well."""

    what: Callable[[], object]
    failure: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._do)
        self.thread.start()

    def _do(self) -> None:
        try:
            self.what()
        except BaseException as failure:
            self.failure.append(failure)


def meet(engine: Engine, profile: str, proof: Callable[[], object], order: str, at: datetime) -> BaseException | None:
    """Both wait for who is who, one behind the other, and then go on. Returns how the proof failed, if it did."""

    def erase() -> None:
        with UnitOfWork(engine) as work:
            erase_customer(work, profile, at)
            work.commit()

    under_way: list[Doing] = []
    with UnitOfWork(engine) as something_else:
        one_at_a_time(something_else.connection, WHO_IS_WHO)
        for each in (erase, proof) if order == "erased first" else (proof, erase):
            under_way.append(Doing(each))
            _wait_until(lambda: _waiting(engine) >= len(under_way) or not under_way[-1].thread.is_alive())
    for doing in under_way:
        doing.thread.join(PATIENCE_SECONDS)
        assert not doing.thread.is_alive()
    erasing, proving = under_way if order == "erased first" else reversed(under_way)
    failures = [failure for doing in under_way for failure in doing.failure]
    assert [failure for failure in failures if isinstance(failure, DBAPIError)] == []
    assert erasing.failure == []
    assert not kept(engine, customers, id=profile)
    return proving.failure[0] if proving.failure else None


def _waiting(engine: Engine) -> int:
    here = "locktype <> 'virtualxid' AND NOT granted AND pid <> pg_backend_pid()"
    with reading(engine) as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM pg_locks WHERE {here}")).scalar_one())


def _wait_until(condition: Callable[[], bool]) -> None:
    """A moment longer where nobody comes to wait: what ends by itself is well too."""
    end = time.monotonic() + SOON_SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


def committed(engine: Engine, what: Callable[[UnitOfWork], object]) -> None:
    with UnitOfWork(engine) as work:
        what(work)
        work.commit()


# What proves -----------------------------------------------------------------------------------------------------------


@either_order
def test_a_code_that_is_typed(engine: Engine, business: Business, guest: Visitor, sari: Known, order: str) -> None:
    talk = guest.conversation_id
    with UnitOfWork(engine) as work:
        asked = ask_for_code(work.connection, KEY, talk, guest.profile, "sari@example.com", guest.at)
        waits = {"code": {"address": "sari@example.com", "until": (guest.at + timedelta(hours=1)).isoformat()}}
        work.connection.execute(conversations.update().where(conversations.c.id == talk).values(pending=waits))
        work.commit()
    code = code_of(KEY, asked or "")

    def types() -> None:
        message = guest.writes(code)
        request = TurnRequest(message, "action_fallback", Understanding("nlu_fallback", 0.3, "en"))
        take_turn(engine, business, request, lambda: guest.at, KEY)

    failure = meet(engine, guest.profile, types, order, guest.at)
    assert failure is None or isinstance(failure, UnknownMessageError | ConversationGoneError)


@either_order
def test_a_user_token_in_a_running_conversation(engine: Engine, guest: Visitor, sari: Known, order: str) -> None:
    profile = guest.profile
    meet(engine, profile, lambda: guest.proves(sari.proof), order, guest.at)


@either_order
def test_a_user_token_on_a_device_that_comes_back(engine: Engine, guest: Visitor, sari: Known, order: str) -> None:
    meet(engine, guest.profile, lambda: guest.comes_back(timedelta(hours=1), sari.proof), order, guest.at)


@either_order
def test_a_link_that_is_opened_on_the_page(engine: Engine, guest: Visitor, sari: Known, order: str) -> None:
    telegram = Account(engine, guest.business, guest.at)
    telegram.says(OwnPhone(PHONE))
    link: list[str] = []
    committed(engine, lambda w: link.append(make_link(w.connection, telegram.conversation, guest.at).token))

    def opens() -> None:
        committed(engine, lambda w: follow_link(w.connection, link[0], guest.conversation_id, guest.at))

    meet(engine, guest.profile, opens, order, guest.at)


@dataclass
class Account:
    """An account on Telegram, whose updates are taken one after the other."""

    engine: Engine
    business: Business
    at: datetime
    taken: int = 0

    def __post_init__(self) -> None:
        self._taker = Taker(self.engine, self.business, "bot", timedelta(hours=12), lambda: self.at)

    def says(self, what: Said) -> None:
        self.taken += 1
        self._taker.take(Incoming(self.taken, "501", "501", "en", what))

    @property
    def conversation(self) -> str:
        with reading(self.engine) as connection:
            here = select(conversations.c.id).where(conversations.c.address == "501")
            return str(connection.execute(here).scalar_one())


@either_order
def test_the_own_number_on_telegram(engine: Engine, business: Business, now: datetime, sari: Known, order: str) -> None:
    account = Account(engine, business, now)
    account.says(OwnPhone(PHONE))
    meet(engine, sari.profile, lambda: account.says(OwnPhone(PHONE)), order, now)


@either_order
def test_a_link_that_is_opened_on_telegram(engine: Engine, guest: Visitor, sari: Known, order: str) -> None:
    account = Account(engine, guest.business, guest.at)
    account.says(OwnPhone(PHONE))
    guest.proves(sari.proof)
    link: list[str] = []
    committed(engine, lambda w: link.append(make_link(w.connection, guest.conversation_id, guest.at).token))
    meet(engine, sari.profile, lambda: account.says(Command("start", link[0], "/start")), order, guest.at)


# What is said meanwhile ------------------------------------------------------------------------------------------------


def test_what_is_said_while_the_erasure_waits_for_the_conversation_is_erased_too(
    engine: Engine, guest: Visitor
) -> None:
    """A message that is being written holds its conversation; its turn begins as soon as it is there."""
    profile, talk = guest.profile, guest.conversation_id

    def erase() -> None:
        committed(engine, lambda work: erase_customer(work, profile, guest.at))

    with UnitOfWork(engine) as writing:
        said = inbox.accept(writing.connection, talk, uuid4().hex, "and one more thing", None, guest.at).message_id
        erasing = Doing(erase)
        _wait_until(lambda: _waiting(engine) == 1)
        writing.commit()
        with UnitOfWork(engine) as turn:
            its_row = select(messages.c.id).where(messages.c.id == said).with_for_update()
            if turn.connection.execute(its_row).first():
                turn.connection.execute(conversations.update().where(conversations.c.id == talk).values(pending={}))
            turn.commit()
    erasing.thread.join(PATIENCE_SECONDS)
    assert erasing.failure == []
    assert not kept(engine, messages)
    assert not kept(engine, customers)


@pytest.mark.parametrize("by", ["rapport erase", "forget me"])
def test_who_is_joined_while_the_erasure_waits_is_erased_too(
    engine: Engine, guest: Visitor, sari: Known, now: datetime, by: str
) -> None:
    guest.proves(sari.proof)

    def erase() -> None:
        with UnitOfWork(engine) as work:
            if by == "forget me":
                forget_in_conversation(work.connection, guest.conversation_id, guest.at)
            else:
                erase_customer(work, sari.profile, guest.at)
            work.commit()

    with UnitOfWork(engine) as importing:
        one_at_a_time(importing.connection, WHO_IS_WHO)
        card = seeds.add_customer(importing.connection, now)
        seeds.add_record(importing.connection, card, "loyalty", "L-1", now, email="sari@example.com")
        erasing = Doing(erase)
        _wait_until(lambda: _waiting(engine) == 1)
        merge(importing.connection, card, sari.profile, "import", "the same email", now)
        importing.commit()
    erasing.thread.join(PATIENCE_SECONDS)
    assert erasing.failure == []
    assert not kept(engine, customers, id=card)
    assert not kept(engine, identifiers)
