"""Which language is asked for, in either of the two, with and without a no."""

from __future__ import annotations

import unittest

from bot.rasa.nlu.wanted import wanted_language

WANTED = {
    "en": (
        "speak english please",
        "ENGLISH!",
        "can't you speak english?",
        "why don't you answer in English",
        "i don\u2019t understand indonesian",
        "stop speaking bahasa",
        "english instead of indonesian",
        "sorry, my indonesian is bad",
        "no bahasa please",
        "why indonesian? i wrote in english",
        "bisa bahasa inggris?",
        "bisa gak pakai bahasa inggris",
        "bisa inggris gak kak",
        "gak bisa bahasa indonesia, inggris aja",
        "pake english aja",
    ),
    "id": (
        "can we talk in indonesian",
        "do you speak bahasa",
        "bahasa please",
        "i don't speak english",
        "my english is not good, can we use indonesian",
        "switch from english to bahasa indonesia",
        "pakai bahasa indonesia aja",
        "bahasa dong",
        "indo aja kak",
        "bisa ngomong indonesia ga",
        "saya gak ngerti bahasa inggris",
        "kok jawabnya pake inggris",
        "jangan inggris, indonesia aja",
        "inggris saya kurang lancar",
    ),
    None: (
        "switch language",
        "ganti bahasa",
        "bisa bahasa apa aja",
        "ada pilihan bahasa lain?",
        "bisa bahasa jerman?",
        "do you speak german",
        "bahasanya salah",
        "hello",
        "",
    ),
}


class TheWantedLanguage(unittest.TestCase):
    def test_is_the_one_that_is_asked_for(self) -> None:
        for language, texts in WANTED.items():
            for text in texts:
                with self.subTest(text=text):
                    self.assertEqual(wanted_language(text), language)
