"""A link from one channel to another makes one person of both, and never more of them than was proven."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from fakes.telegram import FakeTelegram
from fakes.telegram_people import Person
from fastapi import FastAPI
from guest import Clock, user_token
from guest import arrive as opens
from httpx import ASGITransport, AsyncClient
from serving import Known
from sqlalchemy import Engine, select
from telegram_talk import hears, rows
from telegram_talk import text as writes
from visitor import BUDI, Visitor, arrive, everything, kept, only_row

from bot.settings import Settings
from crm_store.access.staff import Staff
from crm_store.business import Business
from crm_store.conversations.chats import Place, chat_of
from crm_store.database import UnitOfWork
from crm_store.identify import judging
from crm_store.identify.accounts import Proof, prove_phone
from crm_store.identify.assurance import Assurance
from crm_store.identify.devices import hashed
from crm_store.identify.links import FORM, LASTS, NotKnownYetError, Outcome, follow_link, make_link
from crm_store.identify.profiles import canonical, scope
from crm_store.tables import conversations, journal, links, messages, verdicts

NOBODYS_PHONE = "+628115559999"


@pytest.fixture
def sari(engine: Engine, now: datetime) -> Known:
    return Known(engine, now, "sari")


@pytest.fixture
def device(engine: Engine, business: Business, now: datetime) -> Visitor:
    """A device that was here before, of nobody known."""
    return arrive(engine, business, now).comes_back(timedelta(days=1))


def account(engine: Engine, at: datetime, number: str = "501") -> str:
    """The conversation of an account on Telegram."""
    with UnitOfWork(engine) as work:
        chat = chat_of(work.connection, Place("telegram", number, "en"), number, at, timedelta(hours=12))
        work.commit()
    return chat.conversation_id


def shares(engine: Engine, talk: str, phone: str, at: datetime, number: str = "501") -> Proof:
    with UnitOfWork(engine) as work:
        chat = chat_of(work.connection, Place("telegram", number, "en"), number, at, timedelta(hours=12))
        proof = prove_phone(work.connection, "telegram", chat.profile, talk, phone, at)
        work.commit()
    return proof


def link_out_of(engine: Engine, talk: str, at: datetime) -> str:
    with UnitOfWork(engine) as work:
        link = make_link(work.connection, talk, at)
        work.commit()
    return link.token


def opened(engine: Engine, token: str, talk: str, at: datetime) -> Outcome:
    with UnitOfWork(engine) as work:
        outcome = follow_link(work.connection, token, talk, at)
        work.commit()
    return outcome


def assurance(engine: Engine, talk: str) -> str:
    return str(only_row(engine, conversations, id=talk).assurance)


def customer(engine: Engine, talk: str) -> str:
    with UnitOfWork(engine) as work:
        return canonical(work.connection, only_row(engine, conversations, id=talk).customer_id)


def told(engine: Engine, kind: str) -> list[dict[str, object]]:
    return [row.details for row in kept(engine, journal, kind=kind)]


# What is proven, and what is not -------------------------------------------------------------------------------------


def test_from_a_proven_conversation_the_account_is_the_customer_s(engine: Engine, device: Visitor, sari: Known) -> None:
    device.proves(sari.proof)
    talk = account(engine, device.at)
    assert opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at) is Outcome.VERIFIED
    assert (assurance(engine, talk), customer(engine, talk)) == ("verified", sari.profile)
    assert {row.actor for row in kept(engine, journal, kind="joined")} == {"user_token", "link"}
    assert told(engine, "link_opened") == [{"from": "web", "to": "telegram", "outcome": "verified", "joined": True}]


def test_the_account_is_verified_for_this_conversation_and_recognised_in_the_next(
    engine: Engine, device: Visitor, sari: Known
) -> None:
    device.proves(sari.proof)
    talk = account(engine, device.at)
    opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at)
    assert assurance(engine, account(engine, device.at + timedelta(days=1))) == "recognised"


def test_from_a_device_of_nobody_known_the_two_are_one_stranger(engine: Engine, device: Visitor) -> None:
    talk = account(engine, device.at)
    assert opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at) is Outcome.RECOGNISED
    assert assurance(engine, talk) == "anonymous"
    assert customer(engine, talk) == customer(engine, device.conversation_id)


def test_what_was_proven_after_the_link_was_made_does_not_count(engine: Engine, device: Visitor, sari: Known) -> None:
    token = link_out_of(engine, device.conversation_id, device.at)
    device.proves(sari.proof)
    talk = account(engine, device.at)
    assert opened(engine, token, talk, device.at) is Outcome.RECOGNISED
    assert assurance(engine, talk) == "anonymous"
    assert customer(engine, talk) != sari.profile


def test_a_known_customer_s_device_without_proof_joins_nobody_to_them(
    engine: Engine, device: Visitor, sari: Known
) -> None:
    device.proves(sari.proof)
    later = device.comes_back(timedelta(days=1))
    talk = account(engine, later.at)
    assert opened(engine, link_out_of(engine, later.conversation_id, later.at), talk, later.at) is Outcome.RECOGNISED
    assert customer(engine, talk) != sari.profile
    assert told(engine, "link_opened")[0]["joined"] is False


def test_an_account_of_another_customer_is_left_alone(engine: Engine, device: Visitor, sari: Known) -> None:
    device.proves(BUDI)
    talk = account(engine, device.at)
    shares(engine, talk, "+628115550001", device.at)
    before = customer(engine, talk)
    assert opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at) is Outcome.OTHER
    assert customer(engine, talk) == before == sari.profile


def test_from_a_proven_account_the_page_s_conversation_is_the_customer_s(
    engine: Engine, device: Visitor, sari: Known
) -> None:
    talk = account(engine, device.at)
    shares(engine, talk, "+628115550001", device.at)
    assert opened(engine, link_out_of(engine, talk, device.at), device.conversation_id, device.at) is Outcome.VERIFIED
    here = only_row(engine, conversations, id=device.conversation_id)
    assert (here.assurance, customer(engine, here.id)) == ("verified", sari.profile)
    assert here.customer_id == only_row(engine, conversations, id=talk).customer_id, "what was proven: the account"


def test_a_stranger_s_device_comes_to_the_customer_who_is_proven_where_its_link_is_opened(
    engine: Engine, device: Visitor, sari: Known
) -> None:
    talk = account(engine, device.at)
    shares(engine, talk, "+628115550001", device.at)
    assert opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at) is Outcome.RECOGNISED
    assert customer(engine, device.conversation_id) == sari.profile
    assert assurance(engine, device.conversation_id) == "recognised"


# Nobody comes to another's life by way of a shared device -----------------------------------------------------------


def test_a_number_of_nobody_opens_nothing_of_the_customer_who_signed_in_on_the_linked_device(
    engine: Engine, device: Visitor, sari: Known
) -> None:
    talk = account(engine, device.at)
    opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at)
    device.proves(sari.proof)
    assert customer(engine, talk) == sari.profile
    assert shares(engine, talk, NOBODYS_PHONE, device.at) is Proof.ALONE
    assert assurance(engine, talk) == "anonymous"
    assert assurance(engine, account(engine, device.at + timedelta(days=1))) == "recognised"


def test_who_signs_in_on_a_device_that_is_linked_to_a_proven_number_gets_a_profile_of_their_own(
    engine: Engine, device: Visitor, sari: Known
) -> None:
    talk = account(engine, device.at)
    opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at)
    shares(engine, talk, NOBODYS_PHONE, device.at)
    assert assurance(engine, talk) == "verified"
    with pytest.raises(ValueError, match="another customer"):
        device.proves(sari.proof)
    device.comes_back(timedelta(hours=1), proof=sari.proof)
    assert customer(engine, talk) != sari.profile


def test_an_account_that_is_proven_as_itself_is_not_joined_to_a_stranger(engine: Engine, device: Visitor) -> None:
    talk = account(engine, device.at)
    shares(engine, talk, NOBODYS_PHONE, device.at)
    opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at)
    assert customer(engine, talk) != customer(engine, device.conversation_id)


@pytest.mark.parametrize("made_on", ["web", "telegram"])
def test_a_linked_account_proves_later_that_it_is_a_customer_and_the_device_comes_along(
    engine: Engine, device: Visitor, sari: Known, made_on: str
) -> None:
    account(engine, device.at - timedelta(days=1))
    ends = [device.conversation_id, account(engine, device.at)]
    start, end = ends if made_on == "web" else reversed(ends)
    opened(engine, link_out_of(engine, start, device.at), end, device.at)
    assert shares(engine, ends[1], "+628115550001", device.at) is Proof.JOINED
    assert customer(engine, device.conversation_id) == sari.profile


# Taken back ----------------------------------------------------------------------------------------------------------


def take_out(engine: Engine, agent: Staff, profile: str, at: datetime) -> None:
    with UnitOfWork(engine) as work:
        judging.take_out(work.connection, agent, [profile], "two who share a phone", at)
        work.commit()


def profile_of(engine: Engine, talk: str) -> str:
    return str(only_row(engine, conversations, id=talk).customer_id)


def whole(engine: Engine, profile: str) -> set[str]:
    with UnitOfWork(engine) as work:
        return set(scope(work.connection, profile, Assurance.VERIFIED))


def test_two_strangers_whom_staff_took_apart_no_link_without_proof_joins_again(
    engine: Engine, device: Visitor, agent: Staff
) -> None:
    talk = account(engine, device.at)
    mine = profile_of(engine, talk)
    opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at)
    assert whole(engine, mine) == {mine, device.profile}
    take_out(engine, agent, mine, device.at)
    assert whole(engine, mine) == {mine}
    assert opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at) is Outcome.RECOGNISED
    assert whole(engine, mine) == {mine}
    assert [t["joined"] for t in told(engine, "link_opened")] == [True, False]


def test_an_account_that_is_taken_out_opens_nothing_of_the_customer_whose_link_it_followed(
    engine: Engine, device: Visitor, sari: Known, agent: Staff
) -> None:
    own = device.profile
    device.proves(sari.proof)
    talk = account(engine, device.at)
    opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at)
    mine = profile_of(engine, talk)
    assert whole(engine, mine) == {mine, own, sari.profile}
    take_out(engine, agent, mine, device.at)
    assert whole(engine, mine) == {mine}
    assert whole(engine, device.profile) == {own, sari.profile}


def test_a_page_s_conversation_that_a_link_has_proven_follows_the_account_out(
    engine: Engine, device: Visitor, sari: Known, agent: Staff
) -> None:
    own = device.profile
    talk = account(engine, device.at)
    shares(engine, talk, "+628115550001", device.at)
    opened(engine, link_out_of(engine, talk, device.at), device.conversation_id, device.at)
    mine = profile_of(engine, talk)
    with UnitOfWork(engine) as work:
        judging.different(work.connection, agent, mine, sari.profile, "the number has changed hands", device.at)
        work.commit()
    assert device.profile == mine
    assert whole(engine, device.profile) == {mine, own}


def test_a_link_from_a_proven_conversation_goes_over_a_word_of_staff_and_says_so(
    engine: Engine, device: Visitor, sari: Known, agent: Staff
) -> None:
    device.proves(sari.proof)
    talk = account(engine, device.at)
    mine = profile_of(engine, talk)
    with UnitOfWork(engine) as work:
        judging.different(work.connection, agent, mine, sari.profile, "her brother's phone", device.at)
        work.commit()
    assert opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at) is Outcome.VERIFIED
    joined = only_row(engine, journal, kind="joined", actor="link")
    assert (joined.details["ground"], joined.details["against"]) == ("proof", only_row(engine, verdicts).id)


def test_between_a_link_without_proof_and_a_sign_in_it_is_the_link_that_gives_way(
    engine: Engine, device: Visitor, sari: Known, agent: Staff
) -> None:
    own = device.profile
    talk = account(engine, device.at)
    mine = profile_of(engine, talk)
    opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at)
    device.proves(sari.proof)
    with UnitOfWork(engine) as work:
        judging.different(work.connection, agent, mine, sari.profile, "her brother's phone", device.at)
        work.commit()
    assert whole(engine, own) == {own, sari.profile}
    assert whole(engine, mine) == {mine}


def test_a_number_that_was_proven_holds_without_the_link_and_the_device_that_led_there_before(
    engine: Engine, device: Visitor, sari: Known, agent: Staff
) -> None:
    own = device.profile
    talk = account(engine, device.at)
    opened(engine, link_out_of(engine, device.conversation_id, device.at), talk, device.at)
    device.proves(sari.proof)
    assert shares(engine, talk, "+628115550001", device.at) is Proof.JOINED
    take_out(engine, agent, own, device.at)
    mine = profile_of(engine, talk)
    assert whole(engine, mine) == {mine, sari.profile}


# Once, for ten minutes, elsewhere ------------------------------------------------------------------------------------


def test_a_link_is_good_once_and_staff_see_the_second_try(engine: Engine, device: Visitor, sari: Known) -> None:
    device.proves(sari.proof)
    token = link_out_of(engine, device.conversation_id, device.at)
    opened(engine, token, account(engine, device.at), device.at)
    thief = account(engine, device.at, "666")
    assert opened(engine, token, thief, device.at) is Outcome.REFUSED
    assert (assurance(engine, thief), customer(engine, thief) == sari.profile) == ("anonymous", False)
    (refused,) = kept(engine, journal, kind="link_refused")
    assert (refused.customer_id, refused.details) == (sari.profile, {"from": "web", "to": "telegram", "why": "used"})


def test_a_link_is_good_for_ten_minutes(engine: Engine, device: Visitor) -> None:
    token = link_out_of(engine, device.conversation_id, device.at)
    talk = account(engine, device.at)
    assert opened(engine, token, talk, device.at + LASTS) is Outcome.REFUSED
    assert [t["why"] for t in told(engine, "link_refused")] == ["too_old"]
    assert opened(engine, token, talk, device.at + LASTS - timedelta(seconds=1)) is Outcome.RECOGNISED


def test_a_link_is_not_opened_on_the_channel_it_was_made_on_and_is_not_spent_there(
    engine: Engine, device: Visitor, business: Business
) -> None:
    token = link_out_of(engine, device.conversation_id, device.at)
    other = arrive(engine, business, device.at)
    assert opened(engine, token, other.conversation_id, device.at) is Outcome.REFUSED
    assert opened(engine, token, account(engine, device.at), device.at) is Outcome.RECOGNISED


def test_the_newest_link_alone_is_good(engine: Engine, device: Visitor) -> None:
    first = link_out_of(engine, device.conversation_id, device.at)
    second = link_out_of(engine, device.conversation_id, device.at)
    talk = account(engine, device.at)
    assert opened(engine, first, talk, device.at) is Outcome.REFUSED
    assert opened(engine, second, talk, device.at) is Outcome.RECOGNISED


def test_what_never_was_a_link_does_nothing_and_is_told_to_nobody(engine: Engine, device: Visitor) -> None:
    talk = account(engine, device.at)
    before = everything(engine)
    assert opened(engine, "go-" + "x" * 32, talk, device.at) is Outcome.REFUSED
    assert everything(engine) == before


def test_whoever_was_never_here_before_gets_no_link(engine: Engine, business: Business, now: datetime) -> None:
    with pytest.raises(NotKnownYetError):
        link_out_of(engine, arrive(engine, business, now).conversation_id, now)


def test_the_store_keeps_a_link_s_hash_alone(engine: Engine, device: Visitor) -> None:
    token = link_out_of(engine, device.conversation_id, device.at)
    assert FORM.fullmatch(token)
    assert token not in repr(everything(engine))
    assert only_row(engine, links).token_hash == hashed(token)


# Over the channels ---------------------------------------------------------------------------------------------------


@pytest.fixture
def on_telegram(telegram: FakeTelegram, on_telegram: Settings) -> Settings:
    return on_telegram.model_copy(update={"telegram_bot": "KopiBot", "page_url": "https://shop.example/help"})


@pytest.fixture
async def page(channel: FastAPI) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(channel), base_url="http://testserver")


async def asks_for_link(page: AsyncClient, headers: dict[str, str]) -> str:
    made = await page.post("/v1/chat/links", headers=headers)
    assert made.status_code == 201, made.text
    url: str = made.json()["url"]
    assert url.startswith("https://t.me/KopiBot?start=go-")
    return url.partition("=")[2]


async def test_the_widget_s_customer_goes_on_on_telegram(
    page: AsyncClient, ani: Person, engine: Engine, on_telegram: Settings, clock: Clock, sari: Known
) -> None:
    guest = await opens(page, user_token=user_token(on_telegram.secret("user_token_secret"), clock(), sub="sari"))
    assert (await page.get("/v1/chat/config")).json()["telegram"] is True
    token = await asks_for_link(page, guest.headers)
    ani.says(f"/start {token}")
    (said,) = await hears(ani)
    assert said.text.startswith("We can go on here, Sari: I know that it is you")
    (talk,) = rows(engine, select(conversations).where(conversations.c.channel == "telegram"))
    assert talk.assurance == "verified"
    assert token not in repr(everything(engine))
    ani.says(f"/start {token}")
    assert (await hears(ani))[0].text.startswith("That link is no longer good")


async def test_a_start_with_other_words_is_a_greeting_as_before(channel: FastAPI, ani: Person, engine: Engine) -> None:
    await writes(ani, "/start campaign-7")
    (said,) = kept(engine, messages, author="customer")
    assert said.meaning == "/greet"


async def test_telegram_s_customer_goes_on_on_the_page(
    page: AsyncClient, ani: Person, engine: Engine, sari: Known
) -> None:
    ani.says("/link")
    (asks,) = await hears(ani)
    assert asks.text.startswith("For that I have to know you first")
    assert asks.markup["keyboard"][0][0]["request_contact"] is True
    ani.shares_own_phone("+628115550001")
    await hears(ani)
    ani.says("/link")
    said = [message.text for message in await hears(ani, 2)]
    (url,) = [text for text in said if text.startswith("https://shop.example/help#rapport=go-")]
    assert any("works once and for ten minutes" in text for text in said)
    token = url.partition("=")[2]
    assert token not in repr(everything(engine))
    guest = await opens(page)
    followed = await page.post("/v1/chat/links/follow", json={"token": token}, headers=guest.headers)
    assert (followed.status_code, followed.json()) == (200, {"assurance": "verified"})
    assert customer(engine, only_row(engine, conversations, channel="web").id) == sari.profile
    again = await page.post("/v1/chat/links/follow", json={"token": token}, headers=guest.headers)
    assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (410, "link-over")


async def test_a_new_device_is_not_led_elsewhere_and_no_session_leads_nowhere(page: AsyncClient) -> None:
    guest = await opens(page)
    refused = await page.post("/v1/chat/links", headers=guest.headers)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "not-known-yet")
    for path in ("links", "links/follow"):
        lost = await page.post(f"/v1/chat/{path}", json={"token": "x"}, headers={"authorization": "Bearer x"})
        assert lost.status_code == 401


async def test_a_link_of_another_customer_is_refused_here(
    page: AsyncClient, ani: Person, engine: Engine, on_telegram: Settings, clock: Clock, sari: Known
) -> None:
    ani.shares_own_phone("+628115550001")
    ani.says("/link")
    said = await hears(ani, 3)
    token = next(m.text for m in said if "#rapport=" in m.text).partition("=")[2]
    guest = await opens(page, user_token=user_token(on_telegram.secret("user_token_secret"), clock(), sub="budi.h"))
    refused = await page.post("/v1/chat/links/follow", json={"token": token}, headers=guest.headers)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "other-customer")


async def test_without_a_bot_s_name_there_is_no_way_to_telegram(http: AsyncClient) -> None:
    guest = await opens(http)
    assert (await http.get("/v1/chat/config")).json()["telegram"] is False
    refused = await http.post("/v1/chat/links", headers=guest.headers)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (404, "no-telegram")
