"""Intent, need, answer and language from one set of tf-idf features.

Words and word pairs, and characters within words (2 to 5), sublinear tf-idf, L2; one logistic regression a question.
Confidence alone is a poor judge of what is out of scope, so the similarity to the nearest training example is asked too.
No network is trained and none runs.
"""

from __future__ import annotations

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

OUT_OF_SCOPE = "out_of_scope"
NOTHING = ""
"""The class of examples that name no need and no answer."""


class Features:
    """tf-idf over words (1-2) and characters within words (2-5); rows have length sqrt(2) at most."""

    def __init__(self) -> None:
        words = {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}
        self._views = [
            TfidfVectorizer(sublinear_tf=True, lowercase=True, dtype=np.float32, **words),
            TfidfVectorizer(
                sublinear_tf=True, lowercase=True, dtype=np.float32, analyzer="char_wb", ngram_range=(2, 5)
            ),
        ]

    def fit(self, texts: Sequence[str]) -> csr_matrix:
        return hstack([view.fit_transform(texts) for view in self._views]).tocsr()

    def of(self, text: str) -> csr_matrix:
        return hstack([view.transform([text]) for view in self._views]).tocsr()


class Judge:
    """A logistic regression over the features, answering with (label, probability), likeliest first."""

    def __init__(self, features: csr_matrix, labels: Sequence[str], balanced: bool = False) -> None:
        model = LogisticRegression(C=20, max_iter=1000, class_weight="balanced" if balanced else None)
        model.fit(features, labels)
        self.labels = [str(label) for label in model.classes_]
        self._weights = model.coef_.T.astype(np.float32)
        self._bias = model.intercept_.astype(np.float32)

    def __call__(self, row: csr_matrix) -> list[tuple[str, float]]:
        scores = np.asarray(row @ self._weights)[0] + self._bias
        if len(scores) == 1:  # two classes have one set of weights
            scores = np.array([0.0, scores[0]])
        raised = np.exp(scores - scores.max())
        raised /= raised.sum()
        return [(self.labels[i], float(raised[i])) for i in np.argsort(-raised)]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class Understanding(GraphComponent):
    """Sets the intent with its ranking and adds the entities `language`, `need` and `answer`."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"least_confidence": 0.25, "least_similarity": 0.22, "least_detail": 0.45, "sure_language": 0.75}

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
        self._examples: csr_matrix = trained["examples"]
        self._intent: Judge = trained["intent"]
        self._language: Judge = trained["language"]
        self._details: dict[str, Judge] = trained["details"]

    def train(self, training_data: TrainingData) -> Resource:
        examples = [m for m in training_data.intent_examples if m.get(TEXT)]
        features = Features()
        rows = features.fit([m.get(TEXT) for m in examples])
        intents = [m.get(INTENT) for m in examples]
        trained = {
            "features": features,
            "examples": rows,
            "intent": Judge(rows, intents),
            "language": Judge(rows, [_language(m) for m in examples]),
            "details": {
                entity: Judge(rows, [_detail(m, intent) for m in examples], balanced=True)
                for entity, intent in (("need", "state_need"), ("answer", "answer_question"))
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
        ranking = self._intent(row)
        name, confidence = ranking[0]
        # Both parts of a row have length 1, so that a half of the product is the mean cosine.
        similarity = float((self._examples @ row.T).max()) / 2 if row.nnz else 0.0
        if confidence < self._config["least_confidence"] or similarity < self._config["least_similarity"]:
            name, confidence = OUT_OF_SCOPE, 1.0 - max(confidence, similarity)
        message.set(INTENT, {"name": name, "confidence": confidence}, add_to_output=True)
        message.set("intent_ranking", [{"name": n, "confidence": c} for n, c in ranking[:5]], add_to_output=True)
        found = [_entity("language", *self._language_of(row, message))]
        for entity, judge in self._details.items():
            label, sure = judge(row)[0]
            if label != NOTHING and sure >= self._config["least_detail"]:
                found.append(_entity(entity, label, sure))
        message.set(ENTITIES, [*message.get(ENTITIES, []), *found], add_to_output=True)

    def _language_of(self, row: csr_matrix, message: Message) -> tuple[str, float]:
        """The language of the words when they are sure, else the one of the conversation so far."""
        language, sure = self._language(row)[0]
        before = (message.get(METADATA) or {}).get("language")
        if before and (sure < self._config["sure_language"] or row.nnz == 0):
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
