"""Intent, need, answer, question and language from one set of tf-idf features.

Words and word pairs, and characters within words (2 to 5), sublinear tf-idf, L2; one logistic regression a question.
Confidence alone is a poor judge of what is out of scope, so the similarity to the nearest training example is asked too.
No network is trained and none runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import joblib
import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RESPONSE_KEY, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from bot.rasa.nlu.clauses import halves
from bot.rasa.nlu.entities import in_general
from bot.rasa.nlu.wanted import wanted_language

OUT_OF_SCOPE = "out_of_scope"
ASK_FAQ = "ask_faq"
CHANGE_LANGUAGE = "change_language"
DETAILS = {"need": "state_need", "answer": "answer_question", "faq": ASK_FAQ}
"""The entities that stand behind the slash of an intent's name in the training data, by that intent."""
FAQ_FIRST = (ASK_FAQ, "ask_products", "how_to_order")
"""Intents whose words the business may have an answer of its own to."""
QUESTIONS = (
    *("ask_price", "ask_stock", "ask_hours", "find_store", "ask_products", "how_to_order", ASK_FAQ),
    *("order_status", "ask_delivery", "repair_status", "loyalty_points"),
)
"""Questions of fact, of which two in one message are both answered."""
NOTHING = ""
"""The class of examples that name no need and no answer."""


class Features:
    """tf-idf over words (1-2) and characters within words (2-5), each of the two scaled to length 1.

    Fitted by scikit-learn; a single message is then weighed here, since scikit-learn's own `transform` spends most of
    its time on checks that are for matrices. A test holds the two to the same numbers.
    """

    def __init__(self) -> None:
        shared = {"sublinear_tf": True, "lowercase": True, "dtype": np.float32}
        self._views = [
            TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", **shared),  # noqa: S106
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **shared),
        ]

    def fit(self, texts: Sequence[str]) -> csr_matrix:
        rows = hstack([view.fit_transform(texts) for view in self._views]).tocsr()
        self._prepare()
        return rows

    def __getstate__(self) -> dict[str, Any]:
        return {"_views": self._views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._views = state["_views"]
        self._prepare()

    def _prepare(self) -> None:
        # (terms of a text, column of a term, weight of a column): scikit-learn works out the last anew at each access.
        self._ready = [(view.build_analyzer(), view.vocabulary_, view.idf_) for view in self._views]

    def of(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """(columns, weights) of one text; empty when nothing in it was ever seen."""
        columns: list[int] = []
        weights: list[np.ndarray] = []
        offset = 0
        for analyze, known, idf in self._ready:
            counts = Counter(known[term] for term in analyze(text) if term in known)
            if counts:
                here = np.fromiter(counts, dtype=np.int64)
                weight = (1 + np.log(np.fromiter(counts.values(), dtype=np.float32))) * idf[here]
                weights.append(weight / np.linalg.norm(weight))
                columns.extend(here + offset)
            offset += len(known)
        return np.array(columns, dtype=np.int64), np.concatenate(weights or [np.zeros(0)]).astype(np.float32)


class Judge:
    """A logistic regression over the features, answering with (label, probability), likeliest first."""

    def __init__(self, features: csr_matrix, labels: Sequence[str], balanced: bool = False) -> None:
        if len(set(labels)) == 1:  # nothing to tell apart, such as the languages of a business that speaks one
            self.labels = [labels[0]]
            self._weights, self._bias = np.zeros((features.shape[1], 1), np.float32), np.zeros(1, np.float32)
            return
        # scikit-learn sums the gradient over the examples, so what is near enough to nothing grows with them; fitting to its
        # own, fixed limit takes thrice as long and judges the same.
        near_enough = 1e-4 * len(labels)
        weight = "balanced" if balanced else None
        model = LogisticRegression(C=20, max_iter=1000, tol=near_enough, class_weight=weight)
        model.fit(features, labels)
        self.labels = [str(label) for label in model.classes_]
        self._weights = np.ascontiguousarray(model.coef_.T.astype(np.float32))
        self._bias = model.intercept_.astype(np.float32)

    def __call__(self, columns: np.ndarray, weights: np.ndarray) -> list[tuple[str, float]]:
        scores = weights @ self._weights[columns] + self._bias
        if len(self.labels) == 2:  # two classes have one set of weights
            scores = np.array([0.0, scores[0]])
        raised = np.exp(scores - scores.max())
        raised /= raised.sum()
        return [(self.labels[i], float(raised[i])) for i in np.argsort(-raised)]


class Nearest:
    """How similar a text is to the most similar training example: the mean cosine of the two views, 0 to 1."""

    def __init__(self, examples: csr_matrix) -> None:
        self._by_column = examples.T.tocsr()

    def __call__(self, columns: np.ndarray, weights: np.ndarray) -> float:
        similar = self._by_column[columns].T @ weights
        return float(similar.max()) / 2


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class Understanding(GraphComponent):
    """Sets the intent with its ranking and adds the entities `language`, `need`, `answer`, `faq` and `wanted_language`.

    The intent is judged by what is said in general, whatever product or store it is said of; the rest by the very words.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "least_confidence": 0.25,
            "least_similarity": 0.22,
            "least_detail": 0.45,
            "sure_language": 0.75,
            "sure_half": 0.5,
        }

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._storage = storage
        self._resource = resource

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Understanding:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> Understanding:
        loaded = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            loaded._take(joblib.load(folder / "understanding.joblib"))
        return loaded

    def _take(self, trained: dict[str, Any]) -> None:
        self._features: Features = trained["features"]
        self._nearest: Nearest = trained["nearest"]
        self._intent: Judge = trained["intent"]
        self._language: Judge = trained["language"]
        self._details: dict[str, Judge] = trained["details"]

    def train(self, training_data: TrainingData) -> Resource:
        examples = [m for m in training_data.intent_examples if m.get(TEXT)]
        features = Features()
        both = features.fit([*(m.get(TEXT) for m in examples), *(in_general(m) for m in examples)])
        rows, general = both[: len(examples)], both[len(examples) :]
        trained = {
            "features": features,
            "nearest": Nearest(general),
            "intent": Judge(general, [m.get(INTENT) for m in examples]),
            "language": Judge(rows, [_language(m) for m in examples]),
            "details": {
                entity: Judge(rows, [_detail(m, intent) for m in examples], balanced=True)
                for entity, intent in DETAILS.items()
                if any(_detail(m, intent) for m in examples)
            },
        }
        with self._storage.write_to(self._resource) as folder:
            joblib.dump(trained, folder / "understanding.joblib")
        self._take(trained)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = message.get(TEXT)
            if text:
                self._understand(message, text)
        return messages

    def _understand(self, message: Message, text: str) -> None:
        row = self._features.of(text)
        said = in_general(message)
        general = row if said == text else self._features.of(said)
        ranking = self._intent(*general)
        name, confidence = ranking[0]
        similarity = self._nearest(*general)
        if confidence < self._config["least_confidence"] or similarity < self._config["least_similarity"]:
            name, confidence = OUT_OF_SCOPE, 1.0 - max(confidence, similarity)
        found = [_entity("language", *self._language_of(row, similarity, message))]
        two = self._two_questions(message, text) if name in QUESTIONS else None
        if two:
            name, confidence, entities = two
            found += entities
        else:
            found += self._details_in(row, name)
        if name == ASK_FAQ and found[-1]["entity"] != "faq" and not two:
            name = OUT_OF_SCOPE  # what customers ask of a shop, and this business has not answered
        if name == CHANGE_LANGUAGE and (wanted := wanted_language(text)):
            found.append(_entity("wanted_language", wanted, 1.0))
        message.set(INTENT, {"name": name, "confidence": confidence}, add_to_output=True)
        message.set("intent_ranking", [{"name": n, "confidence": c} for n, c in ranking[:5]], add_to_output=True)
        message.set(ENTITIES, [*message.get(ENTITIES, []), *found], add_to_output=True)

    def _two_questions(self, message: Message, text: str) -> tuple[str, float, list[dict[str, Any]]] | None:
        """The first of two questions in the message with its confidence, and the entities that tell the second.

        Each half must be a question by itself, and another one than its neighbour's: the surest way to part the text counts.
        """
        best: tuple[str, float, list[dict[str, Any]]] | None = None
        surest = self._config["sure_half"]
        for end, begin in halves(text):
            (first, sure, details), (second, sure_too, more) = self._half(message, 0, end), self._half(message, begin)
            if first and second and first != second and min(sure, sure_too) >= surest:
                surest = min(sure, sure_too)
                there = {"start": begin, "end": len(text)}
                told = [_entity("second", second, sure_too) | there, *(detail | there for detail in more)]
                best = first, sure, [*details, *told]
        return best

    def _half(self, message: Message, start: int, end: int | None = None) -> tuple[str, float, list[dict[str, Any]]]:
        """The question that a part of the text is, how sure that is, and its details; no name where it is none by itself."""
        row = self._features.of(in_general(message, start, end))
        name, confidence = self._intent(*row)[0]
        if name not in QUESTIONS or self._nearest(*row) < self._config["least_similarity"]:
            return NOTHING, 0.0, []
        details = self._details_in(self._features.of(message.get(TEXT)[start:end]), name)
        if name == ASK_FAQ and not any(detail["entity"] == "faq" for detail in details):
            return NOTHING, 0.0, []
        return name, confidence, details

    def _details_in(self, row: tuple[np.ndarray, np.ndarray], intent: str) -> list[dict[str, Any]]:
        found = []
        for entity, judge in self._details.items():
            if entity == "faq" and intent not in FAQ_FIRST:
                continue
            label, sure = judge(*row)[0]
            if label != NOTHING and sure >= self._config["least_detail"]:
                found.append(_entity(entity, label, sure))
        return found

    def _language_of(
        self, row: tuple[np.ndarray, np.ndarray], similarity: float, message: Message
    ) -> tuple[str, float]:
        """The language of the words when they are sure, else the one of the conversation so far."""
        language, sure = self._language(*row)[0]
        before = (message.get(METADATA) or {}).get("language")
        unlike = similarity < self._config["least_similarity"]  # nonsense is in no language
        if before and (unlike or sure < self._config["sure_language"]):
            return before, sure
        return language, sure


def _entity(entity: str, value: str, confidence: float) -> dict[str, Any]:
    return {"entity": entity, "value": value, "confidence_entity": round(confidence, 4), "extractor": "Understanding"}


def _language(message: Message) -> str:
    return str((message.get(METADATA) or {}).get("intent", {}).get("language", "en"))


def _detail(message: Message, intent: str) -> str:
    """What stands behind the slash of `intent/detail`."""
    key = message.get(INTENT_RESPONSE_KEY) or ""
    return key.split("/", 1)[1] if key.startswith(f"{intent}/") else NOTHING
