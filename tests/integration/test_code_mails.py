"""Codes go out by mail, each once, and only to whom they may; without a mail server the demo's console shows them."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import guest as guests
import pytest
from colleague import Colleague, hire
from fakes.assistant import FakeAssistant, says
from fakes.mail_server import FakeMailServer
from fastapi import FastAPI
from guest import Clock
from httpx import AsyncClient
from pydantic import SecretStr, ValidationError
from serving import Known
from sqlalchemy import Engine, select, update
from telegram_talk import until_stored
from visitor import Visitor, arrive, kept, only_row, responses, rows

from bot.channels.mail.smtp import MailServer
from bot.channels.mail.wording import mail_with_code
from bot.cli.examinations.mail import examine_mail
from bot.cli.refusals import Refusal
from bot.gateway import mail
from bot.gateway.app import create_app
from bot.settings import Settings
from crm_store.business import Business
from crm_store.conversations.deliveries import Outcome
from crm_store.conversations.inbox import Understood
from crm_store.database import UnitOfWork
from crm_store.identify.code_mails import CodeMail, begin_mails
from crm_store.identify.codes import LATEST, SOONEST, ask_for_code, code_of
from crm_store.identify.profiles import new_id
from crm_store.moment import MASK
from crm_store.tables import messages, one_time_codes

HERS, NOBODYS = "sari@example.com", "xaver@example.org"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "LOOK_SECONDS", 0.05)


@pytest.fixture
async def server() -> AsyncIterator[FakeMailServer]:
    async with FakeMailServer() as server:
        yield server


@pytest.fixture
def mailing(tmp_path: Path, server: FakeMailServer) -> Settings:
    return with_server(tmp_path, server)


def with_server(var: Path, server: FakeMailServer, **more: Any) -> Settings:
    given = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_starttls": False, **more}
    return Settings(_env_file=None, var=var, smtp_from="Kopi Senja <halo@kopi.example>", **given)


@pytest.fixture
def sari(engine: Engine, clock: Clock) -> Known:
    return Known(engine, clock(), "sari")


@pytest.fixture
def visitor(engine: Engine, business: Business, clock: Clock, mailing: Settings, sari: Known) -> Visitor:
    visitor = arrive(engine, business, clock() - timedelta(minutes=2))
    visitor.code_key = mailing.code_key
    return visitor


def asks_for_code(visitor: Visitor, address: str = HERS) -> None:
    visitor.says(address, "action_fallback", ("email", address, 1.0))
    visitor.says("yes", "action_affirm")


@asynccontextmanager
async def alive(settings: Settings, visitor: Visitor, clock: Clock) -> AsyncIterator[FastAPI]:
    app = create_app(settings, visitor.engine, visitor.business, FakeAssistant(), clock)
    async with app.router.lifespan_context(app):
        yield app


def state(visitor: Visitor) -> str:
    return str(only_row(visitor.engine, one_time_codes).state)


async def test_the_code_goes_to_the_address_that_a_customer_has(
    visitor: Visitor, mailing: Settings, server: FakeMailServer, clock: Clock
) -> None:
    asks_for_code(visitor)
    async with alive(mailing, visitor, clock):
        (sent,) = await server.gets()
        await until_stored(lambda: state(visitor) == "sent")
    code = only_row(visitor.engine, one_time_codes)
    assert (sent["to"], sent["from"]) == (HERS, "Kopi Senja <halo@kopi.example>")
    assert sent["message-id"] == f"<{code.id}@kopi.example>"
    assert sent["auto-submitted"] == "auto-generated"
    (digits,) = re.findall(r"^ {4}(\d{6})\r?$", sent.get_content(), re.M)
    assert digits == code_of(mailing.code_key or b"", code.id)
    assert digits not in sent["subject"]
    assert responses(visitor.says(digits, "action_fallback")) == ["utter_code_right_name"]


async def test_nobody_s_address_gets_no_mail(
    visitor: Visitor, mailing: Settings, server: FakeMailServer, clock: Clock
) -> None:
    asks_for_code(visitor, NOBODYS)
    async with alive(mailing, visitor, clock):
        await until_stored(lambda: state(visitor) == "nobody")
    assert server.asked == []


def test_when_a_mail_goes_is_chance_and_says_nothing_of_whose_address_it_is(visitor: Visitor) -> None:
    waits: dict[str, list[float]] = {HERS: [], NOBODYS: []}
    for number in range(20):
        for address, found in waits.items():
            with UnitOfWork(visitor.engine) as work:
                profile, at = f"{number}{address}", visitor.at + timedelta(days=number)
                code = ask_for_code(work.connection, b"k" * 32, visitor.conversation_id, profile, address, at)
                row = work.connection.execute(select(one_time_codes).where(one_time_codes.c.id == code)).one()
                found.append((row.due_at - at).total_seconds())
                work.commit()
    for found in waits.values():
        assert SOONEST <= min(found) <= max(found) <= LATEST
        assert len(set(found)) == len(found)


def test_mails_to_nobody_take_nobodys_place(visitor: Visitor, clock: Clock) -> None:
    asks_for_code(visitor)
    with UnitOfWork(visitor.engine) as work:
        (hers,) = rows(work.connection, one_time_codes)
        earlier = hers._asdict() | {"address": NOBODYS, "due_at": hers.due_at - timedelta(seconds=1)}
        work.connection.execute(one_time_codes.insert(), [earlier | {"id": new_id()} for _ in range(50)])
        begun = begin_mails(work.connection, clock(), 1)
        states = Counter(row.state for row in rows(work.connection, one_time_codes))
    assert [mail.address for mail in begun] == [HERS]
    assert states == {"sending": 1, "nobody": 50}


async def test_a_server_that_is_away_is_tried_again_and_gets_one_mail(
    visitor: Visitor, mailing: Settings, server: FakeMailServer, clock: Clock
) -> None:
    asks_for_code(visitor)
    await server.goes()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(alive(mailing, visitor, clock))
        await until_stored(lambda: only_row(visitor.engine, one_time_codes).problem is not None)
        assert state(visitor) == "due"
        back = await stack.enter_async_context(FakeMailServer(port=server.port))
        clock.move(seconds=5)
        await back.gets()
        await until_stored(lambda: state(visitor) == "sent")
        clock.move(minutes=2)
    assert len(back.taken) == 1


@pytest.mark.parametrize(
    ("word", "answer", "becomes"),
    [
        ("RCPT", "550 sari@example.com is unknown here", "failed"),
        ("RCPT", "451 later", "due"),
        ("MAIL", "421 too busy", "due"),
        (".", "554 no", "failed"),
        (".", "452 full", "due"),
        (".", "", "ambiguous"),
    ],
)
async def test_what_the_server_answers_decides_whether_it_is_tried_again(
    visitor: Visitor, mailing: Settings, server: FakeMailServer, clock: Clock, word: str, answer: str, becomes: str
) -> None:
    server.answers[word] = answer
    asks_for_code(visitor)
    async with alive(mailing, visitor, clock):
        await until_stored(lambda: only_row(visitor.engine, one_time_codes).problem is not None)
    row = only_row(visitor.engine, one_time_codes)
    assert row.state == becomes
    assert "sari" not in row.problem
    assert server.taken == []


async def test_an_address_that_the_server_cannot_take_is_known_not_to_have_been_reached(server: FakeMailServer) -> None:
    now, sender = datetime.now(UTC), "Kopi Senja <halo@kopi.example>"
    code_mail = CodeMail("c1", "münchen@example.com", "en", 1, now)
    message = mail_with_code(code_mail, "123456", sender, "Kopi Senja", now)
    told = await MailServer("127.0.0.1", server.port, sender, starttls=False).send(message, 1)
    assert told.outcome is Outcome.FAILED
    assert server.taken == []


async def test_a_mail_that_was_under_way_when_the_process_died_is_not_sent_twice(
    visitor: Visitor, mailing: Settings, server: FakeMailServer, clock: Clock
) -> None:
    asks_for_code(visitor)
    with UnitOfWork(visitor.engine) as work:
        work.connection.execute(update(one_time_codes).values(state="sending"))
        work.commit()
    async with alive(mailing, visitor, clock):
        await until_stored(lambda: state(visitor) == "ambiguous")
    assert server.asked == []


async def test_the_user_signs_in_where_there_is_one(
    visitor: Visitor, tmp_path: Path, server: FakeMailServer, clock: Clock
) -> None:
    asks_for_code(visitor)
    settings = with_server(tmp_path, server, smtp_user="halo", smtp_password=SecretStr("rahasia"))
    async with alive(settings, visitor, clock):
        await server.gets()
    assert any(line.startswith("AUTH") for line in server.asked)


async def test_a_server_that_does_not_encrypt_gets_neither_password_nor_code(
    visitor: Visitor, tmp_path: Path, server: FakeMailServer, clock: Clock
) -> None:
    asks_for_code(visitor)
    more = {"smtp_starttls": True, "smtp_user": "halo", "smtp_password": SecretStr("rahasia")}
    async with alive(with_server(tmp_path, server, **more), visitor, clock):
        await until_stored(lambda: only_row(visitor.engine, one_time_codes).problem is not None)
    assert {line.split()[0] for line in server.asked} <= {"EHLO", "QUIT"}
    assert state(visitor) == "due"


async def test_neither_address_nor_code_stands_in_a_log(
    visitor: Visitor, mailing: Settings, server: FakeMailServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server.answers["RCPT"] = "550 <sari@example.com> is unknown here"
    asks_for_code(visitor)
    async with alive(mailing, visitor, clock):
        await until_stored(lambda: state(visitor) == "failed")
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "failed" in told
    assert HERS not in told
    assert code_of(mailing.code_key or b"", only_row(visitor.engine, one_time_codes).id) not in told


async def test_what_was_heard_in_a_code_is_not_kept(
    http: AsyncClient, assistant: FakeAssistant, engine: Engine
) -> None:
    heard = Understood("order_status", 0.9, "en", "utter_code_wrong", [{"entity": "number", "value": "123456"}])
    assistant.answer = lambda _: replace(says("That is not the code.", effects=(MASK,)), understood=heard)
    guest = await guests.arrive(http)
    await guest.say("123456")
    (said,) = kept(engine, messages, author="customer")
    assert (said.intent, said.entities) == ("order_status", None)


# Settings and the demo -----------------------------------------------------------------------------------------------


def test_codes_need_a_mail_server_or_the_demo(tmp_path: Path, server: FakeMailServer) -> None:
    real = Settings(_env_file=None, var=tmp_path, demo=False)
    assert real.code_key is None
    demo = Settings(_env_file=None, var=tmp_path)
    assert demo.shows_codes
    assert demo.code_key
    mailing = with_server(tmp_path, server)
    assert not mailing.shows_codes
    assert mailing.code_key == demo.code_key, "what was asked for before a restart is still good"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"smtp_host": "mail.example"}, "RAPPORT_SMTP_FROM"),
        ({"smtp_host": "mail.example", "smtp_from": "nobody"}, "RAPPORT_SMTP_FROM"),
        ({"smtp_user": "halo"}, "RAPPORT_SMTP_PASSWORD"),
    ],
)
def test_half_of_the_settings_of_mail_is_refused(tmp_path: Path, given: dict[str, str], names: str) -> None:
    with pytest.raises(ValidationError, match=names):
        Settings(_env_file=None, var=tmp_path, **given)  # type: ignore[arg-type]


async def test_the_demo_s_console_shows_the_codes_that_would_be_sent(
    visitor: Visitor, tmp_path: Path, clock: Clock
) -> None:
    asks_for_code(visitor, NOBODYS)
    asks_for_code(visitor)
    clock.move(seconds=LATEST)
    async with alive(Settings(_env_file=None, var=tmp_path), visitor, clock) as app:
        await until_stored(lambda: [r.state for r in kept(visitor.engine, one_time_codes, ended_at=None)] == ["sent"])
        rina = hire(app, visitor.engine, clock(), "Rina")
        page = await rina.reads("outbox")
    code = kept(visitor.engine, one_time_codes, ended_at=None)[0]
    assert re.search(rf"{HERS}.*{code_of(visitor.code_key or b'', code.id)}", page, re.S)
    assert len(re.findall(r"\d{6}", page)) == 1


@pytest.mark.parametrize("is_demo", [True, False])
async def test_where_customers_are_real_or_mail_is_sent_there_is_no_such_page(
    visitor: Visitor, mailing: Settings, tmp_path: Path, clock: Clock, is_demo: bool
) -> None:
    settings = mailing if is_demo else Settings(_env_file=None, var=tmp_path, demo=False)
    async with alive(settings, visitor, clock) as app:
        rina: Colleague = hire(app, visitor.engine, clock(), "Rina")
        assert (await rina.page("outbox")).status_code == 404
        assert "Outbox" not in await rina.reads()


async def test_the_doctor_says_what_is_wrong_with_the_mail_server(tmp_path: Path, server: FakeMailServer) -> None:
    def says(**more: Any) -> str:
        try:
            examine_mail(with_server(tmp_path, server, **more))
        except Refusal as refusal:
            return str(refusal)
        return "well"

    signing_in = {"smtp_user": "halo", "smtp_password": SecretStr("rahasia")}
    assert await asyncio.to_thread(says, **signing_in) == "well"
    assert "RAPPORT_SMTP_STARTTLS" in await asyncio.to_thread(says, smtp_starttls=True)
    server.answers["AUTH"] = "535 no"
    refused = await asyncio.to_thread(says, **signing_in)
    assert "RAPPORT_SMTP_USER" in refused
    assert "rahasia" not in refused
    await server.goes()
    assert "cannot be used" in await asyncio.to_thread(says)
    assert server.taken == []
