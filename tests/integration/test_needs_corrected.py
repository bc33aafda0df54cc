"""What a customer says of their own needs outranks what is inferred: it is refused, stated anew, replaced; and it grows old."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select
from visitor import OFFICE, SARI, Visitor, arrive, offered, only, responses

from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.differentiate.evidence import keep_refusal
from crm_store.differentiate.likelihoods import half_life_of
from crm_store.differentiate.picture import Picture, picture
from crm_store.tables import evidence, records, transactions

EXPLORER = ("need", "explorer", 0.9)


def seen(guest: Visitor, *, now: datetime | None = None) -> Picture:
    with reading(guest.engine) as connection:
        return picture(connection, guest.business, [guest.profile], now or guest.at)


def kinds(engine: Engine) -> list[tuple[str, str]]:
    with reading(engine) as connection:
        rows = connection.execute(select(evidence.c.kind, evidence.c.value).order_by(evidence.c.at))
        return [(row.kind, row.value) for row in rows]


@pytest.mark.parametrize(
    "words",
    [
        "it is not for the office any more",
        "we no longer buy for the office",
        "i'm not buying for an office",
        "bukan buat kantor",
        "sudah tidak untuk kantor",
    ],
)
def test_a_need_that_is_refused_by_name_is_out_of_the_question(guest: Visitor, engine: Engine, words: str) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    told = guest.says(words, "action_fallback", OFFICE)
    assert responses(told) == ["utter_answer_noted"]
    assert kinds(engine)[-1] == ("denied", "office")
    assert seen(guest).needs["office"] == 0
    assert seen(guest).refused == {"office"}


@pytest.mark.parametrize(
    "words",
    [
        "it's not for me, it's for the office",
        "not for home but for the office",
        "why is it not for the office?",
        "not too expensive please",
    ],
)
def test_what_may_be_meant_otherwise_refuses_nothing(guest: Visitor, engine: Engine, words: str) -> None:
    guest.says(words, "action_note_need", OFFICE)
    assert ("denied", "office") not in kinds(engine)


@pytest.mark.parametrize("words", ["that's not me", "No, that is not me!", "itu bukan saya", "this isn’t me at all"])
def test_that_is_not_me_refuses_what_the_offer_was_made_for(guest: Visitor, engine: Engine, words: str) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    assert offered(guest.says("like 30", "action_note_answer"))
    assert responses(guest.says(words, "action_deny")) == ["utter_answer_noted"]
    assert kinds(engine)[-1] == ("denied", "office")
    assert seen(guest).needs["office"] == 0


def test_that_is_not_me_to_what_is_known_refuses_the_likeliest_need(guest: Visitor, engine: Engine) -> None:
    guest.says("something special to taste", "action_note_need", EXPLORER)
    guest.says("what do you know about me?", "action_what_you_know")
    guest.says("that is not me", "action_deny")
    assert kinds(engine)[-1] == ("denied", "explorer")
    known = guest.says("what do you know about me?", "action_what_you_know").replies[0].values["facts"]
    assert "- You told me that this is not you: you like to discover new tastes (today)." in known.splitlines()
    assert "(you told me today)" not in known


def test_that_is_not_me_to_nothing_is_no_correction(guest: Visitor, engine: Engine) -> None:
    guest.says("hello", "action_greet")
    guest.says("that's not me", "action_deny")
    assert kinds(engine) == []


def test_what_was_refused_stays_so_whatever_is_bought_and_for_however_long(
    engine: Engine, business: Business, now: datetime
) -> None:
    sari = arrive(engine, business, now, proof=SARI)
    sari.says("no longer for the office", "action_fallback", OFFICE)
    with UnitOfWork(engine) as work:
        bought = [
            {
                "source": "web",
                "transaction_id": f"t{day}",
                "product": "Office Blend 1 kg",
                "source_id": SARI.source_id,
                "customer_id": sari.profile,
                "at": sari.at + timedelta(days=day),
                "amount": 185000,
                "category": "office_beans",
                "attributes": {},
            }
            for day in range(30)
        ]
        work.connection.execute(insert(transactions), bought)
        work.commit()
    assert seen(sari, now=sari.at + timedelta(days=3000)).needs["office"] == 0


def test_a_need_that_is_stated_anew_is_no_longer_refused(guest: Visitor) -> None:
    guest.says("not for the office any more", "action_fallback", OFFICE)
    guest.says("something for the office please", "action_note_need", OFFICE)
    assert seen(guest).refused == frozenset()
    assert seen(guest).likeliest == "office"


def test_the_correction_is_taken_once_when_the_turn_is_retried(guest: Visitor, engine: Engine) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    first = guest.says("not for the office any more", "action_fallback", OFFICE)
    assert guest.again() == first
    assert kinds(engine).count(("denied", "office")) == 1


def test_of_somebody_who_wants_no_profile_no_correction_is_kept(guest: Visitor, engine: Engine) -> None:
    guest.says("no profile please", "action_stop_profile")
    guest.says("not for the office any more", "action_fallback", OFFICE)
    assert kinds(engine) == []


def test_what_is_told_to_staff_counts_as_if_it_were_said_in_the_chat(guest: Visitor, engine: Engine) -> None:
    from seeds import add_colleague

    guest.says("for the office", "action_note_need", OFFICE)
    with UnitOfWork(engine) as work:
        colleague = add_colleague(work.connection, "Rina", guest.at)
        keep_refusal(work.connection, guest.profile, "office", colleague, guest.at + timedelta(minutes=1))
        work.commit()
    found = seen(guest, now=guest.at + timedelta(minutes=2))
    assert found.needs["office"] == 0
    assert [piece.told_by for piece in found.evidence] == ["Rina"]


def test_a_later_answer_to_the_same_question_replaces_the_one_before(guest: Visitor) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    guest.says("like 30", "action_note_answer")
    guest.says("sorry, I meant 5", "action_note_answer")
    answers = [piece.value for piece in seen(guest).evidence if piece.kind == "answered"]
    assert answers in (["up_to_10"], ["10_to_40"])
    assert len(answers) == 1


def test_what_was_said_grows_old_and_the_customer_is_told_so(guest: Visitor) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    half_life = timedelta(days=half_life_of(guest.business))
    now, later = seen(guest), seen(guest, now=guest.at + half_life)
    assert later.evidence[0].freshness == pytest.approx(0.5, abs=0.01)
    assert now.needs["office"] > later.needs["office"] > guest.business.prior["office"]
    back = guest.comes_back(half_life + timedelta(days=30))
    known = back.says("what do you know about me?", "action_what_you_know").replies[0].values["facts"]
    assert "that is a while ago, so it counts for less" in known


def test_nothing_that_was_told_later_is_looked_at(guest: Visitor) -> None:
    before = guest.at
    guest.says("for the office", "action_note_need", OFFICE)
    assert seen(guest, now=before).evidence == []
    assert seen(guest, now=before).needs == pytest.approx(guest.business.prior)


def test_the_record_of_a_customer_keeps_every_word(guest: Visitor, engine: Engine) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    guest.says("not for the office any more", "action_fallback", OFFICE)
    assert kinds(engine) == [("stated", "office"), ("denied", "office")]
    with reading(engine) as connection:
        assert connection.execute(select(records)).all() == []
    assert only(guest.says("thanks", "action_fallback"))
