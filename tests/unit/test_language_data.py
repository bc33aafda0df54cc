"""What the assistant is taught and says: complete in both languages, without contradictions, of no trade.

Reads the YAML files as they are; knows nothing of Rasa.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
LANGUAGES = ("en", "id")
INDONESIAN = {"type": "slot", "name": "language", "value": "id"}
# Responses that `rapport train` compiles from business.yml.
COMPILED = {"utter_hours", "utter_stores"}
# The demo's trade. It may be spoken of under demo/ only.
TRADE = re.compile(
    r"\b(coffee\w*|kopi\w*|espresso|latte|cappuccino|mocha|arabica|robusta|barista\w*|brew\w*|roast\w*"
    r"|beans?|cups?|grinder\w*|grind|caff?eine\w*|decaf|seduh\w*|sangrai\w*|biji|cangkir\w*|kafein)\b",
    re.IGNORECASE,
)


class Utterance(NamedTuple):
    text: str
    intent: str
    language: str


def _read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def _taught() -> Iterator[Utterance]:
    for language in LANGUAGES:
        for path in sorted((ROOT / "data/nlu" / language).glob("*.yml")):
            for block in _read(path)["nlu"]:
                for line in block["examples"].splitlines():
                    assert line.startswith("- "), f"{path}: Rasa drops the line {line!r}"
                    yield Utterance(line[2:], block["intent"], block["metadata"]["language"])


def _heard(text: str) -> str:
    """The text as a classifier hears it: neither capitals nor punctuation tell two examples apart."""
    return " ".join(re.sub(r"[^\w\s]", " ", text.casefold()).split()) or text


TAUGHT = list(_taught())
HELD_OUT = [
    Utterance(**entry)
    for name in ("nlu_heldout.yml", "nlu_heldout_service.yml")
    for entry in _read(ROOT / "tests/data" / name)
]
DOMAIN = _read(ROOT / "domain.yml")
INTENTS = [intent for entry in DOMAIN["intents"] for intent in entry]
RESPONSES: dict[str, list[dict[str, Any]]] = DOMAIN["responses"]


def _is_indonesian(variation: dict[str, Any]) -> bool:
    return INDONESIAN in variation.get("condition", [])


def _placeholders(variation: dict[str, Any]) -> set[str]:
    return set(re.findall(r"{(\w+)}", variation["text"]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_intent_has_enough_examples(language: str) -> None:
    for intent in INTENTS:
        texts = {_heard(u.text) for u in TAUGHT if (u.intent, u.language) == (intent, language)}
        assert len(texts) >= (80 if intent == "out_of_scope" else 45), f"{intent}: {len(texts)} examples"


def test_an_example_lies_in_the_file_of_its_intent_and_language() -> None:
    for language in LANGUAGES:
        files = {path.stem for path in (ROOT / "data/nlu" / language).glob("*.yml")}
        assert files == set(INTENTS)
        for intent in files:
            (block,) = _read(ROOT / "data/nlu" / language / f"{intent}.yml")["nlu"]
            assert (block["intent"], block["metadata"]["language"]) == (intent, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_example_is_taught_twice(language: str) -> None:
    intents = defaultdict(list)
    for utterance in TAUGHT:
        if utterance.language == language:
            intents[_heard(utterance.text)].append(utterance.intent)
    assert {text: where for text, where in intents.items() if len(where) > 1} == {}


def test_no_example_is_taught_in_both_languages() -> None:
    english, indonesian = ({_heard(u.text) for u in TAUGHT if u.language == lang} for lang in LANGUAGES)
    assert english & indonesian == set()


def test_examples_carry_no_entity_annotations() -> None:
    assert [u.text for u in TAUGHT if re.search(r"\[.+][({]", u.text)] == []


def test_what_is_named_in_an_example_is_named_by_its_kind() -> None:
    source = (ROOT / "bot/rasa/nlu/entities.py").read_text("utf-8")
    kinds = {
        kind for line in re.findall(r"^(?:NAMES|NUMBERS) = \((.+)\)", source, re.M) for kind in re.findall(r"\w+", line)
    }
    written = {kind for u in TAUGHT for kind in re.findall(r"{(.*?)}", u.text)}
    assert written == kinds == {"product", "store", "order_number", "loyalty_number"}


def test_what_is_held_out_is_not_taught() -> None:
    taught = {_heard(u.text) for u in TAUGHT}
    assert [u.text for u in HELD_OUT if _heard(u.text) in taught] == []


def test_each_intent_is_held_to_eight_utterances_or_more_in_each_language() -> None:
    for intent in INTENTS:
        for language in LANGUAGES:
            held = {_heard(u.text) for u in HELD_OUT if (u.intent, u.language) == (intent, language)}
            assert len(held) >= 8, f"{intent}, {language}: {len(held)}"


@pytest.mark.parametrize("response", RESPONSES)
def test_a_response_says_the_same_in_both_languages(response: str) -> None:
    variations = RESPONSES[response]
    english = [v for v in variations if not v.get("condition")]
    indonesian = [v for v in variations if _is_indonesian(v)]
    assert english, "no wording for a customer whose language is not known"
    assert len(english) == len(indonesian)
    assert len({frozenset(_placeholders(v)) for v in variations}) == 1
    payloads = {tuple(button["payload"] for button in v.get("buttons", [])) for v in variations}
    assert len(payloads) == 1, "the buttons do different things"


def test_a_wording_for_one_channel_is_tied_to_a_language() -> None:
    # Rasa prefers `channel` without a condition to a condition without `channel`.
    for response, variations in RESPONSES.items():
        for variation in variations:
            if "channel" in variation:
                conditions = [(c["type"], c["name"]) for c in variation.get("condition", [])]
                assert ("slot", "language") in conditions, response


def test_a_button_says_yes_or_no_or_that_no_person_is_needed() -> None:
    buttons = [b for variations in RESPONSES.values() for v in variations for b in v.get("buttons", [])]
    assert {b["payload"] for b in buttons} == {"/affirm", "/deny", "/cancel_person"}
    assert all(isinstance(b["title"], str) for b in buttons)


def test_each_intent_has_one_rule_with_one_declared_action() -> None:
    steps = [rule["steps"] for rule in _read(ROOT / "data/rules/rules.yml")["rules"]]
    assert sorted(intent["intent"] for intent, _ in steps) == sorted(INTENTS)
    declared = {*DOMAIN["actions"], *RESPONSES, *COMPILED}
    assert [action["action"] for _, action in steps if action["action"] not in declared] == []


def test_what_is_compiled_is_not_also_written_by_hand() -> None:
    assert COMPILED & set(RESPONSES) == set()


def test_entities_never_steer_the_dialogue() -> None:
    assert all(options == {"use_entities": []} for entry in DOMAIN["intents"] for options in entry.values())
    assert not any(slot["influence_conversation"] for slot in DOMAIN["slots"].values())


def test_no_trade_is_spoken_of_outside_the_demo() -> None:
    for path in [ROOT / "domain.yml", *sorted((ROOT / "data").rglob("*.yml"))]:
        assert TRADE.findall(path.read_text(encoding="utf-8")) == [], path
