"""What customers ask of service, in their own words and both languages, to the end: with a real assistant, verified and not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from acceptance.running import Stack, Talker, text_of
from sqlalchemy import Engine, select

from crm_store.database import reading
from crm_store.tables import conversations, interactions


@dataclass(frozen=True)
class Words:
    """One thing to say or to hear, in both languages."""

    en: str
    id: str

    def __getitem__(self, language: str) -> str:
        said: str = getattr(self, language)
        return said


def talker(stack: Stack, language: str, person: str | None = None) -> Talker:
    """Somebody in the chat: one of the demo's four, signed in, or a stranger."""
    return Talker(stack, language, **({"user_token": stack.user_token(person)} if person else {}))


def hears(said: str, *expected: str) -> None:
    for pattern in expected:
        assert re.search(pattern, said, re.IGNORECASE), f"{pattern!r} is not in: {said}"


YES = Words("Yes", "Ya")
PROOF = Words("sign(ed)? in at the shop", "masuk (dulu )?ke akun toko")
both_languages = pytest.mark.parametrize("language", ["en", "id"])


# Verified ------------------------------------------------------------------------------------------------------------


@both_languages
def test_where_the_order_is_is_told_to_whose_it_is(stack: Stack, language: str) -> None:
    sari = talker(stack, language, "sari")
    asked = Words("where is my order?", "pesanan saya sudah sampai mana ya?")
    hears(text_of(sari.say(asked[language])), "ORD-200001", "Office Blend", Words("on its way", "perjalanan")[language])


@both_languages
def test_a_late_order_is_apologised_for(stack: Stack, language: str) -> None:
    wira = talker(stack, language, "wira")
    asked = Words("where's my order ORD-200004?", "cek pesanan ORD-200004 dong")
    hears(text_of(wira.say(asked[language])), "ORD-200004", Words("sorry", "maaf")[language])


@both_languages
def test_somebody_else_s_order_is_not_among_theirs(stack: Stack, language: str) -> None:
    dewi = talker(stack, language, "dewi")
    asked = Words("where is my order ORD-200001?", "pesanan saya ORD-200001 di mana?")
    said = text_of(dewi.say(asked[language]))
    hears(said, Words("no order", "tidak")[language])
    assert "Office Blend" not in said


@both_languages
def test_a_repaired_machine_is_brought(stack: Stack, store: Engine, language: str) -> None:
    sari = talker(stack, language, "sari")
    asked = Words("is my espresso machine ready?", "mesin espresso saya sudah jadi belum?")
    said = sari.say(asked[language])
    hears(text_of(said), "Menteng", Words("espresso machine", "mesin espresso")[language])
    if any(m.get("buttons") for m in said):  # the other language's turn has not asked for it yet
        said = sari.press(YES[language])
    hears(text_of(said), Words("noted", "catat")[language])
    with reading(store) as connection:
        wanted = select(interactions.c.status).where(interactions.c.kind == "delivery_request")
        assert connection.execute(wanted).scalars().all() == ["open"]


@both_languages
def test_points_are_counted(stack: Stack, language: str) -> None:
    dewi = talker(stack, language, "dewi")
    asked = Words("how many points do I have?", "poin saya ada berapa?")
    hears(text_of(dewi.say(asked[language])), r"\b360\b", Words("points", "poin")[language])


@pytest.mark.parametrize(("language", "person", "order"), [("en", "dewi", "ORD-200003"), ("id", "budi", "ORD-200002")])
def test_an_order_goes_back(stack: Stack, store: Engine, language: str, person: str, order: str) -> None:
    customer = talker(stack, language, person)
    asked = Words("I want to return my order", "saya mau retur pesanan saya")
    hears(text_of(customer.say(asked[language])), order, Words("14 days", "14 hari")[language])
    hears(text_of(customer.press(YES[language])), order, Words("come back", "kembali|pengembalian")[language])
    with reading(store) as connection:
        wanted = select(interactions.c.order_id).where(interactions.c.kind == "return_request")
        assert order in connection.execute(wanted).scalars().all()


@both_languages
def test_a_broken_grinder_is_passed_on(stack: Stack, language: str) -> None:
    budi = talker(stack, language, "budi")
    asked = Words("my grinder is broken, can you repair it?", "penggiling saya rusak, bisa diservis?")
    hears(text_of(budi.say(asked[language])), Words("noted|passed it on", "tercatat|teruskan")[language])


@both_languages
def test_what_is_known_is_listed(stack: Stack, language: str) -> None:
    dewi = talker(stack, language, "dewi")
    asked = Words("what do you know about me?", "kamu tahu apa saja tentang saya?")
    said = text_of(dewi.say(asked[language]))
    hears(said, "Dewi Lestari", Words("360 points", "360 poin")[language], Words("Capsules", "Kapsul")[language])
    assert "growable" not in said


# Not verified --------------------------------------------------------------------------------------------------------


@both_languages
@pytest.mark.parametrize(
    "asked",
    [
        Words("where is my order ORD-200001?", "pesanan saya ORD-200001 di mana?"),
        Words("how many points do I have?", "poin saya ada berapa?"),
        Words("is my espresso machine ready?", "mesin espresso saya sudah jadi belum?"),
        Words("I want to return my order", "saya mau retur pesanan saya"),
    ],
    ids=["order", "points", "repair", "return"],
)
def test_a_stranger_hears_the_terms_and_how_to_prove_who_they_are(stack: Stack, language: str, asked: Words) -> None:
    said = text_of(talker(stack, language).say(asked[language]))
    hears(said, PROOF[language])
    for secret in ("Sari", "Menteng since", "Menteng sejak", "960", "on its way", "dalam perjalanan"):
        assert secret not in said


@both_languages
def test_delivery_is_explained(stack: Stack, language: str) -> None:
    asked = Words("how much is shipping?", "ongkirnya berapa?")
    hears(text_of(talker(stack, language).say(asked[language])), Words("Rp 15,000", r"Rp 15\.000")[language])


@both_languages
def test_stock_is_told_for_the_store_that_is_named(stack: Stack, language: str) -> None:
    guest = talker(stack, language)
    asked = Words("do you have toraja in kemang?", "toraja ada stoknya di kemang?")
    hears(text_of(guest.say(asked[language])), "Toraja", Words("few left", "tinggal sedikit")[language], "Kemang")


@both_languages
def test_what_was_offered_has_a_price(stack: Stack, language: str) -> None:
    guest = talker(stack, language)
    guest.say(Words("looking for something for the office", "cari kopi untuk kantor")[language])
    said = guest.say(Words("like 30 cups", "sekitar 30 cangkir")[language])
    assert any(m.get("offer") for m in said)
    asked = Words("how much does it cost?", "harganya berapa?")
    hears(text_of(guest.say(asked[language])), "Office Blend", Words("Rp 185,000", r"Rp 185\.000")[language])


@both_languages
def test_a_complaint_calls_a_person_and_facts_are_still_told(stack: Stack, store: Engine, language: str) -> None:
    guest = talker(stack, language)
    asked = Words(
        "this is terrible, the beans were stale and nobody answers", "parah banget, bijinya apek dan gak ada yang jawab"
    )
    hears(text_of(guest.say(asked[language])), Words("sorry", "maaf")[language], Words("colleague", "rekan")[language])
    with reading(store) as connection:
        state = select(conversations.c.state).where(conversations.c.id == guest.conversation_id)
        assert connection.execute(state).scalar_one() == "waiting"
    hours = Words("what are your opening hours?", "buka jam berapa?")
    hears(text_of(guest.say(hours[language])), "Menteng", "Kemang")


@both_languages
def test_a_frequent_question_is_answered(stack: Stack, language: str) -> None:
    asked = Words("can I pay with QRIS?", "bisa bayar pakai QRIS?")
    hears(text_of(talker(stack, language).say(asked[language])), "QRIS", "GoPay")


@both_languages
def test_who_speaks_and_what_is_kept_are_owned_up_to(stack: Stack, language: str) -> None:
    guest = talker(stack, language)
    asked = Words("are you a bot?", "kamu bot ya?")
    hears(text_of(guest.say(asked[language])), Words("program, not a person", "program, bukan orang")[language])
    asked = Words("what do you do with my data?", "data saya dipakai buat apa?")
    hears(text_of(guest.say(asked[language])), Words("forget me", "lupakan saya")[language], "/privacy")


@both_languages
def test_offers_stop_and_begin_again(stack: Stack, language: str) -> None:
    guest = talker(stack, language)
    asked = Words("no more offers please", "jangan tawarin saya apa-apa lagi")
    hears(text_of(guest.say(asked[language])), Words("no more offers", "tidak akan menawarkan")[language])
    need = Words("I need coffee for the office", "butuh kopi untuk kantor")
    assert not any(m.get("offer") or m.get("buttons") for m in guest.say(need[language]))
    asked = Words("offers are fine again", "penawaran boleh lagi")
    hears(text_of(guest.say(asked[language])), Words("again", "lagi")[language])


@pytest.mark.parametrize(
    ("language", "asked", "confirmed"),
    [
        ("en", "speak Indonesian please", "bahasa Indonesia"),
        ("id", "bisa bahasa inggris?", "speak English"),
    ],
)
def test_another_language_is_spoken_from_then_on(
    stack: Stack, store: Engine, language: str, asked: str, confirmed: str
) -> None:
    guest = talker(stack, language)
    hears(text_of(guest.say(asked)), confirmed)
    with reading(store) as connection:
        spoken = select(conversations.c.language).where(conversations.c.id == guest.conversation_id)
        assert connection.execute(spoken).scalar_one() == ("id" if language == "en" else "en")


@both_languages
def test_a_stock_that_the_shop_puts_is_told_at_once(stack: Stack, language: str) -> None:
    guest = talker(stack, language)
    quantity = 0 if language == "en" else 30
    count = {"product": "grinder", "store": "menteng", "quantity": quantity, "at": datetime.now(UTC).isoformat()}
    key = stack.api_key()
    put = stack.http.put("/v1/stock", json={"counts": [count]}, headers={"authorization": f"Bearer {key}"})
    assert put.status_code == 200, put.text
    asked = Words("is the grinder in stock in menteng?", "penggiling ada stoknya di menteng?")
    hears(text_of(guest.say(asked[language])), Words("sold out", "tersedia")[language])
