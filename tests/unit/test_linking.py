"""A record joins a customer only when an identifier says so, only one has it, and no name speaks against it."""

from __future__ import annotations

from crm_store.identify.linking import KnownPeople, Person, names_agree, person_of, same_person

MAIL = ("email", "sari@example.com")
PHONE = ("phone", "+6281155500001")
CARD = ("loyalty_id", "KS700001")


def someone(given: str = "", family: str = "", *identifiers: tuple[str, str]) -> Person:
    return Person(given, family, frozenset(identifiers))


def test_one_shared_identifier_is_enough() -> None:
    assert same_person(someone("Sari", "Wijaya", MAIL, PHONE), someone("Sari", "Wijaya", PHONE))


def test_the_same_name_alone_is_not() -> None:
    assert not same_person(someone("Sari", "Wijaya"), someone("Sari", "Wijaya"))


def test_the_same_device_is_not() -> None:
    shared = ("device_id", "d1")
    assert not same_person(someone("Sari", "", shared), someone("Sari", "", shared))


def test_another_family_name_speaks_against_it() -> None:
    assert not same_person(someone("Sari", "Wijaya", MAIL), someone("Sari", "Hartono", MAIL))
    assert same_person(someone("Sari", "WIJAYA", MAIL), someone("sari", "Wijaya", MAIL))


def test_given_names_need_only_start_alike() -> None:
    assert names_agree(someone("Budi"), someone("Budi Santoso"))
    assert names_agree(someone("B."), someone("Budi"))
    assert not names_agree(someone("Budi"), someone("Dewi"))


def test_an_absent_name_speaks_against_nothing() -> None:
    assert same_person(someone("", "", PHONE), someone("Sari", "Wijaya", PHONE))


def test_a_record_finds_the_one_customer_who_has_its_number() -> None:
    known = KnownPeople()
    known.add("sari", someone("Sari", "Wijaya", MAIL))
    known.add("budi", someone("Budi", "Hartono", PHONE))
    assert known.match(someone("Sari", "", MAIL)) == "sari"


def test_a_number_that_two_customers_have_links_nobody() -> None:
    known = KnownPeople()
    known.add("sari", someone("Sari", "Wijaya", PHONE))
    known.add("budi", someone("Budi", "Hartono", PHONE))
    assert known.match(someone("Sari", "Wijaya", PHONE)) is None


def test_a_record_that_points_at_two_customers_joins_neither() -> None:
    known = KnownPeople()
    known.add("one", someone("Sari", "Wijaya", MAIL))
    known.add("two", someone("Sari", "Wijaya", CARD))
    assert known.match(someone("Sari", "Wijaya", MAIL, CARD)) is None


def test_every_name_that_a_customer_is_known_by_must_agree() -> None:
    known = KnownPeople()
    known.add("sari", someone("", "", MAIL))
    known.add("sari", someone("Sari", "Wijaya", CARD))
    assert known.match(someone("Budi", "Hartono", MAIL)) is None


def test_a_record_is_read_with_the_identifiers_that_are_some() -> None:
    person = person_of(
        {"given_name": "Sari", "email": "Sari@Example.com", "phone": "ask", "loyalty_id": "ks 700001", "city": "Bogor"}
    )
    assert person == someone("Sari", "", MAIL, CARD)


def test_a_number_is_dialled_in_the_country_of_its_record() -> None:
    assert person_of({"phone": "020 7946 0018", "country": "GB"}).identifiers == {("phone", "+442079460018")}
