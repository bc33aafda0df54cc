"""Where records are compared, and what that needs. What is learnt is learnt on DuckDB."""

from __future__ import annotations

import shutil
from enum import StrEnum
from importlib.util import find_spec


class LinkEngine(StrEnum):
    DUCKDB = "duckdb"
    SPARK = "spark"


class SparkMissingError(RuntimeError):
    """The text says what is not there, and what to install."""

    def __init__(self, wrong: str, mend: str) -> None:
        super().__init__(f"RAPPORT_LINK_ENGINE is spark, and {wrong}; {mend}, or leave the setting out")


def check_spark() -> None:
    """Raises SparkMissingError."""
    if find_spec("pyspark") is None:
        raise SparkMissingError(
            "pyspark is not installed", "`uv pip install 'pyspark>=4,<4.1' 'pandas>=2.2'` in Rapport's environment"
        )
    if shutil.which("java") is None:
        raise SparkMissingError("there is no Java", "install a Java runtime, version 17 or 21")
