"""The invented customers stay as they are, hold every trap, and what is said of them is true."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # what measures is no part of the installed project

from bench._people import (
    AT_AN_OFFICE,
    BLOCKED,
    COLUMNS,
    COUNTER_TABLET,
    IDENTIFIERS,
    NOBODYS,
    RECYCLED_PHONE,
    SLIPS,
    SOURCES,
    TRAPS,
    Record,
    entered_by,
    people,
    reachable,
    same_person,
    write_csv,
)

FROZEN = "6a65dd26bf2d70a89503278454f4d3ccd2b479f7dfd5f3dba0931ea9b3a6b606"
Held = dict[tuple[str, str], set[str]]


@cache
def a_thousand() -> list[Record]:
    return people(1_000, seed=1)


@cache
def many() -> list[Record]:
    return people(4_000, seed=2)


def digest(records: list[Record], path: Path) -> str:
    write_csv(records, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def held(*labels: str) -> Held:
    """Whose records say of which identifier that it is so."""
    found: Held = defaultdict(set)
    for record in many():
        for column, value in record.truth.items():
            if value.label in labels:
                found[column, value.text].add(record.person)
    return found


def people_in(trap: str) -> int:
    return len({record.person for record in many() if trap in record.traps})


def test_the_set_is_frozen(tmp_path: Path) -> None:
    assert digest(a_thousand(), tmp_path / "people.csv") == FROZEN


def test_the_same_seed_gives_the_same_people_and_another_gives_others(tmp_path: Path) -> None:
    first, again, other = (digest(people(200, seed=seed), tmp_path / "people.csv") for seed in (7, 7, 8))
    assert first == again != other
    assert people(200, seed=7) == people(200, seed=7)


def test_the_file_has_the_columns_of_the_import_and_nothing_of_the_truth(tmp_path: Path) -> None:
    write_csv(a_thousand(), tmp_path / "people.csv")
    with (tmp_path / "people.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["source", "source_id", *COLUMNS]
    assert [{c: row[c] for c in COLUMNS if row[c]} for row in rows] == [dict(r.columns) for r in a_thousand()]


def test_a_key_is_one_records_and_tells_nothing_of_the_person() -> None:
    assert len({record.key for record in many()}) == len(many())
    assert {record.source for record in many()} == set(SOURCES)
    neighbours = zip(many(), many()[1:], strict=False)
    assert sum(one.person == next_one.person for one, next_one in neighbours) < len(many()) / 200


def test_everybody_has_one_to_five_records() -> None:
    counts = Counter(record.person for record in many())
    assert len(counts) == 4_000
    assert set(counts.values()) == {1, 2, 3, 4, 5}
    assert len(many()) / 4_000 == pytest.approx(2.62, abs=0.08)


def test_every_identifier_in_a_record_has_its_truth() -> None:
    for record in many():
        assert set(record.truth) == {column for column in record.columns if column in IDENTIFIERS}
        assert all(record.columns.values())


@pytest.mark.parametrize("records", [a_thousand, many])
@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_occurs(trap: str, records: object) -> None:
    assert callable(records)
    assert any(trap in record.traps for record in records())


def test_what_is_ones_own_is_nobody_elses() -> None:
    others = held("shared", "recycled", "blocked")
    for identifier, owners in held("own").items():
        assert len(owners) == 1
        assert identifier not in others


def test_what_is_claimed_is_not_the_claimants() -> None:
    theirs = held("own", "shared", "recycled")
    for identifier, claimants in held("claimed").items():
        assert not claimants & theirs[identifier]


def test_most_claims_are_on_somebody_who_is_there() -> None:
    theirs = held("own", "shared", "recycled")
    claims = held("claimed")
    assert sum(bool(theirs[identifier]) for identifier in claims) > len(claims) * 0.6


def test_a_recycled_number_was_two_peoples() -> None:
    assert all(len(owners) <= 2 for owners in held("recycled").values())
    assert any(len(owners) == 2 for owners in held("recycled").values())


def test_a_shared_identifier_is_several_peoples_and_a_counters_dozens() -> None:
    sharing = held("shared")
    assert sum(len(owners) > 1 for owners in sharing.values()) > len(sharing) / 2
    assert max(len(owners) for owners in sharing.values()) >= 24


def test_what_is_blocked_is_on_the_list_of_what_is_nobodys() -> None:
    for column, text in held("blocked"):
        assert text in NOBODYS[column]


def test_a_machine_makes_no_slips_in_what_it_alone_enters() -> None:
    for record in many():
        for column, value in record.truth.items():
            if value.label in ("mistyped", "blocked"):
                assert entered_by(record.source, column) != "machine" or (record.source, column) == ("phone", "phone")
            elif column in ("device_id", "telegram_id"):
                assert record.columns[column] == value.text


def test_an_identifier_is_written_in_other_words_only_where_it_is_mistyped() -> None:
    for record in many():
        for column in ("phone", "loyalty_id"):
            value = record.truth.get(column)
            if value and value.label != "blocked":
                digits = "".join(filter(str.isdigit, record.columns[column]))
                right = "".join(filter(str.isdigit, value.text))
                assert (digits in (right, "0" + right.removeprefix("62"))) == (value.label != "mistyped")


def test_a_wrong_digit_can_make_it_somebody_elses_card() -> None:
    cards = held("own")
    wrong = [r for r in many() if "loyalty_id" in r.truth and r.truth["loyalty_id"].label == "mistyped"]
    typed = [("loyalty_id", "".join(filter(str.isdigit, r.columns["loyalty_id"]))) for r in wrong]
    assert any(identifier in cards for identifier in typed)


def test_traps_are_about_as_frequent_as_they_are_said_to_be() -> None:
    identifiers = [(r, column, v) for r in many() for column, v in r.truth.items()]
    typed = [v for r, column, v in identifiers if entered_by(r.source, column) != "machine" and v.label != "claimed"]
    devices = [v for _, column, v in identifiers if column == "device_id"]
    assert sum(v.label == "blocked" for v in typed) / len(typed) == pytest.approx(BLOCKED, rel=0.35)
    wrong = sum(v.label == "mistyped" for v in typed) / len(typed)
    assert SLIPS["customer"] * 0.6 < wrong < SLIPS["clerk"] * 1.2
    assert sum(v.trap == "counter_tablet" for v in devices) / len(devices) == pytest.approx(COUNTER_TABLET, rel=0.25)
    assert AT_AN_OFFICE * 0.35 < people_in("switchboard") / 4_000 < AT_AN_OFFICE
    assert RECYCLED_PHONE * 0.5 < people_in("recycled_phone") / 4_000 < RECYCLED_PHONE * 2
    assert 0.01 < people_in("hostile_claim") / 4_000 < 0.07


def test_namesakes_are_there_by_chance_too() -> None:
    names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in many():
        if "given_name" in record.columns and "family_name" in record.columns:
            names[record.columns["given_name"], record.columns["family_name"]].add(record.person)
    assert len(names["Budi", "Santoso"]) >= 2
    assert sum(len(owners) > 1 for owners in names.values()) >= 100


def test_pairs_of_one_person_are_counted_once() -> None:
    counts = Counter(record.person for record in many())
    assert len(same_person(many())) == sum(n * (n - 1) // 2 for n in counts.values())
    assert all(one < other for one, other in same_person(many()))


def test_a_pair_is_reachable_by_two_identifiers_of_their_own() -> None:
    by_key = {record.key: record for record in many()}
    assert reachable(many()) < reachable(many(), at_least=1) < same_person(many())
    for one, other in reachable(many()):
        truths = (by_key[one].truth, by_key[other].truth)
        common = [c for c in IDENTIFIERS if c in truths[0] and truths[0].get(c) == truths[1].get(c)]
        assert sum(truths[0][c].label == "own" for c in common) >= 2
