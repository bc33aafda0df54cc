"""The understanding is weighed by hand for speed; here it is held to scikit-learn's own numbers."""

from __future__ import annotations

import pickle
import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import rasa.shared.utils.io
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT_RESPONSE_KEY
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import hstack
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity

from bot.rasa.nlu.entities import SPACY_DOC
from bot.rasa.nlu.judging import Features, Judge, Nearest
from bot.rasa.nlu.pipeline import build
from bot.rasa.nlu.understanding import OUT_OF_SCOPE, Understanding

DATA = Path(__file__).parents[3] / "data/nlu"
INTENTS = ("greet", "thank", "ask_price", "find_store", "deny")
STRANGE = ["", " ", "☕", "مرحبا", "zzz qqq", "A", "a a a a", "HALO, apa KABAR?!", "Œuvre ﬁn İstanbul", "1/2 kg"]


def taught() -> list[tuple[str, str, str]]:
    """(text, intent, language) of some of what the assistant is taught."""
    found = []
    for language in ("en", "id"):
        for intent in INTENTS:
            for block in rasa.shared.utils.io.read_yaml_file(DATA / language / f"{intent}.yml")["nlu"]:
                lines = block["examples"].splitlines()
                found += [(line[2:], block["intent"], block["metadata"]["language"]) for line in lines]
    return found


TAUGHT = taught()
FITTED = [text for text, _, _ in TAUGHT[::2]]
NEW = [text for text, _, _ in TAUGHT[1::2]][: 200 - len(STRANGE)] + STRANGE


def fitted() -> tuple[Features, Any]:
    features = Features()
    return features, features.fit(FITTED)


def as_row(features: Features, text: str, width: int) -> Any:
    columns, weights = features.of(text)
    row = np.zeros(width)
    row[columns] = weights
    return row


def by_scikit_learn(features: Features, text: str) -> Any:
    return hstack([view.transform([text]) for view in features._views]).toarray()[0]


class TheFeatures(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.features, cls.rows = fitted()

    def test_there_are_200_texts_to_compare(self) -> None:
        self.assertEqual(len(NEW), 200)

    def test_are_those_of_scikit_learns_transform(self) -> None:
        for text in NEW:
            with self.subTest(text=text):
                ours, theirs = as_row(self.features, text, self.rows.shape[1]), by_scikit_learn(self.features, text)
                np.testing.assert_allclose(ours, theirs, atol=1e-6)

    def test_of_a_text_that_was_fitted_are_its_row(self) -> None:
        for number in range(0, len(FITTED), 20):
            ours = as_row(self.features, FITTED[number], self.rows.shape[1])
            np.testing.assert_allclose(ours, self.rows[number].toarray()[0], atol=1e-6)

    def test_of_what_was_never_seen_are_none(self) -> None:
        columns, weights = self.features.of("مرحبا")
        self.assertEqual((len(columns), len(weights)), (0, 0))

    def test_are_the_same_when_they_were_stored_and_loaded(self) -> None:
        loaded = pickle.loads(pickle.dumps(self.features))  # noqa: S301  our own
        for text in NEW[:20]:
            for ours, theirs in zip(loaded.of(text), self.features.of(text), strict=True):
                np.testing.assert_array_equal(ours, theirs)


class TheJudge(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.features, cls.rows = fitted()

    def compare(self, labels: list[str], balanced: bool) -> None:
        judge = Judge(self.rows, labels, balanced)
        weight = "balanced" if balanced else None
        theirs = LogisticRegression(C=20, max_iter=1000, tol=1e-4 * len(labels), class_weight=weight)
        theirs.fit(self.rows, labels)
        for text in NEW[::4] + STRANGE:
            with self.subTest(text=text):
                (wanted,) = theirs.predict_proba(by_scikit_learn(self.features, text).reshape(1, -1))
                ranked = judge(*self.features.of(text))
                self.assertEqual([p for _, p in ranked], sorted((p for _, p in ranked), reverse=True))
                given = dict(ranked)
                np.testing.assert_allclose([given[label] for label in theirs.classes_], wanted, atol=1e-4)

    def test_of_many_classes_is_predict_proba(self) -> None:
        self.compare([intent for _, intent, _ in TAUGHT[::2]], balanced=False)

    def test_of_classes_of_unequal_size_is_predict_proba(self) -> None:
        self.compare(["deny" if intent == "deny" else "" for _, intent, _ in TAUGHT[::2]], balanced=True)

    def test_of_two_classes_is_predict_proba(self) -> None:
        self.compare([language for _, _, language in TAUGHT[::2]], balanced=False)

    def test_of_one_class_is_sure(self) -> None:
        judge = Judge(self.rows, ["id"] * len(FITTED))
        for text in NEW[-20:]:
            self.assertEqual(judge(*self.features.of(text)), [("id", 1.0)])


class TheNearest(unittest.TestCase):
    def test_is_the_mean_cosine_of_the_two_views(self) -> None:
        features, rows = fitted()
        nearest = Nearest(rows)
        examples = [view.transform(FITTED) for view in features._views]
        for text in NEW:
            with self.subTest(text=text):
                views = zip(features._views, examples, strict=True)
                cosines = [cosine_similarity(view.transform([text]), known)[0] for view, known in views]
                self.assertAlmostEqual(nearest(*features.of(text)), np.mean(cosines, axis=0).max(), places=5)

    def test_of_a_training_example_is_one_and_of_what_was_never_seen_nothing(self) -> None:
        features, rows = fitted()
        nearest = Nearest(rows)
        self.assertAlmostEqual(nearest(*features.of(FITTED[0])), 1.0, places=5)
        self.assertEqual(nearest(*features.of("مرحبا")), 0.0)


def example(text: str, intent: str, language: str, detail: str = "") -> Message:
    more = {INTENT_RESPONSE_KEY: f"{intent}/{detail}"} if detail else {}
    return Message({"text": text, "intent": intent, "metadata": {"intent": {"language": language}}, **more})


EXAMPLES = [
    *(example(text, intent, language) for text, intent, language in TAUGHT if intent != "find_store"),
    *(
        example(f"something {a} for {b}", "state_need", "en", "gift")
        for a in ("nice", "lovely")
        for b in ("her", "him")
    ),
    *(example(f"sesuatu yang {a} buat {b}", "state_need", "id", "gift") for a in ("bagus", "cantik") for b in ("dia",)),
    *(example(f"a {a} read for the {b}", "state_need", "en", "holiday") for a in ("light", "easy") for b in ("beach",)),
    *(
        example(f"bacaan {a} buat {b}", "state_need", "id", "holiday")
        for a in ("ringan", "santai")
        for b in ("pantai",)
    ),
    *(
        example(f"{a} {{product}} in {b}", "ask_stock", "en")
        for a in ("do you have", "is there")
        for b in ("stock", "{store}")
    ),
    *(example(f"{a} {{product}} di {b}", "ask_stock", "id") for a in ("ada", "jual") for b in ("toko", "{store}")),
    *(example(f"can i pay {a}", "ask_faq", "en", "payment") for a in ("by card", "by cheque", "with a card")),
    *(example(f"can i bring my {a}", "ask_faq", "en") for a in ("dog", "cat", "parrot")),
    *(example(f"{a} english", "change_language", "en") for a in ("speak", "please speak", "i don't speak")),
    *(example(f"{a} bahasa inggris", "change_language", "id") for a in ("pakai", "bisa", "jangan")),
]
NAMES = {"product": {"atlas": ["World Atlas", "atlas"]}, "store": {"harbour": ["Harbour"]}}


class TheComponent(unittest.TestCase):
    """Trained on a few examples, stored, and loaded as the server does."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        storage, resource = LocalModelStorage(Path(folder.name)), Resource("understanding")
        context = ExecutionContext(GraphSchema({}))
        config = Understanding.get_default_config()
        cls.trained = Understanding.create(config, storage, resource, context)
        cls.trained.train(TrainingData(EXAMPLES))
        cls.loaded = Understanding.load(config, storage, resource, context)

    def understood(self, text: str, language: str = "en", component: Understanding | None = None) -> Message:
        message = Message({"text": text, "metadata": {"language": language, "message_id": "m-1"}})
        ((done),) = (component or self.loaded).process([message])
        return done

    def entity(self, message: Message, kind: str) -> str | None:
        return next((e["value"] for e in message.get("entities") if e["entity"] == kind), None)

    def test_understands_the_same_when_it_was_loaded(self) -> None:
        for text in NEW[:20]:
            ours = self.understood(text, component=self.trained).as_dict()
            self.assertEqual(self.understood(text).as_dict(), ours)

    def test_tells_intent_and_language(self) -> None:
        for text, intent, language in (("hello there", "greet", "en"), ("terima kasih banyak", "thank", "id")):
            message = self.understood(text)
            self.assertEqual(message.get("intent")["name"], intent)
            self.assertEqual(self.entity(message, "language"), language)
            self.assertEqual(message.get("intent_ranking")[0]["name"], intent)

    def test_tells_the_need_behind_the_words(self) -> None:
        for text, need in (("something lovely for him", "gift"), ("bacaan santai buat pantai", "holiday")):
            message = self.understood(text)
            self.assertEqual(message.get("intent")["name"], "state_need")
            self.assertEqual(self.entity(message, "need"), need)
        self.assertIsNone(self.entity(self.understood("hello there"), "need"))

    def test_of_one_language_hears_that_language(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            config, context = Understanding.get_default_config(), ExecutionContext(GraphSchema({}))
            component = Understanding.create(config, LocalModelStorage(Path(folder)), Resource("one"), context)
            spoken = [example(text, intent, language) for text, intent, language in TAUGHT if language == "id"]
            component.train(TrainingData(spoken))
        for text in ("halo", "hello there", "☕"):
            self.assertEqual(self.entity(self.understood(text, "id", component), "language"), "id")

    def test_numbers_codes_and_addresses_are_in_the_language_of_the_conversation(self) -> None:
        texts = ("828 650", "0812-7700-1234", "thank.you@mail.example", "{order_number}", "halo@kopi.example 828650")
        for text in (*texts, *(f"{number:03} {number * 7 % 1000:03}" for number in range(0, 1000, 9))):
            for language in ("en", "id"):
                self.assertEqual(self.entity(self.understood(text, language), "language"), language, text)
        self.assertEqual(self.entity(self.understood("terima kasih banyak 828 650"), "language"), "id")

    def test_asks_no_judge_for_details_that_nobody_taught(self) -> None:
        self.assertEqual(list(self.loaded._details), ["need", "faq"])

    def test_knows_which_of_the_usual_questions_is_asked(self) -> None:
        message = self.understood("can i pay by cheque or card")
        self.assertEqual(message.get("intent")["name"], "ask_faq")
        self.assertEqual(self.entity(message, "faq"), "payment")

    def test_a_question_that_the_business_has_not_answered_is_out_of_scope(self) -> None:
        message = self.understood("can i bring my parrot")
        self.assertEqual(message.get("intent_ranking")[0]["name"], "ask_faq")
        self.assertEqual(message.get("intent")["name"], OUT_OF_SCOPE)
        self.assertIsNone(self.entity(message, "faq"))

    def test_hears_which_language_is_wanted_whatever_it_is_said_in(self) -> None:
        for text, spoken, wanted in (
            ("please speak english", "en", "en"),
            ("i don't speak english", "en", "id"),
            ("bisa pakai bahasa inggris", "id", "en"),
            ("jangan pakai bahasa inggris", "id", "id"),
        ):
            message = self.understood(text, spoken)
            self.assertEqual(message.get("intent")["name"], "change_language")
            self.assertEqual(
                (self.entity(message, "language"), self.entity(message, "wanted_language")), (spoken, wanted)
            )

    def test_a_language_is_wanted_only_where_a_change_is_asked_for(self) -> None:
        self.assertIsNone(self.entity(self.understood("something nice for her, in english"), "wanted_language"))

    def test_what_is_asked_does_not_hang_on_what_it_is_asked_of(self) -> None:
        pipeline = build({"names": NAMES, "numbers": {}})
        for text in ("do you have the World Atlas in Harbour", "ada ATLAS di harbour"):
            message = Message({"text": text, SPACY_DOC: pipeline(text)})
            self.loaded.process([message])
            self.assertEqual(message.get("intent")["name"], "ask_stock", text)
            self.assertGreater(message.get("intent")["confidence"], 0.7)

    def test_what_resembles_nothing_is_out_of_scope_in_the_language_of_the_talk(self) -> None:
        for language in ("en", "id"):
            for text in ("☕", "مرحبا", "xqzw vkjp"):
                message = self.understood(text, language)
                self.assertEqual(message.get("intent")["name"], OUT_OF_SCOPE)
                self.assertEqual(self.entity(message, "language"), language)

    def test_a_message_without_a_text_is_left_alone(self) -> None:
        (message,) = self.loaded.process([Message({"intent": {"name": "greet"}})])
        self.assertEqual(message.get("intent"), {"name": "greet"})

    def test_keeps_the_entities_that_others_found(self) -> None:
        message = Message({"text": "hello there", "entities": [{"entity": "email", "value": "a@b.example"}]})
        self.loaded.process([message])
        self.assertEqual([e["entity"] for e in message.get("entities")][:2], ["email", "language"])
