"""Runs Rasa's graph in order, without dask.

The graph of a served model is a short chain that never changes. Rasa builds a dask graph of it on each run and writes the
whole input, tracker included, into a debug line that nobody reads. Only where the order comes from differs.
"""

from __future__ import annotations

from typing import Any

import rasa.core.processor as rasa_processor
from rasa.engine.runner.dask import DaskGraphRunner


class InOrderRunner(DaskGraphRunner):
    """The same nodes, called one after the other; the order for each set of targets is worked out once."""

    def run(self, inputs: dict[str, Any] | None = None, targets: list[str] | None = None) -> dict[str, Any]:
        wanted = tuple(targets or self._graph_schema.target_names)
        done: dict[str, Any] = {name: (name, value) for name, value in (inputs or {}).items()}
        for name, needs in self._order(wanted):
            done[name] = self._instantiated_nodes[name](*(done.get(need, need) for need in needs))
        return dict(done[name] for name in wanted)

    def _order(self, targets: tuple[str, ...]) -> list[tuple[str, list[str]]]:
        orders = self.__dict__.setdefault("_orders", {})
        if targets not in orders:
            nodes = self._graph_schema.minimal_graph_schema(list(targets)).nodes
            order: dict[str, list[str]] = {}

            def visit(name: str) -> None:
                if name in nodes and name not in order:
                    needs = list(nodes[name].needs.values())
                    for need in needs:
                        visit(need)
                    order[name] = needs

            for target in targets:
                visit(target)
            orders[targets] = list(order.items())
        return orders[targets]


def install() -> None:
    """Makes Rasa serve with it; trainings keep their own."""
    rasa_processor.DaskGraphRunner = InOrderRunner
