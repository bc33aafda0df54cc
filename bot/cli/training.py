"""`rapport train`: compiles `business.yml` into training data beside `data/`, trains in Rasa's environment, records the model.

What is compiled lies under `var/train/` and is made anew each time. The model counts as ready only when it was trained from
exactly these inputs and is, byte for byte, the file that was recorded.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML

from bot.settings import ROOT, Settings
from crm_store.business import Business, Question
from crm_store.business_file import load_business

RASA_PYTHON = ROOT / "bot/rasa/.venv/bin/python"
INPUTS = (
    "domain.yml",
    "config.yml",
    "bot/rasa/policy.py",
    "bot/rasa/train.py",
    "bot/rasa/requirements.txt",
    "bot/cli/training.py",
)
INPUT_FOLDERS = ("data", "bot/rasa/nlu")

BY_PHONE = {"en": "By phone,", "id": "Lewat telepon,"}
KEPT = 3
"""Models that are kept, the newest one among them."""

State = Literal["ready", "missing", "stale", "foreign"]


class TrainingError(Exception):
    """The assistant could not be trained. The text ends with what Rasa said last."""


@dataclass(frozen=True)
class Model:
    path: str
    sha256: str
    inputs: str
    trained_at: str


def train(settings: Settings, report: Callable[[str], None]) -> Model:
    """Trains and records the model; `report` gets a line at each step.

    Raises InvalidBusinessError for a `business.yml` that cannot be used and TrainingError.
    """
    business = load_business(settings.business)
    report(f"business.yml is sound: {business.business.name}")
    inputs = _fingerprint(settings)
    folder = settings.var.resolve() / "train" / inputs[:16]
    shutil.rmtree(folder, ignore_errors=True)
    compile_business(business, folder)
    report("compiled: names, questions and ways to answer them")
    report("training, about a minute ...")
    _run_rasa(folder)
    model = _record(settings, folder / "model.tar.gz", inputs)
    _keep_newest(folder)
    report(f"trained: sha256 {model.sha256[:16]}")
    return model


def model_state(settings: Settings) -> State:
    """Whether the recorded model can be served: `stale` when its inputs changed, `foreign` when the file did."""
    model = recorded(settings)
    if model is None or not Path(model.path).exists():
        return "missing"
    if _sha256(Path(model.path)) != model.sha256:
        return "foreign"
    return "ready" if model.inputs == _fingerprint(settings) else "stale"


def recorded(settings: Settings) -> Model | None:
    """The model that was trained last, or None."""
    try:
        return Model(**json.loads((settings.var / "model.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def compile_business(business: Business, folder: Path) -> None:
    """Writes all that Rasa's training reads besides `data/`, and which languages of that it is to read."""
    for name in ("domain", "nlu"):
        (folder / name).mkdir(parents=True)
    domain = _read(ROOT / "domain.yml")
    lead_in = _texts(domain["responses"]["utter_lead_in"])
    domain["responses"] = {name: _spoken(business, said) for name, said in domain["responses"].items()}
    _write(folder / "domain/domain.yml", domain)
    _write(folder / "domain/business.yml", {"version": "3.1", "responses": _responses(business, lead_in)})
    _write(folder / "nlu/business.yml", {"version": "3.1", "nlu": list(_examples(business))})
    (folder / "pipeline.json").write_text(json.dumps(_names(business), ensure_ascii=False), "utf-8")
    config = _read(ROOT / "config.yml")
    config["pipeline"][0]["model"] = str(folder / "spacy")
    _write(folder / "config.yml", config)


def _names(business: Business) -> dict[str, Any]:
    return {
        "languages": business.business.languages,
        "names": {
            "product": {
                p.id: list(dict.fromkeys([p.name, *(p.title or {}).values(), *p.names])) for p in business.products
            },
            "store": {s.id: [s.name, *s.names] for s in business.stores},
        },
        "numbers": {
            "order_number": business.numbers.order_number,
            "loyalty_number": business.numbers.loyalty_number,
        },
    }


def _examples(business: Business) -> Iterator[dict[str, Any]]:
    for language in business.business.languages:
        for segment in business.needs.segments:
            yield _intent(f"state_need/{segment.id}", language, segment.says.get(language, []))
        for question in business.questions:
            for option in question.options:
                ways = [option.title[language], *option.says.get(language, [])]
                yield _intent(f"answer_question/{question.id}.{option.id}", language, ways)
        for entry in business.faq:
            yield _intent(f"ask_faq/{entry.id}", language, entry.says.get(language, []))


def _intent(name: str, language: str, examples: list[str]) -> dict[str, Any]:
    lines = "".join(f"- {' '.join(example.split())}\n" for example in examples)
    return {"intent": name, "metadata": {"language": language}, "examples": lines}


def _responses(business: Business, lead_in: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    about = business.business
    hours = {
        code: "\n".join(
            [
                *(f"{s.name}: {s.hours[code]}." for s in business.stores),
                f"{BY_PHONE[code]} {about.phone}: {about.hours[code]}.",
            ]
        )
        for code in about.languages
    }
    stores = {code: "\n".join(f"{s.name}, {s.address}: {s.hours[code]}." for s in business.stores) for code in hours}
    responses = {
        "utter_hours": _variations(business, hours),
        "utter_stores": _variations(business, stores if business.stores else hours),
    }
    responses |= {f"utter_faq_{entry.id}": _variations(business, entry.text) for entry in business.faq}
    # A retrieval intent must have a response of its name; the rules never use it.
    responses |= {f"utter_ask_faq/{entry.id}": _variations(business, entry.text) for entry in business.faq}
    responses |= {f"utter_state_need/{s.id}": _variations(business, s.title) for s in business.needs.segments}
    for question in business.questions:
        opening = {code: f"{lead_in.get(code, '')} {text}".strip() for code, text in question.text.items()}
        responses[f"utter_ask_{question.id}"] = _variations(business, question.text, question)
        responses[f"utter_open_{question.id}"] = _variations(business, opening, question)
        for option in question.options:
            responses[f"utter_answer_question/{question.id}.{option.id}"] = _variations(business, option.title)
    return responses


def _variations(business: Business, texts: dict[str, str], question: Question | None = None) -> list[dict[str, Any]]:
    """One wording a language; the default language's carries no condition, so that there is always one to say."""
    made = []
    for code in business.business.languages:
        wording: dict[str, Any] = {"text": texts[code]}
        if question:
            wording["buttons"] = [
                {
                    "title": option.title[code],
                    # No braces: Rasa would take them for a placeholder and log a traceback on each turn.
                    "payload": f"/answer_question {question.id}.{option.id}",
                }
                for option in question.options
            ]
        if code != business.business.default_language:
            wording["condition"] = [{"type": "slot", "name": "language", "value": code}]
        made.append(wording)
    return made


def _spoken(business: Business, variations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The wordings in the languages of the business; where it has one language, these are said without a condition."""
    spoken = [wording for wording in variations if _language(wording) in business.business.languages]
    if len(business.business.languages) > 1:
        return spoken
    return [{key: value for key, value in wording.items() if key != "condition"} for wording in spoken]


def _language(wording: dict[str, Any]) -> str:
    """`domain.yml` says English without a condition."""
    conditions = wording.get("condition") or [{"value": "en"}]
    return str(conditions[0]["value"])


def _texts(variations: list[dict[str, Any]]) -> dict[str, str]:
    """The first wording of a response in each language."""
    found: dict[str, str] = {}
    for variation in variations:
        found.setdefault(_language(variation), variation["text"])
    return found


def _run_rasa(folder: Path) -> None:
    environment = {
        **os.environ,
        "RASA_TELEMETRY_ENABLED": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    }
    done = subprocess.run(  # noqa: S603  our own interpreter, our own module
        [RASA_PYTHON, "-W", "ignore", "-m", "bot.rasa.train", folder],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    (folder / "training.log").write_text(done.stdout + done.stderr, "utf-8")
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise TrainingError(f"Rasa could not train ({folder / 'training.log'} has all of it):\n{last}")


def _record(settings: Settings, path: Path, inputs: str) -> Model:
    model = Model(str(path), _sha256(path), inputs, datetime.now(UTC).isoformat(timespec="seconds"))
    draft = settings.var / "model.json.new"
    draft.write_text(json.dumps(asdict(model), indent=1))
    draft.replace(settings.var / "model.json")
    return model


def _keep_newest(folder: Path) -> None:
    """Leaves the models before this one: a stack that runs may have to start its Rasa again with the one it began with."""
    for old in sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _fingerprint(settings: Settings) -> str:
    """Changes whenever a file that goes into the model does."""
    digest = hashlib.sha256()
    paths = [settings.business, *(ROOT / name for name in INPUTS)]
    for folder in INPUT_FOLDERS:
        paths.extend(sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in (".yml", ".py")))
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text("utf-8"))


def _write(path: Path, content: Any) -> None:
    yaml = YAML()
    yaml.width = 10000
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)
