"""What the spaCy pipeline finds in a message, in both languages: numbers by pattern, names by the business's own ids."""

from __future__ import annotations

import re
import tempfile
import unittest

import spacy
from rasa.shared.nlu.training_data.message import Message

from bot.rasa.nlu.entities import SPACY_DOC, KnownEntities, in_general
from bot.rasa.nlu.pipeline import build

BOOKSHOP = {
    "names": {
        "product": {
            "atlas": ["World Atlas", "atlas", "atlas dunia"],
            "atlas_box": ["World Atlas in a box", "atlas in a box"],
            "no_1": ["Number 1"],
        },
        "store": {"harbour": ["Harbour", "pelabuhan"], "old_town": ["Old Town", "kota tua"]},
    },
    "numbers": {"order_number": r"\bORD-?\d{4,10}\b", "loyalty_number": r"\bLC-?\d{4,12}\b"},
}


class ThePipeline(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        build(BOOKSHOP).to_disk(folder.name)
        cls.pipeline = spacy.load(folder.name)  # as the server has it

    def found(self, text: str) -> list[tuple[str, str]]:
        message = Message({"text": text, SPACY_DOC: self.pipeline(text)})
        KnownEntities().process([message])
        for entity in message.get("entities", []):
            part = text[entity["start"] : entity["end"]]
            self.assertTrue(part and (entity["value"] == part or entity["entity"] in ("product", "store")))
        return [(entity["entity"], entity["value"]) for entity in message.get("entities", [])]

    def test_finds_an_email(self) -> None:
        for text in (
            "my email is sari.w+shop@mail.example.co.id",
            "email saya sari.w+shop@mail.example.co.id ya",
            "(sari.w+shop@mail.example.co.id)",
            "sari.w+shop@mail.example.co.id.",
        ):
            self.assertEqual(self.found(text), [("email", "sari.w+shop@mail.example.co.id")], text)

    def test_finds_a_phone_number(self) -> None:
        for number in ("+62 812-3456-7890", "081234567890", "0062 812 3456 7890", "(021) 5550 1234", "+6281234567890"):
            for text in ("call me on {}", "nomor saya {}, ya", "{}"):
                ((kind, value),) = self.found(text.format(number))
                self.assertEqual(kind, "phone")
                self.assertIn(value, (number, number.lstrip("(")))

    def test_finds_order_and_loyalty_numbers_as_the_business_writes_them(self) -> None:
        self.assertEqual(self.found("where is ORD-12345?"), [("order_number", "ORD-12345")])
        self.assertEqual(self.found("pesanan ord12345 di mana"), [("order_number", "ord12345")])
        self.assertEqual(self.found("my card is LC-0012345678."), [("loyalty_number", "LC-0012345678")])
        self.assertEqual(self.found("kartu saya lc0012345678"), [("loyalty_number", "lc0012345678")])

    def test_takes_the_patterns_of_the_business_as_they_are(self) -> None:
        for pattern in (r"^A\$\d+$", r'"\d+"', r"\bA\${c}\d{3}\b|#\d+", r"%(A)s\d+|\u00c4\d+"):
            with tempfile.TemporaryDirectory() as folder:
                build({"names": {}, "numbers": {"order_number": pattern}}).to_disk(folder)
                loaded = spacy.load(folder).get_pipe("patterns")
                self.assertIn(("order_number", re.compile(pattern, re.IGNORECASE)), loaded._patterns)

    def test_finds_money(self) -> None:
        for money in ("Rp 150.000", "rp150rb", "Rp. 1,5 juta", "IDR 200k", "$12.50", "€ 20", "£5", "US$ 30"):
            for text in ("under {} please", "di bawah {} ya"):
                self.assertEqual(self.found(text.format(money)), [("money", money)], text)

    def test_finds_a_plain_number(self) -> None:
        for text, number in (
            ("about 30 a day", "30"),
            ("kira-kira 30 sehari", "30"),
            ("1,5 kilo", "1,5"),
            ("30", "30"),
            ("more than 40!", "40"),
            ("1.500 buku", "1.500"),
            ("1.000.000.000", "1.000.000.000"),
        ):
            self.assertEqual(self.found(text), [("number", number)], text)

    def test_takes_no_number_out_of_a_longer_one_or_a_word(self) -> None:
        for text in ("v60", "3-4", "12345678", "b2b"):
            self.assertEqual(self.found(text), [], text)

    def test_names_products_and_stores_by_their_id_in_either_language(self) -> None:
        for text, wanted in (
            ("how much is the World Atlas?", ("product", "atlas")),
            ("berapa harga ATLAS DUNIA", ("product", "atlas")),
            ("is the harbour shop open", ("store", "harbour")),
            ("toko di kota tua buka jam berapa", ("store", "old_town")),
        ):
            self.assertEqual(self.found(text), [wanted], text)

    def test_takes_the_longer_of_two_names(self) -> None:
        self.assertEqual(self.found("the atlas in a box"), [("product", "atlas_box")])

    def test_leaves_a_name_whole_when_a_number_is_in_it(self) -> None:
        self.assertEqual(self.found("do you have number 1?"), [("product", "no_1")])

    def test_finds_several_things_in_one_message_and_none_of_them_twice(self) -> None:
        text = "ORD-12345 by sari@example.com, 2 atlas for Rp 300.000, call 081234567890, pick up at Harbour"
        self.assertEqual(
            self.found(text),
            [
                ("order_number", "ORD-12345"),
                ("email", "sari@example.com"),
                ("number", "2"),
                ("product", "atlas"),
                ("money", "Rp 300.000"),
                ("phone", "081234567890"),
                ("store", "harbour"),
            ],
        )

    def test_finds_nothing_where_nothing_is(self) -> None:
        for text in ("hello", "terima kasih banyak", "☕", "@", "rp", "+", "مرحبا"):
            self.assertEqual(self.found(text), [], text)

    def test_adds_to_what_others_found(self) -> None:
        message = Message({"text": "atlas", SPACY_DOC: self.pipeline("atlas"), "entities": [{"entity": "language"}]})
        KnownEntities().process([message])
        self.assertEqual([e["entity"] for e in message.get("entities")], ["language", "product"])

    def test_a_message_that_was_not_read_is_left_alone(self) -> None:
        message = Message({"text": "atlas"})
        self.assertEqual(KnownEntities().process([message])[0].as_dict(), {"text": "atlas"})

    def test_a_text_in_general_has_kinds_in_the_places_of_names_and_numbers(self) -> None:
        for text, general in (
            ("do you have World Atlas in Harbour?", "do you have {product} in {store}?"),
            ("atlas or ATLAS DUNIA", "{product} or {product}"),
            ("where is ORD-12345", "where is {order_number}"),
            ("kartu saya lc0012345678 ya", "kartu saya {loyalty_number} ya"),
            ("ORD-12345", "{order_number}"),
            ("about 30, a@b.example", "about 30, a@b.example"),
        ):
            self.assertEqual(in_general(Message({"text": text, SPACY_DOC: self.pipeline(text)})), general)

    def test_a_name_alone_stays_as_it_is(self) -> None:
        for text in ("atlas", "Atlas!", "World Atlas, Harbour", "hello", ""):
            self.assertEqual(in_general(Message({"text": text, SPACY_DOC: self.pipeline(text)})), text)

    def test_a_text_that_was_not_read_is_general_enough(self) -> None:
        self.assertEqual(in_general(Message({"text": "atlas or not"})), "atlas or not")
