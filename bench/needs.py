"""How well needs are told from noisy answers and purchases: invented customers of known segment, beside the exact posterior.

In each world (`bench._worlds`) the model is told `business.yml` of the demo business, once as customers really are and once as
somebody wrote it down who did not know them well; it learns from some customers and is judged by others. Beside it: the
likelihoods as given, plain naive Bayes with them, the majority class, and the exact posterior under the true process (the Bayes
ceiling). Accuracies are shares of the ceiling's; of all seeds the median and the worst tenth are told.

    python -m bench.needs [--seeds 0-19] [--customers 4000]      201-220 are kept for final figures
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from bench._worlds import WORLDS, World, make, truth_near
from bot.settings import ROOT
from crm_store.business_file import load_business
from crm_store.differentiate.expected import learnt
from crm_store.differentiate.forward import Parameters, log_posteriors
from crm_store.differentiate.gamma import Array
from crm_store.differentiate.learning import parameters
from crm_store.differentiate.likelihoods import Model

JUDGED = 10000
"""Customers by whom each is judged."""
BINS = 15
GROWTH = (500, 2000, 8000, 32000)
"""Customers learnt from, for the error of what is learnt."""
GROWTH_SEEDS = 4
PLANTED = 2000
"""Customers among whom segments are planted for `rapport needs suggest`."""
SAMPLE_SIZE = 100.0
Figures = dict[str, dict[str, list[float]]]
"""By who judged, by figure, one value a seed."""


def probabilities(logs: Array) -> Array:
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def accuracy(told: Array, segment: np.ndarray) -> float:
    return float((told.argmax(axis=1) == segment).mean())


def calibration_error(told: Array, segment: np.ndarray) -> float:
    """Expected calibration error of the likeliest segment (Guo et al. 2017), fifteen bins of equal width."""
    surety, right = told.max(axis=1), told.argmax(axis=1) == segment
    bins = np.minimum((surety * BINS).astype(int), BINS - 1)
    return float(sum(abs(surety[bins == b].sum() - right[bins == b].sum()) for b in range(BINS)) / len(segment))


def naive(world: World, given: Parameters) -> Array:
    """Every answer, statement and purchase day taken for independent, and nothing for old."""
    logs = np.tile(np.log(given.prior), (len(world.segment), 1))
    for name, (chosen, *_) in world.known.answers.items():
        logs[chosen >= 0] += np.log(given.answers[name][chosen[chosen >= 0]])
    segments = len(given.prior)
    says = np.where(np.eye(segments) > 0, given.trust, (1 - given.trust) / (segments - 1))
    logs += (world.known.stated > 0) @ np.log(says)
    bought = world.known.bought
    np.add.at(logs, bought.row, bought.days[:, None] * np.log(given.shares)[bought.behaviour])
    return probabilities(logs)


def judge(kind: str, off: bool, seed: int, customers: int, given: Parameters) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(seed)
    true = truth_near(given, rng) if off else given
    taught, shown = make(kind, customers, true, rng), make(kind, JUDGED, true, rng)
    ceiling = accuracy(probabilities(shown.exact), shown.segment)
    found = learnt(taught.known, given, SAMPLE_SIZE)
    majority = np.tile(given.prior, (JUDGED, 1))
    judged = {
        "learnt": probabilities(log_posteriors(shown.known, found)),
        "given": probabilities(log_posteriors(shown.known, given)),
        "naive Bayes": naive(shown, given),
        "majority": majority,
        "ceiling": probabilities(shown.exact),
    }
    return {
        who: {
            "of ceiling": accuracy(told, shown.segment) / ceiling,
            "accuracy": accuracy(told, shown.segment),
            "calibration error": calibration_error(told, shown.segment),
        }
        for who, told in judged.items()
    }


def summary(figures: Figures) -> dict[str, dict[str, dict[str, float]]]:
    """Median and worst tenth: the ninth decile of errors, the first of accuracies."""

    def told(name: str, values: list[float]) -> dict[str, float]:
        worst = np.quantile(values, 0.9 if name == "calibration error" else 0.1)
        return {"median": round(statistics.median(values), 4), "worst tenth": round(float(worst), 4)}

    return {who: {name: told(name, values) for name, values in by.items()} for who, by in figures.items()}


def in_world(kind: str, off: bool, seeds: list[int], customers: int, given: Parameters) -> dict[str, object]:
    figures: Figures = defaultdict(lambda: defaultdict(list))
    for seed in seeds:
        for who, by in judge(kind, off, seed, customers, given).items():
            for name, value in by.items():
                figures[who][name].append(value)
    found = summary(figures)
    for who, by in found.items():
        share, error = by["of ceiling"], by["calibration error"]
        print(
            f"{kind:20} {'file off  ' if off else 'file right'} {who:12} of ceiling {share['median']:.3f} "
            f"(worst tenth {share['worst tenth']:.3f})  calibration error {error['median']:.3f} ({error['worst tenth']:.3f})",
            flush=True,
        )
    return {"business.yml": "off" if off else "right", "world": kind, **found}


def recovery(seeds: list[int], given: Parameters) -> list[dict[str, float]]:
    """Mean absolute error of the learnt likelihoods, beside counting with the segments known, and beside n ^ -1/2."""
    rows = []
    for count in GROWTH:
        errors, counted, before = [], [], []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            true = truth_near(given, rng)
            world = make("as assumed", count, true, rng)
            found = learnt(world.known, given, SAMPLE_SIZE)
            errors.append(_error(found.answers, true.answers))
            counted.append(_error(_counted(world, given), true.answers))
            before.append(_error(given.answers, true.answers))
        rows.append(
            {
                "customers": count,
                "error": round(statistics.mean(errors), 4),
                "error with segments known": round(statistics.mean(counted), 4),
                "error of business.yml": round(statistics.mean(before), 4),
                "reference rate": round(
                    statistics.mean(errors) if not rows else rows[0]["error"] * (GROWTH[0] / count) ** 0.5, 4
                ),
            }
        )
        print("recovery", rows[-1], flush=True)
    return rows


def planted(seeds: list[int]) -> dict[str, object]:
    """How well latent classes find segments that were planted in what customers buy: adjusted Rand index (Hubert & Arabie
    1985) beside that of the exact posterior, which knows how they were planted.
    """
    if find_spec("stepmix") is None:
        return {"skipped": "stepmix is not installed: uv pip install 'stepmix>=3'"}
    from sklearn.metrics import adjusted_rand_score

    from crm_store.differentiate.classes import fitted

    found: dict[str, list[float]] = defaultdict(list)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        chances = rng.uniform(0.03, 0.15, (4, 8))
        for place in range(4):
            chances[place, 2 * place : 2 * place + 2] = rng.uniform(0.6, 0.9, 2)
        segment = rng.choice(4, PLANTED, p=[0.35, 0.3, 0.2, 0.15])
        bought = (rng.random((PLANTED, 8)) < chances[segment]).astype(np.int64)
        bic, model = fitted(bought, 6)
        exact = bought @ np.log(chances).T + (1 - bought) @ np.log(1 - chances).T + np.log([0.35, 0.3, 0.2, 0.15])
        found["adjusted Rand index"].append(adjusted_rand_score(segment, model.predict(bought)))
        found["of the exact posterior"].append(adjusted_rand_score(segment, exact.argmax(axis=1)))
        found["classes"].append(min(bic, key=bic.__getitem__))
    told = {name: [round(float(value), 3) for value in values] for name, values in found.items()}
    print("planted", told, flush=True)
    return {"customers": PLANTED, "planted classes": 4, **told}


def _error(found: dict[str, Array], true: dict[str, Array]) -> float:
    return float(np.mean([np.abs(found[name] - true[name]).mean() for name in true]))


def _counted(world: World, given: Parameters) -> dict[str, Array]:
    tables = {}
    for name, (chosen, *_) in world.known.answers.items():
        counts = np.full(given.answers[name].shape, 1.0)
        np.add.at(counts, (chosen[chosen >= 0], world.segment[chosen >= 0]), 1.0)
        tables[name] = counts / counts.sum(axis=0)
    return tables


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seeds", default="0-19", help="first and last")
    asked.add_argument("--customers", type=int, default=4000, help="learnt from, in each world")
    options = asked.parse_args()
    first, last = map(int, options.seeds.split("-"))
    seeds = list(range(first, last + 1))
    business = load_business(ROOT / "demo/business.yml")
    given = replace(parameters(Model(business)), trust=0.85)
    worlds = [in_world(kind, off, seeds, options.customers, given) for kind in WORLDS for off in (False, True)]
    found = {
        "seeds": options.seeds,
        "customers": options.customers,
        "worlds": worlds,
        "recovery": recovery(seeds[:GROWTH_SEEDS], given),
        "suggested": planted(seeds[:GROWTH_SEEDS]),
    }
    out = Path(ROOT / "bench/results/needs.json")
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
