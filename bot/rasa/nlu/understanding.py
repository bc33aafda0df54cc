"""Intent, need, answer, frequent question and language of a message, and the further questions in it.

One set of features, one logistic regression for each of them (`judging`). Confidence alone is a poor judge of what is out of
scope, so the similarity to the nearest training example is asked too. No network is trained and none runs.
"""

from __future__ import annotations

from dataclasses import dataclass
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

from bot.rasa.nlu.clauses import halves
from bot.rasa.nlu.entities import has_words, in_general
from bot.rasa.nlu.judging import Features, Judge, Nearest
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
"""Questions of fact, of which several in one message are all answered."""
NOTHING = ""
"""The class of examples that name no need and no answer."""


@dataclass(frozen=True)
class Part:
    """A part of a message that is a question by itself: its intent, how sure that is, and the details in it."""

    name: str
    sure: float
    begin: int
    end: int
    details: list[dict[str, Any]]

    def entities(self) -> list[dict[str, Any]]:
        """What tells of this question where it is not the first, each with its place in the text."""
        place = {"start": self.begin, "end": self.end}
        return [entity | place for entity in (_entity("further", self.name, self.sure), *self.details)]


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
        found = [_entity("language", *self._language_of(row, similarity, message, said))]
        parts = self._parts(message, 0, len(text)) if name in QUESTIONS else []
        if parts:
            name, confidence = parts[0].name, parts[0].sure
            found += [*parts[0].details, *(entity for part in parts[1:] for entity in part.entities())]
        else:
            found += self._details_in(row, name)
        if name == ASK_FAQ and not parts and found[-1]["entity"] != "faq":
            name = OUT_OF_SCOPE  # what customers ask of a shop, and this business has not answered
        if name == CHANGE_LANGUAGE and (wanted := wanted_language(text)):
            found.append(_entity("wanted_language", wanted, 1.0))
        message.set(INTENT, {"name": name, "confidence": confidence}, add_to_output=True)
        message.set("intent_ranking", [{"name": n, "confidence": c} for n, c in ranking[:5]], add_to_output=True)
        message.set(ENTITIES, [*message.get(ENTITIES, []), *found], add_to_output=True)

    def _parts(self, message: Message, begin: int, end: int) -> list[Part]:
        """The questions into which this part of the text falls; none where it does not.

        Each is surely a question by itself, and another one than its neighbour's; the surest way to part the text counts.
        """
        pairs = (
            (self._part(message, begin, begin + stop), self._part(message, begin + start, end))
            for stop, start in halves(message.get(TEXT)[begin:end])
        )
        found = [pair for pair in pairs if pair[0].name and pair[1].name and pair[0].name != pair[1].name]
        best = max(found, default=None, key=lambda pair: min(part.sure for part in pair))
        if best is None or min(part.sure for part in best) < self._config["sure_half"]:
            return []
        return [smaller for part in best for smaller in self._parts(message, part.begin, part.end) or [part]]

    def _part(self, message: Message, begin: int, end: int) -> Part:
        """The question that a part of the text is by itself; without a name where it is none."""
        row = self._features.of(in_general(message, begin, end))
        name, sure = self._intent(*row)[0]
        details = self._details_in(self._features.of(message.get(TEXT)[begin:end]), name)
        is_answered = name != ASK_FAQ or any(detail["entity"] == "faq" for detail in details)
        if name not in QUESTIONS or not is_answered or self._nearest(*row) < self._config["least_similarity"]:
            name = NOTHING
        return Part(name, sure, begin, end, details)

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
        self, row: tuple[np.ndarray, np.ndarray], similarity: float, message: Message, general: str
    ) -> tuple[str, float]:
        """The language of the words when there are any and they are sure, else the one of the conversation so far."""
        language, sure = self._language(*row)[0]
        before = (message.get(METADATA) or {}).get("language")
        unlike = similarity < self._config["least_similarity"]  # nonsense is in no language
        if before and (unlike or not has_words(general) or sure < self._config["sure_language"]):
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
