"""What batch resolution makes of records, of names, and of pairs that could be more than one thing."""

from __future__ import annotations

import numpy as np
import pytest

from crm_store.business import Resolution
from crm_store.identify.resolution.decide import decide
from crm_store.identify.resolution.described import described
from crm_store.identify.resolution.grounds import NEVER, Sides, needed
from crm_store.identify.resolution.grouping import Decision, Scored, group
from crm_store.identify.resolution.identifiers import born_apart, may_be_one, people_beside
from crm_store.identify.resolution.kinds import SUPPOSED, Agreement, Weighed, weigh
from crm_store.identify.resolution.model import UNLEARNT, comparisons, shipped
from crm_store.identify.resolution.names import conflict, one_slip, sound

Columns = dict[str, str]

SARI: Columns = {
    "given_name": "Sari",
    "family_name": "Kusyanti",
    "phone": "0812 3456 7001",
    "email": "sari.kusyanti@gmail.com",
}
HOME: Columns = {"street": "Jl. Melati No. 7", "city": "Bandung", "postcode": "40123"}


def joined(*records: Columns, openly: tuple[int, ...] = ()) -> list[set[int]]:
    """Which of the records come together, by their place."""
    decided = decide({str(n): record for n, record in enumerate(records)}, {str(n) for n in openly}, Resolution())
    return [{int(key) for key in people} for people in decided.groups]


def test_two_identifiers_and_a_name_make_one_person() -> None:
    assert joined(SARI, {**SARI, "given_name": "SARI"}) == [{0, 1}]


def test_strangers_stay_apart() -> None:
    assert joined(SARI, {"given_name": "Bambang", "phone": "0812 9999 7002"}) == []


def test_a_family_with_one_telephone_stays_apart() -> None:
    family = {**HOME, "family_name": "Halim", "phone": "0813 1111 2222"}
    assert joined({**family, "given_name": "Robert"}, {**family, "given_name": "Veronica"}) == []


def test_twins_with_one_telephone_stay_apart() -> None:
    twins = {**HOME, "family_name": "Lestari", "phone": "0813 1111 2222", "date_of_birth": "1999-08-22"}
    assert joined({**twins, "given_name": "Fajar"}, {**twins, "given_name": "Fajri"}) == []


def test_a_son_named_as_his_father_stays_apart() -> None:
    named = {**HOME, "given_name": "Heru Lukman", "family_name": "Cahyono", "email": "cahyono@gmail.com"}
    assert joined({**named, "date_of_birth": "1954-08-01"}, {**named, "date_of_birth": "1984-02-11"}) == []


def test_who_adds_another_number_to_the_same_name_is_somebody_else() -> None:
    found_taken = {"given_name": "Hani", "family_name": "Saputra", "street": "Jl. Flamboyan 1", "city": "Jakarta Pusat"}
    one = {**found_taken, "email": "hani.saputra.456@example.com", "phone": "0811 5550 0456"}
    other = {**found_taken, "email": "hani.saputra.1174@example.net", "phone": "0811 5550 1174"}
    assert joined(one, other) == []


def test_namesakes_born_on_one_day_stay_apart() -> None:
    namesake = {"given_name": "Budi", "family_name": "Santoso", "date_of_birth": "1980-02-16"}
    elsewhere = {"street": "Jl. Merdeka 12", "city": "Surabaya", "postcode": "60111"}
    assert joined({**namesake, **HOME}, {**namesake, **elsewhere}) == []


def test_one_identifier_joins_nobody_where_another_differs_or_nothing_says_who_they_are() -> None:
    twins = {"family_name": "Kusyanti", "date_of_birth": "1999-08-22", "phone": SARI["phone"]}
    assert joined(*({**twins, "given_name": "Sari", "loyalty_id": card} for card in ("71004460", "71004461"))) == []
    assert joined({**HOME, "loyalty_id": "71004460"}, {**HOME, "loyalty_id": "71004460"}) == []


def test_identifiers_that_anybody_may_have_typed_prove_nothing_without_a_name() -> None:
    claim = {"phone": SARI["phone"], "email": SARI["email"], "device_id": "d1"}
    assert joined(SARI, claim, openly=(1,)) == []
    assert joined(SARI, {**claim, "given_name": "Bambang"}, openly=(1,)) == []
    assert joined(SARI, {**claim, "given_name": "Sari", "family_name": "Kusyanti"}, openly=(1,)) == [{0, 1}]


def test_a_number_that_many_name_as_theirs_tells_nothing() -> None:
    names = ["Robert", "Veronica", "Bambang", "Siti", "Ketut", "Agus"]
    assert joined(*({"given_name": name, "phone": "021 5550 1000", "email": f"{name}@shop.co"} for name in names)) == []


def test_a_record_that_says_nothing_is_nobodys() -> None:
    assert joined({}, {}) == []


def test_what_is_asked_of_staff_says_why() -> None:
    decided = decide({"a": SARI, "b": {"given_name": "Sari", "phone": SARI["phone"]}}, (), Resolution(review_from=0.01))
    (link,) = decided.links
    assert link.decision is Decision.REVIEW
    assert link.reasons["phone"][0] == "same"
    assert link.against


def test_what_is_meant_alike_is_spelt_alike() -> None:
    one = described(
        {
            "given_name": "Bpk. H. Soekarno",
            "email": "A.b+shop@Gmail.com",
            "phone": "0812-3456-7001",
            "street": "Jalan Melati No. 7",
        }
    )
    other = described(
        {"given_name": "Sukarno", "email": "ab@gmail.com", "phone": "+62 812 3456 7001", "street": "Jl Melati 7"}
    )
    assert {c for c in one if one[c] != other[c]} == {"given_name", "given_start"}
    assert one["given_name"] == "soekarno"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *(("1990-02-16", "1990-02-16"), ("19900216", "1990-02-16"), ("16/02/1990", "1990-02-16")),
        *(("1970-01-01", None), ("soon", None)),
    ],
)
def test_a_day_is_read_however_it_is_written(written: str, read: str | None) -> None:
    assert described({"date_of_birth": written})["date_of_birth"] == read


@pytest.mark.parametrize(("a", "b"), [("Achmad", "Ahmad"), ("Bob", "Robert"), ("Kiki", "Rizki"), ("Tjahja", "Cahya")])
def test_names_sound_alike_in_any_spelling_and_in_short(a: str, b: str) -> None:
    assert sound(a.lower()) == sound(b.lower())


def test_names_conflict_when_no_word_of_theirs_could_be_the_other() -> None:
    assert conflict(["rina"], ["agus", "santoso"])
    assert not conflict(["suharto"], ["harto"])
    assert not conflict(["heriyanto"], ["hreiyanto"])
    assert not conflict([], ["rina"])


@pytest.mark.parametrize(
    ("a", "b", "one"),
    [("rina", "rini", 1), ("rina", "rna", 1), ("rina", "irna", 1), ("rina", "rani", 0), ("rina", "rina", 1)],
)
def test_one_slip_is_a_letter(a: str, b: str, one: int) -> None:
    assert one_slip(a, b) is bool(one)


def test_slips_and_american_forms_tell_no_two_births_apart() -> None:
    assert not born_apart("1990-02-11", "1990-11-02")
    assert not born_apart("1990-02-11", "1990-02-12")
    assert born_apart("1954-08-01", "1984-02-11")
    assert not born_apart(None, "1984-02-11")


def test_people_are_counted_beside_an_identifier_by_their_names() -> None:
    phone = {"phone": "081311112222"}
    beside = people_beside([described({**phone, "given_name": name}) for name in ("Rina", "Rina", "Agus", "")])
    assert beside == {("phone", "+6281311112222"): 2}


def pairs(**columns: tuple[float, str]) -> dict[str, Agreement]:
    return {
        name: Agreement(np.array([bits]), np.array([level]), np.array([False]))
        for name, (bits, level) in columns.items()
    }


def weighed(found: dict[str, Agreement], *, openly: bool = False) -> Weighed:
    return weigh(found, 100, np.array([openly]), np.array([False]), frequency=SUPPOSED)


def test_kinds_are_told_apart_by_what_they_explain() -> None:
    phone, name = (19.0, "same"), (7.0, "same")
    assert (
        weighed(pairs(phone=phone, family_name=(6.0, "same"), given_name=(-4.0, "another"))).against[0] == "household"
    )
    assert weighed(pairs(phone=phone, email=phone), openly=True).against[0] == "claim"
    assert weighed(pairs(given_name=name, street=(9.0, "same"))).against[0] == "named after"
    assert weighed(pairs(given_name=name, email=(7.0, "a slip"))).against[0] == "alike"
    slip, number = (
        weighed(pairs(given_name=name, email=(7.0, level))).bits[0] for level in ("a slip", "another number")
    )
    assert number < slip - 3


def test_a_second_identifier_weighs_more_than_the_first() -> None:
    phone, name = (19.0, "same"), (5.0, "a short form")
    one = weighed(pairs(phone=phone, given_name=name)).bits[0]
    two = weighed(pairs(phone=phone, email=phone, given_name=name)).bits[0]
    assert two > one + 3


def known(**records: Columns) -> dict[str, dict[str, str | None]]:
    return {key: described(record) for key, record in records.items()}


NOBODY = known(a={}, b={}, c={}, d={})


def test_the_surest_pairs_join_first_and_a_contradiction_keeps_groups_apart() -> None:
    records = known(a={"given_name": "Rina"}, b={}, c={"given_name": "Agus"})
    grouped = group(records, [Scored("b", "c", 0.99, 0.98), Scored("a", "b", 0.999, 0.98)])
    assert grouped.people["a"] == grouped.people["b"] != grouped.people["c"]
    assert grouped.decisions["b", "c"] is Decision.REVIEW


def test_days_of_birth_contradict_across_groups() -> None:
    records = known(a={"date_of_birth": "1954-08-01"}, b={}, c={"date_of_birth": "1984-02-11"})
    grouped = group(records, [Scored("a", "b", 0.999, 0.98), Scored("b", "c", 0.99, 0.98)])
    assert grouped.people["b"] != grouped.people["c"]


def test_what_staff_decided_outranks_every_weight() -> None:
    sure = [Scored("a", "b", 1.0, 0.98), Scored("b", "c", 1.0, 0.98)]
    grouped = group(NOBODY, sure, different=[("c", "a")])
    assert grouped.people["a"] == grouped.people["b"] != grouped.people["c"]
    assert grouped.decisions["b", "c"] is Decision.REFUSED
    assert group(NOBODY, [], same=[("a", "d")]).people["a"] == group(NOBODY, [], same=[("a", "d")]).people["d"]


def test_what_is_less_sure_is_asked_about() -> None:
    grouped = group(NOBODY, [Scored("a", "b", 0.9, 0.98)])
    assert grouped.decisions["a", "b"] is Decision.REVIEW


def test_weights_come_with_the_program_for_every_comparison_that_can_be_learnt() -> None:
    assert set(shipped()) == set(comparisons()) - UNLEARNT


def test_new_records_are_compared_with_all_by_what_was_learnt_before() -> None:
    records = {"a": SARI, "b": SARI, "c": SARI}
    before = decide({key: records[key] for key in "ab"}, (), Resolution())
    found = decide(records, (), Resolution(), same=[("a", "b")], new=["c"], model=before.model)
    assert {frozenset((link.left, link.right)) for link in found.links} == {frozenset("ac"), frozenset("bc")}
    assert [set(people) for people in found.groups] == [{"a", "b", "c"}]


def test_what_rests_on_one_identifier_has_to_be_surer() -> None:
    one = {"given_name": "Heru Lukman", "family_name": "Cahyono", "phone": "0812 3456 7001"}
    records = {"a": one, "b": {**one, "email": "heru@gmail.com"}}
    (link,) = decide(records, (), Resolution()).links
    assert 0.5 < link.probability < 0.997
    assert decide(records, (), Resolution(join_from=link.probability - 0.001)).groups == []
    assert decide(records, (), Resolution(join_from_one=link.probability - 0.001)).groups == [["a", "b"]]


def least(alike: bool = True, named: bool = True, **levels: str) -> float:
    found = {
        name: Agreement(np.zeros(1), np.array([level.rstrip("*")]), np.array(["*" in level]))
        for name, level in levels.items()
    }
    sides = Sides(np.array([True]), np.array([named]), np.array([alike]))
    return float(needed(found, sides, Resolution())[0])


def test_an_identifier_of_several_people_counts_as_none() -> None:
    rules = Resolution()
    assert least(phone="same", email="same", named=False) == rules.join_from
    assert least(phone="same", email="same*", given_name="same") == rules.join_from
    assert least(phone="same", email="same*", named=False) == rules.join_from_one
    assert least(phone="same*", email="same*", given_name="same") == rules.join_from_none
    assert least(phone="same*", email="same*", given_name="a slip") == rules.join_from_one
    assert least(phone="same*", given_name="same") == rules.join_from_one
    assert least(phone="same*", email="same*", given_name="same", date_of_birth="another", alike=False) == NEVER
    assert least(phone="same", email="same*", given_name="another", alike=False) == NEVER
    assert least(phone="same", email="same", given_name="another", alike=False) == rules.join_from_none


def test_name_and_birthday_alone_join_nobody_who_gives_an_identifier() -> None:
    who = {"given_name": "same", "family_name": "same", "date_of_birth": "same"}
    assert least(**who) == NEVER
    assert least(**who, city="same") == least(**who, email="a slip") == Resolution().join_from_none
    assert least(**who, email="a slip", phone="another") == NEVER
    assert least(**who, email="another number") == NEVER


def test_a_family_name_in_common_makes_no_one_of_two() -> None:
    names = ({"given_name": "Elizabeth"}, {"given_name": "Farhan"}, {"given_name": "Susanto"})
    elizabeth, farhan, unnamed = (described({**name, "family_name": "Susanto"}) for name in names)
    assert not may_be_one(elizabeth, farhan)
    assert may_be_one(elizabeth, unnamed)


def test_who_says_little_hides_nobody_beside_an_identifier() -> None:
    phone = {"phone": "081311112222", "given_name": "Joko"}
    births = ("", "1957-07-08", "1990-01-27")
    assert people_beside([described({**phone, "date_of_birth": born}) for born in births]) == {
        ("phone", "+6281311112222"): 2
    }
