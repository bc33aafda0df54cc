"""Reviewing over HTTP: who has looked when, tags and notes for colleagues, and that customers see none of it."""

from __future__ import annotations

import json

import pytest
from colleague import Colleague, field, rows, text
from guest import Clock, Guest, arrive
from httpx import AsyncClient
from sqlalchemy import Engine

from crm_store.conversations.reviews import tags_in_use
from crm_store.database import reading


@pytest.fixture
async def guest(http: AsyncClient) -> Guest:
    somebody = await arrive(http)
    await somebody.say("hello")
    return somebody


async def test_a_review_tells_who_and_when_until_the_customer_says_something_new(
    rina: Colleague, agus: Colleague, guest: Guest, clock: Clock
) -> None:
    here = f"conversations/{guest.conversation_id}"
    page = await rina.page(here)
    assert "Nobody has reviewed this yet." in text(page)
    await rina.does("review", guest.conversation_id, seen=field(page, "seen"))
    clock.move(minutes=5)
    assert "Reviewed by Rina, 5 min ago" in await agus.reads(here)
    assert "reviewed" in rows(await agus.page("?reviewed=yes"))[0]
    assert rows(await agus.page("?reviewed=no")) == []
    await guest.say("one more thing")
    assert "Reviewed by Rina, 5 min ago . The customer has written since." in await agus.reads(here)
    assert rows(await agus.page("?reviewed=yes")) == []
    assert len(rows(await agus.page("?reviewed=no"))) == 1


async def test_what_staff_say_after_a_review_does_not_undo_it(rina: Colleague, guest: Guest, clock: Clock) -> None:
    await rina.does("take", guest.conversation_id)
    page = await rina.page(f"conversations/{guest.conversation_id}")
    await rina.does("review", guest.conversation_id, seen=field(page, "seen"))
    clock.move(minutes=1)
    page = await rina.does("reply", guest.conversation_id, text="Good bye.")
    assert "has written since" not in text(page)
    assert len(rows(await rina.page("?reviewed=yes"))) == 1


async def test_nothing_is_marked_reviewed_that_was_not_seen(rina: Colleague, guest: Guest) -> None:
    page = await rina.page(f"conversations/{guest.conversation_id}")
    await guest.say("and another thing")
    refused = await rina.does("review", guest.conversation_id, seen=field(page, "seen"))
    assert refused.status_code == 409
    assert "The customer has said more since you opened this page." in text(refused)
    assert "and another thing" in text(refused)
    for made_up in ("", "x", "9" * 40):
        assert (await rina.does("review", guest.conversation_id, seen=made_up)).status_code == 409


async def test_a_review_can_be_taken_back(rina: Colleague, guest: Guest) -> None:
    await rina.does("review", guest.conversation_id, seen="99")
    page = await rina.does("review", guest.conversation_id, reviewed="no")
    assert "Nobody has reviewed this yet." in text(page)


async def test_tags_are_kept_in_one_spelling_suggested_elsewhere_and_removed(
    rina: Colleague, agus: Colleague, guest: Guest, http: AsyncClient, engine: Engine
) -> None:
    page = await rina.does("tag", guest.conversation_id, tag="  Late   Delivery, VIP,, late delivery ")
    assert "Tags late delivery" in text(page)
    await agus.does("tag", guest.conversation_id, tag="vip")  # there already
    other = await arrive(http)
    await other.say("hi")
    page = await agus.does("tag", other.conversation_id, tag="vip")
    assert '<option value="late delivery">' in page.text
    assert '<option value="vip">' not in page.text  # it has that one
    with reading(engine) as connection:
        assert tags_in_use(connection) == ["vip", "late delivery"]
    page = await agus.does("untag", guest.conversation_id, tag="late delivery")
    assert "late delivery" not in text(page)
    assert [("vip" in row) for row in rows(await rina.page())] == [True, True]


@pytest.mark.parametrize(
    ("typed", "why"), [("", "at least one letter"), (", ☕", "at least one"), ("x" * 41, "at most 40")]
)
async def test_a_tag_that_is_none_says_why(rina: Colleague, guest: Guest, typed: str, why: str) -> None:
    refused = await rina.does("tag", guest.conversation_id, tag=typed)
    assert refused.status_code == 422
    assert why in text(refused)


async def test_notes_tell_who_wrote_them_when_and_only_their_author_takes_them_back(
    rina: Colleague, agus: Colleague, guest: Guest, clock: Clock
) -> None:
    page = await rina.does("note", guest.conversation_id, note="Third time this week.\r\n<b>Call</b> her.")
    note = field(page, "note")
    clock.move(minutes=3)
    page = await agus.page(f"conversations/{guest.conversation_id}")
    assert "Third time this week. <b>Call</b> her. Rina, 3 min ago" in text(page)
    assert "<b>Call" not in page.text
    assert "Delete this note" not in text(page)
    await agus.does("unnote", guest.conversation_id, note=note)
    assert "Third time" in await rina.reads(f"conversations/{guest.conversation_id}")
    await rina.does("unnote", guest.conversation_id, note=note)
    assert "Third time" not in await rina.reads(f"conversations/{guest.conversation_id}")


@pytest.mark.parametrize("typed", ["", " \0 ", "x" * 4001])
async def test_a_note_that_cannot_be_kept_is_refused(rina: Colleague, guest: Guest, typed: str) -> None:
    refused = await rina.does("note", guest.conversation_id, note=typed)
    assert refused.status_code == 422
    assert "A note has 1 to 4000 characters." in text(refused)


async def test_customers_see_nothing_of_it(rina: Colleague, guest: Guest) -> None:
    await rina.does("note", guest.conversation_id, note="a secret zebra")
    await rina.does("tag", guest.conversation_id, tag="zebra")
    await rina.does("review", guest.conversation_id, seen="99")
    await guest.say("anything new?")
    assert "zebra" not in json.dumps(guest.heard)
    everything = await guest.http.get("/v1/chat/messages?after=0", headers=guest.headers)
    assert "zebra" not in everything.text
