"""The staff console over HTTP: who gets in, what staff see, what stays closed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import seeds
from argon2 import PasswordHasher
from colleague import OURS, rows, text
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import Engine, delete, insert, select, update
from starlette.routing import Mount, Route
from visitor import only_row

from bot.console import create_console
from bot.console.guards import SESSION_COOKIE, SignedIn
from bot.gateway.wakeups import Wakeups
from bot.settings import Settings
from crm_store.access.consent import OFFERS, PROFILE, keep_word
from crm_store.access.staff import disable_staff, staff_of
from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate.scoring import score
from crm_store.tables import conversations, messages, staff, staff_sessions

EMAIL = "rina@example.com"
PASSWORD = "a long enough password"
Read = Callable[[str], Awaitable[Response]]


@pytest.fixture
def console(engine: Engine, business: Business, now: datetime, tmp_path: Path) -> FastAPI:
    return create_console(engine, business, Settings(var=tmp_path, demo=True), lambda: now, Wakeups())


def at(app: FastAPI, follow_redirects: bool = True) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app), base_url="http://testserver", follow_redirects=follow_redirects)


@pytest.fixture
async def visitor(console: FastAPI) -> AsyncIterator[AsyncClient]:
    """Somebody without a session, at a gateway that serves the console."""
    gateway = FastAPI()
    gateway.mount("/console", console)
    async with at(gateway) as client:
        yield client


@pytest.fixture(scope="module")
def password_hash() -> str:
    """Made once: hashing is slow on purpose."""
    return PasswordHasher().hash(PASSWORD)


@pytest.fixture
def agent(visitor: AsyncClient, engine: Engine, now: datetime, password_hash: str) -> AsyncClient:
    """Somebody who has signed in."""
    account = {"id": "a" * 32, "email": EMAIL, "role": "agent", "password_hash": password_hash, "created_at": now}
    session = {"token_hash": sha256(b"token").hexdigest(), "staff_id": "a" * 32, "expires_at": now + timedelta(hours=1)}
    with UnitOfWork(engine) as uow:
        uow.connection.execute(insert(staff).values(account))
        uow.connection.execute(insert(staff_sessions).values(session))
        uow.commit()
    visitor.cookies.set(SESSION_COOKIE, "token", domain="testserver.local", path="/console")
    return visitor


async def enter(client: AsyncClient, password: str = PASSWORD, to: str = "", **headers: str) -> Response:
    fields = {"email": EMAIL, "password": password, "to": to}
    return await client.post("/console/sign-in", data=fields, headers=headers or OURS)


# Getting in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/console", "/console/", "/console/conversations/" + "0" * 32])
async def test_without_a_session_every_page_leads_to_the_sign_in(visitor: AsyncClient, path: str) -> None:
    page = await visitor.get(path)
    assert (page.status_code, page.url.path) == (200, "/console/sign-in")
    assert "Staff console" in text(page)


async def test_only_sign_in_and_style_are_open_to_everybody(console: FastAPI) -> None:
    """Walks all routes, so that one added later is closed until somebody opens it here on purpose."""
    client = at(console, follow_redirects=False)
    is_open: set[str] = set()
    for route in console.routes:
        assert isinstance(route, Route | Mount), f"do not know how to visit {route!r}"
        path = re.sub(r"{[^}]+}", "x", route.path) + ("/console.css" if isinstance(route, Mount) else "")
        for method in getattr(route, "methods", None) or {"GET"}:
            answer = await client.request(method, path, headers=OURS)
            is_refused = answer.status_code in {401, 403}
            leads_to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
            if not is_refused and not leads_to_sign_in:
                is_open.add(route.path)
    assert is_open == {"/sign-in", "/static"} == {*SignedIn.OPEN, *(p.rstrip("/") for p in SignedIn.OPEN_FOLDERS)}


async def test_what_has_no_route_is_closed_too(visitor: AsyncClient) -> None:
    for path in ("/console/nothing", "/console/sign-in/more", "/console/static"):
        assert (await visitor.get(path, follow_redirects=False)).status_code == 303
    assert (await visitor.post("/console/nothing", headers=OURS)).status_code == 401


async def test_signing_in_leads_to_the_transcript_that_was_asked_for(
    agent: AsyncClient, engine: Engine, now: datetime
) -> None:
    wanted = seeds.seed(engine, now)["office_guest"]
    agent.cookies.clear()
    form = await agent.get(f"/console/conversations/{wanted}")
    assert f'value="conversations/{wanted}"' in form.text
    assert (await enter(agent, to=f"conversations/{wanted}")).url.path == f"/console/conversations/{wanted}"


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "conversations/../../x", "/\\evil.example"])
async def test_signing_in_never_leads_elsewhere(agent: AsyncClient, to: str) -> None:
    assert (await enter(agent, to=to)).url.path == "/console/"


async def test_a_wrong_password_is_refused_in_words_that_do_not_tell_whether_the_address_exists(
    agent: AsyncClient,
) -> None:
    agent.cookies.clear()
    wrong = await enter(agent, "wrong")
    unknown = await agent.post("/console/sign-in", data={"email": "x@example.com", "password": "wrong"}, headers=OURS)
    assert wrong.status_code == unknown.status_code == 401
    assert "do not open an account" in text(wrong)
    assert text(wrong) == text(unknown)
    assert f'value="{EMAIL}"' in wrong.text


async def test_after_five_failures_an_address_has_to_wait_even_with_the_right_password(agent: AsyncClient) -> None:
    agent.cookies.clear()
    assert [(await enter(agent, "wrong")).status_code for _ in range(5)] == [401] * 5
    refused = await enter(agent)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert "Try again in" in text(refused)


async def test_the_form_is_read_with_a_bound(visitor: AsyncClient) -> None:
    assert (await enter(visitor, "x" * 100_000)).status_code == 413


async def test_the_session_cookie_is_kept_from_scripts_and_other_sites(agent: AsyncClient) -> None:
    agent.cookies.clear()
    fields = {"email": EMAIL, "password": PASSWORD}
    answer = await agent.post("/console/sign-in", data=fields, headers=OURS, follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/console" in cookie
    assert "secure" not in cookie


async def test_over_https_the_session_cookie_never_travels_in_the_open(agent: AsyncClient) -> None:
    agent.cookies.clear()
    fields = {"email": EMAIL, "password": PASSWORD}
    where = "https://testserver/console/sign-in"
    answer = await agent.post(where, data=fields, headers=OURS, follow_redirects=False)
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_signing_out_ends_the_session_itself_not_only_the_cookie(
    agent: AsyncClient, engine: Engine, now: datetime
) -> None:
    token = agent.cookies[SESSION_COOKIE]
    assert (await agent.post("/console/sign-out", headers=OURS)).url.path == "/console/sign-in"
    with reading(engine) as connection:
        assert staff_of(connection, token, now) is None
    assert (await agent.get("/console/")).url.path == "/console/sign-in"


async def test_a_new_sign_in_ends_the_session_before_it(agent: AsyncClient, engine: Engine, now: datetime) -> None:
    before = agent.cookies[SESSION_COOKIE]
    await enter(agent)
    assert agent.cookies[SESSION_COOKIE] != before
    with reading(engine) as connection:
        assert staff_of(connection, before, now) is None


async def test_whoever_is_signed_in_is_not_asked_again(agent: AsyncClient) -> None:
    assert (await agent.get("/console/sign-in")).url.path == "/console/"


async def test_a_disabled_account_is_out_with_its_next_request(
    agent: AsyncClient, engine: Engine, now: datetime
) -> None:
    with UnitOfWork(engine) as uow:
        disable_staff(uow, EMAIL, now)
        uow.commit()
    assert (await agent.get("/console/")).url.path == "/console/sign-in"


# Other sites ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
        {"origin": "http://evil.example"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "null"},
        {"origin": "null", "host": ""},
        {"accept": "*/*"},
    ],
)
async def test_another_site_cannot_make_the_browser_change_anything(
    agent: AsyncClient, headers: dict[str, str]
) -> None:
    assert (await agent.post("/console/sign-out", headers=headers)).status_code == 403
    assert (await enter(agent, **headers)).status_code == 403
    assert (await agent.get("/console/")).url.path == "/console/"


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": "https://testserver"}]
)
async def test_a_page_of_our_own_may_change_things(agent: AsyncClient, headers: dict[str, str]) -> None:
    assert (await agent.post("/console/sign-out", headers=headers)).status_code == 200


async def test_pages_carry_the_headers_that_keep_others_out(agent: AsyncClient) -> None:
    for path in ("/console/", "/console/sign-in", "/console/nothing", "/console/static/console.css"):
        headers = (await agent.get(path, follow_redirects=False)).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("no-cache" if "static" in path else "no-store")


async def test_no_page_needs_what_the_policy_forbids(agent: AsyncClient, engine: Engine, now: datetime) -> None:
    made = seeds.seed(engine, now)
    for path in ("", *(f"conversations/{one}" for one in made.values())):
        page = (await agent.get(f"/console/{path}")).text
        assert not re.search(r"\sstyle=|\son\w+=|<style", page)
        # The page's own module, and nothing written into the page.
        assert re.findall(r"<script.*?</script>", page, re.S) == [
            '<script type="module" src="/console/static/live.js"></script>'
        ]


# The list ------------------------------------------------------------------------------------------------------------


async def test_an_empty_store_says_what_will_appear(agent: AsyncClient) -> None:
    page = await agent.get("/console/")
    assert "No conversations yet" in text(page)
    assert rows(page) == []


async def test_the_newest_conversation_comes_first_with_what_tells_whether_to_look_inside(
    agent: AsyncClient, engine: Engine, now: datetime
) -> None:
    seeds.seed(engine, now)
    page = await agent.get("/console/")
    guest, sari, with_staff, earlier = rows(page)
    assert guest.startswith("Guest Bot: Good choice.")
    assert guest.endswith("94 % 6 messages 4 min ago")
    assert sari.startswith("S Sari Wijaya Most valuable Bot: Siap.")
    assert "Telegram Bahasa Indonesia" in sari
    assert sari.endswith("09:00")  # in Jakarta
    assert with_staff.endswith("yesterday 10:01")
    assert "Guest With Agus Staff: Halo, saya Agus." in with_staff
    assert earlier.startswith("Returning guest Bot")  # hers too, but nobody was proven in it
    assert earlier.endswith("18 Feb")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("channel=telegram", 1),
        ("state=staff", 1),
        ("channel=web&state=waiting", 1),
        ("channel=web&state=bot", 2),
        ("state=", 4),
        ("channel=pigeon", 0),
        ("state=%00'", 4),
    ],
)
async def test_the_list_can_be_narrowed_by_channel_and_state(
    agent: AsyncClient, engine: Engine, now: datetime, query: str, count: int
) -> None:
    seeds.seed(engine, now)
    page = await agent.get(f"/console/?{query}")
    assert page.status_code == 200
    assert len(rows(page)) == count
    assert ("Nothing here" in text(page)) == (count == 0)


async def test_a_chat_in_which_nobody_said_anything_is_not_listed(
    agent: AsyncClient, engine: Engine, now: datetime
) -> None:
    with UnitOfWork(engine) as uow:
        silent = seeds.Talk(uow.connection, seeds.add_customer(uow.connection, now), now)
        uow.commit()
    assert rows(await agent.get("/console/")) == []
    assert (await agent.get(f"/console/conversations/{silent.id}")).status_code == 404


async def test_older_conversations_are_a_page_further_and_none_is_lost_or_doubled(
    agent: AsyncClient, engine: Engine, now: datetime
) -> None:
    with UnitOfWork(engine) as uow:
        customer = seeds.add_customer(uow.connection, now)
        for n in range(70):
            # Many at the same moment: the order must hold all the same.
            seeds.Talk(uow.connection, customer, now - timedelta(days=n // 10)).customer_says(f"number {n}.")
        uow.commit()
    seen: list[str] = []
    page = await agent.get("/console/?channel=web")
    for expected in (30, 30, 10):
        seen += re.findall(r"number \d+\.", page.text)
        assert len(rows(page)) == expected
        older = re.search(r'href="([^"]+)">Older', page.text)
        if older:
            page = await agent.get(older[1].replace("&amp;", "&"))
    assert older is None
    assert len(seen) == len(set(seen)) == 70


# A transcript --------------------------------------------------------------------------------------------------------


@pytest.fixture
def read(agent: AsyncClient, engine: Engine, now: datetime) -> Read:
    """The transcript of one of the seeded conversations."""
    made = seeds.seed(engine, now)

    async def page(name: str) -> Response:
        answer = await agent.get(f"/console/conversations/{made[name]}")
        assert answer.status_code == 200
        return answer

    return page


async def test_a_transcript_tells_what_was_said_understood_pressed_and_decided(read: Read) -> None:
    page = text(await read("office_guest"))
    said = [
        "hi, looking for something for the office",
        "state need",
        "94 %",
        "About how many cups a day is that?",
        "Up to 10",
        "10 to 40 (pressed)",
        "asked About how many cups a day is that?",
        "question cups: 0.41 bits",
        "pressed a button",
        "answer 10 to 40",
        "For 30 cups a day, Office Blend",
        "because you told me it is for an office of about 30 cups a day",
        "Code OFFICE10",
        "offered Office Blend in 1 kg bags",
        "accepted",
        "offer office_starter: fits 0.80",
        "What it rested on",
        "yes please, that sounds good",
    ]
    positions = [page.find(piece) for piece in said]
    assert -1 not in positions, said[positions.index(-1)]
    assert positions == sorted(positions)


async def test_each_decision_stands_by_the_answer_it_led_to(read: Read) -> None:
    messages_shown = re.findall(
        r'<li class="message (\w+)" id="m(\d+)">(.*?)(?=<li class="message|</ol>)',
        (await read("office_guest")).text,
        re.S,
    )
    decided = {seq: author for author, seq, html in messages_shown if 'class="decision"' in html}
    assert decided == {"2": "bot", "4": "bot"}


async def test_needs_are_shown_with_the_evidence_and_the_message_it_came_from(read: Read) -> None:
    page = await read("office_guest")
    panel = text(page)[text(page).index("Needs") :]
    assert panel.index("Supply for a group") < panel.index("Good value")
    assert "Said what they look for Supply for a group" in panel
    assert "reading 60 % sure" in panel
    assert 'href="#m1">stated here' in page.text
    assert 'href="#m3">answered here' in page.text


async def test_a_verified_customer_is_shown_with_name_worth_and_other_profiles(read: Read) -> None:
    page = text(await read("known_customer"))
    for piece in ("Sari Wijaya", "Most valuable", "IDR 2,152,500", "Taste explorer", "loyalty L-20417", "web sari.w"):
        assert piece in page
    assert "observed: purchases on record" in page
    assert "answered on web chat" in page  # evidence from her other conversation
    assert "declined" in page
    assert "Expected" not in page


async def test_what_is_expected_of_a_verified_customer_stands_there_with_its_interval_and_until_when_it_was_learnt(
    engine: Engine, business: Business, now: datetime, read: Read
) -> None:
    score(engine, business, as_of=now - timedelta(days=1), horizon=365, now=now)
    page = text(await read("known_customer"))
    money = r"IDR [\d,]+"
    assert re.search(
        rf"Expected {money} {money} to {money} Could be {money} {money} to {money} Intervals at 90 ?%", page
    )
    assert "learnt from all customers until yesterday 12:00" in page


async def test_the_share_of_customer_stands_there_as_it_was_told_with_its_source(
    engine: Engine, agent: AsyncClient, now: datetime
) -> None:
    made = seeds.seed(engine, now)
    with UnitOfWork(engine) as work:
        known, guest = (only_row(engine, conversations, id=made[name]) for name in ("known_customer", "office_guest"))
        for talk in (known, guest):
            told = seeds.Talk(work.connection, talk.customer_id, now - timedelta(days=40), assurance="verified")
            told.customer_says("separuh", "answer_question")
            told.teaches("answered", "share", "half", strength=0.9)
        work.commit()
    page = text(await agent.get(f"/console/conversations/{known.id}"))
    assert re.search(
        r"Share of customer As told on 21 January 2026 ?: About half answered on web chat ?, 21 Jan "
        r"Spent here (IDR [\d,]+) in the 365 days before Elsewhere \1 IDR [\d,]+ to IDR [\d,]+ ",
        page,
    )
    assert "Roughly how much of your coffee do you buy from us? About half" in page
    assert "Share of customer" not in text(await agent.get(f"/console/conversations/{guest.id}"))


async def test_who_wants_no_profile_is_shown_as_that_and_without_value_and_needs(
    engine: Engine, now: datetime, read: Read
) -> None:
    before = text(await read("known_customer"))
    assert "Most valuable" in before
    with UnitOfWork(engine) as uow:
        (customer,) = uow.connection.execute(
            select(conversations.c.customer_id).where(conversations.c.channel == "telegram")
        ).one()
        for purpose in (PROFILE, OFFERS):
            keep_word(uow.connection, customer, purpose, granted=False, channel="letter", now=now)
        uow.commit()
    panel = text(await read("known_customer")).partition("Proven to be this customer.")
    assert panel[0].rstrip().endswith("verified no offers no profile")
    assert "This customer wants no profile: nothing known of them is used, and nothing is learnt." in panel[2]
    for piece in ("Value", "IDR 2,152,500", "Needs", "Supply for a group", "What we know"):
        assert piece not in panel[2]
    assert "loyalty L-20417" in panel[2], "who they are is no part of it"


async def test_devices_of_one_customer_can_be_told_apart(agent: AsyncClient, engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as uow:
        customer = seeds.add_customer(uow.connection, now)
        seeds.add_record(uow.connection, customer, "web", "sari.w", now)
        chatty, silent, app = (seeds.add_customer(uow.connection, now, customer) for _ in range(3))
        for device, days, channel in (
            (chatty, 3, "web"),
            (chatty, 9, "web"),
            (app, 2, "telegram"),
            (customer, 0, "web"),
        ):
            talk = seeds.Talk(
                uow.connection, device, now - timedelta(days=days, hours=1), channel=channel, assurance="verified"
            )
            talk.customer_says("halo")
        uow.commit()
    profiles = text(await agent.get(f"/console/conversations/{talk.id}")).partition("Profiles")[2]
    profiles = profiles.partition("Review")[0]
    assert "web sari.w this conversation Web chat: 1 conversation, the last 59 min ago" in profiles
    assert f"Web chat 2 conversations, the last Fri 11:00 · since just now · {chatty[-6:]}" in profiles
    assert f"Telegram 1 conversation, the last Sat 11:00 · since just now · {app[-6:]}" in profiles
    assert f"Device since just now · {silent[-6:]}" in profiles


async def test_a_name_is_the_fullest_that_is_on_record(agent: AsyncClient, engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as uow:
        customer = seeds.add_customer(uow.connection, now)
        seeds.add_record(uow.connection, customer, "loyalty", "1", now, given_name="Wira")
        joined = seeds.add_customer(uow.connection, now, customer)
        seeds.add_record(uow.connection, joined, "web", "wira", now, given_name="Wira", family_name="Santoso")
        talk = seeds.Talk(uow.connection, customer, now, assurance="verified")
        talk.customer_says("halo")
        uow.commit()
    assert "Wira Santoso" in text(await agent.get("/console/"))
    assert "Wira Santoso" in text(await agent.get(f"/console/conversations/{talk.id}"))


async def test_whoever_is_not_proven_stays_nameless_for_staff_too(
    agent: AsyncClient, engine: Engine, read: Read, now: datetime
) -> None:
    earlier = re.search(r'href="(/console/conversations/\w+)#m1"', (await read("known_customer")).text)
    assert earlier
    page = text(await agent.get(earlier[1]))
    assert "Returning guest" in page
    assert "Opens once the customer has proven who they are." in page
    for piece in ("Sari", "Wijaya", "Most valuable", "IDR", "L-20417", "observed"):
        assert piece not in page


async def test_evidence_of_an_erased_message_is_shown_without_a_link(
    agent: AsyncClient, engine: Engine, now: datetime
) -> None:
    made = seeds.seed(engine, now)["office_guest"]
    with UnitOfWork(engine) as uow:
        uow.connection.execute(delete(messages).where(messages.c.conversation_id == made, messages.c.seq == 1))
        uow.commit()
    assert "stated, the message is no longer kept" in text(await agent.get(f"/console/conversations/{made}"))


async def test_an_unanswered_and_a_failed_message_are_marked(agent: AsyncClient, engine: Engine, now: datetime) -> None:
    with UnitOfWork(engine) as uow:
        talk = seeds.Talk(uow.connection, seeds.add_customer(uow.connection, now), now)
        talk.customer_says("hello?", state="failed")
        talk.customer_says("anybody?", state="received")
        uow.commit()
    page = text(await agent.get(f"/console/conversations/{talk.id}"))
    assert "could not be answered" in page
    assert "waiting for its answer" in page


async def test_what_customers_write_is_never_read_as_markup(agent: AsyncClient, engine: Engine, now: datetime) -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x>"
    with UnitOfWork(engine) as uow:
        talk = seeds.Talk(uow.connection, seeds.add_customer(uow.connection, now), now)
        talk.customer_says(nasty, "out_of_scope", 0.2, entities=[{"entity": nasty, "value": nasty}])
        talk.teaches("stated", "need", "office", nasty)
        talk.decide("guest", nasty, facts={nasty: [nasty, {nasty: 1}]})
        talk.bot_says(nasty, buttons=[{"title": nasty, "payload": "p"}], offer={"title": nasty, "reason": nasty})
        uow.connection.execute(update(conversations).values(page=nasty))
        uow.commit()
    for path in ("/console/", f"/console/conversations/{talk.id}"):
        page = await agent.get(path)
        assert page.status_code == 200
        assert "<script>" not in page.text
        assert "<img src=x" not in page.text
        assert "&lt;script&gt;" in page.text


async def test_what_is_not_in_the_business_any_more_is_shown_by_its_id(
    agent: AsyncClient, engine: Engine, now: datetime
) -> None:
    with UnitOfWork(engine) as uow:
        talk = seeds.Talk(uow.connection, seeds.add_customer(uow.connection, now), now, channel="kiosk")
        talk.customer_says("hi")
        talk.decide("old_treatment", "because", offer_id="old_offer", question_id="old_question", outcome=None)
        talk.teaches("answered", "old_question", "old_option")
        uow.commit()
    page = text(await agent.get(f"/console/conversations/{talk.id}"))
    for piece in ("Kiosk", "old treatment", "old offer", "old question", "no answer yet"):
        assert piece in page


@pytest.mark.parametrize("one", ["nothing", "0" * 32, "%00", "x" * 3000])
async def test_an_unknown_conversation_is_a_page_that_leads_back(agent: AsyncClient, one: str) -> None:
    page = await agent.get(f"/console/conversations/{one}")
    assert page.status_code == 404
    assert "may have been erased" in text(page)
    assert 'href="/console/"' in page.text
