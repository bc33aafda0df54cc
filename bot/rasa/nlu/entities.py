"""Takes the entities that the spaCy pipeline found into the message, with the id of a product or store as the value.

Rasa's own extractor runs the pipeline a second time and drops that id. What a message asks does not hang on which of them it
names, so it can also be read with their kinds in their places.
"""

from __future__ import annotations

import re
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

import bot.rasa.nlu.pipeline  # noqa: F401  registers the component that the saved pipeline names

SPACY_DOC = "text_spacy_doc"
NAMES = ("product", "store")
NUMBERS = ("order_number", "loyalty_number")
_WORD = re.compile(r"\w")
_NO_WORD = re.compile(r"\{\w+\}|\S*[\d@]\S*")
_LETTER = re.compile(r"[^\W\d_]")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class KnownEntities(GraphComponent):
    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> KnownEntities:
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            doc = message.get(SPACY_DOC)
            if doc is None or not message.get(TEXT):
                continue
            found = [
                {
                    "entity": span.label_,
                    "value": span.ent_id_ or span.text,
                    "start": span.start_char,
                    "end": span.end_char,
                    "extractor": "KnownEntities",
                }
                for span in doc.ents
            ]
            if found:
                message.set(ENTITIES, [*message.get(ENTITIES, []), *found], add_to_output=True)
        return messages


def in_general(message: Message, start: int = 0, end: int | None = None) -> str:
    """The text with `{product}`, `{store}` and the like for what is named in it, as the training examples write them.

    A name that stands alone stays: it asks nothing, and may be the answer to a question. `start`, `end`: of that part only.
    """
    text: str = message.get(TEXT)[:end]
    doc = message.get(SPACY_DOC)
    if doc is None:
        return text[start:]
    general, at, is_alone = "", start, True
    for span in doc.ents:
        if (span.label_ in NAMES or span.label_ in NUMBERS) and start <= span.start_char and span.end_char <= len(text):
            between = text[at : span.start_char]
            is_alone = is_alone and span.label_ in NAMES and not _WORD.search(between)
            general += f"{between}{{{span.label_}}}"
            at = span.end_char
    return text[start:] if is_alone and not _WORD.search(text[at:]) else general + text[at:]


def has_words(general: str) -> bool:
    """Whether a text, as `in_general` gives it, says anything beside numbers, codes and addresses, which are in no language."""
    return bool(_LETTER.search(_NO_WORD.sub(" ", general)))
