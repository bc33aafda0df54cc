"""Where a message may fall into two questions."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "bot/rasa/nlu/clauses.py"


@pytest.fixture(scope="module")
def halves() -> Callable[[str], Iterator[tuple[int, int]]]:
    """The module alone: its package imports Rasa, which has an environment of its own."""
    spec = importlib.util.spec_from_file_location("clauses", PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[str], Iterator[tuple[int, int]]] = module.halves
    return found


@pytest.mark.parametrize(
    ("text", "parted"),
    [
        ("where is my order and how much is gayo?", [("where is my order", "how much is gayo?")]),
        ("Where is my order? How much is gayo?", [("Where is my order?", "How much is gayo?")]),
        ("gayo berapa kak terus di kemang ada gak", [("gayo berapa kak", "di kemang ada gak")]),
        ("do you deliver to depok and how much", []),
        ("how much are drip bags and capsules", []),
        ("where is my order", []),
    ],
)
def test_both_halves_are_long_enough_to_be_a_question(
    halves: Callable[[str], Iterator[tuple[int, int]]], text: str, parted: list[tuple[str, str]]
) -> None:
    assert [(text[:end], text[begin:]) for end, begin in halves(text)] == parted
