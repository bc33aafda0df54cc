"""Trains the assistant from a folder that `rapport train` has compiled. Prints the path of the model, last.

python -m bot.rasa.train FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import rasa

from bot.rasa.nlu.pipeline import build


def main(folder: Path) -> None:
    compiled = json.loads((folder / "pipeline.json").read_text("utf-8"))
    build(compiled).to_disk(folder / "spacy")
    result = rasa.train(
        domain=str(folder / "domain"),
        config=str(folder / "config.yml"),
        training_files=["data/rules", *(f"data/nlu/{code}" for code in compiled["languages"]), str(folder / "nlu")],
        output=str(folder),
        fixed_model_name="model",
        force_training=True,
    )
    if result.code or not result.model:
        sys.exit("the training failed; the reason stands above")
    print(result.model)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
