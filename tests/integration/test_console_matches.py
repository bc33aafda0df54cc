"""The console's page of pairs that may be one customer: what it shows, and what staff say there."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from colleague import OURS, Colleague, hire, only_console, text
from httpx import Response
from sqlalchemy import Engine, update
from test_resolve import SARI, are_one, keep, run
from visitor import kept

from crm_store.business import Business
from crm_store.database import UnitOfWork
from crm_store.identify.judging import different
from crm_store.identify.merging import merge
from crm_store.identify.profiles import new_ids
from crm_store.identify.ties import Ground
from crm_store.tables import customers, matches, records, verdicts

MONOGRAM = {"given_name": "S.", "family_name": "Kusyanti", "phone": SARI["phone"]}


@pytest.fixture
def rina(engine: Engine, business: Business, now: datetime, tmp_path: Path) -> Colleague:
    return hire(only_console(engine, business, tmp_path, lambda: now), engine, now, "Rina")


@pytest.fixture
def asked(engine: Engine, now: datetime) -> tuple[str, str]:
    """Two profiles that staff are asked about."""
    return pair_of(engine, now, "review", 0.913)


@pytest.fixture
def joined(engine: Engine, now: datetime) -> tuple[str, str]:
    """Two profiles that the batch has joined."""
    keep(engine, now, {"1": SARI, "2": SARI})
    run(engine, now)
    [match] = kept(engine, matches)
    with UnitOfWork(engine) as work:
        work.connection.execute(update(matches).values(probability=0.99))
        work.commit()
    return match.customer_id, match.other_id


def pair_of(engine: Engine, now: datetime, decision: str, probability: float) -> tuple[str, str]:
    profiles = keep(engine, now, {"1": SARI, "2": MONOGRAM})
    run(engine, now)
    left, right = sorted(profiles.values())
    with UnitOfWork(engine) as work:
        work.connection.execute(matches.delete())
        reasons = {"phone": ["same", 17.2], "given_name": ["initial", 2.5], "family_name": ["another", -3.1]}
        said = {"probability": probability, "decision": decision, "against": "household", "reasons": reasons, "at": now}
        work.connection.execute(matches.insert().values(customer_id=left, other_id=right, **said))
        work.commit()
    return left, right


def pairs_of_one_import(engine: Engine, now: datetime, decision: str, number: int) -> list[tuple[str, str]]:
    """Pairs of profiles whose ids begin alike, each pair less likely than the one before it."""
    ids = iter(new_ids(2 * number))
    pairs = list(zip(ids, ids, strict=True))
    with UnitOfWork(engine) as work:
        for place, pair in enumerate(pairs, start=1):
            for side, profile in zip("ab", pair, strict=True):
                person = {"id": profile, "canonical_id": profile, "created_at": now}
                work.connection.execute(customers.insert().values(person))
                record = {"source": "store", "source_id": f"{place}{side}", "customer_id": profile}
                work.connection.execute(records.insert().values(**record, attributes=SARI, imported_at=now))
            said = {"decision": decision, "probability": 0.99 - place / 100, "against": "twins", "reasons": {}}
            work.connection.execute(matches.insert().values(customer_id=pair[0], other_id=pair[1], **said, at=now))
            if decision == "auto":
                merge(work.connection, *pair, "resolution", "alike", now)
        work.commit()
    return pairs


def shown(page: Response) -> list[tuple[str, ...]]:
    """The pairs on a page, by the ids of their cards."""
    return [tuple(found) for found in re.findall(r'<li class="card" id="p(\w+)-(\w+)"', page.text)]


def leads_to(page: Response, title: str) -> str | None:
    """The address behind a link."""
    found = re.search(rf'<a href="/console/([^"]*)"[^>]*>{title}</a>', page.text)
    return found[1].replace("&amp;", "&") if found else None


async def answers(rina: Colleague, word: str, pair: tuple[str, str], **more: str) -> Response:
    form = {"word": word, "left": pair[0], "right": pair[1], "reason": "one address", "which": "asked", **more}
    return await rina.http.post("/console/matches", data=form, headers=OURS)


async def says(
    rina: Colleague, word: str, pair: tuple[str, str], reason: str = "one address", which: str = "asked"
) -> str:
    return text(await answers(rina, word, pair, reason=reason, which=which))


async def test_before_the_first_run_the_page_says_what_to_run(rina: Colleague) -> None:
    page = await rina.reads("matches")
    assert "Nothing was compared yet" in page
    assert "rapport resolve" in page


async def test_a_pair_is_shown_with_both_records_and_what_speaks_for_and_against_it(
    rina: Colleague, asked: tuple[str, str]
) -> None:
    page = await rina.reads("matches")
    assert "1 pair, the likeliest first" in page
    assert "91 % one person; if not, two of one household" in page
    assert "Sari" in page
    assert "S." in page
    assert "+17.2 same" in page
    assert "-3.1 another" in page
    assert "not said by both" in page, "one of them gives no email"


async def test_staff_accept_a_pair(rina: Colleague, engine: Engine, asked: tuple[str, str]) -> None:
    assert "Nothing to decide" in await says(rina, "same", asked)
    assert are_one(engine, asked)
    [word] = kept(engine, verdicts)
    assert (word.verdict, word.reason, word.staff_id) == ("same", "one address", rina.staff.id)


async def test_staff_reject_a_pair_and_are_not_asked_again(
    rina: Colleague, engine: Engine, asked: tuple[str, str], now: datetime
) -> None:
    assert "Nothing to decide" in await says(rina, "different", asked)
    assert not are_one(engine, asked)
    run(engine, now)
    assert not are_one(engine, asked)
    assert "Nothing to decide" in await rina.reads("matches")


async def test_what_the_batch_has_joined_is_taken_apart(
    rina: Colleague, engine: Engine, joined: tuple[str, str], now: datetime
) -> None:
    assert "99 % one person" in await rina.reads("matches?which=joined")
    page = await says(rina, "different", joined, "mother and daughter", "joined")
    assert "Nothing was joined by the batch" in page
    assert not are_one(engine, joined)
    assert run(engine, now).joined == 0, "nor in the next run"


async def test_two_customers_are_asked_about_once_however_many_records_they_have(
    rina: Colleague, engine: Engine, joined: tuple[str, str], now: datetime
) -> None:
    other = keep(engine, now, {"1": MONOGRAM}, "till")["1"]
    with UnitOfWork(engine) as work:
        for profile in joined:
            left, right = sorted((profile, other))
            said = {"probability": 0.6, "decision": "review", "against": "twins", "reasons": {}, "at": now}
            work.connection.execute(matches.insert().values(customer_id=left, other_id=right, **said))
        work.commit()
    assert "1 pair, the likeliest first" in await rina.reads("matches")
    assert "Nothing to decide" in await says(rina, "different", (joined[0], other))


async def test_without_a_reason_nothing_is_done_and_it_is_said(
    rina: Colleague, engine: Engine, asked: tuple[str, str]
) -> None:
    assert "Say why" in await says(rina, "same", asked, reason="  ")
    assert not are_one(engine, asked)


async def test_who_was_erased_meanwhile_is_told_to_be_gone(rina: Colleague, asked: tuple[str, str]) -> None:
    assert "no longer there" in await says(rina, "same", (asked[0], "f" * 32))


async def test_a_word_that_there_is_not_is_refused(rina: Colleague, asked: tuple[str, str]) -> None:
    assert "Say whether they are the same or different." in await says(rina, "perhaps", asked)


async def test_what_was_told_different_elsewhere_is_not_asked(
    rina: Colleague, engine: Engine, asked: tuple[str, str], now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        different(work.connection, rina.staff, *asked, "father and son", now)
        work.commit()
    assert "Nothing to decide" in await rina.reads("matches")


@pytest.mark.parametrize(("which", "decision"), [("asked", "review"), ("joined", "auto")])
async def test_links_lead_to_every_pair_and_back(
    rina: Colleague, engine: Engine, now: datetime, which: str, decision: str
) -> None:
    pairs = pairs_of_one_import(engine, now, decision, 21)
    expected = pairs if which == "asked" else pairs[::-1]
    first = await rina.page(f"matches?which={which}")
    assert "21 pairs, 1 to 10, the" in text(first)
    assert (shown(first), leads_to(first, "Back")) == (expected[:10], None)
    second = await rina.page(leads_to(first, "Further pairs") or "")
    assert "21 pairs, 11 to 20, the" in text(second)
    assert shown(second) == expected[10:20]
    third = await rina.page(leads_to(second, "Further pairs") or "")
    assert "21 pairs, 21, the" in text(third)
    assert (shown(third), leads_to(third, "Further pairs")) == (expected[20:], None)
    assert shown(await rina.page(leads_to(third, "Back") or "")) == expected[10:20]


async def test_after_a_word_on_a_later_page_staff_are_there_still(
    rina: Colleague, engine: Engine, now: datetime
) -> None:
    pairs = pairs_of_one_import(engine, now, "auto", 12)
    page = await answers(rina, "different", pairs[1], which="joined", page="2")
    assert not are_one(engine, pairs[1])
    assert "11 pairs, 11, the least sure first" in text(page)
    page = await answers(rina, "different", pairs[0], which="joined", page="2")
    assert "10 pairs, the least sure first" in text(page), "of a page that is empty now, the last one that is not"


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 40, "99", "\0"])
async def test_a_page_that_there_is_not_is_one_that_there_is(
    rina: Colleague, asked: tuple[str, str], page: str
) -> None:
    answer = await rina.http.get("/console/matches", params={"page": page})
    assert shown(answer) == [asked]


async def test_after_a_word_the_page_says_what_was_done_and_where_it_is_kept(
    rina: Colleague, engine: Engine, asked: tuple[str, str]
) -> None:
    page = await answers(rina, "same", asked)
    assert "Same person store" in text(page)
    assert "are one customer from now on" in text(page)
    link = leads_to(page, "Decided by staff") or ""
    assert link == f"matches?which=decided#p{asked[0]}-{asked[1]}"
    assert shown(await rina.page(link.partition("#")[0])) == [asked]
    assert "are two customers from now on" in await says(rina, "different", asked, which="decided")


@pytest.mark.parametrize("said", ["x", "a-b", "\0-\0", f"{'f' * 40}-1"])
async def test_of_a_pair_of_which_nothing_was_said_nothing_is_told(rina: Colleague, said: str) -> None:
    answer = await rina.http.get("/console/matches", params={"said": said})
    assert answer.status_code == 200
    assert "from now on" not in text(answer)


async def test_words_of_staff_are_shown_newest_first_with_who_when_and_why(
    rina: Colleague, engine: Engine, now: datetime
) -> None:
    assert "Nothing was decided yet" in await rina.reads("matches?which=decided")
    first, second = pairs_of_one_import(engine, now, "review", 2)
    await says(rina, "same", first, "one loyalty card")
    await says(rina, "different", second, "father and son")
    page = await rina.page("matches?which=decided")
    assert shown(page) == [second, first]
    assert "2 pairs, what was said last first" in text(page)
    assert "Different people , says Rina, just now : father and son" in text(page)
    assert "Same person , says Rina, just now : one loyalty card" in text(page)
    assert "Yet they are" not in text(page)


async def test_a_newer_word_takes_the_place_of_the_one_before(
    rina: Colleague, engine: Engine, asked: tuple[str, str]
) -> None:
    await says(rina, "different", asked, "father and son")
    await says(rina, "same", asked[::-1], "he has signed in as both", "decided")
    assert are_one(engine, asked)
    page = await rina.reads("matches?which=decided")
    assert "1 pair," in page
    assert "he has signed in as both" in page
    assert "father and son" not in page
    assert len(kept(engine, verdicts)) == 2


async def test_a_word_that_a_proof_went_over_is_told_to_hold_no_more(
    rina: Colleague, engine: Engine, asked: tuple[str, str], now: datetime
) -> None:
    await says(rina, "different", asked)
    with UnitOfWork(engine) as work:
        merge(work.connection, *asked, "telegram", "proved the phone number", now, Ground.PROOF)
        work.commit()
    assert "Yet they are one customer now." in await rina.reads("matches?which=decided")


async def test_cards_of_one_import_have_ids_of_their_own(rina: Colleague, engine: Engine, now: datetime) -> None:
    pairs_of_one_import(engine, now, "review", 5)
    ids = re.findall(r'\bid="([^"]+)"', (await rina.page("matches")).text)
    assert len(ids) == len(set(ids))
    assert len([one for one in ids if re.fullmatch(r"p\w{32}-\w{32}", one)]) == 5


async def test_who_has_no_record_is_told_by_the_end_of_their_id(rina: Colleague, engine: Engine, now: datetime) -> None:
    [(left, right)] = pairs_of_one_import(engine, now, "review", 1)
    with UnitOfWork(engine) as work:
        work.connection.execute(records.delete())
        work.commit()
    page = await rina.reads("matches")
    assert f"Chat {left[-6:]}" in page
    assert f"Chat {right[-6:]}" in page
