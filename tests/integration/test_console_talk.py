"""Staff in a conversation over HTTP: they take it over, reply, hand it back, and the customer hears all of it at once."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
import seeds
from colleague import OURS, Colleague, field, hire, text
from fakes.assistant import FakeAssistant
from fastapi import FastAPI
from guest import Clock, Guest, arrive
from httpx import AsyncClient
from sqlalchemy import Engine, insert, select, update

from bot.console.guards import SESSION_COOKIE
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, journal, messages, outbox


@pytest.fixture
async def guest(http: AsyncClient) -> Guest:
    """A customer who has greeted and was answered."""
    somebody = await arrive(http)
    await somebody.say("hello")
    return somebody


def call_for_person(engine: Engine, conversation_id: str) -> None:
    with UnitOfWork(engine) as work:
        here = conversations.c.id == conversation_id
        work.connection.execute(update(conversations).where(here).values(state="waiting"))
        work.commit()


async def test_staff_take_over_reply_are_heard_at_once_and_hand_back(
    rina: Colleague, guest: Guest, assistant: FakeAssistant
) -> None:
    page = text(await rina.does("take", guest.conversation_id))
    assert "You hold this conversation. The assistant is silent. Customers see you as Rina." in page
    assert "Rina took over" in page
    listening = asyncio.create_task(guest.hears())
    await asyncio.sleep(0.05)
    await rina.does("reply", guest.conversation_id, text="Hello, Rina here.")
    (heard,) = await asyncio.wait_for(listening, 2)
    assert (heard["author"], heard["name"], heard["text"]) == ("staff", "Rina", "Hello, Rina here.")
    await guest.send("oh, a person!")
    assert "oh, a person!" in await rina.reads(f"conversations/{guest.conversation_id}")
    assert [turn.text for turn, _ in assistant.turns] == ["hello"]  # nothing of it went to the assistant
    page = text(await rina.does("hand-back", guest.conversation_id))
    assert "The assistant answers here." in page
    assert "Rina handed back" in page
    (told,) = await guest.hears()
    assert (told["author"], told["text"]) == ("bot", "You are talking with the assistant again.")
    (answer,) = await guest.say("thanks")
    assert (answer["author"], answer["text"]) == ("bot", "You said: thanks")


async def test_who_was_told_nothing_by_a_person_is_not_told_that_the_person_has_gone(
    rina: Colleague, guest: Guest
) -> None:
    for act in ("take", "hand-back"):
        await rina.does(act, guest.conversation_id)
    assert await guest.news() == []


async def test_each_reply_stands_under_the_name_of_who_wrote_it(rina: Colleague, guest: Guest) -> None:
    await rina.does("take", guest.conversation_id)
    page = await rina.does("reply", guest.conversation_id, text="Hello.")
    assert 'class="author">Rina<' in page.text


async def test_a_reply_to_who_waits_takes_the_conversation_over(rina: Colleague, guest: Guest, engine: Engine) -> None:
    call_for_person(engine, guest.conversation_id)
    page = await rina.page(f"conversations/{guest.conversation_id}")
    assert "Sending takes the conversation over." in text(page)
    page = await rina.does("reply", guest.conversation_id, text="I am here.", take=field(page, "take"))
    assert "You hold this conversation" in text(page)
    assert [said["text"] for said in await guest.hears()] == ["I am here."]


async def test_a_conversation_with_the_assistant_has_no_box_to_reply_in_before_it_is_taken(
    rina: Colleague, guest: Guest
) -> None:
    page = await rina.page(f"conversations/{guest.conversation_id}")
    assert 'name="text"' not in page.text
    refused = await rina.does("reply", guest.conversation_id, text="psst")
    assert refused.status_code == 409
    assert "Take it over first" in text(refused)
    assert "psst" in text(refused)  # what was written is not lost
    assert await guest.news() == []


async def test_taking_over_from_a_colleague_asks_first(rina: Colleague, agus: Colleague, guest: Guest) -> None:
    await agus.does("take", guest.conversation_id)
    page = await rina.page(f"conversations/{guest.conversation_id}")
    assert "Agus holds this conversation" in text(page)
    assert "Take it over from Agus" in text(page)
    unasked = await rina.does("take", guest.conversation_id)
    assert unasked.status_code == 409
    assert "Agus holds this conversation. Ask them" in text(unasked)
    agreed = await rina.does("take", guest.conversation_id, **{"from": field(page, "from")})
    assert "You hold this conversation" in text(agreed)


async def test_who_agreed_to_take_it_from_one_colleague_is_asked_again_when_another_holds_it(
    gateway: FastAPI, engine: Engine, clock: Clock, rina: Colleague, agus: Colleague, guest: Guest
) -> None:
    dewi = hire(gateway, engine, clock(), "Dewi")
    await dewi.does("take", guest.conversation_id)
    await agus.does("take", guest.conversation_id, **{"from": dewi.staff.id})
    late = await rina.does("take", guest.conversation_id, **{"from": dewi.staff.id})
    assert late.status_code == 409
    assert "Agus holds this conversation" in text(late)


async def test_a_reply_that_came_too_late_is_not_sent_and_not_lost(
    rina: Colleague, agus: Colleague, guest: Guest
) -> None:
    await rina.does("take", guest.conversation_id)
    await agus.does("take", guest.conversation_id, **{"from": rina.staff.id})
    late = await rina.does("reply", guest.conversation_id, text="a long and careful answer")
    assert late.status_code == 409
    assert "You do not hold this conversation" in text(late)
    assert "a long and careful answer" in text(late)
    assert await guest.news() == []


async def test_a_form_that_is_sent_twice_is_said_once(rina: Colleague, guest: Guest) -> None:
    page = await rina.does("take", guest.conversation_id)
    once = field(page, "once")
    both = [rina.does("reply", guest.conversation_id, text="Yes, we do.", once=once) for _ in range(2)]
    assert [answer.status_code for answer in await asyncio.gather(*both)] == [200, 200]
    assert [said["text"] for said in await guest.news()] == ["Yes, we do."]
    # An old form with other words in it is another reply.
    await rina.does("reply", guest.conversation_id, text="And in blue.", once=once)
    assert [said["text"] for said in await guest.news()] == ["And in blue."]
    assert field(await rina.page(f"conversations/{guest.conversation_id}"), "once") != once


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  two\r\nlines  ", "two\nlines"),
        ("a\0b\u202ec", "abc"),
        ("<b>bold</b> & ☕", "<b>bold</b> & ☕"),
        ("x" * 4000, "x" * 4000),
    ],
)
async def test_what_is_typed_is_what_the_customer_reads(rina: Colleague, guest: Guest, typed: str, kept: str) -> None:
    await rina.does("take", guest.conversation_id)
    page = await rina.does("reply", guest.conversation_id, text=typed)
    assert [said["text"] for said in await guest.news()] == [kept]
    assert "<b>bold" not in page.text


@pytest.mark.parametrize(("typed", "why"), [("", "nothing to send"), (" \0 ", "nothing"), ("x" * 4001, "at most 4000")])
async def test_a_reply_that_cannot_be_sent_says_what_to_do(rina: Colleague, guest: Guest, typed: str, why: str) -> None:
    await rina.does("take", guest.conversation_id)
    refused = await rina.does("reply", guest.conversation_id, text=typed)
    assert refused.status_code == 422
    assert why in text(refused)
    assert await guest.news() == []


async def test_other_sites_strangers_and_made_up_acts_change_nothing(
    http: AsyncClient, rina: Colleague, guest: Guest
) -> None:
    path = f"/console/conversations/{guest.conversation_id}/take"
    assert (await http.post(path, headers=OURS)).status_code == 401
    assert (await rina.http.post(path, headers={"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await rina.does("steal", guest.conversation_id)).status_code == 404
    assert (await rina.does("take", "0" * 32)).status_code == 404
    assert (await rina.does("take", "%00")).status_code == 404
    assert (await rina.http.get(path)).status_code == 405
    assert "The assistant answers here" in await rina.reads(f"conversations/{guest.conversation_id}")


async def test_the_journal_tells_who_held_it_when(rina: Colleague, guest: Guest, engine: Engine) -> None:
    for act in ("take", "take", "hand-back"):
        await rina.does(act, guest.conversation_id)
    with reading(engine) as connection:
        written = connection.execute(select(journal.c.kind, journal.c.actor).order_by(journal.c.kind)).all()
    assert written == [("handed_back", rina.staff.id), ("taken_over", rina.staff.id)]


# Telegram and its like ---------------------------------------------------------------------------------------------------


def sent_to(
    engine: Engine, clock: Clock, state: str, problem: str | None = None, language: str = "en"
) -> tuple[str, str]:
    """A conversation on a channel that is sent to, with one message of ours in this state. Returns both ids."""
    with UnitOfWork(engine) as work:
        customer = seeds.add_customer(work.connection, clock())
        talk = seeds.Talk(
            work.connection, customer, clock() - timedelta(hours=1), channel="telegram", language=language
        )
        talk.customer_says("halo")
        message = talk.bot_says("Halo juga.")
        here = conversations.c.id == talk.id
        work.connection.execute(update(conversations).where(here).values(address="42"))
        work.connection.execute(
            insert(outbox).values(
                message_id=message,
                conversation_id=talk.id,
                address="42",
                position=2,
                state=state,
                attempts=2,
                due_at=clock(),
                settled_at=None if state == "due" else clock(),
                problem=problem,
            )
        )
        work.commit()
    return talk.id, message


async def test_a_reply_on_a_channel_that_is_sent_to_is_due_there(rina: Colleague, engine: Engine, clock: Clock) -> None:
    talk, _ = sent_to(engine, clock, "sent")
    await rina.does("take", talk)
    page = await rina.does("reply", talk, text="Ada yang bisa dibantu?")
    assert "on its way" in text(page)
    with reading(engine) as connection:
        due = connection.execute(
            select(messages.c.text, outbox.c.address).join(outbox).where(outbox.c.state == "due")
        ).all()
    assert due == [("Ada yang bisa dibantu?", "42")]


async def test_who_is_handed_back_to_the_assistant_is_told_so_in_their_language_and_on_their_channel(
    rina: Colleague, engine: Engine, clock: Clock
) -> None:
    talk, _ = sent_to(engine, clock, "sent", language="id")
    await rina.does("take", talk)
    await rina.does("reply", talk, text="Ada yang bisa dibantu?")
    await rina.does("hand-back", talk)
    with reading(engine) as connection:
        due = connection.execute(
            select(messages.c.author, messages.c.text)
            .join(outbox)
            .where(outbox.c.state == "due", outbox.c.address == "42")
            .order_by(outbox.c.position)
        ).all()
    assert due == [
        ("staff", "Ada yang bisa dibantu?"),
        ("bot", "Sekarang Anda kembali mengobrol dengan asisten digital."),
    ]


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("sent", "sent"),
        ("due", "not sent yet, tried 2 times: no route"),
        ("ambiguous", "may not have arrived no route Send again"),
        ("failed", "not delivered no route Send again"),
    ],
)
async def test_what_became_of_a_message_is_shown(
    rina: Colleague, engine: Engine, clock: Clock, state: str, shown: str
) -> None:
    talk, _ = sent_to(engine, clock, state, "no route")
    assert shown in await rina.reads(f"conversations/{talk}")


async def test_what_may_not_have_arrived_is_sent_again_on_purpose_only(
    rina: Colleague, engine: Engine, clock: Clock
) -> None:
    talk, message = sent_to(engine, clock, "ambiguous")
    other, _ = sent_to(engine, clock, "ambiguous")
    await rina.does("send-again", other, message=message)  # not of that conversation
    assert "may not have arrived" in await rina.reads(f"conversations/{talk}")
    assert "on its way" in text(await rina.does("send-again", talk, message=message))
    with reading(engine) as connection:
        row = connection.execute(select(outbox).where(outbox.c.message_id == message)).one()
    assert (row.state, row.due_at) == ("due", clock())


# News for open pages -----------------------------------------------------------------------------------------------------


async def news(colleague: Colleague, of: str = "") -> dict[str, object]:
    told: dict[str, object] = (await colleague.page(f"news?of={of}")).json()
    return told


async def test_a_page_hears_that_it_is_out_of_date_only_when_it_is(
    rina: Colleague, guest: Guest, engine: Engine, http: AsyncClient
) -> None:
    here = guest.conversation_id

    async def marks() -> tuple[object, object]:
        return (await news(rina, here))["mark"], (await news(rina, "list"))["mark"]

    before = await marks()
    assert await marks() == before
    page = await rina.page(f"conversations/{here}")
    assert f'data-mark="{before[0]}"' in page.text
    await (await arrive(http)).say("somebody else")
    now = await marks()
    assert now[0] == before[0]
    assert now[1] != before[1]
    seen = {now[0]}
    for act, form in (
        ("take", {}),
        ("reply", {"text": "hello"}),
        ("tag", {"tag": "repair"}),
        ("note", {"note": "well"}),
        ("review", {"seen": "9"}),
        ("hand-back", {}),
    ):
        await rina.does(act, here, **form)
        mark = (await news(rina, here))["mark"]
        assert mark not in seen, act
        seen.add(mark)


async def test_the_count_of_who_waits_is_news_on_every_page(rina: Colleague, guest: Guest, engine: Engine) -> None:
    assert (await news(rina))["waiting"] == 0
    call_for_person(engine, guest.conversation_id)
    assert await news(rina) == {"waiting": 1, "mark": ""}
    page = await rina.page()
    assert "<title>(1) Conversations" in page.text
    assert (await news(rina, "%00"))["mark"] == ""


async def test_a_stream_tells_of_changes_at_once_and_ends_with_the_session(
    gateway: FastAPI, rina: Colleague, guest: Guest, engine: Engine
) -> None:
    listening = asyncio.create_task(rina.page(f"news/stream?of={guest.conversation_id}"))
    await asyncio.sleep(0.3)
    await rina.does("take", guest.conversation_id)
    await asyncio.sleep(0.5)
    token = rina.http.cookies[SESSION_COOKIE]
    assert token
    await rina.http.post("/console/sign-out", headers=OURS)
    gateway.state.stack.wakeups.wake(guest.conversation_id)
    stream = await asyncio.wait_for(listening, 5)
    told = [json.loads(line[6:]) for line in stream.text.splitlines() if line.startswith("data: ")]
    assert [one["waiting"] for one in told] == [0, 0]
    assert told[0]["mark"] != told[1]["mark"]


async def test_news_is_for_staff_only(http: AsyncClient) -> None:
    for path in ("/console/news", "/console/news/stream"):
        assert (await http.get(path)).status_code == 303
