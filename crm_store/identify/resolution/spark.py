"""Compares on Spark, for who has outgrown one machine: by the model that was learnt on DuckDB, with the same pairs in the end.

Needs pyspark and a Java runtime, which come with neither Rapport nor its usual installation. Knows no model: it is given one.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
from splink import Linker, SettingsCreator

from crm_store.identify.resolution.engines import check_spark

FUNCTIONS = (
    "has_all_words(a string, b string) returns boolean return size(array_except(split(b, ' '), split(a, ' '))) = 0",
    "has_a_word(a string, b string) returns boolean return arrays_overlap(split(a, ' '), split(b, ' '))",
)
"""What `model` calls by a name of its own, as Spark does it; `alike` is DuckDB's, since Spark's counts letters that changed places
otherwise, and a pair near a threshold would be another."""


def predicted(people: pa.Table, settings: SettingsCreator, learnt: Mapping[str, Any], least_bits: float) -> pa.Table:
    """Pairs with their comparisons, as Splink on DuckDB gives them. `people`: the table that is compared there; `learnt`: the
    model that was trained there, as Splink writes it down. Raises SparkMissingError.
    """
    check_spark()
    with _session() as spark:
        from splink.backends.spark import SparkAPI

        api: Any = SparkAPI(spark_session=spark, break_lineage_method="persist")  # type: ignore[no-untyped-call]
        for function in FUNCTIONS:
            spark.sql(f"create or replace temporary function {function}")
        spark.udf.register("alike", _alike())
        linker = Linker(api.register(people), _as_learnt(settings, learnt), log_level=logging.CRITICAL)
        found: Any = linker.inference.predict(threshold_match_weight=least_bits)
        return found.as_pyarrow_table()


def _alike() -> Any:
    from pyspark.sql.functions import PandasUDFType, pandas_udf

    def alike(one: Any, other: Any) -> Any:
        with duckdb.connect() as connection:
            connection.register("pairs", pa.table({"one": pa.array(one), "other": pa.array(other)}))
            return connection.sql("select jaro_winkler_similarity(one, other) as alike from pairs").df()["alike"]

    return pandas_udf(alike, "double", PandasUDFType.SCALAR)


def _as_learnt(settings: SettingsCreator, learnt: Mapping[str, Any]) -> dict[str, Any]:
    """The same model in Spark's SQL, with each level's m and u as they were learnt."""
    told: dict[str, Any] = settings.create_settings_dict(sql_dialect_str="spark")
    prior = "probability_two_random_records_match"
    told[prior] = learnt[prior]
    for comparison, trained in zip(told["comparisons"], learnt["comparisons"], strict=True):
        for level, known in zip(comparison["comparison_levels"], trained["comparison_levels"], strict=True):
            for each in ("m_probability", "u_probability"):
                level.pop(each, None)
                if each in known:
                    level[each] = known[each]
    return told


@contextmanager
def _session() -> Iterator[Any]:
    """Where a session runs already, as in a notebook of a cluster, that one; otherwise one of this machine, ended at the end."""
    from pyspark.sql import SparkSession
    from splink.backends.spark import similarity_jar_location

    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = (
        SparkSession.builder.appName("rapport resolve")
        .config("spark.jars", similarity_jar_location())
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    try:
        yield spark
    finally:
        spark.stop()
