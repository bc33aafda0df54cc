"""Are you open? A yes or no first, from the days and hours of `business.yml`, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from visitor import Visitor, arrive

from crm_store.business import Business
from crm_store.moment import Reply

KEMANG = ("store", "kemang", 1.0)
NOON = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
"""A Monday, noon in Jakarta. Menteng is open 8 to 21, Kemang 9 to 22."""
EARLY = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


def asked(engine: Engine, business: Business, text: str, *stores: tuple[str, str, float], **more: object) -> Reply:
    at, language = more.get("at", NOON), str(more.get("language", "en"))
    assert isinstance(at, datetime)
    visitor: Visitor = arrive(engine, business, at)
    return visitor.says(text, "action_hours", *stores, language=language).replies[0]


@pytest.mark.parametrize("text", ["are you open now?", "are you open?", "still open?"])
def test_whoever_asks_whether_it_is_open_now_hears_yes_and_until_when(
    engine: Engine, business: Business, text: str
) -> None:
    reply = asked(engine, business, text)
    assert (reply.response, reply.values) == (
        "utter_open_yes",
        {"when": "now", "places": "Menteng until 21:00, Kemang until 22:00"},
    )


def test_where_one_store_is_closed_the_other_one_is_told_of(engine: Engine, business: Business) -> None:
    reply = asked(engine, business, "sekarang buka gak kak", at=EARLY, language="id")
    assert (reply.response, reply.values) == (
        "utter_open_yes",
        {"when": "sekarang", "places": "Menteng sampai 21.00, Kemang tutup"},
    )


def test_the_store_that_is_named_is_told_of(engine: Engine, business: Business) -> None:
    reply = asked(engine, business, "is kemang open now?", KEMANG, at=EARLY)
    assert (reply.response, reply.values) == (
        "utter_closed_no_again",
        {"when": "now", "again": "Kemang opens again today at 9:00"},
    )


def test_at_night_the_answer_is_no_and_when_it_opens_again(engine: Engine, business: Business) -> None:
    for text in ("open now?", "are you open today?"):
        reply = asked(engine, business, text, at=NIGHT)
        assert (reply.response, reply.values) == (
            "utter_closed_no_again",
            {"when": "now", "again": "Menteng opens again tomorrow at 8:00, Kemang tomorrow at 9:00"},
        )


@pytest.mark.parametrize(
    ("text", "language", "response", "when"),
    [
        ("are you open on Sunday?", "en", "utter_open_yes", "on Sunday 8 March"),
        ("are you closed tomorrow?", "en", "utter_open_no", "tomorrow"),
        ("what time do you open tomorrow", "en", "utter_open_then", "tomorrow"),
        ("hari minggu buka?", "id", "utter_open_yes", "hari Minggu 8 Maret"),
        ("besok tutup gak?", "id", "utter_open_no", "besok"),
        ("besok buka jam berapa?", "id", "utter_open_then", "besok"),
    ],
)
def test_of_a_day_the_hours_of_that_day_are_told(
    engine: Engine, business: Business, text: str, language: str, response: str, when: str
) -> None:
    reply = asked(engine, business, text, language=language)
    places = {
        "en": "Menteng 8:00 to 21:00, Kemang 9:00 to 22:00",
        "id": "Menteng 08.00 sampai 21.00, Kemang 09.00 sampai 22.00",
    }
    assert (reply.response, reply.values) == (response, {"when": when, "places": places[language]})


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("are you open on Christmas?", "utter_closed_no_again"),
        ("are you closed at Christmas?", "utter_closed_yes_again"),
        ("natal buka gak", "utter_closed_no_again"),
        ("25 desember tutup ya?", "utter_closed_yes_again"),
    ],
)
def test_on_a_day_that_the_business_is_closed_the_stores_are_too(
    engine: Engine, business: Business, text: str, response: str
) -> None:
    reply = asked(engine, business, text)
    assert reply.response == response
    saturday = "on Saturday 26 December at"
    assert reply.values["again"] == f"Menteng opens again {saturday} 8:00, Kemang {saturday} 9:00"


def test_the_weekday_of_a_day_that_is_over_is_the_next_one(engine: Engine, business: Business) -> None:
    reply = asked(engine, business, "are you open on Monday?", at=NIGHT)
    assert (reply.response, reply.values["when"]) == ("utter_open_yes", "on Monday 9 March")


def test_a_weekend_is_two_days(engine: Engine, business: Business) -> None:
    visitor = arrive(engine, business, NOON)
    told = visitor.says("are you open at the weekend?", "action_hours").replies
    assert [reply.values["when"] for reply in told] == ["on Saturday 7 March", "on Sunday 8 March"]


def test_of_a_holiday_without_a_date_only_what_is_known_is_told(engine: Engine, business: Business) -> None:
    reply = asked(engine, business, "are you open on public holidays?")
    assert reply.response == "utter_closed_days"
    assert reply.values["days"] == "Friday 25 December and 1 January 2027"
    about = business.business.model_copy(update={"closed_on": []})
    never_closed = business.model_copy(update={"business": about})
    assert asked(engine, never_closed, "lebaran buka gak?").response == "utter_not_known"


@pytest.mark.parametrize(
    "text",
    ["when are you open", "opening hours?", "buka jam berapa", "are you open at 9 pm", "what's your phone number"],
)
def test_who_asks_for_the_hours_hears_all_of_them(engine: Engine, business: Business, text: str) -> None:
    assert asked(engine, business, text).response == "utter_hours"


def test_hours_that_are_known_in_words_only_are_told_as_they_stand(engine: Engine, business: Business) -> None:
    stores = [store.model_copy(update={"opening": {}}) for store in business.stores]
    in_words = business.model_copy(update={"stores": [type(store)(**store.model_dump()) for store in stores]})
    assert asked(engine, in_words, "are you open on Sunday?").response == "utter_hours"
    assert asked(engine, in_words, "are you open on Christmas?").response == "utter_closed_no"


@pytest.mark.parametrize("text", ["and on new year's day?", "kalau tahun baru?", "1 january?"])
def test_another_day_right_after_is_asked_for_the_same(guest: Visitor, text: str) -> None:
    guest.says("are you open on Sunday?", "action_hours")
    told = guest.says(text, "action_fallback").replies
    assert [reply.response for reply in told] == ["utter_closed_no_again"]


def test_who_asks_for_the_closed_days_hears_of_them_too(guest: Visitor) -> None:
    for text in ("on which days are you closed?", "tutup hari apa aja"):
        told = guest.says(text, "action_hours").replies
        assert [reply.response for reply in told] == ["utter_hours", "utter_closed_days"]


def test_a_week_is_no_day(guest: Visitor) -> None:
    for text in ("minggu depan buka gak", "are you open next week"):
        assert guest.says(text, "action_hours").replies[0].response == "utter_hours"


def test_without_stores_it_is_the_people_in_the_chat_who_are_asked_for(engine: Engine, business: Business) -> None:
    online = business.model_copy(update={"stores": []})
    reply = asked(engine, online, "are you open now?")
    assert reply.values["places"] == "my colleagues in this chat until 20:00"
    assert asked(engine, online, "are you open on Sunday?").response == "utter_closed_no_again"
