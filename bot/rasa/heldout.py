"""Says what a trained model hears in sentences that were held out of its training, and how long it takes for one.

python -m bot.rasa.heldout MODEL.tar.gz SENTENCES.yml ...      prints one JSON object, last
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import rasa.shared.utils.io
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage

WARM = 20
"""Sentences that are heard before time is taken."""


async def main(model: str, files: list[str]) -> None:
    processor = Agent.load(model).processor
    if processor is None:
        sys.exit(f"{model} holds no model; train one: rapport train")
    sentences = [sentence for path in files for sentence in rasa.shared.utils.io.read_yaml_file(path)]
    messages = [UserMessage(sentence["text"]) for sentence in sentences]
    for message in messages[:WARM]:
        await processor.parse_message(message)
    started = time.perf_counter()
    heard = [await processor.parse_message(message) for message in messages]
    milliseconds = 1000 * (time.perf_counter() - started) / len(messages)
    results = [{**said, "heard": _of(parsed)} for said, parsed in zip(sentences, heard, strict=True)]
    print(json.dumps({"milliseconds": round(milliseconds, 3), "results": results}, ensure_ascii=False))


def _of(parsed: dict[str, Any]) -> dict[str, Any]:
    """The intent, how sure it is, and the entities by kind."""
    entities = {found["entity"]: found["value"] for found in parsed["entities"]}
    return {"intent": parsed["intent"]["name"], "confidence": parsed["intent"]["confidence"], "entities": entities}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
