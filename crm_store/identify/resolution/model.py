"""The model of record linkage: which pairs are looked at, what of them is compared, how much each agreement tells.

The weight of a pair is the sum over its comparisons of log2(m/u), bits: m how often two records of one person stand so, u how often
two records of different people do (Fellegi & Sunter 1969, "A theory for record linkage", eq. 14). Splink estimates u from random
pairs and m by expectation maximisation.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import splink.comparison_level_library as levels
from splink import SettingsCreator, block_on
from splink.comparison_library import CustomComparison

KNOWN_FROM = 3
"""Records with a name from which it is a name, and not a slip of the pen."""

MACROS = (
    "alike(a, b) as jaro_winkler_similarity(a, b)",
    "has_all_words(a, b) as list_has_all(string_split(a, ' '), string_split(b, ' '))",
    "has_a_word(a, b) as list_has_any(string_split(a, ' '), string_split(b, ' '))",
)
"""What comparisons call by a name of its own, as DuckDB does it; `spark` has the same for Spark."""

SAME_IDENTIFIER = 1e-6
"""u of identifiers: how often two different people have one in common, in a household or by a claim."""

UNLEARNT = frozenset({"telegram_id"})

BLOCKS: tuple[tuple[str, ...], ...] = (
    *(("loyalty_id",), ("phone",), ("email",), ("telegram_id",), ("device_id",)),
    *(("date_of_birth",), ("names",), ("given_start", "family_start")),
    *(("given_sound", "postcode_digits"), ("family_sound", "postcode_digits")),
    *(("street", "city"), ("street", "postcode_digits"), ("street", "given_start"), ("street", "family_start")),
    *(("given_name", "city"), ("family_name", "city")),
)
"""Two records are compared when they agree in all columns of one of these."""

CERTAIN: tuple[tuple[str, ...], ...] = (
    *(("loyalty_id", "given_sound"), ("email", "given_sound"), ("phone", "given_sound", "family_sound")),
    *(("names", "date_of_birth"), ("names", "postcode_digits", "street")),
)
CERTAIN_RECALL = 0.7
"""Share of the pairs of one person that one of `CERTAIN` finds, as a rule."""

TRAINED_ON = (("loyalty_id",), ("names",), ("date_of_birth",), ("email",))
"""What two records of one person agree in and those of a household as a rule do not: from pairs that agree in an address or a
telephone, m would be learnt of families."""


Weights = Mapping[str, Mapping[str, tuple[float, float]]]
"""m and u by comparison and level."""


@cache
def shipped() -> Weights:
    """As learnt from invented people (bench/_weights.py), for where records are too few to learn from or lack a level."""
    found = files(__package__).joinpath("weights.json")
    learnt: Weights = json.loads(found.read_text(encoding="utf-8")) if found.is_file() else {}
    return learnt


def settings(present: Collection[str], weights: Weights, *, only_new: bool = False) -> SettingsCreator:
    """`present`: the columns that any record fills. `weights`: to begin with. `only_new`: one of the two is a new record."""
    blocks: list[Any] = [_block(names, only_new) for names in BLOCKS if set(names) <= set(present)]
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            _comparison(column, named, weights.get(column, {}))
            for column, named in comparisons().items()
            if column in present
        ],
        blocking_rules_to_generate_predictions=blocks,
        retain_intermediate_calculation_columns=True,
    )


def _block(names: Collection[str], only_new: bool) -> Any:
    if not only_new:
        return block_on(*names)
    rule = " and ".join(f"l.{name} = r.{name}" for name in names)
    return {"blocking_rule": f"{rule} and (l.is_new or r.is_new)", "sql_dialect": "duckdb"}


def _comparison(column: str, named: Mapping[str, Any], weights: Mapping[str, tuple[float, float]]) -> CustomComparison:
    made: list[Any] = [levels.NullLevel(column)]
    for label, level in named.items():
        if label in weights and column not in UNLEARNT:
            m, u = weights[label]
            level.configure(m_probability=m, u_probability=u)
        made.append(level.configure(label_for_charts=label))
    return CustomComparison(output_column_name=column, comparison_levels=made)


def _name(column: str, other: str) -> dict[str, Any]:
    start = column.removesuffix("_name")
    known = f"{start}_borne_l >= {KNOWN_FROM} and {start}_borne_r >= {KNOWN_FROM}"
    alike = f"alike({column}_l, {column}_r)"
    within = f"starts_with({column}_l, {column}_r) or starts_with({column}_r, {column}_l)"
    ends = f"contains({column}_l || ' ', {column}_r || ' ') or contains({column}_r || ' ', {column}_l || ' ')"
    shorter = f"least(length({column}_l), length({column}_r))"
    heard = [f"{start}_sound_{side}" for side in "lr"]
    crossed = [(f"{column}_l", f"{other}_r"), (f"{other}_l", f"{column}_r")]
    slip = f"damerau_levenshtein({start}_sound_l, {start}_sound_r) = 1"
    forms = f"has_a_word({start}_forms_l, {start}_forms_r)"
    swapped = [f"alike({one}, {two}) >= 0.9" for one, two in crossed]
    across = f"coalesce({swapped[0]}, {swapped[1]}) and coalesce({swapped[1]}, {swapped[0]})"
    return {
        "same": levels.ExactMatchLevel(column, term_frequency_adjustments=True),
        "sounds alike": _sql(f"{start}_sound_l = {start}_sound_r"),
        "part of it": _sql(f"has_all_words({heard[0]}, {heard[1]}) or has_all_words({heard[1]}, {heard[0]})"),
        "a slip": _sql(f"{alike} >= 0.92 and not ({known})"),
        "a short form": _sql(f"({ends} or ({within}) and not ({known})) and {shorter} >= 3"),
        "initial": _sql(f"({within}) and {shorter} < 3"),
        "a word of it": _sql(f"has_a_word({heard[0]}, {heard[1]})"),
        "stands in the other field": _sql(across),
        "a worse slip": _sql(f"{alike} >= 0.8 and not ({known})"),
        "a similar name": _sql(f"{alike} >= 0.8 or {within}"),
        "resembles": _sql(f"{forms} or {slip}"),
        "another": levels.ElseLevel(),
    }


def _typed(column: str, slips: int) -> dict[str, Any]:
    """What is typed: the same, or off by up to so many slips of a finger."""
    off = {f"{n} off": levels.DamerauLevenshteinLevel(column, n) for n in range(1, slips + 1)}
    return {"same": levels.ExactMatchLevel(column), **off, "another": levels.ElseLevel()}


def _identifier(column: str, named: dict[str, Any]) -> dict[str, Any]:
    """Of two at random who have it in common some are one person: u, for others, is said and not counted."""
    same = levels.ExactMatchLevel(column).configure(u_probability=SAME_IDENTIFIER, fix_u_probability=True)
    return {**named, "same": same}


def _account(column: str) -> dict[str, Any]:
    """What nobody types and few have twice: too rarely the same in two records for m to be learnt."""
    same, another = (
        level.configure(m_probability=m, u_probability=u, fix_m_probability=True, fix_u_probability=True)
        for level, m, u in (
            (levels.ExactMatchLevel(column), 0.9, SAME_IDENTIFIER),
            (levels.ElseLevel(), 0.1, 1 - SAME_IDENTIFIER),
        )
    )
    return {"same": same, "another": another}


def _similar(column: str, *thresholds: float) -> dict[str, Any]:
    near = {f"alike to {t:.2f}": _alike(column, t) for t in thresholds}
    same = levels.ExactMatchLevel(column, term_frequency_adjustments=True)
    return {"same": same, **near, "another": levels.ElseLevel()}


def _birth() -> dict[str, Any]:
    sides = [[f"substr(date_of_birth_{side}, {at}, 2)" for at in (3, 6, 9)] for side in "lr"]
    (year, month, day), (other_year, other_month, other_day) = sides
    swapped = f"{year} = {other_year} and {month} = {other_day} and {day} = {other_month}"
    same = levels.ExactMatchLevel("date_of_birth", term_frequency_adjustments=True)
    off = {f"{n} off": levels.DamerauLevenshteinLevel("date_of_birth", n) for n in (1, 2)}
    return {"same": same, "day and month swapped": _sql(swapped), **off, "another": levels.ElseLevel()}


def _email() -> dict[str, Any]:
    user = "split_part(email_l, '@', 1) = split_part(email_r, '@', 1)"
    # rina.sari12 and rina.sari48: who finds a name taken adds a number.
    letters = [f"translate(split_part(email_{side}, '@', 1), '0123456789', '')" for side in "lr"]
    return {
        "same": levels.ExactMatchLevel("email"),
        "same before the @": _sql(user),
        "another number": _sql(f"{letters[0]} = {letters[1]}"),
        "a slip": levels.DamerauLevenshteinLevel("email", 2),
        "alike": _alike("email", 0.88),
        "another": levels.ElseLevel(),
    }


def _alike(column: str, at_least: float) -> levels.CustomLevel:
    return _sql(f"alike({column}_l, {column}_r) >= {at_least}")


def _sql(condition: str) -> levels.CustomLevel:
    return levels.CustomLevel(condition)


def comparisons() -> dict[str, dict[str, Any]]:
    """The levels of each comparison by their names, nearest first. Anew at each call: Splink writes into them."""
    return {
        "given_name": _name("given_name", "family_name"),
        "family_name": _name("family_name", "given_name"),
        "date_of_birth": _birth(),
        "street": _similar("street", 0.95, 0.88, 0.75),
        "city": _similar("city", 0.92, 0.8),
        "postcode": _typed("postcode", 2),
        "loyalty_id": _identifier("loyalty_id", _typed("loyalty_id", 2)),
        "phone": _identifier("phone", _typed("phone", 1)),
        "email": _identifier("email", _email()),
        "telegram_id": _account("telegram_id"),
        "device_id": _identifier("device_id", _typed("device_id", 0)),
    }
