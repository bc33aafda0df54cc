"""The conversation of a customer on Telegram with the real assistant, and one customer on two channels with one history."""

from __future__ import annotations

import itertools
import json
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from acceptance.running import PATIENCE, Stack, Talker, until
from fakes.telegram import FakeTelegram
from fakes.telegram_api import Sent
from fakes.telegram_people import Person
from sqlalchemy import Engine, select, update

from crm_store.access.staff import add_staff
from crm_store.conversations import desk
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, customers, identifiers, messages, metadata, outbox, records

Arrives = Callable[..., "Customer"]
_accounts = itertools.count(9001)


class Customer(Person):
    """Somebody who waits as long as the real stack takes."""

    def asks_all(self, words: str, times: int = 1) -> list[Sent]:
        self.says(words)
        return self.hears(times, PATIENCE)

    def presses_and_hears(self, title: str) -> Sent:
        self.presses(title)
        return self.hears(1, PATIENCE)[-1]


@pytest.fixture
def arrives(stack: Stack, telegram: FakeTelegram) -> Arrives:
    """A new account, each time it is called."""

    def someone(language: str = "en") -> Customer:
        return Customer(telegram, next(_accounts), language)

    return someone


def test_a_guest_states_a_need_in_english_and_gets_an_offer_with_its_reason(arrives: Arrives) -> None:
    guest = arrives()
    guest.says("/start")
    greeted = " ".join(sent.text for sent in whole_answer(guest))
    assert "assistant" in greeted
    guest.says("looking for something for the office")
    asked = _question(whole_answer(guest))
    assert "cups" in asked.text
    assert list(asked.buttons) == ["Up to 10", "10 to 40", "More than 40"]
    guest.says("why do you ask?")
    assert "cup" in " ".join(sent.text for sent in whole_answer(guest))
    guest.says("like 30")
    (offer,) = whole_answer(guest)
    assert "For 30 cups a day, Office Blend" in offer.text
    assert "Because " in offer.text
    assert "Code: OFFICE10" in offer.text


def test_a_guest_does_the_same_in_indonesian_and_answers_by_button(arrives: Arrives) -> None:
    guest = arrives("id")
    guest.says("halo, saya cari kopi buat kantor")
    asked = _question(whole_answer(guest))
    assert "cangkir" in asked.text
    guest.presses(list(asked.buttons)[1])
    offer = whole_answer(guest)[-1]
    assert "Karena " in offer.text
    assert "Kode: OFFICE10" in offer.text


def test_help_and_the_menu_are_in_the_accounts_language(arrives: Arrives, telegram: FakeTelegram) -> None:
    assert "Saya asisten, bukan orang" in arrives("id").asks_all("/help")[0].text
    assert [command["command"] for command in telegram.menu["id"]] == ["help", "language", "link", "privacy", "forget"]


def test_the_language_is_changed_by_command(arrives: Arrives, store: Engine) -> None:
    guest = arrives("en")
    guest.says("/language id")
    assert "bahasa Indonesia" in " ".join(sent.text for sent in whole_answer(guest))
    with reading(store) as connection:
        speaks = select(conversations.c.language).where(conversations.c.address == str(guest.account))
        assert connection.execute(speaks).scalars().all() == ["id"]
    assert "Saya asisten, bukan orang" in guest.asks_all("/help")[0].text


def test_who_comes_back_the_next_day_is_welcomed_back(arrives: Arrives, store: Engine) -> None:
    guest = arrives()
    guest.says("I love trying new origins")
    whole_answer(guest)
    _a_day_passes(store, guest)
    guest.says("hello")
    assert re.search("back|again", " ".join(sent.text for sent in whole_answer(guest)))


def test_who_asks_to_be_forgotten_hears_so_and_is_gone_from_every_table(arrives: Arrives, store: Engine) -> None:
    guest = arrives()
    unusual = "zanzibarian-telegraph"
    guest.says(f"I want something cheap for my {unusual}")
    whole_answer(guest)
    talk = _talk(store, guest)
    guest.says("/forget")
    assert "Yes" in _question(whole_answer(guest)).buttons
    assert "deleted" in guest.presses_and_hears("Yes").text
    assert not _tables_with(store, unusual)
    until(lambda: not _tables_with(store, talk), "the last trace of the conversation is gone")
    guest.says("hello")
    assert not re.search("back|again", " ".join(sent.text for sent in whole_answer(guest)))


def test_a_customer_who_proves_it_by_phone_is_one_customer_with_one_history_on_both_channels(
    arrives: Arrives, stack: Stack, store: Engine
) -> None:
    on_the_web = Talker(stack, user_token=stack.user_token("budi"))
    on_the_web.say("I love trying new origins")
    budi = arrives()
    budi.says("how many points do I have?")
    assert "Share my phone number" in {sent.asks_for_phone for sent in whole_answer(budi)}
    budi.shares_own_phone(_phone_of(store, "budi").removeprefix("+"))
    (thanked,) = budi.hears(1, PATIENCE)
    assert thanked.text.startswith("Thank you, Budi")
    budi.says("how many points do I have?")
    told = whole_answer(budi)
    assert any(re.search(r"\d+ points", sent.text) for sent in told), told
    assert {sent.asks_for_phone for sent in told} == {None}
    assert _customer(store, "telegram", str(budi.account)) == _customer(store, "web", on_the_web.conversation_id)
    history = json.loads(_exported(stack, store))
    assert {"web", "telegram"} <= {talk["channel"] for talk in history["conversations"]}
    _a_day_passes(store, budi)
    budi.says("hello")
    assert "Budi" in " ".join(sent.text for sent in whole_answer(budi))


def test_who_asks_for_a_person_waits_for_one_and_reads_what_they_say_under_their_name(
    arrives: Arrives, store: Engine
) -> None:
    guest = arrives()
    guest.says("I want to talk to a person")
    whole_answer(guest)
    talk = _talk(store, guest)
    with UnitOfWork(store) as work:
        waits = select(conversations.c.state).where(conversations.c.id == talk)
        assert work.connection.execute(waits).scalar_one() == "waiting"
        rina = add_staff(
            work, "rina.on.telegram@example.com", "agent", "a long password of hers", datetime.now(UTC), "Rina"
        )
        desk.take(work.connection, rina, talk, datetime.now(UTC))
        desk.reply(work.connection, rina, talk, "Good day, how can I help?", datetime.now(UTC))
        work.commit()
    assert guest.hears(1, PATIENCE)[0].text == "Rina: Good day, how can I help?"


def test_the_gateway_dies_while_an_answer_is_on_its_way_and_nothing_is_lost_or_said_twice(
    arrives: Arrives, stack: Stack, store: Engine
) -> None:
    guest = arrives()
    guest.says("hello")
    whole_answer(guest)
    before = len(guest.heard)
    gateway = stack.signal("gateway", signal.SIGKILL)
    guest.says("where is your store?")
    until(lambda: stack.pid("gateway") not in (0, gateway), "the gateway is started again")
    assert "Menteng" in " ".join(sent.text for sent in whole_answer(guest))
    assert len({sent.message_id for sent in guest.heard[before:]}) == len(guest.heard[before:])
    until(lambda: _open_deliveries(store) == 0, "everything is delivered")


def whole_answer(person: Person) -> list[Sent]:
    """Everything that is said next, as far as it follows at once."""
    said = person.hears(1, PATIENCE)
    try:
        while True:
            said += person.hears(1, 0.7)
    except AssertionError:
        return said


def _question(said: list[Sent]) -> Sent:
    """What of an answer can be pressed."""
    return next(sent for sent in said if sent.buttons)


def _tables_with(store: Engine, words: str) -> list[str]:
    """Tables in which these words stand."""
    with reading(store) as connection:
        found = {
            table.name: json.dumps([list(map(str, row)) for row in connection.execute(select(table))])
            for table in metadata.sorted_tables
        }
    return [name for name, rows in found.items() if words in rows]


def _talk(store: Engine, person: Person) -> str:
    with reading(store) as connection:
        here = select(conversations.c.id).where(conversations.c.address == str(person.account))
        return str(connection.execute(here.order_by(conversations.c.started_at.desc())).scalars().first())


def _a_day_passes(store: Engine, person: Person) -> None:
    """In this one conversation, as if all of it had been said a day earlier."""
    with UnitOfWork(store) as work:
        for row in work.connection.execute(
            select(conversations).where(conversations.c.address == str(person.account))
        ).all():
            earlier = {"started_at": row.started_at - timedelta(days=1), "last_at": row.last_at - timedelta(days=1)}
            work.connection.execute(update(conversations).where(conversations.c.id == row.id).values(earlier))
        work.commit()


def _phone_of(store: Engine, web_id: str) -> str:
    with reading(store) as connection:
        whole = (
            select(customers.c.canonical_id)
            .join(records, records.c.customer_id == customers.c.id)
            .where(records.c.source == "web", records.c.source_id == web_id)
            .scalar_subquery()
        )
        phone = (
            select(identifiers.c.value)
            .join(customers, customers.c.id == identifiers.c.customer_id)
            .where(customers.c.canonical_id == whole, identifiers.c.type == "phone")
        )
        return str(connection.execute(phone).scalars().first())


def _customer(store: Engine, channel: str, where: str) -> str:
    """The canonical customer of a conversation, by address or id."""
    column = conversations.c.address if channel == "telegram" else conversations.c.id
    with reading(store) as connection:
        owner = select(customers.c.canonical_id).join(conversations, conversations.c.customer_id == customers.c.id)
        return str(connection.execute(owner.where(column == where)).scalars().first())


def _exported(stack: Stack, store: Engine) -> str:
    path = stack.var / "budi.json"
    with reading(store) as connection:
        budi = select(records.c.customer_id).where(records.c.source == "web", records.c.source_id == "budi")
        customer = connection.execute(budi).scalar_one()
    stack.rapport("export", "customer", str(customer), str(path))
    return path.read_text()


def _open_deliveries(store: Engine) -> int:
    with reading(store) as connection:
        waits = select(outbox.c.message_id).where(outbox.c.state.in_(("due", "sending")))
        return len(connection.execute(waits).all()) + len(
            connection.execute(select(messages.c.id).where(messages.c.state == "received")).all()
        )
