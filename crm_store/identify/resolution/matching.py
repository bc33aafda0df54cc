"""How likely two records are of one person: compared and weighed by Splink, then against what else they could be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from splink import DuckDBAPI, Linker, block_on

from crm_store.identify.resolution.described import COMPARED, DERIVED, IDENTIFIERS, Described
from crm_store.identify.resolution.engines import LinkEngine
from crm_store.identify.resolution.grounds import Sides
from crm_store.identify.resolution.identifiers import LIMITS, Identifier, may_be_one, names_of, people_beside
from crm_store.identify.resolution.kinds import SUPPOSED, Agreement, Bools, Floats, Weighed, weigh
from crm_store.identify.resolution.model import (
    CERTAIN,
    CERTAIN_RECALL,
    MACROS,
    TRAINED_ON,
    UNLEARNT,
    Weights,
    comparisons,
    settings,
    shipped,
)
from crm_store.identify.resolution.names import sound

LEAST_BITS = -14.0
"""By Splink, from which a pair is weighed."""
FEWEST_TO_TRAIN = 500
"""Records below which m and u are not estimated but taken as they come with the program."""
SAMPLED_PAIRS = 1e6

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Model:
    """What was learnt from records, for those that come later."""

    weights: Weights
    frequency: Mapping[str, float]
    """Pairs of each kind, a record."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of records that may be of one person; every array has one entry a pair."""

    left: list[str]
    right: list[str]
    weighed: Weighed
    agreements: Mapping[str, Agreement]
    sides: Sides
    model: Model

    @property
    def probability(self) -> Floats:
        probability: Floats = 1 / (1 + np.exp2(-np.clip(self.weighed.bits, -60, 60)))
        return probability

    def reasons(self, at: int) -> dict[str, tuple[str, float]]:
        """Of one pair: each comparison's level and its bits."""
        told = {column: (str(found.level[at]), float(found.bits[at])) for column, found in self.agreements.items()}
        return {column: (level, round(bits, 1)) for column, (level, bits) in told.items() if level}


def match(
    records: Mapping[str, Described],
    openly: Collection[str] = (),
    *,
    new: Collection[str] | None = None,
    model: Model | None = None,
    blocked: Collection[Identifier] = (),
    compare_on: LinkEngine = LinkEngine.DUCKDB,
    progress: Progress = lambda step: None,
) -> Pairs:
    """The pairs worth knowing. `openly`: the records whose identifiers anybody may have typed. `new`: compare these with all, and
    nothing else, by `model`, as it was learnt before. `blocked`: what is nobody's. Raises SparkMissingError.
    """
    if model is None and len(records) < FEWEST_TO_TRAIN:
        model = Model(shipped(), SUPPOSED)
    progress("counting identifiers")
    beside = people_beside(records.values())
    everybodys = {key for key, people in beside.items() if people > LIMITS[key[0]]}.union(blocked)
    with duckdb.connect() as connection:
        for macro in MACROS:
            connection.execute(f"create macro {macro}")
        _load(connection, records, everybodys, new)
        present = [name for name in (*COMPARED, *DERIVED) if _number(connection, f"select count({name}) from people")]  # noqa: S608
        if not any(name in present for name in COMPARED):
            return _none()
        table, splink = _predicted(connection, present, model, new is not None, compare_on, progress)
    progress("weighing")
    left, right = (table.column(f"unique_id_{side}").to_pylist() for side in "lr")
    # Two whose names conflict are two people beside whatever they share; a third one makes it several people's.
    alike = [may_be_one(records[a], records[b]) for a, b in zip(left, right, strict=True)]
    enough = np.where(alike, 2, 3)
    agreements = {}
    for column in comparisons():
        if column in present:
            people = [beside.get((column, records[record][column] or ""), 1) for record in left]
            agreements[column] = _agreement(table, splink, column, np.array(people) >= enough)
    open_sides = [[records[key] for key in pair if key in openly] for pair in zip(left, right, strict=True)]
    weighed = weigh(
        agreements,
        len(records),
        np.array([bool(sides) for sides in open_sides], dtype=bool),
        np.array([all(_vouched(record) for record in sides) for sides in open_sides], dtype=bool)
        & (agreements["email"].same if "email" in agreements else False),
        frequency=model.frequency if model else None,
    )
    learnt = model or Model(_weights(splink), weighed.frequency)
    return Pairs(left, right, weighed, agreements, _sides(records, left, right, alike, everybodys), learnt)


def _sides(
    records: Mapping[str, Described],
    left: Sequence[str],
    right: Sequence[str],
    alike: Sequence[bool],
    everybodys: Collection[Identifier],
) -> Sides:
    named = {key for key, record in records.items() if names_of(record)}
    identified = {
        key
        for key, record in records.items()
        if any((value := record[kind]) and (kind, value) not in everybodys for kind in IDENTIFIERS)
    }
    identifies, names = (
        np.array([a in keys and b in keys for a, b in zip(left, right, strict=True)], dtype=bool)
        for keys in (identified, named)
    )
    return Sides(identifies, names, np.array(alike, dtype=bool))


def _vouched(record: Described) -> bool:
    """Whether a record's mailbox bears one of its names."""
    mailbox = sound("".join(letter for letter in (record["email"] or "").partition("@")[0] if letter.isalpha()))
    return any(len(name) > 2 and name in mailbox for name in names_of(record))


def _weights(splink: Mapping[str, Any]) -> Weights:
    """m and u of each level that was learnt."""
    return {
        comparison["output_column_name"]: {
            level["label_for_charts"]: (level["m_probability"], level["u_probability"])
            for level in comparison["comparison_levels"][1:]
            if level.get("m_probability") and level.get("u_probability")
        }
        for comparison in splink["comparisons"]
        if comparison["output_column_name"] not in UNLEARNT
    }


def _none() -> Pairs:
    weighed = Weighed(np.zeros(0), np.zeros(0, dtype=np.str_), {})
    no = np.zeros(0, dtype=bool)
    return Pairs([], [], weighed, {}, Sides(no, no, no), Model(shipped(), SUPPOSED))


def _load(
    connection: duckdb.DuckDBPyConnection,
    records: Mapping[str, Described],
    left_out: set[Identifier],
    new: Collection[str] | None,
) -> None:
    """Makes the table `people`, with how many records each name is borne in and without the identifiers left out."""
    rows = [
        {
            "unique_id": key,
            "is_new": new is None or key in new,
            **record,
            **{kind: None for kind in IDENTIFIERS if (kind, record[kind]) in left_out},
        }
        for key, record in records.items()
    ]
    columns = [("is_new", pa.bool_()), *((name, pa.string()) for name in ("unique_id", *COMPARED, *DERIVED))]
    connection.register("given", pa.Table.from_pylist(rows, schema=pa.schema(columns)))
    borne = ", ".join(
        f"case when {name} is null then 0 else count(*) over (partition by {name}) end as {name.removesuffix('_name')}_borne"
        for name in ("given_name", "family_name")
    )
    connection.execute(f"create table people as select *, {borne} from given")  # noqa: S608


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    (row,) = connection.execute(query).fetchall()
    return int(row[0])


def _predicted(
    connection: duckdb.DuckDBPyConnection,
    present: Sequence[str],
    learnt: Model | None,
    only_new: bool,
    compare_on: LinkEngine,
    progress: Progress,
) -> tuple[pa.Table, dict[str, Any]]:
    known = set(present)
    begin = settings(present, learnt.weights if learnt else shipped(), only_new=only_new)
    with _quiet():
        people = DuckDBAPI(connection).register("people")
        linker = Linker(people, begin, log_level=logging.CRITICAL)
        certain: list[Any] = [block_on(*names) for names in CERTAIN if known.issuperset(names)]
        if learnt is None and certain:
            linker.training.estimate_probability_two_random_records_match(certain, recall=CERTAIN_RECALL)
            progress("learning how strangers agree")
            linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED_PAIRS, seed=1)
            for names in TRAINED_ON:
                if known.issuperset(names):
                    progress(f"learning from records with the same {' and '.join(names)}".replace("_", " "))
                    before = linker.misc.save_model_to_json()
                    try:
                        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*names))
                    except ValueError:
                        # An m that falls to nothing, of which Splink makes an error, halfway: as it was before.
                        linker = Linker(people, before, log_level=logging.CRITICAL)
        progress("comparing")
        model = linker.misc.save_model_to_json()
        if compare_on is LinkEngine.SPARK:
            from crm_store.identify.resolution import spark

            given = connection.sql("select * from people").to_arrow_table()
            begin = settings(present, shipped(), only_new=only_new)
            return spark.predicted(given, begin, model, LEAST_BITS), model
        found: Any = linker.inference.predict(threshold_match_weight=LEAST_BITS)
        return found.as_pyarrow_table(), model


@contextmanager
def _quiet() -> Iterator[None]:
    """Splink tells of its progress on standard output and by its logger; who waits is told by `progress`."""
    loggers = [logging.getLogger(name) for name in ("splink", "sqlglot")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _agreement(table: pa.Table, model: Mapping[str, Any], column: str, several: Bools) -> Agreement:
    """Of one comparison, with what the frequency of the very value adds."""
    parts = [n for n in (f"mw_{column}", f"mw_tf_adj_{column}") if n in table.column_names]
    bits = sum((np.nan_to_num(table.column(n).to_numpy().astype(np.float64)) for n in parts), np.zeros(len(table)))
    told = next(c["comparison_levels"] for c in model["comparisons"] if c["output_column_name"] == column)
    # Splink numbers the levels from the last, 0; -1 is what does not say, and stands first.
    labels = np.array([*(level["label_for_charts"] for level in reversed(told[1:])), ""])
    level = labels[table.column(f"gamma_{column}").to_numpy()]
    return Agreement(bits, level, several & (level == "same"))
