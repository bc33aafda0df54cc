"""Opening a chat: which device it is, who has proven to be in it, and what comes along with whom."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from visitor import BUDI, SARI, Visitor, arrive, kept, offered, responses, rows

from crm_store.business import Business
from crm_store.conversations.sessions import raise_session, session
from crm_store.database import UnitOfWork, reading
from crm_store.identify import devices
from crm_store.identify.devices import GRACE
from crm_store.identify.profiles import canonical
from crm_store.tables import conversations, customers, device_tokens, evidence, journal, messages, records, sessions

TASTE = ("need", "explorer", 0.95)
SECOND = timedelta(seconds=1)


@pytest.fixture
def visitor(engine: Engine, business: Business, now: datetime) -> Visitor:
    return arrive(engine, business, now)


def profile_of(engine: Engine, token: str, now: datetime) -> str | None:
    with UnitOfWork(engine) as work:
        found = devices.recognise(work.connection, token, now)
        devices.wear_out(work.connection, token, now)
        work.commit()
    return found


def assurance_of(visitor: Visitor) -> str:
    with reading(visitor.engine) as connection:
        (row,) = rows(connection, conversations, id=visitor.conversation_id)
    return str(row.assurance)


def are_one(engine: Engine, one: str, other: str) -> bool:
    with reading(engine) as connection:
        return canonical(connection, one) == canonical(connection, other)


# The device ----------------------------------------------------------------------------------------------------------


def test_a_new_device_is_anonymous_and_gets_a_profile_of_its_own(visitor: Visitor, engine: Engine) -> None:
    other = arrive(engine, visitor.business, visitor.at)
    assert assurance_of(visitor) == "anonymous"
    assert visitor.profile != other.profile
    assert visitor.device_token != other.device_token


def test_a_device_that_comes_back_is_recognised_with_its_profile(visitor: Visitor) -> None:
    back = visitor.comes_back(timedelta(days=100))
    assert assurance_of(back) == "recognised"
    assert back.profile == visitor.profile
    assert back.conversation_id != visitor.conversation_id


def test_tokens_are_long_random_and_stored_only_as_hashes(visitor: Visitor, engine: Engine) -> None:
    back = visitor.comes_back(SECOND)
    tokens = {visitor.device_token, back.device_token, visitor.session_token, back.session_token}
    assert len(tokens) == 4
    assert all(len(token) >= 43 for token in tokens), "256 bits in base64"
    stored = str(kept(engine, device_tokens)) + str(kept(engine, sessions))
    assert not any(token in stored for token in tokens)


@pytest.mark.parametrize("token", ["unknown", "x" * 43, "\N{SNOWMAN}"])
def test_an_unknown_token_is_a_new_device(visitor: Visitor, token: str) -> None:
    stranger = arrive(visitor.engine, visitor.business, visitor.at, device_token=token)
    assert assurance_of(stranger) == "anonymous"
    assert stranger.profile != visitor.profile


def test_a_token_is_replaced_each_time_it_is_shown(visitor: Visitor) -> None:
    second = visitor.comes_back(timedelta(days=1))
    third = second.comes_back(timedelta(days=1))
    assert len({visitor.device_token, second.device_token, third.device_token}) == 3
    assert {visitor.profile, second.profile, third.profile} == {visitor.profile}


def test_an_old_token_dies_when_its_successor_was_used_and_the_grace_is_over(visitor: Visitor, engine: Engine) -> None:
    second = visitor.comes_back(timedelta(days=1))
    second.comes_back(timedelta(days=1))
    used = visitor.at + timedelta(days=2)
    assert profile_of(engine, visitor.device_token, used + GRACE) == visitor.profile, "two tabs may meet"
    assert profile_of(engine, visitor.device_token, used + GRACE + SECOND) is None
    assert profile_of(engine, second.device_token, used + timedelta(days=300)) == visitor.profile


def test_a_token_that_was_taken_long_ago_opens_a_stranger_s_conversation(visitor: Visitor) -> None:
    visitor.says("I like fruity coffee", "action_note_need", TASTE)
    visitor.comes_back(timedelta(days=1)).comes_back(timedelta(days=1))
    thief = arrive(visitor.engine, visitor.business, visitor.at + timedelta(days=9), device_token=visitor.device_token)
    assert assurance_of(thief) == "anonymous"
    assert thief.profile != visitor.profile


def test_the_old_token_goes_on_working_when_its_successor_never_arrived(visitor: Visitor, engine: Engine) -> None:
    lost = visitor.comes_back(timedelta(days=1))
    again = visitor.comes_back(timedelta(days=2))
    assert assurance_of(again) == "recognised"
    assert again.profile == visitor.profile
    kept = again.comes_back(timedelta(days=1))
    assert kept.profile == visitor.profile
    after = kept.at + GRACE + SECOND
    assert profile_of(engine, lost.device_token, after) is None, "the one that was lost is of no use to its finder"
    assert profile_of(engine, visitor.device_token, after) is None
    assert profile_of(engine, again.device_token, after) == visitor.profile


def test_two_tabs_that_open_at_once_both_stay_recognised(visitor: Visitor, engine: Engine) -> None:
    one, other = visitor.comes_back(timedelta(days=1)), visitor.comes_back(timedelta(days=1))
    kept = other.comes_back(timedelta(days=1))
    assert {one.profile, other.profile, kept.profile} == {visitor.profile}
    assert profile_of(engine, one.device_token, kept.at + GRACE) == visitor.profile


# Proof ---------------------------------------------------------------------------------------------------------------


def test_a_user_token_makes_a_customer_of_the_shop_s_record(engine: Engine, business: Business, now: datetime) -> None:
    customer = arrive(engine, business, now, proof=SARI)
    assert assurance_of(customer) == "verified"
    (record,) = kept(engine, records)
    assert (record.source, record.source_id, record.customer_id) == ("web", "sari.w", customer.profile)
    assert record.attributes == {"given_name": "Sari"}


def test_the_same_customer_on_two_devices_is_one_customer_with_two_devices(
    engine: Engine, business: Business, now: datetime
) -> None:
    phone, laptop = (arrive(engine, business, now, proof=SARI) for _ in range(2))
    assert phone.profile == laptop.profile
    of_devices = {row.customer_id for row in kept(engine, device_tokens)}
    assert len(of_devices) == 2
    assert all(are_one(engine, device, phone.profile) for device in of_devices)


def test_a_user_token_joins_the_anonymous_profile_with_what_it_taught(
    visitor: Visitor, engine: Engine, business: Business
) -> None:
    visitor.says("I like fruity coffee", "action_note_need", TASTE)
    customer = visitor.comes_back(timedelta(hours=1), proof=SARI)
    assert assurance_of(customer) == "verified"
    assert customer.profile != visitor.profile
    assert are_one(engine, customer.profile, visitor.profile)
    told = customer.says("what is good?", "action_advise")
    if offered(told) is None:
        told = customer.says("what is good?", "action_advise")
    assert offered(told) == "tasting_set"
    (piece,) = kept(engine, evidence)
    assert piece.customer_id == visitor.profile, "a join moves no row, so that it can be taken back"
    (joined,) = kept(engine, journal)
    assert (joined.kind, joined.customer_id, joined.actor) == ("joined", visitor.profile, "user_token")
    assert (joined.other_id, joined.details["ground"]) == (customer.profile, "proof")


def test_the_device_of_a_customer_is_only_recognised_when_nobody_proves_anything(
    engine: Engine, business: Business, now: datetime
) -> None:
    customer = arrive(engine, business, now, proof=SARI)
    customer.says("I like fruity coffee", "action_note_need", TASTE)
    back = customer.comes_back(timedelta(days=1))
    assert assurance_of(back) == "recognised"
    assert back.profile != customer.profile
    assert responses(back.says("hi", "action_greet")) == ["utter_greet_back"]


def test_a_customer_who_comes_back_signed_in_joins_nothing_twice(
    engine: Engine, business: Business, now: datetime
) -> None:
    customer = arrive(engine, business, now, proof=SARI)
    before = kept(engine, customers), kept(engine, journal)
    customer.comes_back(timedelta(days=1), proof=SARI).comes_back(timedelta(days=1), proof=SARI)
    assert (kept(engine, customers), kept(engine, journal)) == before


def test_a_second_customer_on_the_same_device_gets_a_device_profile_of_their_own(
    engine: Engine, business: Business, now: datetime
) -> None:
    sari = arrive(engine, business, now, proof=SARI)
    her_device = sari.comes_back(timedelta(hours=1))
    budi = her_device.comes_back(timedelta(hours=1), proof=BUDI)
    assert not are_one(engine, sari.profile, budi.profile)
    his_device = budi.comes_back(timedelta(hours=1))
    assert his_device.profile != her_device.profile
    assert are_one(engine, his_device.profile, budi.profile)
    assert are_one(engine, her_device.profile, sari.profile)
    assert assurance_of(his_device) == "recognised"


def test_what_a_second_customer_teaches_on_a_shared_device_does_not_reach_the_first(
    engine: Engine, business: Business, now: datetime
) -> None:
    sari = arrive(engine, business, now, proof=SARI)
    budi = sari.comes_back(timedelta(hours=1), proof=BUDI)
    budi.says("I like fruity coffee", "action_note_need", TASTE)
    (piece,) = kept(engine, evidence)
    assert piece.customer_id == budi.profile


# Proof in a conversation that is open ----------------------------------------------------------------------------------


def test_a_running_conversation_is_raised_with_what_it_taught(visitor: Visitor, engine: Engine) -> None:
    visitor.says("I like fruity coffee", "action_note_need", TASTE)
    device = visitor.profile
    visitor.proves(SARI)
    assert assurance_of(visitor) == "verified"
    assert visitor.profile != device
    assert are_one(engine, visitor.profile, device)
    assert len(kept(engine, messages, conversation_id=visitor.conversation_id)) >= 2
    (reply,) = visitor.says("hi", "action_greet").replies
    assert reply.values == {"name": "Sari"}


def test_proving_the_same_again_changes_nothing(visitor: Visitor, engine: Engine) -> None:
    visitor.proves(SARI)
    before = (kept(engine, customers), kept(engine, journal), kept(engine, conversations))
    visitor.proves(SARI)
    assert (kept(engine, customers), kept(engine, journal), kept(engine, conversations)) == before


def test_a_conversation_of_one_customer_is_not_raised_to_another(visitor: Visitor, engine: Engine) -> None:
    visitor.proves(SARI)
    sari = visitor.profile
    with pytest.raises(ValueError, match="open a new session"):
        visitor.proves(BUDI)
    assert visitor.profile == sari
    assert len(kept(engine, records)) == 1, "the refused proof leaves nothing behind"


def test_a_conversation_on_another_customer_s_device_is_not_raised(
    engine: Engine, business: Business, now: datetime
) -> None:
    device = arrive(engine, business, now, proof=SARI).comes_back(timedelta(days=1))
    with pytest.raises(ValueError, match="another customer's; open a new session"):
        device.proves(BUDI)
    assert assurance_of(device) == "recognised"
    budi = device.comes_back(timedelta(minutes=1), proof=BUDI)
    assert assurance_of(budi) == "verified"


def test_a_recognised_conversation_is_raised_to_its_own_customer(
    engine: Engine, business: Business, now: datetime
) -> None:
    sari = arrive(engine, business, now, proof=SARI)
    device = sari.comes_back(timedelta(days=1))
    device.proves(SARI)
    assert assurance_of(device) == "verified"
    assert device.profile == sari.profile


# The session token ---------------------------------------------------------------------------------------------------


def opens(visitor: Visitor, token: str, at: datetime) -> Any:
    with reading(visitor.engine) as connection:
        return session(connection, token, at)


def test_a_session_token_opens_its_conversation(visitor: Visitor) -> None:
    here = opens(visitor, visitor.session_token, visitor.at)
    assert (here.id, here.customer_id, here.assurance) == (visitor.conversation_id, visitor.profile, "anonymous")
    assert (here.language, here.last_seq) == ("en", 0)


def test_a_session_ends_when_its_time_is_over(visitor: Visitor) -> None:
    end = visitor.at + timedelta(hours=12)
    assert opens(visitor, visitor.session_token, end - SECOND) is not None
    assert opens(visitor, visitor.session_token, end) is None


@pytest.mark.parametrize("token", ["", "unknown"])
def test_a_token_that_was_never_issued_opens_nothing(visitor: Visitor, token: str) -> None:
    assert opens(visitor, token, visitor.at) is None


def test_a_device_token_opens_no_session(visitor: Visitor) -> None:
    assert opens(visitor, visitor.device_token, visitor.at) is None


def test_a_session_that_was_raised_says_so(visitor: Visitor) -> None:
    with UnitOfWork(visitor.engine) as work:
        raise_session(work.connection, visitor.conversation_id, SARI, visitor.at)
        work.commit()
    assert opens(visitor, visitor.session_token, visitor.at).assurance == "verified"
