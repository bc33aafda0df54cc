"""What the till and the phone agent's screen ask over HTTP: decided as in the chat, and held by the same rests and caps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import Engine
from till import MAIL, RECORD, Till, is_problem
from visitor import arrive, counts, kept, offered, responses

from crm_store.business import Asking, Business
from crm_store.identify.proof import Proof
from crm_store.tables import decisions, evidence, exposures, questions_asked


async def buys(till: Till, category: str, *, times: int) -> None:
    """Sari buys something of a category, a week apart, the last time today."""
    last = till.clock.now
    for weeks in range(times - 1, -1, -1):
        till.clock.now = last
        till.clock.move(weeks=-weeks)
        await till.reports(amount=400_000, category=category, identifiers=[MAIL, RECORD])
    till.clock.now = last


async def test_nobody_is_decided_for_who_is_not_known(till: Till, engine: Engine) -> None:
    for unknown in (MAIL, {"type": "email", "value": "n/a"}, {"type": "record", "value": "web/nobody"}):
        assert is_problem(await till.asks(unknown), 404, "unknown-customer")
    assert not any(counts(engine).values())


async def test_the_till_gets_the_offer_that_fits_with_its_reason(till: Till, engine: Engine) -> None:
    await buys(till, "office_beans", times=12)
    decided = await till.decides(MAIL)
    assert set(decided) == {"decision_id", "customer_id", "treatment", "reason", "offer", "question"}
    assert decided["offer"]["id"] == "office_standing"
    assert set(decided["offer"]) == {"id", "title", "text", "reason"}
    assert decided["offer"]["reason"] == "Because you have bought Office Blend."
    assert decided["treatment"] == "keep"
    for part in ("tier most_valuable", "12 purchases", "need office", "offer office_standing"):
        assert part in decided["reason"]
    (row,) = kept(engine, decisions)
    assert (row.offer_id, row.touchpoint, row.reason) == ("office_standing", "store", decided["reason"])
    assert (row.customer_id, row.conversation_id) == (decided["customer_id"], None)


async def test_the_answer_is_in_the_language_that_was_asked_for(till: Till) -> None:
    await buys(till, "office_beans", times=12)
    english, indonesian, default = [
        (await till.decides(MAIL, **more))["offer"] for more in ({"language": "en"}, {"language": "id"}, {})
    ]
    assert english["title"] == default["title"] == "Standing order for the office"
    assert (indonesian["title"], indonesian["reason"]) == (
        "Langganan kopi kantor",
        "Karena Anda pernah membeli Office Blend.",
    )
    assert is_problem(await till.asks(MAIL, language="de"), 422, "invalid-request")


async def test_the_till_gets_the_question_whose_answer_would_change_the_most(till: Till) -> None:
    await till.reports("call", touchpoint="phone")
    decided = await till.decides(MAIL)
    question = decided["question"]
    assert decided["offer"] is None
    assert question["id"] == "matters"
    assert question["text"] == "What matters most to you in a cup?"
    assert [option["id"] for option in question["options"]] == ["speed", "taste", "price"]
    assert all(option["title"] for option in question["options"])
    assert f"question {question['id']}" in decided["reason"]


async def test_while_something_of_theirs_is_broken_nothing_is_asked_or_offered(till: Till) -> None:
    await buys(till, "office_beans", times=12)
    await till.reports("repair", touchpoint="repair", status="ready", product="Espresso machine")
    decided = await till.decides(MAIL, touchpoint="phone")
    assert (decided["treatment"], decided["offer"], decided["question"]) == ("service_first", None, None)
    assert "Espresso machine is ready" in decided["reason"]


async def test_what_is_decided_at_the_till_is_no_exposure_until_it_is_shown(till: Till, engine: Engine) -> None:
    await buys(till, "office_beans", times=12)
    assert (await till.decides(MAIL))["offer"] == (await till.decides(MAIL))["offer"]
    assert len(kept(engine, decisions)) == 2
    assert not kept(engine, exposures)


async def test_a_decision_is_asked_for_in_full(till: Till) -> None:
    await till.reports(amount=10)
    for body in (
        None,
        {},
        {"identifiers": [], "touchpoint": "store"},
        {"identifiers": [MAIL]},
        {"identifiers": [MAIL] * 21, "touchpoint": "store"},
    ):
        assert is_problem(await till.post("/v1/decisions", body), 422, "invalid-request"), body
    assert is_problem(await till.asks(MAIL, touchpoint="moon"), 422, "unknown-touchpoint")
    assert "store" in (await till.asks(MAIL, touchpoint="moon")).json()["detail"]


# What came of it -----------------------------------------------------------------------------------------------------


async def told(till: Till, decided: dict[str, Any], outcome: str, **more: Any) -> Response:
    return await till.post(f"/v1/decisions/{decided['decision_id']}/outcome", {"outcome": outcome, **more})


async def test_an_offer_that_was_shown_at_the_till_rests_there_and_in_the_chat(
    till: Till, engine: Engine, business: Business
) -> None:
    await buys(till, "office_beans", times=12)
    decided = await till.decides(MAIL)
    shown = await told(till, decided, "shown")
    assert (shown.status_code, shown.json()["outcome"]) == (200, None)
    assert shown.json()["shown_at"]
    after = await till.decides(MAIL)
    assert after["offer"] is None or after["offer"]["id"] != "office_standing"

    quiet = business.model_copy(update={"asking": Asking(per_conversation=0)})
    sari = arrive(engine, quiet, till.clock.now, proof=Proof("web", "sari.w", {}))
    assert offered(sari.says("coffee for the office again", "action_note_need", ("need", "office", 0.9))) is None
    (row,) = kept(engine, exposures)
    assert (row.offer_id, row.message_id, row.outcome) == ("office_standing", None, None)


async def test_the_first_acceptance_or_refusal_stands_and_telling_it_again_changes_nothing(
    till: Till, engine: Engine
) -> None:
    await buys(till, "office_beans", times=12)
    decided = await till.decides(MAIL)
    first = await told(till, decided, "declined")
    assert first.json()["outcome"] == "declined"
    till.clock.move(minutes=1)
    for again in ("declined", "shown", "accepted"):
        answer = await told(till, decided, again)
        assert (answer.status_code, answer.json()) == (200, first.json())
    (row,) = kept(engine, exposures)
    assert (row.outcome, row.decision_id) == ("declined", decided["decision_id"])


async def test_outcomes_that_come_at_once_are_kept_once(till: Till, engine: Engine) -> None:
    await buys(till, "office_beans", times=12)
    decided = await till.decides(MAIL)
    answers = await asyncio.gather(*(told(till, decided, "accepted") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(kept(engine, exposures)) == 1


async def test_a_question_asked_at_the_till_is_asked_nowhere_again(
    till: Till, engine: Engine, business: Business
) -> None:
    await till.reports("call", touchpoint="phone", identifiers=[MAIL, RECORD])
    decided = await till.decides(MAIL)
    assert decided["question"]["id"] == "matters"
    assert (await till.decides(MAIL))["question"]["id"] == "matters"  # nobody has said it yet
    assert (await told(till, decided, "shown")).json()["outcome"] is None
    after = await till.decides(MAIL)
    assert after["question"] is None or after["question"]["id"] != "matters"
    (asked,) = kept(engine, questions_asked)
    assert (asked.question_id, asked.message_id, asked.conversation_id) == ("matters", None, None)
    assert asked.information > 0

    sari = arrive(engine, business, till.clock.now, proof=Proof("web", "sari.w", {}))
    assert "utter_open_matters" not in responses(sari.says("what do you have?", "action_advise"))


async def test_an_answer_at_the_till_teaches_what_the_chat_then_knows(
    till: Till, engine: Engine, business: Business
) -> None:
    await till.reports("call", touchpoint="phone", identifiers=[MAIL, RECORD])
    decided = await till.decides(MAIL)
    answer = await told(till, decided, "answered", option="taste")
    assert (answer.json()["outcome"], answer.json()["option"]) == ("answered", "taste")
    after = await till.decides(MAIL)
    assert "answered matters=taste" in after["reason"]

    sari = arrive(engine, business, till.clock.now, proof=Proof("web", "sari.w", {}))
    given = sari.says("what would you suggest?", "action_advise")
    while offered(given) is None:
        given = sari.says("by hand", "action_note_answer")
    assert offered(given) == "tasting_set"
    assert "you told me taste matters most" in str(given.replies[-1].offer)


async def test_of_two_answers_the_newer_counts(till: Till, engine: Engine) -> None:
    await till.reports("call", touchpoint="phone")
    decided = await till.decides(MAIL)
    for option in ("taste", "price", "price"):
        await told(till, decided, "answered", option=option)
    (row,) = kept(engine, evidence)
    assert (row.key, row.value, row.message_id, row.staff_id) == ("matters", "price", None, None)


async def test_what_is_asked_at_the_till_counts_for_the_questions_of_thirty_days_and_not_for_those_of_a_conversation(
    till: Till, engine: Engine, business: Business
) -> None:
    await till.reports("call", touchpoint="phone", identifiers=[MAIL, RECORD])
    first = await till.decides(MAIL)
    await told(till, first, "answered", option="taste")
    second = await till.decides(MAIL)
    asked = [first["question"]["id"]]
    if second["question"]:
        await told(till, second, "shown")
        asked.append(second["question"]["id"])
    assert len(kept(engine, questions_asked)) == len(asked)
    strict = business.model_copy(update={"asking": business.asking.model_copy(update={"per_30_days": len(asked)})})
    sari = arrive(engine, strict, till.clock.now, proof=Proof("web", "sari.w", {}))
    said = responses(sari.says("something for the office", "action_note_need", ("need", "office", 0.9)))
    assert not [response for response in said if "ask_" in response or "open_" in response]


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"outcome": "accepted"}, "not-of-this-decision"),
    ({"outcome": "answered"}, "not-of-this-decision"),
    ({"outcome": "answered", "option": "speedy"}, "not-of-this-decision"),
    ({"outcome": "answered", "option": "x\u0000"}, "invalid-request"),
    ({"outcome": "bought"}, "invalid-request"),
    ({}, "invalid-request"),
]


async def test_a_decision_can_only_come_to_what_it_was(till: Till, engine: Engine) -> None:
    await till.reports("call", touchpoint="phone")
    decided = await till.decides(MAIL)
    before = counts(engine)
    for body, slug in IMPOSSIBLE:
        answer = await till.post(f"/v1/decisions/{decided['decision_id']}/outcome", body)
        assert is_problem(answer, 422, slug), body
    assert counts(engine) == before


@pytest.mark.parametrize("nobodys", ["0" * 32, "x", "%00", "' OR 1"])
async def test_an_outcome_of_no_decision_is_refused(till: Till, nobodys: str) -> None:
    answer = await till.post(f"/v1/decisions/{nobodys}/outcome", {"outcome": "shown"})
    slug = "unknown-decision" if nobodys == "0" * 32 else "invalid-request"
    assert is_problem(answer, answer.status_code, slug)
    assert answer.status_code in {404, 422}


async def test_what_the_chat_decided_is_not_for_a_till_to_tell_of(
    till: Till, engine: Engine, business: Business
) -> None:
    guest = arrive(engine, business, till.clock.now)
    guest.says("something for the office", "action_note_need", ("need", "office", 0.9))
    (decision,) = kept(engine, decisions)
    assert is_problem(await told(till, {"decision_id": decision.id}, "shown"), 404, "unknown-decision")


async def test_only_who_has_the_key_tells_what_came_of_a_decision(till: Till) -> None:
    answer = await till.http.post(f"/v1/decisions/{'0' * 32}/outcome", json={"outcome": "shown"})
    assert is_problem(answer, 401, "wrong-key")
