"""Trains the understanding alone, from a folder that `rapport train` compiles, and says how it does on sentences held out.

python -m bot.rasa.heldout FOLDER SENTENCES.yml ...      prints one JSON object
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import rasa.shared.utils.io
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.loading import load_data
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.rasa.nlu.entities import SPACY_DOC, KnownEntities
from bot.rasa.nlu.pipeline import build
from bot.rasa.nlu.understanding import Understanding


class Listener:
    """The understanding of one business, without the server around it."""

    def __init__(self, folder: Path) -> None:
        compiled = json.loads((folder / "pipeline.json").read_text("utf-8"))
        self._pipeline = build(compiled)
        taught = TrainingData()
        for path in [*(f"data/nlu/{code}" for code in compiled["languages"]), str(folder / "nlu")]:
            taught = taught.merge(load_data(path))
        for example in taught.intent_examples:
            example.set(SPACY_DOC, self._pipeline(example.get("text")))
        with tempfile.TemporaryDirectory() as store:
            storage, context = LocalModelStorage(Path(store)), ExecutionContext(GraphSchema({}))
            config = Understanding.get_default_config()
            self._understanding = Understanding.create(config, storage, Resource("understanding"), context)
            self._understanding.train(taught)

    def hears(self, text: str) -> dict[str, Any]:
        """What Rasa would give to the actions: `intent`, `confidence` and the entities by kind."""
        message = Message({"text": text, SPACY_DOC: self._pipeline(text)})
        self._understanding.process(KnownEntities().process([message]))
        return {
            "intent": message.get("intent")["name"],
            "confidence": message.get("intent")["confidence"],
            **{found["entity"]: found["value"] for found in message.get("entities")},
        }


def main(folder: Path, files: list[Path]) -> None:
    listener = Listener(folder)
    sentences = [sentence for path in files for sentence in rasa.shared.utils.io.read_yaml_file(path)]
    started = time.perf_counter()
    heard = [listener.hears(sentence["text"]) for sentence in sentences]
    milliseconds = 1000 * (time.perf_counter() - started) / len(sentences)
    results = [{"said": said, "heard": heard} for said, heard in zip(sentences, heard, strict=True)]
    print(json.dumps({"milliseconds": round(milliseconds, 3), "results": results}, ensure_ascii=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
