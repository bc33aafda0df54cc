"""A record joins a customer only when an identifier says so, few enough have it, and nothing speaks against it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_store.business import Business, Identity
from crm_store.identify.linking import KnownPeople, Person, Rules, names_agree, person_of, same_person

RULES = Rules(Identity())
NOW = datetime(2026, 3, 2, tzinfo=UTC)
MAIL = ("email", "sari@example.com")
PHONE = ("phone", "+6281155500001")
OTHER_PHONE = ("phone", "+6281155500002")
CARD = ("loyalty_id", "KS700001")
BOTH = (MAIL, PHONE)


def someone(given: str = "", family: str = "", *identifiers: tuple[str, str]) -> Person:
    return Person(given, family, frozenset(identifiers))


def test_two_shared_identifiers_of_different_types_are_enough() -> None:
    assert same_person(someone("Sari", "Wijaya", MAIL, PHONE), someone("Sari", "Wijaya", PHONE, MAIL))
    assert same_person(someone("", "", MAIL, PHONE), someone("Sari", "Wijaya", PHONE, MAIL))
    assert not same_person(someone("Sari", "", PHONE, OTHER_PHONE), someone("Sari", "", PHONE, OTHER_PHONE))


@pytest.mark.parametrize("shared", [MAIL, PHONE, CARD])
def test_one_alone_is_the_household_s_or_lent_or_handed_on(shared: tuple[str, str]) -> None:
    assert not same_person(someone("Sari", "Wijaya", shared), someone("Sari", "Wijaya", shared))


def test_one_is_enough_where_machines_have_read_it_in_both() -> None:
    till, programme, clerk = (
        Person(name, "", frozenset([CARD]), read=frozenset(read))
        for name, read in (("", [CARD]), ("Sari", [CARD]), ("Sari", []))
    )
    assert same_person(till, programme)
    assert not same_person(till, clerk)
    assert not same_person(till, replace(programme, identifiers=frozenset([PHONE])))


def test_the_same_name_alone_is_not() -> None:
    assert not same_person(someone("Sari", "Wijaya"), someone("Sari", "Wijaya"))


def test_the_same_device_is_not() -> None:
    shared = ("device_id", "d1")
    assert not same_person(someone("Sari", "", shared, PHONE), someone("Sari", "", shared, PHONE))


def test_another_family_name_speaks_against_it() -> None:
    assert not same_person(someone("Sari", "Wijaya", *BOTH), someone("Sari", "Hartono", *BOTH))
    assert same_person(someone("Sari", "WIJAYA", *BOTH), someone("sari", "Wijaya", *BOTH))


def test_given_names_need_only_start_alike() -> None:
    assert names_agree(someone("Budi"), someone("Budi Santoso"))
    assert names_agree(someone("B."), someone("Budi"))
    assert not names_agree(someone("Budi"), someone("Dewi"))


def test_an_absent_name_speaks_against_nothing() -> None:
    assert same_person(someone("", "", *BOTH), someone("Sari", "Wijaya", *BOTH))


def knowing(rules: Rules, **people: Person) -> KnownPeople:
    """Customers by name, each with one record on a profile of the same name."""
    known = KnownPeople(rules)
    for name, person in people.items():
        known.add(name, name, person, NOW)
    return known


def rules(**identifiers: dict[str, Any]) -> Rules:
    return Rules(Identity.model_validate({"identifiers": identifiers}))


def customer_of(known: KnownPeople, person: Person, now: datetime = NOW) -> str | None:
    match = known.match(person, now)
    return match.customer_id if match else None


def test_a_record_finds_the_one_customer_who_has_its_numbers() -> None:
    known = knowing(RULES, sari=someone("Sari", "Wijaya", *BOTH), budi=someone("Budi", "Hartono", OTHER_PHONE))
    match = known.match(someone("Sari", "", *BOTH, CARD), NOW)
    assert match
    assert (match.customer_id, match.shared) == ("sari", {"sari": {"email", "phone"}})


def test_a_match_tells_every_profile_that_agrees_and_in_what() -> None:
    known = knowing(RULES, sari=someone("Sari", "Wijaya", MAIL))
    known.add("sari", "till", someone("Sari", "", MAIL, CARD), NOW)
    match = known.match(someone("Sari", "", MAIL, CARD), NOW)
    assert match
    assert match.shared == {"sari": {"email"}, "till": {"email", "loyalty_id"}}


def test_a_number_that_two_customers_have_links_nobody() -> None:
    known = knowing(RULES, sari=someone("Sari", "Wijaya", PHONE), budi=someone("Budi", "Hartono", PHONE))
    assert customer_of(known, someone("Sari", "Wijaya", PHONE)) is None


def test_where_two_may_have_them_the_names_tell_who_is_meant() -> None:
    shared = rules(phone={"shared_by": 2}, email={"shared_by": 2})
    family = knowing(shared, sari=someone("Sari", "", *BOTH), budi=someone("Budi", "", *BOTH))
    assert customer_of(family, someone("Sari", "", *BOTH)) == "sari"
    assert customer_of(family, someone("", "", *BOTH)) is None, "it may be either"


def test_of_two_customers_the_one_with_the_surer_identifier_is_believed() -> None:
    born = "1990-01-02"
    known = knowing(
        RULES,
        **{name: Person("Sari", "Wijaya", frozenset([has]), born) for name, has in (("one", MAIL), ("two", CARD))},
    )
    assert customer_of(known, Person("Sari", "Wijaya", frozenset([MAIL, CARD]), born)) == "two"


def test_a_record_that_points_at_two_customers_equally_surely_joins_neither() -> None:
    alike = rules(email={"priority": 1})
    born = "1990-01-02"
    known = knowing(
        alike,
        **{name: Person("Sari", "Wijaya", frozenset([has]), born) for name, has in (("one", MAIL), ("two", CARD))},
    )
    assert customer_of(known, Person("Sari", "Wijaya", frozenset([MAIL, CARD]), born)) is None


def test_a_customer_who_would_have_too_many_values_of_a_type_is_not_joined() -> None:
    """A shop's own card, swiped for everybody without one."""
    swiped = knowing(rules(phone={"values": 2}), card=_swiping("+62811111111"))
    swiped.add("card", "2", _swiping("+62811111112"), NOW)
    third = _swiping("+62811111113")
    assert customer_of(swiped, third) is None
    assert customer_of(swiped, _swiping("+62811111112")) == "card"
    assert customer_of(swiped, third, NOW + timedelta(days=365)) == "card", "numbers change over the years"


def _swiping(phone: str) -> Person:
    return Person(identifiers=frozenset([CARD, ("phone", phone)]), read=frozenset([CARD]))


def test_every_name_that_a_customer_is_known_by_must_agree() -> None:
    known = knowing(RULES, sari=someone("", "", *BOTH))
    known.add("sari", "2", someone("Sari", "Wijaya", CARD), NOW)
    assert customer_of(known, someone("Budi", "Hartono", *BOTH)) is None
    assert customer_of(known, someone("Sari", "Wijaya", *BOTH)) == "sari"


@pytest.mark.parametrize(
    ("a", "b", "are_one"),
    [
        (("Budi", "Hartono", "1990-01-02"), ("BUDI", "Hartono", "1990-01-02"), True),
        (("Budi", "Hartono", "1990-01-02"), ("Budi", "Hartono", ""), False),
        (("Budi", "Hartono", "1990-01-02"), ("Budi", "Hartono", "1961-05-05"), False),
        (("Budi", "", "1990-01-02"), ("Budi", "", "1990-01-02"), False),
        (("B.", "Hartono", "1990-01-02"), ("Budi", "Hartono", "1990-01-02"), False),
    ],
)
@pytest.mark.parametrize("shared", [MAIL, PHONE])
def test_one_is_enough_beside_the_full_name_and_the_date_of_birth(
    shared: tuple[str, str], a: tuple[str, str, str], b: tuple[str, str, str], are_one: bool
) -> None:
    one, other = (Person(given, family, frozenset([shared]), born) for given, family, born in (a, b))
    assert same_person(one, other) == same_person(other, one) == are_one


def test_two_who_were_born_on_different_days_are_two_whatever_they_share() -> None:
    one, other = (Person("Budi", "Hartono", frozenset(BOTH), born) for born in ("1990-01-02", "1990-02-01"))
    assert not same_person(one, other)


def test_what_a_customer_typed_into_an_open_form_links_nobody() -> None:
    typed = Rules(Identity.model_validate({"typed_by": {"web": {"phone": "customer", "email": "machine"}}}))
    said = {"email": "sari@example.com", "phone": "+62 811 5550 0001"}
    assert person_of(said, "web", typed).linking == {MAIL}
    assert person_of(said, "web", typed).identifiers == {MAIL, PHONE}, "it is kept all the same"
    assert person_of(said, "pos", typed).linking == {MAIL, PHONE}


def test_values_of_nobody_identify_nobody(business: Business) -> None:
    own = Rules(rules_with(phone=["0811 5550 0001"]), [("phone", business.business.phone)])
    for said in (
        {"email": "Test@Test.com"},
        {"phone": "0811-5550-0001"},
        {"phone": business.business.phone},
        {"phone": "0000000000"},
        {"loyalty_id": "000"},
    ):
        assert person_of(said, "web", own).identifiers == frozenset(), said


def rules_with(**blocked: list[str]) -> Identity:
    return Identity.model_validate({"identifiers": {kind: {"blocked": values} for kind, values in blocked.items()}})


def test_a_record_is_read_with_the_identifiers_that_are_some() -> None:
    person = person_of(
        {"given_name": "Sari", "email": "Sari@Example.com", "phone": "ask", "loyalty_id": "ks 700001", "city": "Bogor"}
    )
    assert person == someone("Sari", "", MAIL, CARD)


def test_a_number_is_dialled_in_the_country_of_its_record() -> None:
    assert person_of({"phone": "020 7946 0018", "country": "GB"}).identifiers == {("phone", "+442079460018")}
