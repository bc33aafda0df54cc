"""Proof by e-mail: a typed address is offered a code, the code proves who it is, and nobody learns whose address it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import seeds
from serving import Known
from sqlalchemy import Engine, func, select, text
from visitor import BUDI, Visitor, arrive, counts, everything, kept, only, only_row, responses, statements

from crm_store.access.erasure import forget_in_conversation
from crm_store.access.retention import tidy
from crm_store.access.staff import Staff
from crm_store.business import Business, Identity
from crm_store.conversations.deliveries import Outcome, Told
from crm_store.database import UnitOfWork, reading
from crm_store.identify import codes, judging
from crm_store.identify.assurance import Assurance
from crm_store.identify.code_mails import CodeMail, begin_mails, give_up_unknown_mails, settle_mail
from crm_store.identify.codes import LASTS, PER_DAY, PER_HOUR, TRIES, code_of, masked
from crm_store.identify.merging import merge, split
from crm_store.identify.profiles import scope
from crm_store.identify.ties import Ground
from crm_store.moment import MASK, TurnResult, Understanding
from crm_store.tables import claims, conversations, customers, identifiers, journal, messages, one_time_codes, verdicts
from crm_store.turn import Further, TurnRequest

KEY = b"a key of thirty-two bytes or more"
HERS, NOBODYS = "sari@example.com", "xaver@example.org"


@pytest.fixture
def sari(engine: Engine, now: datetime) -> Known:
    sari = Known(engine, now, "sari")
    sari.ordered("ORD-1001", 2, status="shipped")
    return sari


@pytest.fixture
def guest(engine: Engine, business: Business, now: datetime) -> Visitor:
    return with_codes(arrive(engine, business, now))


def with_codes(visitor: Visitor) -> Visitor:
    visitor.code_key = KEY
    return visitor


def types_address(visitor: Visitor, address: str = HERS) -> TurnResult:
    return visitor.says(address, "action_fallback", ("email", address, 1.0))


def asks_for_code(visitor: Visitor, address: str = HERS) -> str:
    """Types the address, says yes; returns the code, as the mail would say it."""
    types_address(visitor, address)
    assert responses(visitor.says("yes", "action_affirm")) == ["utter_code_sent"]
    return code_of(KEY, newest(visitor).id)


def newest(visitor: Visitor) -> Any:
    return kept(visitor.engine, one_time_codes, conversation_id=visitor.conversation_id, ended_at=None)[0]


def types(visitor: Visitor, words: str) -> TurnResult:
    """However they are understood."""
    return visitor.says(words, "action_order_status", ("order_number", words, 1.0), ("number", words, 1.0))


@pytest.fixture(autouse=True)
def _mailed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("SOONEST", "LATEST"):
        monkeypatch.setattr(codes, bound, 0.0)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def mails(engine: Engine, now: datetime, business: Business | None = None) -> list[CodeMail]:
    with UnitOfWork(engine) as work:
        begun = begin_mails(work.connection, now, most=10, rules=business.linking if business else None)
        work.commit()
    return begun


def settle(engine: Engine, code_id: str, told: Told, now: datetime) -> None:
    with UnitOfWork(engine) as work:
        settle_mail(work.connection, code_id, told, now)
        work.commit()


# The talk ------------------------------------------------------------------------------------------------------------


def test_who_needs_proof_is_told_of_the_code_types_the_address_and_then_the_code(guest: Visitor, sari: Known) -> None:
    asked = ("where is my order", "action_order_status")
    assert responses(guest.says(*asked)) == ["utter_terms", "utter_need_proof_mail"]
    offer = only(types_address(guest))
    assert (offer.response, offer.values) == ("utter_code_offer", {"address": "s***@example.com"})
    guest.says("yes", "action_affirm")
    right = only(types(guest, code_of(KEY, newest(guest).id)))
    assert (right.response, right.values) == ("utter_code_right_name", {"name": "Sari"})
    assert responses(guest.says(*asked)) == ["utter_order"]


def test_the_device_s_profile_is_joined_to_the_customer_and_the_journal_says_by_what(
    guest: Visitor, sari: Known, engine: Engine
) -> None:
    device = guest.profile
    types(guest, asks_for_code(guest))
    joined = only_row(engine, journal, kind="joined")
    assert (joined.customer_id, joined.other_id, joined.actor) == (device, sari.profile, "email_code")
    assert joined.details["ground"] == "proof"
    talk = only_row(engine, conversations)
    assert (talk.customer_id, talk.assurance) == (sari.profile, "verified")
    assert only_row(engine, identifiers, type="email", value=HERS).assurance == "proven"


def test_on_telegram_the_account_keeps_its_profile_and_its_conversation_is_verified(
    engine: Engine, business: Business, now: datetime, sari: Known
) -> None:
    ani = with_codes(arrive(engine, business, now, channel="telegram"))
    with UnitOfWork(engine) as work:
        work.connection.execute(conversations.update().values(address="501"))
        work.commit()
    assert responses(ani.says("my points", "action_points"))[-1] == "utter_need_proof_mail_telegram"
    account = ani.profile
    types(ani, asks_for_code(ani))
    assert (ani.profile, only_row(engine, conversations).assurance) == (account, "verified")
    assert only_row(engine, customers, id=account).canonical_id == sari.profile


@pytest.mark.parametrize("words", ["{0}{1}", " {0} {1} ", "{0}-{1}.", "my code is {0}{1}", "kodenya: {0} {1}"])
def test_the_code_is_known_as_people_write_it(guest: Visitor, sari: Known, words: str) -> None:
    code = asks_for_code(guest)
    assert responses(types(guest, words.format(code[:3], code[3:]))) == ["utter_code_right_name"]


def test_an_address_is_offered_a_code_however_it_was_understood(guest: Visitor) -> None:
    for action in ("action_greet", "action_complain", "action_note_answer"):
        offered = guest.says(f"it's {HERS}", action, ("email", HERS, 1.0))
        assert responses(offered) == ["utter_code_offer"]


def test_a_no_sends_nothing_and_a_yes_later_on_is_to_something_else(guest: Visitor, engine: Engine) -> None:
    types_address(guest)
    assert responses(guest.says("no", "action_deny")) == ["utter_code_left"]
    types_address(guest)
    guest.says("how can I pay", "action_faq", ("faq", "payment", 1.0))
    assert "utter_code_sent" not in responses(guest.says("yes", "action_affirm"))
    assert not kept(engine, one_time_codes)


def test_the_offer_of_a_code_outlives_a_further_question_in_the_same_message(guest: Visitor) -> None:
    first = f"where is my order, I am {HERS}"
    heard = Understanding("order_status", 0.9, "en", (("email", HERS, 1.0),))
    price = Further(len(first) + 5, Understanding("ask_price", 0.9, "en", (("product", "gayo", 1.0),)))
    message = guest.writes(f"{first} and how much is gayo")
    guest.last_request = TurnRequest(message, "action_order_status", heard, (price,))
    result = guest.again()
    assert responses(result)[-2:] == ["utter_code_offer", "utter_price"]
    guest.hears(message, result)
    assert responses(guest.says("yes", "action_affirm")) == ["utter_code_sent"]


def test_a_code_may_be_asked_for_in_words_and_again(guest: Visitor, sari: Known, engine: Engine) -> None:
    def asks() -> list[str]:
        return responses(guest.says("send me a code", "action_send_code"))

    assert asks() == ["utter_code_which_address"]
    first = asks_for_code(guest)
    assert asks() == ["utter_code_sent"]
    assert len(kept(engine, one_time_codes)) == 2
    second = code_of(KEY, newest(guest).id)
    assert responses(types(guest, first)) == ["utter_code_wrong"]
    assert responses(types(guest, second)) == ["utter_code_right_name"]
    assert asks() == ["utter_code_not_needed"]


def test_what_waits_for_a_person_is_not_answered_by_an_offer(guest: Visitor) -> None:
    guest.says("a person please", "action_talk_to_person")
    assert responses(types_address(guest)) == ["utter_noted_for_colleague"]


def test_where_no_mail_can_be_sent_it_is_said(engine: Engine, business: Business, now: datetime) -> None:
    guest = arrive(engine, business, now)
    assert responses(guest.says("my points", "action_points"))[-1] == "utter_need_proof"
    assert responses(types_address(guest)) == ["utter_claim_noted", "utter_code_unavailable"]
    assert responses(guest.says("send me a code", "action_send_code")) == ["utter_code_unavailable"]


def test_whoever_is_proven_already_is_offered_no_code(guest: Visitor, sari: Known) -> None:
    guest.proves(sari.proof)
    assert "utter_code_offer" not in responses(types_address(guest))


def test_digits_of_another_length_are_no_try(guest: Visitor, sari: Known) -> None:
    code = asks_for_code(guest)
    assert responses(types(guest, "12345")) == ["utter_code_digits"]
    assert newest(guest).wrong == 0
    assert responses(types(guest, code)) == ["utter_code_right_name"]


def test_who_signs_in_meanwhile_may_type_numbers_again(guest: Visitor, sari: Known) -> None:
    asks_for_code(guest)
    guest.proves(sari.proof)
    assert responses(types(guest, "123456")) == ["utter_order_not_found"]


def test_a_turn_that_is_retried_sends_no_second_code_and_counts_no_second_try(guest: Visitor, engine: Engine) -> None:
    code = asks_for_code(guest)
    guest.again()
    assert len(kept(engine, one_time_codes)) == 1
    first = types(guest, other_than(code))
    assert guest.again() == first
    assert newest(guest).wrong == 1


# Right and wrong -----------------------------------------------------------------------------------------------------


def test_after_the_last_try_even_the_right_code_is_wrong(guest: Visitor, sari: Known) -> None:
    code = asks_for_code(guest)
    said = [only(types(guest, other_than(code))) for _ in range(TRIES)]
    assert [r.response for r in said] == [
        *["utter_code_wrong"] * (TRIES - 2),
        "utter_code_wrong_last",
        "utter_code_spent",
    ]
    assert [r.values for r in said[:-2]] == [{"left": str(left)} for left in range(TRIES - 1, 1, -1)]
    guest.says("yes", "action_affirm")
    assert responses(types(guest, code)) == ["utter_code_wrong"]


def test_a_code_is_good_for_ten_minutes(guest: Visitor, sari: Known) -> None:
    code = asks_for_code(guest)
    guest.at += LASTS - timedelta(seconds=31)
    in_time = types(guest, code)
    assert responses(in_time) == ["utter_code_right_name"]


def test_a_code_that_is_too_old_proves_nothing_and_a_new_one_is_offered(guest: Visitor, sari: Known) -> None:
    code = asks_for_code(guest)
    guest.at += LASTS
    assert responses(types(guest, code)) == ["utter_code_over"]
    assert responses(guest.says("yes", "action_affirm")) == ["utter_code_sent"]
    guest.at += 4 * LASTS
    assert responses(types(guest, "123456"))[-1] == "utter_need_proof_mail"


def test_a_code_is_good_once(guest: Visitor, sari: Known, engine: Engine) -> None:
    code = asks_for_code(guest)
    types(guest, code)
    assert not kept(engine, one_time_codes, ended_at=None)
    other = with_codes(arrive(engine, guest.business, guest.at))
    assert "utter_code_right_name" not in responses(types(other, code))


def test_a_code_is_good_in_the_conversation_that_asked_alone(guest: Visitor, sari: Known, engine: Engine) -> None:
    thief = with_codes(arrive(engine, guest.business, guest.at))
    asks_for_code(thief)
    code = asks_for_code(guest)
    assert responses(types(thief, code)) == ["utter_code_wrong"]
    assert responses(types(guest, code)) == ["utter_code_right_name"]


def test_a_guess_for_an_address_of_nobody_is_wrong_even_where_it_meets_the_digits(guest: Visitor) -> None:
    code = asks_for_code(guest, NOBODYS)
    assert responses(types(guest, code)) == ["utter_code_wrong"]


def test_an_address_of_two_customers_proves_neither(guest: Visitor, sari: Known, engine: Engine, now: datetime) -> None:
    Known(engine, now, "rina")
    with UnitOfWork(engine) as work:
        theirs = identifiers.c.value == "rina@example.com"
        work.connection.execute(identifiers.update().where(theirs).values(value=HERS))
        work.commit()
    code = asks_for_code(guest)
    assert mails(engine, guest.at) == []
    assert responses(types(guest, code)) == ["utter_code_wrong"]


def test_a_device_of_another_customer_is_left_alone(guest: Visitor, sari: Known, engine: Engine) -> None:
    guest.proves(BUDI)
    later = with_codes(guest.comes_back(timedelta(hours=1)))
    before = [(row.id, row.canonical_id) for row in kept(engine, customers)]
    assert responses(types(later, asks_for_code(later))) == ["utter_code_other"]
    assert [(row.id, row.canonical_id) for row in kept(engine, customers)] == before
    assert only_row(engine, conversations, id=later.conversation_id).assurance == "recognised"


# Several profiles, and words of staff --------------------------------------------------------------------------------


@pytest.fixture
def till_card(engine: Engine, now: datetime, sari: Known) -> str:
    """A younger record of Sari's with the same address, which an import joined to hers."""
    with UnitOfWork(engine) as work:
        card = seeds.add_customer(work.connection, now - timedelta(days=9))
        seeds.add_record(work.connection, card, "pos", "7", now, given_name="Sari", email=HERS)
        merge(work.connection, card, sari.profile, "import", "the same email", now)
        work.commit()
    return card


def judge(visitor: Visitor, judged: Callable[..., object], agent: Staff, *whom: Any) -> None:
    visitor.at += timedelta(seconds=1)
    with UnitOfWork(visitor.engine) as work:
        judged(work.connection, agent, *whom, "not the same person", visitor.at)
        work.commit()


def whole(engine: Engine, profile: str) -> set[str]:
    with reading(engine) as connection:
        return set(scope(connection, profile, Assurance.VERIFIED))


def test_an_address_that_a_customer_has_twice_proves_both_and_holds_without_either(
    guest: Visitor, sari: Known, till_card: str, agent: Staff, engine: Engine
) -> None:
    device = guest.profile
    code = asks_for_code(guest)
    assert [mail.address for mail in mails(engine, guest.at)] == [HERS]
    types(guest, code)
    assert guest.profile == sari.profile, "the oldest record that has the address"
    by_code = {frozenset((j.customer_id, j.other_id)) for j in kept(engine, journal, actor="email_code")}
    assert by_code == {frozenset((device, sari.profile)), frozenset((device, till_card))}
    assert {row.assurance for row in kept(engine, identifiers, type="email", value=HERS)} == {"proven"}
    judge(guest, judging.take_out, agent, [till_card])
    assert whole(engine, device) == {device, sari.profile}
    assert responses(guest.says("where is my order", "action_order_status")) == ["utter_order"]


def test_a_conversation_opens_nothing_more_of_whom_staff_took_away_from_what_was_proven_in_it(
    guest: Visitor, sari: Known, till_card: str, agent: Staff, engine: Engine
) -> None:
    device = guest.profile
    types(guest, asks_for_code(guest))
    judge(guest, judging.take_out, agent, [sari.profile])
    assert whole(engine, guest.profile) == {sari.profile}, "the talk stays proven, to be that record alone"
    assert whole(engine, device) == {device, till_card}


def test_two_with_one_address_whom_staff_say_to_be_different_are_no_longer_proven_by_it(
    guest: Visitor, sari: Known, till_card: str, agent: Staff, engine: Engine
) -> None:
    code = asks_for_code(guest)
    assert len(mails(engine, guest.at)) == 1
    judge(guest, judging.different, agent, sari.profile, till_card)
    assert responses(types(guest, code)) == ["utter_code_wrong"]
    asks_for_code(guest)
    assert mails(engine, guest.at) == []


def test_a_code_goes_over_a_word_of_staff_on_the_device_and_the_tie_says_so(
    guest: Visitor, sari: Known, agent: Staff, engine: Engine
) -> None:
    device = guest.profile
    judge(guest, judging.different, agent, device, sari.profile)
    assert responses(types(guest, asks_for_code(guest))) == ["utter_code_right_name"]
    joined = only_row(engine, journal, kind="joined")
    assert joined.details["against"] == only_row(engine, verdicts).id
    judge(guest, judging.different, agent, device, sari.profile)
    assert whole(engine, device) == {device}, "staff have seen it and say it anew"
    assert whole(engine, guest.profile) == {sari.profile}


def test_what_an_account_has_proven_holds_when_what_joined_it_before_is_taken_back(
    engine: Engine, business: Business, now: datetime, sari: Known
) -> None:
    ani = with_codes(arrive(engine, business, now, channel="telegram"))
    with UnitOfWork(engine) as work:
        work.connection.execute(conversations.update().values(address="501"))
        merge(work.connection, ani.profile, sari.profile, "batch", "alike", now)
        work.commit()
    types(ani, asks_for_code(ani))
    with UnitOfWork(engine) as work:
        split(work.connection, [ani.profile], "batch", "not alike any more", ani.at, Ground.RULE)
        work.commit()
    assert whole(engine, ani.profile) == {ani.profile, sari.profile}


def test_an_address_from_an_open_form_is_nobody_s_and_takes_it_from_nobody(
    business: Business, sari: Known, engine: Engine, now: datetime
) -> None:
    identity = Identity.model_validate({"typed_by": {"form": {"email": "customer"}, "web": {"email": "machine"}}})
    careful = business.model_copy(update={"identity": identity})
    with UnitOfWork(engine) as work:
        for source_id, address in (("1", NOBODYS), ("2", HERS)):
            typed = seeds.add_customer(work.connection, now)
            seeds.add_record(work.connection, typed, "form", source_id, now, given_name="Sari", email=address)
        work.commit()
    guest = with_codes(arrive(engine, careful, now))
    code = asks_for_code(guest, NOBODYS)
    assert mails(engine, guest.at, careful) == []
    assert responses(types(guest, code)) == ["utter_code_wrong"]
    code = asks_for_code(guest, HERS)
    assert [mail.address for mail in mails(engine, guest.at, careful)] == [HERS]
    assert responses(types(guest, code)) == ["utter_code_right_name"]
    assert guest.profile == sari.profile
    assert len(kept(engine, identifiers, assurance="proven")) == 1


def test_a_blocked_address_gets_no_code(business: Business, sari: Known, engine: Engine, now: datetime) -> None:
    identity = Identity.model_validate({"identifiers": {"email": {"blocked": [HERS]}}})
    careful = business.model_copy(update={"identity": identity})
    guest = with_codes(arrive(engine, careful, now))
    code = asks_for_code(guest)
    assert mails(engine, guest.at, careful) == []
    assert responses(types(guest, code)) == ["utter_code_wrong"]


# Nobody learns whose address it is -----------------------------------------------------------------------------------


def test_the_address_of_a_customer_gets_the_same_words_queries_and_rows_as_that_of_nobody(
    engine: Engine, business: Business, now: datetime, sari: Known
) -> None:
    heard: list[list[Any]] = []
    asked: list[list[str]] = []
    written: list[Counter[str]] = []
    arrive(engine, business, now).says("hello", "action_greet")  # the first of all to be shown the notice
    for address in (HERS, NOBODYS):
        before = Counter(counts(engine))
        visitor = with_codes(arrive(engine, business, now))
        with statements(engine) as run:
            said = [
                types_address(visitor, address),
                visitor.says("yes", "action_affirm"),
                visitor.says("again please", "action_send_code"),
            ]
            wrong = other_than(code_of(KEY, newest(visitor).id))
            said += [types(visitor, wrong) for _ in range(TRIES)]
            said += [visitor.says("yes", "action_affirm")]
            visitor.at += LASTS
            said += [types(visitor, wrong), types(visitor, wrong)]
            said += [visitor.says("again please", "action_send_code", ("email", address, 1.0)) for _ in range(2)]
            said += [visitor.says("yes", "action_affirm")]
        heard.append([[(r.response, r.values.get("left")) for r in one.replies] for one in said])
        asked.append(run)
        written.append(Counter(counts(engine)) - before)
    assert heard[0] == heard[1]
    assert written[0] == written[1]
    assert heard[0][-1] == [("utter_code_too_many", None)]
    assert asked[0] == asked[1]


def test_asking_and_guessing_touch_nothing_of_the_customer(guest: Visitor, sari: Known, engine: Engine) -> None:
    def hers() -> dict[str, list[str]]:
        return {name: [repr(r) for r in found if sari.profile in r] for name, found in everything(engine).items()}

    before = hers()
    types(guest, other_than(asks_for_code(guest)))
    assert hers() == before


def test_too_many_codes_are_refused_by_device_and_by_address_whoever_asks(
    guest: Visitor, sari: Known, engine: Engine
) -> None:
    for _ in range(PER_HOUR):
        asks_for_code(guest)
    types_address(guest, NOBODYS)
    assert responses(guest.says("yes", "action_affirm")) == ["utter_code_too_many"]
    other = with_codes(arrive(engine, guest.business, guest.at))
    types_address(other)
    assert responses(other.says("yes", "action_affirm")) == ["utter_code_too_many"]
    other.at += timedelta(hours=1)
    asks_for_code(other)


def test_a_day_has_its_limit_too(guest: Visitor, engine: Engine) -> None:
    asked = 0
    while asked < PER_DAY:
        guest.at += timedelta(minutes=61)
        for _ in range(min(PER_HOUR, PER_DAY - asked)):
            asks_for_code(guest, NOBODYS)
            asked += 1
    guest.at += timedelta(minutes=61)
    types_address(guest, NOBODYS)
    assert responses(guest.says("yes", "action_affirm")) == ["utter_code_too_many"]


def test_being_forgotten_does_not_make_room_for_more_codes(guest: Visitor, engine: Engine) -> None:
    for _ in range(PER_HOUR):
        asks_for_code(guest)
    with UnitOfWork(engine) as work:
        forget_in_conversation(work.connection, guest.conversation_id, guest.at)
        work.commit()
    assert not kept(engine, one_time_codes)
    stranger = with_codes(arrive(engine, guest.business, guest.at))
    types_address(stranger)
    assert responses(stranger.says("yes", "action_affirm")) == ["utter_code_too_many"]


# What is kept --------------------------------------------------------------------------------------------------------


def stands_somewhere(engine: Engine, code: str) -> bool:
    """As a word: a random identifier may hold any six digits."""
    return re.search(rf"\b{code}\b", repr(everything(engine))) is not None


@pytest.mark.parametrize("is_right", [True, False], ids=["right", "wrong"])
def test_the_code_stands_nowhere_in_the_store(guest: Visitor, sari: Known, engine: Engine, is_right: bool) -> None:
    code = asks_for_code(guest)
    typed = code if is_right else other_than(code)
    assert not stands_somewhere(engine, typed)
    taken = types(guest, typed)
    assert taken.effects == (MASK,)
    assert not stands_somewhere(engine, typed)
    with reading(engine) as connection:
        (said,) = connection.execute(
            select(messages.c.text).where(messages.c.id == guest.last_request.message_id)
        ).one()
        found = "search_words WHERE search_words MATCH" if engine.dialect.name == "sqlite" else None
        if found:
            query = text(f"SELECT count(*) FROM {found} '\"{typed}\"'")
            assert connection.execute(query).scalar_one() == 0
    assert said == "••••••"
    assert [claim.type for claim in kept(engine, claims)] == ["email"]


def test_codes_and_their_count_go_after_a_day(guest: Visitor, engine: Engine) -> None:
    asks_for_code(guest)
    with UnitOfWork(engine) as work:
        tidy(work.connection, guest.at + timedelta(hours=25))
        work.commit()
    assert not kept(engine, one_time_codes)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM codes_asked")).scalar_one() == 0


def test_an_address_is_shown_only_so_far_that_it_is_known_again() -> None:
    assert masked("dewi@example.com") == "d***@example.com"
    assert masked("a@b.example") == "a***@b.example"


def test_codes_are_spread_over_all_digits_and_need_the_key() -> None:
    codes = {code_of(KEY, str(i)) for i in range(200)}
    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert len(codes) > 195
    assert code_of(KEY, "1") != code_of(KEY + b"!", "1")


# The mails -----------------------------------------------------------------------------------------------------------


def test_a_mail_is_due_for_an_address_that_one_customer_has_and_for_no_other(
    guest: Visitor, sari: Known, engine: Engine
) -> None:
    asks_for_code(guest)
    stranger = with_codes(arrive(engine, guest.business, guest.at))
    asks_for_code(stranger, NOBODYS)
    (mail,) = mails(engine, stranger.at)
    assert (mail.address, mail.language, mail.attempts) == (HERS, "en", 1)
    assert {row.address: row.state for row in kept(engine, one_time_codes)} == {HERS: "sending", NOBODYS: "nobody"}
    assert mails(engine, stranger.at) == []


def test_a_mail_whose_code_is_over_is_not_sent(guest: Visitor, sari: Known, engine: Engine) -> None:
    asks_for_code(guest)
    asks_for_code(guest)
    (mail,) = mails(engine, guest.at)
    assert mail.code_id == newest(guest).id
    settle(engine, mail.code_id, Told(Outcome.AGAIN, wait=timedelta(seconds=5)), guest.at)
    assert mails(engine, guest.at) == []
    assert mails(engine, guest.at + LASTS) == []
    assert {row.state for row in kept(engine, one_time_codes)} == {"over"}


def test_a_mail_that_surely_did_not_go_out_is_tried_again_and_one_that_may_have_is_not(
    guest: Visitor, sari: Known, engine: Engine
) -> None:
    asks_for_code(guest)
    (mail,) = mails(engine, guest.at)
    settle(engine, mail.code_id, Told(Outcome.AGAIN, problem="away", wait=timedelta(seconds=5)), guest.at)
    assert mails(engine, guest.at) == []
    (again,) = mails(engine, guest.at + timedelta(seconds=5))
    assert (again.code_id, again.attempts) == (mail.code_id, 2)
    with UnitOfWork(engine) as work:
        assert give_up_unknown_mails(work.connection, guest.at) == 1
        work.commit()
    assert mails(engine, guest.at + timedelta(seconds=60)) == []
    settle(engine, mail.code_id, Told(Outcome.SENT), guest.at)
    assert newest(guest).state == "sent"


def test_of_an_erased_code_nothing_is_written_down(guest: Visitor, sari: Known, engine: Engine) -> None:
    asks_for_code(guest)
    (mail,) = mails(engine, guest.at)
    with UnitOfWork(engine) as work:
        forget_in_conversation(work.connection, guest.conversation_id, guest.at)
        work.commit()
    settle(engine, mail.code_id, Told(Outcome.SENT), guest.at)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(one_time_codes)).scalar_one() == 0
