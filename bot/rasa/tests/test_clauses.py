"""Where a message may fall into questions."""

from __future__ import annotations

import unittest

from bot.rasa.nlu.clauses import halves

PARTED = {
    "where is my order and how much is gayo?": [("where is my order", "how much is gayo?")],
    "Where is my order? How much is gayo?": [("Where is my order?", "How much is gayo?")],
    "gayo berapa kak terus di kemang ada gak": [("gayo berapa kak", "di kemang ada gak")],
    "buka jam berapa dan alamatnya dimana": [("buka jam berapa", "alamatnya dimana")],
    "do you deliver to depok and how much": [],
    "how much are drip bags and capsules": [],
    "where is my order": [],
}


class Halves(unittest.TestCase):
    def test_each_is_long_enough_to_be_a_question(self) -> None:
        for text, parted in PARTED.items():
            with self.subTest(text):
                self.assertEqual([(text[:end], text[begin:]) for end, begin in halves(text)], parted)
