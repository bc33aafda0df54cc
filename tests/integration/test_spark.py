"""Comparing on Spark comes to the pairs that DuckDB comes to. Runs where pyspark and Java are installed, which are optional."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # what measures is no part of the installed project

from bench._people import people
from crm_store.identify.resolution import engines
from crm_store.identify.resolution.described import described
from crm_store.identify.resolution.engines import LinkEngine, SparkMissingError, check_spark
from crm_store.identify.resolution.matching import Pairs, match

IS_THERE = find_spec("pyspark") is not None and shutil.which("java") is not None


@pytest.mark.skipif(not IS_THERE, reason="pyspark and Java are optional")
@pytest.mark.filterwarnings("ignore")
def test_spark_finds_the_pairs_that_duckdb_finds_and_weighs_them_alike() -> None:
    records = {"/".join(record.key): described(record.columns) for record in people(400, seed=7)}
    here, there = (weights(match(records, compare_on=engine)) for engine in LinkEngine)
    assert len(here) > 500
    assert there.keys() == here.keys()
    assert there == pytest.approx(here, abs=1e-6)


def weights(pairs: Pairs) -> dict[frozenset[str], float]:
    both = zip(pairs.left, pairs.right, pairs.weighed.bits, strict=True)
    return {frozenset((left, right)): float(bits) for left, right, bits in both}


@pytest.mark.parametrize(("pyspark", "java", "says"), [(None, "/usr/bin/java", "pyspark"), (object(), None, "Java")])
def test_where_it_is_not_installed_it_is_said_what_to_install(
    pyspark: object, java: str | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _name: pyspark)
    monkeypatch.setattr(shutil, "which", lambda _name: java)
    with pytest.raises(SparkMissingError, match=f"{says}.*install"):
        check_spark()
