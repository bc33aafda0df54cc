"""Coming back while people of the business are in the conversation: it goes on, for those whose conversation it is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from visitor import BUDI, SARI, Visitor, arrive, rows

from crm_store.access.staff import Staff, add_staff
from crm_store.business import Business
from crm_store.conversations import desk, inbox
from crm_store.conversations.sessions import close_session, session
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, device_tokens

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def rina(engine: Engine, now: datetime) -> Staff:
    with UnitOfWork(engine) as work:
        rina = add_staff(work, "rina@example.com", "agent", "a long enough password", now, "Rina")
        work.commit()
    return rina


@pytest.fixture
def sari(engine: Engine, business: Business, now: datetime) -> Visitor:
    return arrive(engine, business, now, proof=SARI)


def waits(visitor: Visitor) -> Visitor:
    """They have asked for a person."""
    visitor.says("can I talk to somebody?", "action_talk_to_person")
    return visitor


def helps(rina: Staff, visitor: Visitor, text: str = "Hello, this is Rina.") -> None:
    """She takes over what they wrote and says something."""
    visitor.at += SECOND
    with UnitOfWork(visitor.engine) as work:
        desk.take(work.connection, rina, visitor.conversation_id, visitor.at)
        desk.reply(work.connection, rina, visitor.conversation_id, text, visitor.at)
        work.commit()


def leaves(rina: Staff, visitor: Visitor) -> None:
    with UnitOfWork(visitor.engine) as work:
        desk.hand_back(work.connection, rina, visitor.conversation_id, visitor.at)
        work.commit()


def goes_on(back: Visitor, before: Visitor) -> bool:
    return bool(back.conversation_id == before.conversation_id)


def heard(visitor: Visitor) -> list[str]:
    """What the session that was opened last may read."""
    with reading(visitor.engine) as connection:
        here = session(connection, visitor.session_token, visitor.at)
        return [row.text for row in inbox.said_after(connection, here.id, 0)]


def assurance_of(visitor: Visitor) -> str:
    with reading(visitor.engine) as connection:
        (row,) = rows(connection, conversations, id=visitor.conversation_id)
    return str(row.assurance)


# The same conversation -----------------------------------------------------------------------------------------------


def test_who_waits_for_a_person_comes_back_into_the_same_conversation(guest: Visitor) -> None:
    back = waits(guest).comes_back(3 * DAY)
    assert goes_on(back, guest)
    assert heard(back)[0] == "can I talk to somebody?"
    assert assurance_of(back) == "recognised"


def test_who_talks_with_a_person_comes_back_to_them(guest: Visitor, rina: Staff) -> None:
    guest.writes("hello?")
    helps(rina, guest)
    back = guest.comes_back(DAY)
    assert goes_on(back, guest)
    assert heard(back) == ["hello?", "Hello, this is Rina."]


def test_an_answer_of_staff_is_found_even_when_they_are_gone(guest: Visitor, rina: Staff) -> None:
    helps(rina, waits(guest))
    leaves(rina, guest)
    assert goes_on(guest.comes_back(DAY), guest)


def test_what_staff_said_and_the_customer_has_answered_is_over(guest: Visitor, rina: Staff) -> None:
    helps(rina, waits(guest))
    leaves(rina, guest)
    guest.writes("thank you")
    assert not goes_on(guest.comes_back(DAY), guest)


def test_a_talk_with_the_assistant_alone_is_over_when_it_is_over(guest: Visitor) -> None:
    guest.says("hello", "action_greet")
    assert not goes_on(guest.comes_back(DAY), guest)


def test_only_the_latest_conversation_goes_on(guest: Visitor, rina: Staff) -> None:
    helps(rina, waits(guest))
    leaves(rina, guest)
    guest.writes("thank you")
    later = guest.comes_back(DAY)
    later.says("hello", "action_greet")
    helps(rina, guest, "One more thing.")
    later.at += HOUR
    later.says("how much are the capsules?", "action_price")
    assert not goes_on(later.comes_back(DAY), guest)


def test_a_chat_that_was_opened_and_left_without_a_word_stands_in_nobody_s_way(guest: Visitor) -> None:
    silent = guest.comes_back(HOUR)
    waits(guest)
    assert goes_on(silent.comes_back(DAY), guest)


def test_two_windows_that_come_back_share_the_conversation(guest: Visitor) -> None:
    waits(guest)
    one, other = guest.comes_back(DAY), guest.comes_back(DAY)
    assert goes_on(one, guest) and goes_on(other, guest)
    assert heard(one) == heard(other)


def test_staff_are_told_of_the_page_that_the_customer_is_on_now(guest: Visitor) -> None:
    waits(guest)
    back = arrive(guest.engine, guest.business, guest.at + DAY, device_token=guest.device_token, page="/repair")
    assert goes_on(back, guest)
    with reading(guest.engine) as connection:
        (row,) = rows(connection, conversations, id=guest.conversation_id)
    assert row.page == "/repair"


def test_who_asks_for_a_new_conversation_gets_one(guest: Visitor) -> None:
    waits(guest)
    back = arrive(guest.engine, guest.business, guest.at + DAY, device_token=guest.device_token, fresh=True)
    assert not goes_on(back, guest)
    assert goes_on(back.comes_back(DAY), guest)


# Whose it is ---------------------------------------------------------------------------------------------------------


def test_a_stranger_finds_nothing_of_it(guest: Visitor) -> None:
    waits(guest)
    assert not goes_on(arrive(guest.engine, guest.business, guest.at), guest)
    worn_out = arrive(guest.engine, guest.business, guest.at, device_token="unknown")
    assert not goes_on(worn_out, guest)


def test_a_proven_customer_finds_it_on_another_device(sari: Visitor) -> None:
    waits(sari)
    phone = arrive(sari.engine, sari.business, sari.at + DAY, proof=SARI)
    assert goes_on(phone, sari)
    assert assurance_of(phone) == "verified"


def test_what_a_proven_customer_said_is_not_shown_to_their_device_alone(sari: Visitor) -> None:
    device = waits(sari).comes_back(DAY)
    assert not goes_on(device, sari)
    assert (assurance_of(device), assurance_of(sari)) == ("recognised", "verified")


def test_what_a_proven_customer_said_is_not_shown_to_another_on_their_device(sari: Visitor) -> None:
    budi = waits(sari).comes_back(DAY, proof=BUDI)
    assert not goes_on(budi, sari)
    assert goes_on(budi.comes_back(DAY, proof=SARI), sari)


def test_what_was_said_on_a_device_belongs_to_whoever_proves_to_be_its_customer(guest: Visitor) -> None:
    sari = waits(guest).comes_back(DAY, proof=SARI)
    assert goes_on(sari, guest)
    assert assurance_of(sari) == "verified"


def test_a_session_that_proved_nothing_ends_when_its_conversation_becomes_a_proven_customer_s(guest: Visitor) -> None:
    sari = waits(guest).comes_back(HOUR, proof=SARI)
    with reading(guest.engine) as connection:
        assert session(connection, guest.session_token, sari.at) is None
        assert session(connection, sari.session_token, sari.at).id == guest.conversation_id


def test_sessions_of_the_same_customer_go_on_beside_each_other(sari: Visitor) -> None:
    phone = arrive(sari.engine, sari.business, waits(sari).at + HOUR, proof=SARI)
    with reading(sari.engine) as connection:
        for each in (sari, phone):
            assert session(connection, each.session_token, phone.at).id == sari.conversation_id


def test_what_was_said_on_a_known_customer_s_device_is_not_another_s(sari: Visitor) -> None:
    device = waits(sari.comes_back(HOUR))
    budi = device.comes_back(DAY, proof=BUDI)
    assert not goes_on(budi, device)


def test_a_conversation_of_another_channel_stays_there(guest: Visitor) -> None:
    waits(guest)
    elsewhere = arrive(
        guest.engine, guest.business, guest.at + DAY, device_token=guest.device_token, channel="telegram"
    )
    assert not goes_on(elsewhere, guest)


# Signing out ---------------------------------------------------------------------------------------------------------


def signs_out(visitor: Visitor, device_token: str | None) -> str | None:
    with UnitOfWork(visitor.engine) as work:
        closed = close_session(work.connection, visitor.session_token, device_token, visitor.at)
        work.commit()
    return closed


def test_whoever_signs_out_leaves_a_device_that_nobody_knows(guest: Visitor) -> None:
    back = guest.comes_back(DAY)
    waits(back)
    assert signs_out(back, back.device_token) == back.conversation_id
    with reading(guest.engine) as connection:
        assert session(connection, back.session_token, back.at) is None
        assert rows(connection, device_tokens) == []
    for token in (guest.device_token, back.device_token):
        after = arrive(guest.engine, guest.business, back.at, device_token=token)
        assert assurance_of(after) == "anonymous"
        assert not goes_on(after, back)


def test_signing_out_ends_the_session_alone_when_no_device_is_shown(guest: Visitor) -> None:
    signs_out(guest, None)
    assert assurance_of(guest.comes_back(DAY)) == "recognised"


def test_an_unknown_device_token_is_passed_over(guest: Visitor) -> None:
    assert signs_out(guest, "unknown") == guest.conversation_id
    assert assurance_of(guest.comes_back(DAY)) == "recognised"


def test_only_a_session_signs_out(guest: Visitor) -> None:
    signs_out(guest, None)
    assert signs_out(guest, guest.device_token) is None
    assert assurance_of(guest.comes_back(DAY)) == "recognised"


def test_a_customer_s_other_devices_stay_known(sari: Visitor) -> None:
    phone = arrive(sari.engine, sari.business, sari.at, proof=SARI)
    signs_out(phone, phone.device_token)
    assert assurance_of(sari.comes_back(DAY)) == "recognised"
    assert assurance_of(phone.comes_back(DAY)) == "anonymous"
