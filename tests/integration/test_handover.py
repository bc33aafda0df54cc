"""From the assistant to a person and back: who waits, who speaks, who is silent, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from serving import Known
from sqlalchemy import Engine, select
from visitor import OFFICE, Visitor, arrive, counts, responses, rows

from crm_store.access.staff import Staff, add_staff
from crm_store.business import Business
from crm_store.conversations import desk, inbox, outbox
from crm_store.conversations.inbox import Understood
from crm_store.conversations.outbox import Outgoing
from crm_store.conversations.overview import how_many_wait, waiting
from crm_store.database import UnitOfWork, reading
from crm_store.tables import conversations, interactions, journal, messages
from crm_store.tables import outbox as outbox_table

NIGHT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
"""A Sunday, eleven in the evening in Jakarta."""


@pytest.fixture
def open_shop(business: Business) -> Business:
    """Somebody answers from Monday to Saturday, eight to eight."""
    about = business.business.model_copy(update={"opening": {"mon-sat": "08:00-20:00"}})
    # Fresh, so that nothing computed from the old opening hours comes along.
    return business.model_copy(update={"business": type(about).model_validate(about.model_dump())})


@pytest.fixture
def guest(engine: Engine, open_shop: Business, now: datetime) -> Visitor:
    return arrive(engine, open_shop, now)


@pytest.fixture
def rina(engine: Engine, now: datetime) -> Staff:
    return hire(engine, "rina@shop.example", now, "Rina")


@pytest.fixture
def agus(engine: Engine, now: datetime) -> Staff:
    return hire(engine, "agus@shop.example", now)


def hire(engine: Engine, email: str, now: datetime, name: str | None = None) -> Staff:
    with UnitOfWork(engine) as work:
        person = add_staff(work, email, "agent", "a long enough word", now, name)
        work.commit()
    return person


def take(engine: Engine, person: Staff, guest: Visitor, *, from_colleague: str | None = None) -> None:
    with UnitOfWork(engine) as work:
        desk.take(work.connection, person, guest.conversation_id, guest.at, from_colleague=from_colleague)
        work.commit()


def reply(engine: Engine, person: Staff, guest: Visitor, text: str) -> None:
    with UnitOfWork(engine) as work:
        desk.reply(work.connection, person, guest.conversation_id, text, guest.at)
        work.commit()


def hand_back(engine: Engine, person: Staff, guest: Visitor) -> None:
    with UnitOfWork(engine) as work:
        desk.hand_back(work.connection, person, guest.conversation_id, guest.at)
        work.commit()


def state(guest: Visitor) -> str:
    return str(guest._conversation("state"))


def said(engine: Engine, guest: Visitor) -> list[tuple[str, str, str]]:
    with reading(engine) as connection:
        found = inbox.said_after(connection, guest.conversation_id, 0)
    return [(row.author, row.text, row.state) for row in found]


# A person is wanted --------------------------------------------------------------------------------------------------


def test_whoever_asks_in_opening_hours_is_told_that_a_person_comes(guest: Visitor) -> None:
    assert responses(guest.says("a human please", "action_talk_to_person")) == ["utter_person_asked"]
    assert state(guest) == "waiting"


def test_at_night_a_message_is_taken_and_the_next_opening_told(engine: Engine, open_shop: Business) -> None:
    guest = arrive(engine, open_shop, NIGHT)
    (answer,) = guest.says("a human please", "action_talk_to_person").replies
    assert (answer.response, answer.values) == ("utter_person_closed", {"opens": "tomorrow at 8:00"})
    assert state(guest) == "waiting"


def test_a_person_is_called_at_the_second_misunderstanding_in_a_row(guest: Visitor, engine: Engine) -> None:
    assert responses(guest.says("blah", "action_fallback")) == ["utter_out_of_scope"]
    assert state(guest) == "bot"
    assert responses(guest.says("blah blah", "action_fallback")) == ["utter_person_misunderstood"]
    assert state(guest) == "waiting"
    with reading(engine) as connection:
        (request,) = rows(connection, interactions, kind="person_request")
    assert (request.status, request.attributes) == ("open", {"why": "misunderstood"})


def test_what_was_understood_in_between_begins_the_count_anew(guest: Visitor) -> None:
    guest.says("blah", "action_fallback")
    guest.says("how much is the grinder?", "action_price")
    assert responses(guest.says("blah", "action_fallback")) == ["utter_out_of_scope"]


def test_two_unclear_answers_to_a_question_call_a_person_too(guest: Visitor) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    assert "utter_answer_unclear" in responses(guest.says("purple", "action_note_answer"))
    assert responses(guest.says("green", "action_note_answer")) == ["utter_person_misunderstood"]


def test_who_waits_for_a_person_is_asked_and_offered_nothing_but_told_facts(guest: Visitor, engine: Engine) -> None:
    guest.says("a human please", "action_talk_to_person")
    before = counts(engine)
    for words, action in (("it is for the office", "action_note_need"), ("it smells burnt", "action_fallback")):
        assert responses(guest.says(words, action, OFFICE)) == ["utter_noted_for_colleague"]
    assert responses(guest.says("how much is the grinder?", "action_price")) == ["utter_price"]
    after = counts(engine)
    assert {t for t in after if after[t] != before[t]} == {"messages", "turns"}


def test_who_never_asked_for_a_person_is_served_as_soon_as_they_are_understood(guest: Visitor) -> None:
    guest.says("blah", "action_fallback")
    guest.says("blah", "action_fallback")
    assert responses(guest.says("blah", "action_fallback")) == ["utter_noted_for_colleague"]
    assert responses(guest.says("for the office", "action_note_need", OFFICE)) == ["utter_ask_cups"]


def test_never_mind_takes_the_wish_back(guest: Visitor, engine: Engine) -> None:
    assert responses(guest.says("never mind", "action_cancel_person")) == ["utter_person_not_asked"]
    guest.says("for the office", "action_note_need", OFFICE)
    guest.says("a human please", "action_talk_to_person")
    assert responses(guest.says("never mind", "action_cancel_person")) == ["utter_person_cancelled"]
    assert state(guest) == "bot"
    with reading(engine) as connection:
        (request,) = rows(connection, interactions, kind="person_request")
    assert request.status == "cancelled"


def test_a_no_after_a_person_was_asked_for_is_about_the_person(guest: Visitor) -> None:
    guest.says("for the office", "action_note_need", OFFICE)
    guest.says("30", "action_note_answer")  # an offer, to which a no would be an answer
    guest.says("a human please", "action_talk_to_person")
    assert responses(guest.says("no, leave it", "action_deny")) == ["utter_person_cancelled"]


@pytest.mark.parametrize("said", ["no hurry", "that's wrong", "santai aja"])
def test_what_is_no_to_something_else_leaves_the_person_called(guest: Visitor, said: str) -> None:
    guest.says("a human please", "action_talk_to_person")
    assert responses(guest.says(said, "action_deny")) == ["utter_noted_for_colleague"]
    assert state(guest) == "waiting"


def test_a_no_or_a_yes_later_on_is_noted_for_the_colleague(guest: Visitor) -> None:
    guest.says("a human please", "action_talk_to_person")
    guest.says("how much is the grinder?", "action_price")
    for words, action in (("no", "action_deny"), ("yes", "action_affirm")):
        assert responses(guest.says(words, action)) == ["utter_noted_for_colleague"]
    assert state(guest) == "waiting"


def test_a_person_who_is_called_already_is_not_called_again(guest: Visitor, engine: Engine) -> None:
    guest.says("a human please", "action_talk_to_person")
    assert responses(guest.says("I want a person", "action_talk_to_person")) == ["utter_person_already"]
    with reading(engine) as connection:
        assert len(rows(connection, interactions, kind="person_request")) == 1
    assert responses(guest.says("no", "action_deny")) == ["utter_noted_for_colleague"]
    assert responses(guest.says("never mind", "action_cancel_person")) == ["utter_person_cancelled"]


def test_whoever_was_misunderstood_and_asks_for_a_person_has_one_called_already(guest: Visitor) -> None:
    guest.says("blah", "action_fallback")
    guest.says("blah blah", "action_fallback")
    assert responses(guest.says("a human please", "action_talk_to_person")) == ["utter_person_already"]
    assert responses(guest.says("for the office", "action_note_need", OFFICE)) == ["utter_noted_for_colleague"]


# A person speaks -----------------------------------------------------------------------------------------------------


def test_while_a_person_holds_it_the_assistant_takes_no_turn(guest: Visitor, engine: Engine, rina: Staff) -> None:
    guest.says("a human please", "action_talk_to_person")
    take(engine, rina, guest)
    reply(engine, rina, guest, "Rina here. What is it?")
    message_id = guest.writes("my machine leaks")
    with reading(engine) as connection:
        assert inbox.next_waiting(connection, guest.conversation_id) is None
        assert inbox.conversations_waiting(connection) == []
        (row,) = connection.execute(select(messages).where(messages.c.id == message_id)).all()
        (request,) = rows(connection, interactions, kind="person_request")
    assert row.state == "for_staff"
    assert request.status == "done"
    assert said(engine, guest)[-2:] == [
        ("staff", "Rina here. What is it?", "ready"),
        ("customer", "my machine leaks", "for_staff"),
    ]


def test_after_it_was_handed_back_the_assistant_answers_what_comes_next_only(
    guest: Visitor, engine: Engine, rina: Staff
) -> None:
    guest.says("hello", "action_greet")
    take(engine, rina, guest)
    guest.writes("for Rina's eyes")
    hand_back(engine, rina, guest)
    assert state(guest) == "bot"
    with reading(engine) as connection:
        assert inbox.next_waiting(connection, guest.conversation_id) is None
    assert responses(guest.says("how much is the grinder?", "action_price")) == ["utter_price"]


def test_an_answer_that_comes_after_the_take_over_is_not_said(guest: Visitor, engine: Engine, rina: Staff) -> None:
    message_id = guest.writes("hello?")
    with UnitOfWork(engine) as work:  # a person takes over while Rasa works on the message
        work.connection.execute(conversations.update().values(state="staff", held_by=rina.id))
        work.commit()
    with UnitOfWork(engine) as work:
        words = [Outgoing("Hi! I'm the assistant.", "utter_greet_guest")]
        assert inbox.answer(work.connection, message_id, guest.conversation_id, words, Understood("greet"), guest.at)
        work.commit()
    assert said(engine, guest) == [("customer", "hello?", "for_staff")]


def test_what_waits_when_a_person_takes_over_is_theirs(guest: Visitor, engine: Engine, rina: Staff) -> None:
    guest.writes("hello?")
    take(engine, rina, guest)
    assert said(engine, guest) == [("customer", "hello?", "for_staff")]
    with reading(engine) as connection:
        assert inbox.backlog(connection) == 0


def test_a_question_of_the_assistants_is_over_when_a_person_takes_over(
    guest: Visitor, engine: Engine, rina: Staff
) -> None:
    guest.says("forget me", "action_forget")
    take(engine, rina, guest)
    hand_back(engine, rina, guest)
    assert responses(guest.says("yes", "action_affirm")) == ["utter_affirm_nothing"]


def test_only_who_holds_it_may_speak_and_hand_back(guest: Visitor, engine: Engine, rina: Staff, agus: Staff) -> None:
    guest.says("hello", "action_greet")
    for act in (lambda: reply(engine, rina, guest, "hello"), lambda: hand_back(engine, rina, guest)):
        with pytest.raises(desk.NotHeldError):
            act()
    take(engine, rina, guest)
    take(engine, rina, guest)  # again: nothing happens
    with pytest.raises(desk.HeldByAnotherError, match="Rina holds this") as refused:
        take(engine, agus, guest)
    assert refused.value.name == "Rina"
    take(engine, agus, guest, from_colleague=rina.id)
    reply(engine, agus, guest, "Agus here, Rina went home.")
    with pytest.raises(desk.NotHeldError):
        reply(engine, rina, guest, "hello")


def test_a_conversation_that_is_not_there_is_told_so(engine: Engine, rina: Staff, now: datetime) -> None:
    with UnitOfWork(engine) as work, pytest.raises(desk.NoSuchConversationError):
        desk.take(work.connection, rina, "0" * 32, now)


def test_taking_over_and_handing_back_are_told_to_the_journal(guest: Visitor, engine: Engine, rina: Staff) -> None:
    guest.says("hello", "action_greet")
    take(engine, rina, guest)
    hand_back(engine, rina, guest)
    with reading(engine) as connection:
        told = [
            (row.kind, row.actor, row.details) for row in connection.execute(select(journal).order_by(journal.c.kind))
        ]
    here = {"conversation": guest.conversation_id}
    assert told == [("handed_back", rina.id, here), ("taken_over", rina.id, here)]


# Where it goes -------------------------------------------------------------------------------------------------------


def test_what_is_said_in_a_conversation_with_an_address_has_to_be_sent_there(
    guest: Visitor, engine: Engine, rina: Staff
) -> None:
    with UnitOfWork(engine) as work:
        work.connection.execute(conversations.update().values(channel="telegram", address="4711"))
        work.commit()
    guest.says("how much is the grinder?", "action_price")
    take(engine, rina, guest)
    reply(engine, rina, guest, "Rina here.")
    with reading(engine) as connection:
        due = connection.execute(select(outbox_table).order_by(outbox_table.c.position)).all()
        ours = connection.execute(
            select(messages).where(messages.c.author != "customer").order_by(messages.c.seq)
        ).all()
    assert [row.message_id for row in due] == [row.id for row in ours]
    assert {(row.address, row.state) for row in due} == {("4711", "due")}
    assert (ours[0].author, ours[-1].author) == ("bot", "staff")


def test_nothing_has_to_be_sent_where_the_customer_fetches_it(guest: Visitor, engine: Engine) -> None:
    guest.says("hello", "action_greet")
    with UnitOfWork(engine) as work:
        outbox.say(work.connection, guest.conversation_id, [Outgoing("more")], guest.at + timedelta(seconds=1))
        work.commit()
    with reading(engine) as connection:
        assert rows(connection, outbox_table) == []


# What else was asked of people ---------------------------------------------------------------------------------------


def waiting_for(guest: Visitor, person: Staff) -> list[tuple[str, str | None]]:
    with reading(guest.engine) as connection:
        assert how_many_wait(connection) == len(waiting(connection, guest.business, person))
        return [
            (one.state, one.waits.why if one.waits else None) for one in waiting(connection, guest.business, person)
        ]


def test_what_a_customer_asked_for_waits_for_staff_while_the_assistant_goes_on(
    engine: Engine, business: Business, now: datetime, rina: Staff
) -> None:
    sari = Known(engine, now, "sari")
    sari.ordered("ORD-1001", 2, status="delivered")
    visitor = arrive(engine, business, now, proof=sari.proof)
    visitor.says("I want to return my coffee", "action_return")
    assert waiting_for(visitor, rina) == []
    visitor.says("yes", "action_affirm")
    assert waiting_for(visitor, rina) == [("waiting", "return_request")]
    assert state(visitor) == "bot"
    assert responses(visitor.says("how much is the grinder?", "action_price")) == ["utter_price"]
    take(engine, rina, visitor)
    assert waiting_for(visitor, rina) == []
    hand_back(engine, rina, visitor)
    assert waiting_for(visitor, rina) == []
    with reading(engine) as connection:
        assert [r.status for r in rows(connection, interactions, kind="return_request")] == ["done"]
    again = visitor.says("I want to return ORD-1001", "action_return", ("order_number", "ORD-1001", 1.0))
    assert responses(again) == ["utter_return_asked_before"]


def test_a_request_that_is_taken_back_waits_for_nobody(
    engine: Engine, business: Business, now: datetime, rina: Staff
) -> None:
    visitor = arrive(engine, business, now, proof=Known(engine, now, "sari").proof)
    visitor.says("my grinder is broken", "action_repair", ("product", "grinder", 1.0))
    assert waiting_for(visitor, rina) == [("waiting", "repair")]
    visitor.says("forget it, it works again", "action_withdraw_request")
    assert waiting_for(visitor, rina) == []


def test_a_complaint_waits_for_staff_even_when_the_customer_wants_no_person(
    guest: Visitor, engine: Engine, rina: Staff
) -> None:
    guest.says("the beans were stale", "action_complain")
    assert waiting_for(guest, rina) == [("waiting", "complaint")]
    guest.says("never mind", "action_cancel_person")
    assert (state(guest), waiting_for(guest, rina)) == ("bot", [("waiting", "complaint")])
