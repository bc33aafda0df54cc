"""Writes crm_store/identify/resolution/weights.json: m and u of each level, learnt from invented people of several seeds.

They serve where an installation has too few records to learn from. Run by hand: .venv/bin/python -m bench._weights
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import crm_store.identify.resolution as package
from bench._people import people
from crm_store.identify.resolution.described import described
from crm_store.identify.resolution.matching import match

SEEDS = range(1, 5)
PEOPLE = 2_000
TARGET = Path(package.__file__).with_name("weights.json")

Learnt = dict[str, dict[str, list[float]]]


def main() -> None:
    m: dict[tuple[str, str], list[float]] = defaultdict(list)
    u: dict[tuple[str, str], list[float]] = defaultdict(list)
    for seed in SEEDS:
        records = {"/".join(record.key): described(record.columns) for record in people(PEOPLE, seed=seed)}
        for column, levels in match(records).model.weights.items():
            for level, (mine, strangers) in levels.items():
                m[column, level].append(mine)
                u[column, level].append(strangers)
    weights: Learnt = defaultdict(dict)
    for column, level in m:
        weights[column][level] = [round(fmean(values[column, level]), 9) for values in (m, u)]
    TARGET.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
