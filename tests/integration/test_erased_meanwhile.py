"""What comes in at the very moment in which its customer is erased: refused in order, and nothing of it stays."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from colleague import OURS, hire, text
from fakes.assistant import FakeAssistant
from fastapi import FastAPI
from guest import Clock, Guest, arrive, user_token
from httpx import AsyncClient, Response
from sqlalchemy import Engine, select
from visitor import counts

from bot.settings import Settings
from crm_store.access.erasure import erase_profiles
from crm_store.database import UnitOfWork, reading
from crm_store.identify.profiles import make_profile
from crm_store.tables import customers

WAITS_SECONDS = 0.3
"""How long something has to be held up to count as waiting."""

Erasing = Callable[[], AbstractAsyncContextManager[None]]
Asking = Coroutine[Any, Any, Response]


@pytest.fixture
def erasing(engine: Engine, clock: Clock) -> Erasing:
    """Everybody is erased; the transaction stays open until the block ends, and is committed then."""

    @asynccontextmanager
    async def erase() -> AsyncIterator[None]:
        begun, may_end = threading.Event(), threading.Event()

        def work() -> None:
            with UnitOfWork(engine) as unit:
                profiles = list(unit.connection.execute(select(customers.c.id)).scalars())
                erase_profiles(unit.connection, profiles, clock())
                begun.set()
                may_end.wait(20)
                unit.commit()

        ending = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.to_thread(begun.wait, 20)
        try:
            yield
        finally:
            may_end.set()
            await ending

    return erase


async def meanwhile(erasing: Erasing, asking: Asking) -> Response:
    """The answer to what was asked while the erasure was under way, and had to wait for it."""
    async with erasing():
        asked = asyncio.create_task(asking)
        done, _ = await asyncio.wait({asked}, timeout=WAITS_SECONDS)
        assert not done
    return await asked


@pytest.fixture
async def guest(http: AsyncClient) -> Guest:
    guest = await arrive(http, language="en")
    await guest.say("I am Kartika")
    return guest


def slug(answer: Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


async def test_a_message_is_told_that_its_session_is_over(
    guest: Guest, engine: Engine, erasing: Erasing, assistant: FakeAssistant
) -> None:
    answer = await meanwhile(erasing, guest.post(text="and one more thing"))
    assert (answer.status_code, slug(answer)) == (401, "session-unknown")
    assert {table for table, rows in counts(engine).items() if rows} <= {"erasures", "notices"}
    assert assistant.ran == ["I am Kartika"]


async def test_a_returning_device_is_a_stranger_s_or_asked_to_come_again(
    guest: Guest, http: AsyncClient, engine: Engine, erasing: Erasing
) -> None:
    opening = http.post("/v1/chat/sessions", json={"device_token": guest.device_token})
    answer = await meanwhile(erasing, opening)
    if answer.status_code != 201:
        assert (answer.status_code, slug(answer)) == (409, "gone")
        assert (await http.post("/v1/chat/sessions", json={"device_token": guest.device_token})).status_code == 201
    found = counts(engine)
    assert (found["customers"], found["conversations"], found["messages"]) == (1, 1, 0)


async def test_what_the_page_and_the_shop_tell_goes_nowhere(
    guest: Guest, http: AsyncClient, engine: Engine, erasing: Erasing, settings: Settings, clock: Clock
) -> None:
    viewed = {"source": "web", "event_id": "e1", "at": clock().isoformat(), "touchpoint": "web", "kind": "view_page"}
    answer = await meanwhile(erasing, http.post("/v1/chat/events", json=viewed, headers=guest.headers))
    assert answer.status_code in (401, 409)
    assert counts(engine)["events"] == 0


async def test_a_sign_in_brings_nothing_back(
    guest: Guest, http: AsyncClient, engine: Engine, erasing: Erasing, settings: Settings, clock: Clock
) -> None:
    token = user_token(settings.secret("user_token_secret"), clock())
    proving = http.post("/v1/chat/identify", json={"user_token": token}, headers=guest.headers)
    answer = await meanwhile(erasing, proving)
    assert answer.status_code in (200, 401, 409), "who they are stays proven; the conversation is over"
    assert (counts(engine)["conversations"], counts(engine)["messages"]) == (0, 0)
    assert slug(await guest.post(text="hello")) == "session-unknown"


@pytest.mark.parametrize(
    ("act", "form"),
    [
        ("take", {}),
        ("reply", {"text": "Rina here."}),
        ("reply", {"text": "Rina here.", "once": "o1"}),
        ("hand-back", {}),
        ("send-again", {"message": "0" * 32}),
        ("review", {"seen": "9"}),
        ("review", {"reviewed": "no"}),
        ("tag", {"tag": "decaf"}),
        ("untag", {"tag": "decaf"}),
        ("note", {"note": "She is nice."}),
        ("unnote", {"note": "0" * 32}),
    ],
)
async def test_staff_are_told_that_the_conversation_was_erased_and_nothing_they_did_stays(
    act: str, form: dict[str, str], guest: Guest, gateway: FastAPI, engine: Engine, erasing: Erasing, clock: Clock
) -> None:
    rina = hire(gateway, engine, clock(), "Rina")
    async with rina.http:
        if act in ("reply", "hand-back"):
            await rina.does("take", guest.conversation_id)
        async with erasing():
            path = f"/console/conversations/{guest.conversation_id}/{act}"
            doing = asyncio.create_task(rina.http.post(path, data=form, headers=OURS))
            await asyncio.wait(
                {doing}, timeout=WAITS_SECONDS
            )  # PostgreSQL need not wait where nothing is there to change
        answer = await doing
        if answer.status_code == 200:  # it was done just before
            answer = await rina.page(f"conversations/{guest.conversation_id}")
    assert answer.status_code == 404
    assert "It may have been erased." in text(answer)
    rows = {table for table, count in counts(engine).items() if count}
    assert rows <= {"erasures", "notices", "staff", "staff_sessions"}


def test_who_reads_sees_one_moment_whatever_is_erased_meanwhile(engine: Engine, clock: Clock) -> None:
    with UnitOfWork(engine) as work:
        profile = make_profile(work.connection, clock())
        work.commit()
    with reading(engine) as connection:
        for _ in range(2):
            assert connection.execute(select(customers.c.id)).scalars().all() == [profile]
            with UnitOfWork(engine) as work:
                erase_profiles(work.connection, [profile], clock())
                work.commit()
    with reading(engine) as connection:
        assert connection.execute(select(customers.c.id)).scalars().all() == []
