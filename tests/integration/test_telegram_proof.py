"""Who somebody on Telegram is: an account is a device, its own phone number is proof, and nothing else is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes.assistant import FakeAssistant
from fakes.telegram import FakeTelegram
from fakes.telegram_people import Person
from fastapi import FastAPI
from guest import Clock
from seeds import add_customer, add_record
from sqlalchemy import Engine, insert, select
from telegram_talk import hears, rows, text, until

from bot.gateway.rasa import Receipt
from crm_store.conversations.chats import Place, chat_of
from crm_store.conversations.inbox import Understood
from crm_store.conversations.outbox import Outgoing
from crm_store.database import UnitOfWork
from crm_store.identify.accounts import Proof, account, prove_phone
from crm_store.identify.assurance import Assurance
from crm_store.identify.profiles import new_id
from crm_store.tables import conversations, customers, identifiers, journal, messages

BUDI = "+628115550001"


@pytest.fixture
def budi(engine: Engine, clock: Clock) -> str:
    """A customer of whom the shop's records have a phone number."""
    return customer(engine, clock, "Budi", BUDI)


def customer(engine: Engine, clock: Clock, name: str, phone: str) -> str:
    with UnitOfWork(engine) as work:
        made = add_customer(work.connection, clock())
        add_record(work.connection, made, "web", f"{name}-{made[:4]}", clock(), given_name=name, phone=phone)
        work.commit()
    return made


async def test_an_account_that_shares_its_own_number_is_the_customer_who_has_it(
    channel: FastAPI, ani: Person, engine: Engine, budi: str
) -> None:
    await text(ani, "hello")
    ani.shares_own_phone(BUDI.removeprefix("+"))
    (said,) = await hears(ani)
    assert said.text.startswith("Thank you, Budi. Your number tells me that it is you")
    assert said.markup == {"remove_keyboard": True}
    (talk,) = rows(engine, select(conversations))
    assert talk.assurance == "verified"
    assert whole(engine, talk.customer_id) == budi
    assert [m.text for m in rows(engine, select(messages).where(messages.c.author == "customer"))] == [
        "hello",
        "(own phone number)",
    ]
    (joined,) = rows(engine, select(journal).where(journal.c.kind == "joined"))
    assert (joined.other_id, joined.actor) == (budi, "telegram")


async def test_later_conversations_of_that_account_are_verified_too(
    channel: FastAPI, ani: Person, engine: Engine, budi: str, clock: Clock
) -> None:
    ani.shares_own_phone(BUDI)
    await hears(ani)
    clock.move(hours=13)
    await text(ani, "hello")
    assert [t.assurance for t in rows(engine, select(conversations))] == ["verified", "verified"]


async def test_a_number_that_nobody_has_verifies_the_account_as_itself(
    channel: FastAPI, ani: Person, engine: Engine, budi: str
) -> None:
    ani.shares_own_phone("+628115559999")
    assert "We have no orders or card under it yet" in (await hears(ani))[0].text
    (talk,) = rows(engine, select(conversations))
    assert talk.assurance == "verified"
    assert whole(engine, talk.customer_id) != budi


async def test_a_number_of_several_customers_proves_none_of_them_and_the_reply_says_so(
    channel: FastAPI, ani: Person, engine: Engine, budi: str, clock: Clock
) -> None:
    customer(engine, clock, "Sari", BUDI)
    ani.shares_own_phone(BUDI)
    assert "More than one customer has that number" in (await hears(ani))[0].text
    (talk,) = rows(engine, select(conversations))
    assert talk.assurance == "anonymous"
    assert not rows(engine, select(journal))
    assert [i.type for i in rows(engine, select(identifiers).where(identifiers.c.customer_id == talk.customer_id))] == [
        "telegram"
    ]


async def test_an_account_proven_to_be_one_customer_does_not_become_another_too(
    channel: FastAPI, ani: Person, engine: Engine, budi: str, clock: Clock
) -> None:
    sari = customer(engine, clock, "Sari", "+628115550002")
    ani.shares_own_phone(BUDI)
    await hears(ani)
    ani.shares_own_phone("+628115550002")
    assert "belongs to another customer" in (await hears(ani))[0].text
    assert whole(engine, sari) == sari
    assert whole(engine, budi) == budi


async def test_the_same_number_again_changes_nothing(channel: FastAPI, ani: Person, engine: Engine, budi: str) -> None:
    ani.shares_own_phone(BUDI)
    ani.shares_own_phone(BUDI)
    assert "proven that number already" in (await hears(ani, 2))[1].text
    assert len(rows(engine, select(journal))) == 1


@pytest.mark.parametrize("whose", ["somebody with an account", "somebody without", "passed on"])
async def test_another_persons_contact_proves_nothing_and_is_not_kept(
    channel: FastAPI, ani: Person, engine: Engine, budi: str, whose: str
) -> None:
    if whose == "passed on":
        origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Budi"}
        ani.shares_own_phone(BUDI, forward_origin=origin)
    else:
        ani.shares_contact(BUDI, 777 if whose == "somebody with an account" else None)
    assert "share your own number" in (await hears(ani))[0].text
    (talk,) = rows(engine, select(conversations))
    assert (talk.assurance, whole(engine, talk.customer_id)) == ("anonymous", talk.customer_id)
    assert BUDI[1:] not in str(rows(engine, select(messages)))


async def test_what_is_no_phone_number_proves_nothing(channel: FastAPI, ani: Person, engine: Engine) -> None:
    ani.shares_own_phone("+0")
    assert "could not read that number" in (await hears(ani))[0].text
    assert rows(engine, select(conversations.c.assurance))[0].assurance == "anonymous"


async def test_a_typed_number_proves_nothing(channel: FastAPI, ani: Person, engine: Engine, budi: str) -> None:
    await text(ani, f"my number is {BUDI}")
    assert rows(engine, select(conversations.c.assurance))[0].assurance == "anonymous"


@pytest.mark.parametrize("kind", ["telegram_id", "telegram"])
async def test_a_telegram_id_from_an_import_proves_nothing_and_joins_nobody(
    channel: FastAPI, ani: Person, engine: Engine, budi: str, clock: Clock, kind: str
) -> None:
    with UnitOfWork(engine) as work:
        row = {"id": new_id(), "type": kind, "value": "501", "raw": "501", "customer_id": budi, "source": "crm"}
        work.connection.execute(
            insert(identifiers).values(assurance="imported", first_seen_at=clock(), last_seen_at=clock(), **row)
        )
        work.commit()
    await text(ani, "hello")
    (talk,) = rows(engine, select(conversations))
    assert (talk.assurance, whole(engine, talk.customer_id)) == ("anonymous", talk.customer_id)


async def test_where_proof_is_asked_for_the_own_number_can_be_shared_with_one_press(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, assistant: FakeAssistant
) -> None:
    button = {"title": "A person, please", "payload": "/talk_to_person"}
    asks = Outgoing("Who are you?", "utter_need_proof_order", [button])
    assistant.answer = lambda message: Receipt(Understood("order_status", 0.9, message.language), [asks])
    ani.says("where is my order?")
    (asked,) = await hears(ani)
    assert asked.asks_for_phone == "Share my phone number"
    assert [key["text"] for row in asked.markup["keyboard"] for key in row] == [
        "Share my phone number",
        "A person, please",
    ]
    budi = Person(telegram, 502, "id")
    budi.says("pesanan saya di mana?")
    assert (await hears(budi))[0].asks_for_phone == "Bagikan nomor telepon saya"


async def test_a_number_that_is_shared_with_a_person_of_the_business_proves_it_without_a_word(
    channel: FastAPI, ani: Person, telegram: FakeTelegram, engine: Engine, budi: str
) -> None:
    await text(ani, "hello")
    with engine.begin() as connection:
        connection.execute(conversations.update().values(state="staff"))
    ani.shares_own_phone(BUDI)
    await until(telegram, lambda: telegram.unconfirmed == 0)
    (talk,) = rows(engine, select(conversations))
    assert talk.assurance == "verified"
    assert [m.state for m in rows(engine, select(messages).order_by(messages.c.seq))] == [
        "answered",
        "ready",
        "for_staff",
    ]


# The rule itself -----------------------------------------------------------------------------------------------------


def test_a_new_account_is_a_stranger_and_is_recognised_from_then_on(engine: Engine, clock: Clock) -> None:
    with UnitOfWork(engine) as work:
        first = account(work.connection, "telegram", "501", clock())
        again = account(work.connection, "telegram", "501", clock())
        other = account(work.connection, "telegram", "502", clock())
    assert (first.assurance, again.assurance) == (Assurance.ANONYMOUS, Assurance.RECOGNISED)
    assert first.profile == again.profile != other.profile


def test_a_number_that_changed_hands_goes_to_whoever_proves_it_now_if_nobody_known_has_it(
    engine: Engine, clock: Clock
) -> None:
    def proves(who: str, number: str) -> Proof:
        with UnitOfWork(engine) as work:
            chat = chat_of(work.connection, Place("telegram", who, "en"), who, clock(), timedelta(hours=12))
            proof = prove_phone(work.connection, "telegram", chat.profile, chat.conversation_id, number, clock())
            work.commit()
        return proof

    assert proves("501", BUDI) is Proof.ALONE
    assert proves("501", "+628115550003") is Proof.ALONE
    assert proves("501", BUDI) is Proof.KNOWN
    sari = customer(engine, clock, "Sari", "+628115550002")
    assert proves("501", "+628115550002") is Proof.JOINED
    (mine,) = rows(engine, select(identifiers.c.customer_id).where(identifiers.c.type == "telegram"))
    assert whole(engine, mine.customer_id) == sari


def whole(engine: Engine, profile: str) -> str:
    """The canonical customer of a profile."""
    return str(rows(engine, select(customers.c.canonical_id).where(customers.c.id == profile))[0].canonical_id)
