"""What `rapport train` makes of a business, and when its model may be served. Rasa's part is played by a program of three lines."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.cli import training
from bot.cli.training import KEPT, TrainingError, compile_business, model_state, recorded, train
from bot.settings import Settings
from crm_store.business import Business
from crm_store.business_file import InvalidBusinessError, load_business

ROOT = Path(__file__).parents[2]
DOMAIN = YAML(typ="safe").load(ROOT / "domain.yml")
INDONESIAN = {"type": "slot", "name": "language", "value": "id"}
# Of the demo's trade; nothing of it may get into what is compiled for another business.
COFFEE = re.compile(
    r"coffee|kopi\b|espresso|brew|roast|\bbeans?\b|\bcups?\b|grinder|seduh|sangrai|cangkir", re.IGNORECASE
)

BOOKSHOP = """
business:
  name: The Harbour Bookshop
  currency: EUR
  languages: LANGUAGES
  default_language: DEFAULT
  timezone: Europe/Amsterdam
  phone: "+31 20 555 0100"
  hours: {en: "Monday to Friday, 9 to 18", id: "Senin sampai Jumat, 09.00 sampai 18.00"}
  privacy_url: /privacy
numbers: {order_number: '^#\\d{5}$'}
touchpoints: {web: {kind: web_site, cost: 0.1}, shop: {kind: point_of_purchase, cost: 2}}
products: [{id: atlas, name: World Atlas, category: maps, price: 49.5, names: [atlas, atlas dunia]}]
value: {margin_rate: 0.4}
tiers: [{id: friend, actual: {at_least: 100}, title: {en: Friend, id: Teman}}, {id: reader, title: {en: Reader, id: Pembaca}}]
needs:
  segments:
    - id: gift
      title: {en: A gift, id: Hadiah}
      prior: 0.5
      because: {en: it is a gift, id: ini untuk hadiah}
      says: {en: [a present for my aunt, something to give], id: [kado untuk bibi saya, sesuatu untuk diberikan]}
    - id: study
      title: {en: For study, id: Untuk belajar}
      prior: 0.5
      because: {en: it is for study, id: ini untuk belajar}
      says: {en: ["a book for my\\n exam"], id: [buku untuk ujian saya]}
questions:
  - id: for_whom
    text: {en: Who is it for?, id: Untuk siapa?}
    why: {en: Then I know which shelf to look at., id: Supaya saya tahu rak yang mana.}
    options:
      - id: me
        title: {en: For me, id: Untuk saya}
        says: {en: [myself], id: [saya sendiri]}
        likelihood: {gift: 0.1, study: 0.9}
        because: {en: it is for you, id: ini untuk Anda}
      - id: somebody
        title: {en: For somebody else, id: Untuk orang lain}
        likelihood: {gift: 0.9, study: 0.1}
        because: {en: it is for somebody else, id: ini untuk orang lain}
treatments: [{id: all, tiers: [friend, reader], tone: standard, note: "all: the same"}]
faq:
  - id: signed
    says: {en: ["do you have\\n signed copies", is it signed], id: [ada yang bertanda tangan gak]}
    text: {en: Some are., id: Ada beberapa.}
offers: [{id: wrap, title: {en: Wrapped, id: Dibungkus}, text: {en: We wrap it., id: Kami bungkus.}, fits: {gift: 0.9, study: 0.1}}]
"""


def bookshop(folder: Path, languages: str = "[en, id]", default: str = "en") -> Path:
    """The file of a business of two needs, one question, no store and another trade."""
    path = folder / "business.yml"
    path.write_text(BOOKSHOP.replace("LANGUAGES", languages).replace("DEFAULT", default), "utf-8")
    return path


class Compiled:
    """What was written for a business, read back."""

    def __init__(self, business: Business, folder: Path) -> None:
        compile_business(business, folder)
        self.folder = folder
        self.domain = self._read("domain/domain.yml")
        self.responses: dict[str, list[dict[str, Any]]] = self._read("domain/business.yml")["responses"]
        self.taught: list[dict[str, Any]] = self._read("nlu/business.yml")["nlu"]
        self.config = self._read("config.yml")
        self.pipeline = json.loads((folder / "pipeline.json").read_text("utf-8"))

    def _read(self, name: str) -> Any:
        return YAML(typ="safe").load(self.folder / name)

    def examples(self, intent: str, language: str) -> list[str]:
        (block,) = [b for b in self.taught if (b["intent"], b["metadata"]["language"]) == (intent, language)]
        return [line.removeprefix("- ") for line in block["examples"].splitlines()]

    def texts(self, response: str) -> dict[str | None, str]:
        """The wordings of a response by the language under whose condition they are said."""
        found = {}
        for wording in self.responses[response]:
            conditions = wording.get("condition")
            found[conditions[0]["value"] if conditions else None] = wording["text"]
        return found


@pytest.fixture
def of_the_demo(business: Business, tmp_path: Path) -> Compiled:
    return Compiled(business, tmp_path / "demo")


@pytest.fixture
def of_a_bookshop(tmp_path: Path) -> Compiled:
    return Compiled(load_business(bookshop(tmp_path)), tmp_path / "train")


# What is compiled ----------------------------------------------------------------------------------------------------


def test_a_business_brings_nothing_of_another_trade(of_a_bookshop: Compiled) -> None:
    written = [path for path in of_a_bookshop.folder.rglob("*") if path.is_file()]
    assert len(written) == 5
    for path in written:
        assert not COFFEE.search(path.read_text("utf-8")), path


def test_each_need_is_taught_in_each_language(
    of_a_bookshop: Compiled, of_the_demo: Compiled, business: Business
) -> None:
    assert of_a_bookshop.examples("state_need/gift", "en") == ["a present for my aunt", "something to give"]
    assert of_a_bookshop.examples("state_need/gift", "id") == ["kado untuk bibi saya", "sesuatu untuk diberikan"]
    for segment in business.needs.segments:
        for language in business.business.languages:
            assert of_the_demo.examples(f"state_need/{segment.id}", language) == segment.says[language]


def test_an_example_is_one_line_whatever_is_in_it(of_a_bookshop: Compiled) -> None:
    assert of_a_bookshop.examples("state_need/study", "en") == ["a book for my exam"]


def test_an_answer_may_be_given_by_its_title_or_in_other_words(of_a_bookshop: Compiled) -> None:
    assert of_a_bookshop.examples("answer_question/for_whom.me", "en") == ["For me", "myself"]
    assert of_a_bookshop.examples("answer_question/for_whom.somebody", "id") == ["Untuk orang lain"]


def test_what_customers_ask_often_is_taught_and_answered(of_a_bookshop: Compiled) -> None:
    assert of_a_bookshop.examples("ask_faq/signed", "en") == ["do you have signed copies", "is it signed"]
    assert of_a_bookshop.examples("ask_faq/signed", "id") == ["ada yang bertanda tangan gak"]
    assert of_a_bookshop.texts("utter_faq_signed") == {None: "Some are.", "id": "Ada beberapa."}
    # Rasa wants it of a retrieval intent.
    assert of_a_bookshop.texts("utter_ask_faq/signed") == of_a_bookshop.texts("utter_faq_signed")


def test_a_business_without_such_questions_is_taught_none(tmp_path: Path) -> None:
    path = bookshop(tmp_path)
    text = path.read_text("utf-8")
    path.write_text(re.sub(r"^faq:\n(?: .*\n)+", "", text, flags=re.M), "utf-8")
    compiled = Compiled(load_business(path), tmp_path / "train")
    assert not [block for block in compiled.taught if block["intent"].startswith("ask_faq")]
    assert not [name for name in compiled.responses if "faq" in name]


def test_a_question_is_asked_by_itself_and_after_a_lead_in(of_a_bookshop: Compiled) -> None:
    assert of_a_bookshop.texts("utter_ask_for_whom") == {None: "Who is it for?", "id": "Untuk siapa?"}
    assert of_a_bookshop.texts("utter_open_for_whom") == {
        None: "Happy to help. Who is it for?",
        "id": "Siap, saya bantu. Untuk siapa?",
    }


def test_every_question_can_be_asked_and_every_detail_has_its_response(
    of_the_demo: Compiled, business: Business
) -> None:
    wanted = {"utter_hours", "utter_stores"}
    wanted |= {f"utter_state_need/{segment.id}" for segment in business.needs.segments}
    for question in business.questions:
        wanted |= {f"utter_ask_{question.id}", f"utter_open_{question.id}"}
        wanted |= {f"utter_answer_question/{question.id}.{option.id}" for option in question.options}
    wanted |= {f"{response}{entry.id}" for entry in business.faq for response in ("utter_faq_", "utter_ask_faq/")}
    assert set(of_the_demo.responses) == wanted
    assert not wanted & set(of_the_demo.domain["responses"])


def test_opening_hours_and_stores_are_said_in_either_language(of_the_demo: Compiled, of_a_bookshop: Compiled) -> None:
    assert "Menteng: daily 8:00 to 21:00." in of_the_demo.texts("utter_hours")[None]
    assert "Jl. Cikini Raya 12" in of_the_demo.texts("utter_stores")["id"]
    assert of_a_bookshop.texts("utter_stores") == of_a_bookshop.texts("utter_hours"), "without a store"
    assert "Senin sampai Jumat" in of_a_bookshop.texts("utter_hours")["id"]


def test_names_and_numbers_are_found_as_the_business_has_them(of_a_bookshop: Compiled, of_the_demo: Compiled) -> None:
    assert of_a_bookshop.pipeline["names"] == {
        "product": {"atlas": ["World Atlas", "atlas", "atlas dunia"]},
        "store": {},
    }
    assert of_a_bookshop.pipeline["numbers"]["order_number"] == r"^#\d{5}$"
    assert of_the_demo.pipeline["names"]["store"]["menteng"][0] == "Menteng"
    assert "Penggiling kopi" in of_the_demo.pipeline["names"]["product"]["grinder"], "by its title"
    assert of_the_demo.pipeline["languages"] == ["en", "id"]


def test_the_configuration_is_ours_with_the_pipeline_of_the_business(of_a_bookshop: Compiled) -> None:
    ours = YAML(typ="safe").load(ROOT / "config.yml")
    ours["pipeline"][0]["model"] = str(of_a_bookshop.folder / "spacy")
    assert of_a_bookshop.config == ours


def test_a_business_of_both_languages_says_all_of_the_domain(of_a_bookshop: Compiled) -> None:
    assert of_a_bookshop.domain == DOMAIN


# Languages -----------------------------------------------------------------------------------------------------------


def test_the_default_language_is_said_without_a_condition(tmp_path: Path) -> None:
    compiled = Compiled(load_business(bookshop(tmp_path, default="id")), tmp_path / "train")
    assert compiled.texts("utter_ask_for_whom") == {None: "Untuk siapa?", "en": "Who is it for?"}
    assert compiled.texts("utter_open_for_whom")[None] == "Siap, saya bantu. Untuk siapa?"


@pytest.mark.parametrize("language", ["en", "id"])
def test_a_business_of_one_language_is_taught_and_says_that_one_only(tmp_path: Path, language: str) -> None:
    compiled = Compiled(load_business(bookshop(tmp_path, f"[{language}]", language)), tmp_path / "train")
    assert {block["metadata"]["language"] for block in compiled.taught} == {language}
    assert compiled.pipeline["languages"] == [language]
    for name, wordings in (compiled.domain["responses"] | compiled.responses).items():
        assert wordings, name
        assert all("condition" not in wording for wording in wordings), name
    for name, wordings in DOMAIN["responses"].items():
        spoken = [w["text"] for w in wordings if (INDONESIAN in w.get("condition", [])) == (language == "id")]
        assert [w["text"] for w in compiled.domain["responses"][name]] == spoken
    assert {k: v for k, v in compiled.domain.items() if k != "responses"} == {
        k: v for k, v in DOMAIN.items() if k != "responses"
    }


# Buttons -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pressed() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The channel's own rule of what a button means, without Rasa around it, which this Python cannot import."""
    source = ast.parse((ROOT / "bot/rasa/channel.py").read_text("utf-8"))
    (rule,) = [node for node in source.body if isinstance(node, ast.FunctionDef) and node.name == "pressed"]
    found: dict[str, Any] = {"Any": Any}
    exec(compile(ast.Module([rule], []), "channel.py", "exec"), found)
    result: Callable[[dict[str, Any]], dict[str, Any]] = found["pressed"]
    return result


def test_every_button_means_to_the_channel_what_it_says(
    of_the_demo: Compiled, business: Business, pressed: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    intents = {name for entry in DOMAIN["intents"] for name in entry}
    meant = []
    for name, wordings in (of_the_demo.domain["responses"] | of_the_demo.responses).items():
        for wording in wordings:
            for button in wording.get("buttons", ()):
                means = pressed({"payload": button["payload"], "text": button["title"], "language": "en"})
                assert means["intent"]["name"] in intents, name
                meant.append((means, button["title"]))
    answers = {e["value"]: title for means, title in meant for e in means["entities"] if e["entity"] == "pressed"}
    for question in business.questions:
        for option in question.options:
            assert answers.pop(f"{question.id}.{option.id}") in option.title.values()
    assert not answers
    assert {means["intent"]["name"] for means, _ in meant} == {"affirm", "deny", "answer_question", "cancel_person"}


# The model -----------------------------------------------------------------------------------------------------------

TRAINS = """#!/bin/sh
for folder; do :; done
test -f "$folder/pipeline.json" && test -f "$folder/config.yml" || exit 3
printf 'a model of %s' "$folder" > "$folder/model.tar.gz"
"""
FAILS = """#!/bin/sh
for line in 1 2 3 4 5 6 7 8 9; do echo "line $line"; done
echo "no such component" >&2
exit 1
"""


@pytest.fixture
def rasa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of Rasa's Python: it trains in no time, or fails."""
    program = tmp_path / "rasa-python"
    program.write_text(TRAINS)
    program.chmod(0o755)
    monkeypatch.setattr(training, "RASA_PYTHON", program)
    return program


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", business=bookshop(tmp_path))


def edit(settings: Settings) -> None:
    """A change in `business.yml`, another one each time."""
    text = settings.business.read_text("utf-8")
    settings.business.write_text(text.replace("privacy_url: /", "privacy_url: /x"), "utf-8")


def test_before_the_first_training_there_is_no_model(settings: Settings) -> None:
    assert recorded(settings) is None
    assert model_state(settings) == "missing"


def test_a_trained_model_is_ready_and_recorded(settings: Settings, rasa: Path) -> None:
    told: list[str] = []
    model = train(settings, told.append)
    assert model_state(settings) == "ready"
    assert recorded(settings) == model
    assert len(model.sha256) == 64
    assert Path(model.path).read_text().startswith("a model of")
    assert told[0].endswith("The Harbour Bookshop")
    assert model.sha256[:16] in told[-1]


def test_a_model_is_stale_when_the_business_has_changed(settings: Settings, rasa: Path) -> None:
    train(settings, lambda _: None)
    edit(settings)
    assert model_state(settings) == "stale"
    train(settings, lambda _: None)
    assert model_state(settings) == "ready"


def test_everything_that_goes_into_a_model_is_looked_at() -> None:
    for name in (*training.INPUTS, *training.INPUT_FOLDERS):
        assert (ROOT / name).exists(), name
    source = (ROOT / "bot/rasa/train.py").read_text("utf-8") + (ROOT / "config.yml").read_text("utf-8")
    for module in re.findall(r"bot\.rasa\.[a-z_.]+", source):
        path = module.rstrip(".").replace(".", "/")
        looked_at = (*training.INPUTS, *(f"{folder}/" for folder in training.INPUT_FOLDERS))
        assert any(path.startswith(name.removesuffix(".py")) for name in looked_at), module


def test_a_model_that_somebody_else_put_there_is_foreign(settings: Settings, rasa: Path) -> None:
    model = train(settings, lambda _: None)
    Path(model.path).write_text("another model")
    assert model_state(settings) == "foreign"


def test_a_model_whose_file_is_gone_is_missing(settings: Settings, rasa: Path) -> None:
    model = train(settings, lambda _: None)
    Path(model.path).unlink()
    assert model_state(settings) == "missing"


@pytest.mark.parametrize("record", ["", "{", "[]", "null", '{"path": "x"}', '{"path": "x", "surprise": 1}'])
def test_a_record_that_cannot_be_read_is_no_model(settings: Settings, record: str) -> None:
    settings.var.mkdir()
    (settings.var / "model.json").write_text(record)
    assert recorded(settings) is None
    assert model_state(settings) == "missing"


def test_a_training_that_fails_says_what_rasa_said_last_and_keeps_the_model_before(
    settings: Settings, rasa: Path
) -> None:
    before = train(settings, lambda _: None)
    edit(settings)
    rasa.write_text(FAILS)
    with pytest.raises(TrainingError) as failed:
        train(settings, lambda _: None)
    assert "no such component" in str(failed.value)
    assert "line 9" in str(failed.value)
    assert "line 1\n" not in str(failed.value)
    log = re.search(r"\((\S+) has all of it\)", str(failed.value))
    assert log
    assert "line 1\n" in Path(log[1]).read_text()
    assert recorded(settings) == before
    assert model_state(settings) == "stale"


def test_a_business_that_cannot_be_used_is_refused_before_anything_is_written(settings: Settings, rasa: Path) -> None:
    settings.business.write_text("business: {}")
    with pytest.raises(InvalidBusinessError):
        train(settings, lambda _: None)
    assert not settings.var.exists()


def test_the_models_before_are_kept_for_a_while(settings: Settings, rasa: Path) -> None:
    trained = []
    for _ in range(KEPT + 2):
        edit(settings)
        trained.append(Path(train(settings, lambda _: None).path))
    assert [path.exists() for path in trained] == [False] * 2 + [True] * KEPT
