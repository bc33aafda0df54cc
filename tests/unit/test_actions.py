"""From Rasa to the store and back: each action of the store has one here, which takes what was understood and says the replies."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from ruamel.yaml import YAML

from actions import customize, differentiate, identify, interact, service
from actions.call import StoreAction, further_of, say, understanding_of
from crm_store.moment import Reply, TurnResult, Understanding
from crm_store.steps import STEPS
from crm_store.turn import FURTHER, Further, TurnRequest

ROOT = Path(__file__).parents[2]
DOMAIN = YAML(typ="safe").load(ROOT / "domain.yml")
RULES = YAML(typ="safe").load(ROOT / "data/rules/rules.yml")["rules"]
ACTIONS = [
    member
    for module in (identify, differentiate, interact, customize, service)
    for member in vars(module).values()
    if isinstance(member, type) and issubclass(member, StoreAction) and member is not StoreAction
]
LATEST: dict[str, Any] = {
    "text": "30 kopi",
    "intent": {"name": "answer_question", "confidence": 0.83},
    "entities": [
        {"entity": "language", "value": "id", "confidence_entity": 0.97},
        {"entity": "number", "value": "30"},
        {"entity": "answer", "value": "cups.10_to_40", "confidence_entity": 0.61},
    ],
    "metadata": {"message_id": "m-1", "language": "en"},
}


# Every action --------------------------------------------------------------------------------------------------------


def test_each_action_of_the_store_has_exactly_one_here() -> None:
    assert Counter(action().name() for action in ACTIONS) == Counter(STEPS.keys())


def test_each_action_is_declared_in_the_domain_and_the_domain_declares_no_other() -> None:
    assert sorted(DOMAIN["actions"]) == sorted(STEPS)


def test_each_action_is_led_to_by_a_rule_or_is_what_follows_no_rule() -> None:
    by_rule = {step["action"] for rule in RULES for step in rule["steps"] if "action" in step}
    config = YAML(typ="safe").load(ROOT / "config.yml")
    by_rule |= {policy["core_fallback_action_name"] for policy in config["policies"]}
    assert set(STEPS) <= by_rule


def test_a_further_question_is_answered_by_the_action_that_its_rule_names() -> None:
    by_intent = {rule["steps"][0]["intent"]: rule["steps"][1]["action"] for rule in RULES}
    assert {intent: by_intent[intent] for intent in FURTHER} == FURTHER


def test_what_may_be_a_further_question_is_looked_for_as_one() -> None:
    source = (ROOT / "bot/rasa/nlu/understanding.py").read_text("utf-8")
    (written,) = re.findall(r"^QUESTIONS = \((.*?)^\)", source, re.M | re.S)
    assert {*re.findall(r'"(\w+)"', written), "ask_faq"} == set(FURTHER)


# In ------------------------------------------------------------------------------------------------------------------


def test_what_was_understood_is_taken_as_it_is() -> None:
    entities = (("number", "30", 1.0), ("answer", "cups.10_to_40", 0.61))
    assert understanding_of(LATEST) == Understanding("answer_question", 0.83, "id", entities)


@pytest.mark.parametrize(
    ("changed", "language"),
    [
        ({"entities": []}, "en"),
        ({"entities": None}, "en"),
        ({"entities": [], "metadata": {"language": "id"}}, "id"),
        ({"entities": [], "metadata": None}, "en"),
        ({"entities": [], "metadata": {}}, "en"),
    ],
)
def test_the_language_is_the_one_heard_or_else_that_of_the_conversation(changed: dict[str, Any], language: str) -> None:
    assert understanding_of(LATEST | changed).language == language


def test_what_was_not_understood_at_all_is_nothing() -> None:
    nothing = {"intent": {"name": None, "confidence": None}, "entities": [], "metadata": {}}
    assert understanding_of(nothing) == Understanding("", 0.0, "en", ())


def test_a_number_becomes_words() -> None:
    found = understanding_of(LATEST | {"entities": [{"entity": "number", "value": 30}]}).entities
    assert found == (("number", "30", 1.0),)


def test_of_two_questions_each_has_what_is_named_in_it() -> None:
    text = "is gayo in stock and how much is toraja"
    entities = [
        {"entity": "product", "value": "gayo", "start": 3, "end": 7},
        {"entity": "product", "value": "toraja", "start": 33, "end": 39},
        {"entity": "language", "value": "en", "confidence_entity": 0.9},
        {"entity": "further", "value": "ask_price", "confidence_entity": 0.8, "start": 21, "end": 39},
    ]
    latest = {"text": text, "intent": {"name": "ask_stock", "confidence": 0.9}, "entities": entities, "metadata": {}}
    assert understanding_of(latest) == Understanding("ask_stock", 0.9, "en", (("product", "gayo", 1.0),))
    price = Understanding("ask_price", 0.8, "en", (("product", "toraja", 1.0),))
    assert further_of(latest) == (Further(21, price),)
    assert further_of(LATEST) == ()


# Out -----------------------------------------------------------------------------------------------------------------


def test_a_reply_is_rendered_by_rasa_from_its_id_and_values() -> None:
    dispatcher = CollectingDispatcher()
    say(dispatcher, Reply("utter_price", {"product": "Atlas", "price": "Rp 10"}))
    (message,) = dispatcher.messages
    assert (message["response"], message["product"], message["price"]) == ("utter_price", "Atlas", "Rp 10")
    assert not message["text"]
    assert not message["custom"]


def test_the_card_and_the_effects_go_beside_the_text() -> None:
    dispatcher = CollectingDispatcher()
    offer = {"id": "o", "title": "t"}
    say(dispatcher, Reply("utter_offer_plain", {"pitch": "p"}, offer), ["erase"])
    say(dispatcher, Reply("utter_forget_done"), ("erase",))
    assert [m["custom"] for m in dispatcher.messages] == [
        {"offer": offer, "effects": ["erase"]},
        {"effects": ["erase"]},
    ]


def test_what_only_this_customer_can_choose_is_pressed_beside_what_the_response_has() -> None:
    dispatcher = CollectingDispatcher()
    say(
        dispatcher,
        Reply("utter_return_which", {"orders": "-"}, buttons=({"title": "O-1", "payload": "/return_item O-1"},)),
    )
    assert dispatcher.messages[0]["buttons"] == [{"title": "O-1", "payload": "/return_item O-1"}]


def test_no_value_of_a_reply_is_taken_for_something_else() -> None:
    """The values go to Rasa as keyword arguments beside its own."""
    named = {
        name
        for wordings in DOMAIN["responses"].values()
        for w in wordings
        for name in re.findall(r"{(\w+)}", w["text"])
    }
    assert not named & {"text", "image", "json_message", "template", "response", "attachment", "buttons", "elements"}


# Through -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.action)
async def test_an_action_is_one_call_into_the_store_and_leaves_nothing_in_the_tracker(
    action: type[StoreAction], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TurnRequest] = []

    def take_turn(request: TurnRequest) -> TurnResult:
        asked.append(request)
        return TurnResult((Reply("utter_thanks"), Reply("utter_goodbye")), ("erase",))

    monkeypatch.setattr(StoreAction, "take_turn", staticmethod(take_turn), raising=False)
    dispatcher = CollectingDispatcher()
    tracker = Tracker("c-1", {}, LATEST, [], False, None, {}, "action_listen")
    assert await action().run(dispatcher, tracker, {}) == []
    assert asked == [TurnRequest("m-1", action.action, understanding_of(LATEST))]
    assert [m["response"] for m in dispatcher.messages] == ["utter_thanks", "utter_goodbye"]
    assert all(m["custom"] == {"effects": ["erase"]} for m in dispatcher.messages)


async def test_what_fails_in_the_store_fails_the_action(monkeypatch: pytest.MonkeyPatch) -> None:
    def take_turn(_: TurnRequest) -> TurnResult:
        raise LookupError("erased")

    monkeypatch.setattr(StoreAction, "take_turn", staticmethod(take_turn), raising=False)
    tracker = Tracker("c-1", {}, LATEST, [], False, None, {}, "action_listen")
    dispatcher = CollectingDispatcher()
    with pytest.raises(LookupError):
        await ACTIONS[0]().run(dispatcher, tracker, {})
    assert dispatcher.messages == []
