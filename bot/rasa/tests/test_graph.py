"""Our runner gives what Rasa's own gives, on a graph with a fork, a join and a part that nobody asks for."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema, SchemaNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage

from bot.rasa.graph import InOrderRunner


class Sums(GraphComponent):
    """Adds what it gets, and its own `plus`."""

    ran: list[str] = []

    def __init__(self, plus: int, name: str) -> None:
        self._plus, self._name = plus, name

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: Any, resource: Any, execution_context: ExecutionContext
    ) -> Sums:
        return cls(config["plus"], execution_context.node_name or "")

    def one(self, value: int) -> int:
        self.ran.append(self._name)
        return value + self._plus

    def two(self, left: int, right: int) -> int:
        self.ran.append(self._name)
        return 10 * left + right + self._plus


def node(fn: str, plus: int, **needs: str) -> SchemaNode:
    return SchemaNode(needs=needs, uses=Sums, constructor_name="create", fn=fn, config={"plus": plus}, eager=True)


# given -> first -> left, right -> joined; `aside` is another target on `first`.
SCHEMA = GraphSchema(
    {
        "joined": node("two", 0, left="left", right="right"),
        "right": node("one", 2, value="first"),
        "left": node("one", 1, value="first"),
        "first": node("one", 100, value="__given__"),
        "aside": node("one", 7, value="first"),
        "mixed": node("two", 0, left="first", right="__given__"),
    }
)


class TheRunner(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        context = ExecutionContext(SCHEMA)
        storage = LocalModelStorage(Path(folder.name))
        self.ours = InOrderRunner(SCHEMA, storage, context)
        self.theirs = DaskGraphRunner(SCHEMA, storage, context)
        Sums.ran.clear()

    def test_gives_what_rasas_own_gives(self) -> None:
        for targets in (["joined"], ["aside"], ["joined", "aside"], ["mixed"], ["first"], ["aside", "first"]):
            for given in (1, 5):
                with self.subTest(targets=targets):
                    theirs = self.theirs.run({"__given__": given}, targets)
                    self.assertEqual(self.ours.run({"__given__": given}, targets), theirs)
        self.assertEqual(self.ours.run({"__given__": 1}, ["joined"]), {"joined": 10 * 102 + 103})

    def test_runs_each_part_that_is_needed_once_and_no_other(self) -> None:
        for _ in range(2):
            Sums.ran.clear()
            self.ours.run({"__given__": 1}, ["joined"])
            self.assertEqual(sorted(Sums.ran), ["first", "joined", "left", "right"])
            self.assertEqual((Sums.ran[0], Sums.ran[-1]), ("first", "joined"))

    def test_gives_an_input_that_is_asked_for_as_it_is(self) -> None:
        theirs = self.theirs.run({"__given__": 1}, ["first", "__given__"])
        self.assertEqual(self.ours.run({"__given__": 1}, ["first", "__given__"]), theirs)

    def test_runs_the_targets_of_the_schema_when_none_are_named(self) -> None:
        target = SchemaNode({"value": "__given__"}, Sums, "create", "one", {"plus": 3}, eager=True, is_target=True)
        schema = GraphSchema({"only": target})
        with tempfile.TemporaryDirectory() as folder:
            runner = InOrderRunner(schema, LocalModelStorage(Path(folder)), ExecutionContext(schema))
            self.assertEqual(runner.run({"__given__": 4}), {"only": 7})

    def test_lets_an_error_of_a_part_out(self) -> None:
        for runner in (self.ours, self.theirs):
            with self.assertRaises(Exception):  # noqa: B017  whichever Rasa makes of it
                runner.run({"__given__": "no number"}, ["joined"])
