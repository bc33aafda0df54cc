"""The list over HTTP: who waits stands first, filters combine, searching finds and shows, and what is empty says how to widen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import seeds
from colleague import Colleague, hire, rows, text
from fastapi import FastAPI
from guest import Clock
from httpx import Response
from sqlalchemy import Engine, insert

from crm_store.database import UnitOfWork
from crm_store.tables import interactions


@pytest.fixture
def talks(engine: Engine, now: datetime) -> dict[str, str]:
    return seeds.seed(engine, now)


@pytest.fixture
async def rina(gateway: FastAPI, engine: Engine, clock: Clock, talks: dict[str, str]) -> AsyncIterator[Colleague]:
    colleague = hire(gateway, engine, clock(), "Rina")
    async with colleague.http:
        yield colleague


async def listed(rina: Colleague, talks: dict[str, str], query: str) -> set[str]:
    """Which of the seeded conversations a list shows, who waits left aside; the one without a name of its own is `earlier`."""
    page = await rina.page(f"?{query}")
    assert page.status_code == 200
    names = {conversation: name for name, conversation in talks.items()}
    shown = re.findall(r'id="to-(\w+)"', page.text.partition('<ul class="conversations')[2])
    return {names.get(conversation, "earlier") for conversation in shown}


def call(engine: Engine, conversation: str, why: str, at: datetime, kind: str = "person_request") -> None:
    """A person was called, or asked for something, as `interact.requests` writes it down."""
    with UnitOfWork(engine) as work:
        work.connection.execute(
            insert(interactions).values(
                source="rapport",
                interaction_id=seeds.new_id(),
                source_id=conversation,
                customer_id=seeds.add_customer(work.connection, at),
                at=at,
                touchpoint="web",
                kind=kind,
                status="open",
                cost=0,
                attributes={"why": why},
            )
        )
        work.commit()


# Who waits ---------------------------------------------------------------------------------------------------------------


async def test_who_waits_stands_first_with_how_long_and_why(
    rina: Colleague, engine: Engine, clock: Clock, talks: dict[str, str]
) -> None:
    with UnitOfWork(engine) as work:
        talk = seeds.Talk(
            work.connection, seeds.add_customer(work.connection, clock()), clock() - timedelta(hours=3), state="waiting"
        )
        talk.customer_says("a person please")
        work.commit()
    call(engine, talk.id, "asked", clock() - timedelta(hours=3))
    call(engine, talks["open_complaint"], "misunderstood", clock() - timedelta(minutes=38))
    page = await rina.page()
    top = text(page)[text(page).index("Waiting for a person Guest") :]
    for piece in (
        "for 3 h asked for a person due in 21 h Customer: a person please Take over",
        "for 38 min was not understood twice due in 23 h Customer: yes a human pls Take over",
    ):
        assert piece in top
    assert top.index("for 3 h") < top.index("for 38 min") < top.index("Sari Wijaya")
    assert "<title>(2) Conversations" in page.text
    assert "waiting for a person" in page.text.partition('id="waiting-count"')[2][:200]
    assert len(rows(page)) == 4  # who waits is not listed a second time


async def test_what_was_asked_for_in_a_chat_that_goes_on_is_among_those_who_wait(
    rina: Colleague, engine: Engine, clock: Clock, talks: dict[str, str]
) -> None:
    call(engine, talks["office_guest"], "", clock() - timedelta(minutes=20), "return_request")
    page = await rina.page()
    assert "for 20 min asked for a return" in text(page)
    assert "<title>(2) Conversations" in page.text
    assert len(rows(page)) == 3
    assert len(re.findall(r'id="take-\w+"', (await rina.page("?state=waiting")).text)) == 2
    assert "office_guest" not in await listed(rina, talks, "state=bot&channel=web")
    assert "Waits for a colleague for 20 min asked for a return" in await rina.reads(
        f"conversations/{talks['office_guest']}"
    )


async def test_whatever_is_chosen_who_waits_is_not_out_of_sight(rina: Colleague) -> None:
    for query in ("channel=telegram", "q=toraja", "state=staff", "q=nothing"):
        assert re.search(r"1 customer waits for a person , the longest for 3\d min", await rina.reads(f"?{query}"))


async def test_choosing_those_who_wait_shows_them_once(rina: Colleague) -> None:
    page = await rina.page("?state=waiting")
    assert len(re.findall(r"yes a human pls", page.text)) == 1
    assert "No conversation" not in text(page)


async def test_a_held_conversation_in_which_the_customer_has_the_last_word_wants_a_reply(
    rina: Colleague, engine: Engine, clock: Clock
) -> None:
    assert "wants a reply" not in await rina.reads()
    with UnitOfWork(engine) as work:
        customer = seeds.add_customer(work.connection, clock())
        held = seeds.Talk(work.connection, customer, clock(), state="staff", held_by=rina.staff.id)
        held.customer_says("are you still there?")
        work.commit()
    assert "Guest With Rina wants a reply Customer: are you still there?" in await rina.reads()


# Filters -----------------------------------------------------------------------------------------------------------------


FILTERED = {
    "channel=telegram": {"known_customer"},
    "language=id": {"known_customer", "with_staff"},
    "language=id&channel=web": {"with_staff"},
    "state=bot&channel=web": {"office_guest", "earlier"},
    "tier=most_valuable": {"known_customer"},
    "tier=growable": set(),  # an older score of a profile joined to hers
    "need=office": {"office_guest"},
    "need=explorer": {"known_customer"},
    "need=quick": set(),
    "handed_over=yes": {"open_complaint", "with_staff"},
    "handed_over=yes&language=en": {"open_complaint"},
    "unsure=yes": {"open_complaint", "with_staff"},
    "unsure=yes&state=staff": {"with_staff"},
    "reviewed=no&channel=telegram": {"known_customer"},
    "reviewed=yes": set(),
    "q=toraja": {"known_customer"},
    "q=toraja&channel=web": set(),
    "q=bandung&unsure=yes&handed_over=yes&language=id&state=staff&channel=web": {"with_staff"},
    "tag=nothing": set(),
    # What no page of ours offers chooses nothing; who waits stands above the list then.
    "handed_over=maybe&unsure=1&reviewed=%27&tier=%00&need=a%22b&tag=%00": {
        "office_guest",
        "known_customer",
        "with_staff",
        "earlier",
    },
}


async def test_filters_combine(rina: Colleague, talks: dict[str, str]) -> None:
    assert {query: await listed(rina, talks, query) for query in FILTERED} == FILTERED


async def test_a_tier_is_the_one_that_the_list_shows(rina: Colleague, engine: Engine, clock: Clock) -> None:
    with UnitOfWork(engine) as work:
        profile = seeds.add_customer(work.connection, clock())
        seeds.add_tier(work.connection, profile, 5, "migrator", clock())
        joined = seeds.add_customer(work.connection, clock(), profile)
        seeds.add_tier(work.connection, joined, 5, "growable", clock() + timedelta(1))
        for customer, assurance, words in ((profile, "verified", "proven"), (profile, "recognised", "met before")):
            seeds.Talk(work.connection, customer, clock(), assurance=assurance).customer_says(words)
        work.commit()
    for tier, words, title in (("growable", "proven", "Most growable"), ("migrator", "met before", "Migrator")):
        (row,) = rows(await rina.page(f"?tier={tier}"))
        assert words in row
        assert title in row


async def test_a_person_asked_for_long_ago_is_a_hand_over_too(
    rina: Colleague, engine: Engine, clock: Clock, talks: dict[str, str]
) -> None:
    call(engine, talks["office_guest"], "asked", clock() - timedelta(days=3))
    assert await listed(rina, talks, "handed_over=yes") == {"office_guest", "open_complaint", "with_staff"}


async def test_tags_are_a_filter_like_the_others(rina: Colleague, talks: dict[str, str]) -> None:
    await rina.does("tag", talks["known_customer"], tag="Roast launch, VIP")
    await rina.does("tag", talks["with_staff"], tag="vip")
    assert await listed(rina, talks, "tag=vip") == {"known_customer", "with_staff"}
    assert await listed(rina, talks, "tag=vip&channel=telegram") == {"known_customer"}
    assert await listed(rina, talks, "tag=roast+launch") == {"known_customer"}
    page = await rina.page("?language=id")
    assert re.search(r'<option value="vip" >vip \(2\)</option>', page.text)


async def test_counts_tell_what_each_choice_would_show_given_the_others(rina: Colleague) -> None:
    page = text(await rina.page("?channel=web"))
    assert "All 4 Waiting for a person 1 With staff 1 With the bot 2" in page
    assert "Telegram (1) Web chat (4)" in page
    assert "Bahasa Indonesia (1)" in page
    assert "4 conversations Web chat ×" in page


async def test_every_choice_is_kept_in_the_address_and_can_be_taken_away_alone(rina: Colleague) -> None:
    page = (await rina.page("?channel=web&language=en&unsure=yes&q=broke")).text.replace("&amp;", "&")
    for kept in (
        'value="broke"',
        '<option value="web" selected>',
        '<option value="en" selected>',
        'href="/console/?q=broke&channel=web&language=en"',  # without the last one
        'href="/console/?q=broke&channel=web&language=en&unsure=yes&state=waiting"',
    ):
        assert kept in page, kept


async def test_a_page_further_keeps_the_choice(rina: Colleague, engine: Engine, clock: Clock) -> None:
    with UnitOfWork(engine) as work:
        customer = seeds.add_customer(work.connection, clock())
        for n in range(40):
            at = clock() - timedelta(days=1, minutes=n)
            seeds.Talk(work.connection, customer, at, channel="kiosk").customer_says(f"number {n}.", confidence=0.2)
        work.commit()
    page = await rina.page("?channel=kiosk&unsure=yes&q=number")
    seen = re.findall(r"number</mark> \d+", page.text)
    older = re.search(r'href="([^"]+)">Older', page.text)
    assert older
    page = await rina.http.get(older[1].replace("&amp;", "&"))
    seen += re.findall(r"number</mark> \d+", page.text)
    assert len(seen) == len(set(seen)) == 40


# Search ------------------------------------------------------------------------------------------------------------------


async def test_hits_are_marked_in_their_context_and_lead_to_the_message(rina: Colleague, talks: dict[str, str]) -> None:
    page = await rina.page("?q=office")
    assert "1 conversation in which somebody said or noted office" in text(page)
    assert "looking for something for the <mark>office</mark>" in page.text
    link = f"/console/conversations/{talks['office_guest']}?q=office#m1"
    assert f'href="{link}"' in page.text
    transcript = await rina.http.get(link)
    assert "for the <mark>office</mark>" in transcript.text
    assert "<mark>Office</mark> Blend in 1 kg bags" in transcript.text


async def test_a_note_is_found_as_a_note_and_leads_to_it(rina: Colleague, talks: dict[str, str]) -> None:
    await rina.does("note", talks["office_guest"], note="Runs a quokka sanctuary & wants <b>decaf</b>")
    page = await rina.page("?q=quokka")
    assert "Note of Rina: Runs a quokka sanctuary & wants <b>decaf</b>" in rows(page)[0]
    link = re.search(r'href="([^"]+#(note-\w+))"', page.text)
    assert link
    transcript = await rina.http.get(link[1])
    assert f'<li id="{link[2]}">' in transcript.text
    assert "Runs a <mark>quokka</mark> sanctuary" in transcript.text


async def test_what_is_found_stays_as_closed_as_it_was(rina: Colleague) -> None:
    (row,) = rows(await rina.page("?q=fruity"))
    assert row.startswith("Returning guest Customer:")
    assert "Sari" not in row


async def test_many_hits_in_one_conversation_are_shown_in_part_and_counted(
    rina: Colleague, engine: Engine, clock: Clock
) -> None:
    with UnitOfWork(engine) as work:
        talk = seeds.Talk(work.connection, seeds.add_customer(work.connection, clock()), clock())
        for n in range(5):
            talk.customer_says(f"zebra {n}")
        work.commit()
    (row,) = rows(await rina.page("?q=zebra"))
    assert "zebra 4 Customer: zebra 3 Customer: zebra 2 and 2 more" in row


async def test_whatever_is_typed_the_page_answers(rina: Colleague) -> None:
    for typed in ('"', "* ( ) &", "%27%3B--", "AND", "%00%22a*", "x" * 3000, "☕", "&q=twice"):
        assert (await rina.page(f"?q={typed}")).status_code == 200, typed


async def test_a_search_without_a_word_says_so_and_lists_nothing(rina: Colleague) -> None:
    page = await rina.page('?q="*"')
    assert "Nothing to search for" in text(page)
    assert rows(page) == []


# Nothing -----------------------------------------------------------------------------------------------------------------


def links(page: Response) -> dict[str, str]:
    found = page.text.partition('<ul class="wider">')[2].partition("</ul>")[0]
    return {
        re.sub(r"<[^>]+>", "", title): href.replace("&amp;", "&")
        for href, title in re.findall(r'<a href="([^"]+)">(.*?)</a>', found)
    }


async def test_an_empty_result_says_how_to_widen(rina: Colleague) -> None:
    page = await rina.page("?q=toraj&channel=telegram&language=en")
    assert "No conversation fits all of this together." in text(page)
    offered = links(page)
    assert offered == {
        "Search for toraj*": "/console/?q=toraj%2A&channel=telegram&language=en",
        "Search everywhere": "/console/?q=toraj",
        "Leave out Telegram": "/console/?q=toraj&language=en",
        "Leave out English": "/console/?q=toraj&channel=telegram",
        "Show all conversations": "/console/",
    }
    wider = links(await rina.http.get(offered["Leave out English"]))["Search for toraj*"]
    (row,) = rows(await rina.http.get(wider))
    assert "Sari Wijaya" in row
