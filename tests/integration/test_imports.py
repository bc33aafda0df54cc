"""Importing CSV files: what is loaded, what is put aside and why, and what an import that is run again leaves alone."""

from __future__ import annotations

import csv
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import seeds
from commands import Rapport, answer
from sqlalchemy import Engine, func, select

from crm_store.database import reading
from crm_store.imports import (
    FileMissingError,
    ImportReport,
    MissingColumnError,
    NotCsvError,
    count_rows,
    import_customers,
    import_interactions,
    import_transactions,
)
from crm_store.imports.facts import MOST_UNKNOWN
from crm_store.tables import customers, identifiers, interactions, journal, records, transactions

Import = Callable[..., ImportReport]


class Store:
    """Files in, rows out."""

    def __init__(self, engine: Engine, folder: Path, now: datetime) -> None:
        self.engine, self.folder, self.now = engine, folder, now

    def file(self, text: str | bytes, name: str = "file.csv") -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def customers(self, *lines: str) -> ImportReport:
        return import_customers(self.engine, self.file("\n".join(lines) + "\n"), now=self.now, rules=seeds.READ)

    def transactions(self, *lines: str) -> ImportReport:
        return import_transactions(self.engine, self.file("\n".join(lines) + "\n"), currency="IDR", now=self.now)

    def interactions(self, *lines: str) -> ImportReport:
        return import_interactions(self.engine, self.file("\n".join(lines) + "\n"), now=self.now)

    def all(self, table: Any) -> list[dict[str, Any]]:
        with reading(self.engine) as connection:
            keys = table.primary_key.columns
            return [dict(row) for row in connection.execute(select(table).order_by(*keys)).mappings()]

    def customer(self, source: str, source_id: str) -> str:
        """The canonical customer of a record."""
        with reading(self.engine) as connection:
            return str(
                connection.execute(
                    select(customers.c.canonical_id)
                    .join(records, records.c.customer_id == customers.c.id)
                    .where(records.c.source == source, records.c.source_id == source_id)
                ).scalar_one()
            )

    def people(self) -> int:
        """How many customers there are."""
        return len({row["canonical_id"] for row in self.all(customers)})

    def rejects(self, report: ImportReport) -> list[dict[str, str]]:
        assert report.rejects_path
        with report.rejects_path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def store(engine: Engine, tmp_path: Path, now: datetime) -> Store:
    return Store(engine, tmp_path, now)


# Customers -----------------------------------------------------------------------------------------------------------


def test_a_record_is_kept_with_all_its_columns_and_makes_a_customer(store: Store) -> None:
    report = store.customers("shoe_size,source_id,given_name,source,email", "42,7,Sari,web,")
    assert report == ImportReport(1, 1, 0, 0, rejects_path=None, unknown_columns=["shoe_size"])
    [record] = store.all(records)
    assert (record["source"], record["source_id"]) == ("web", "7")
    assert record["attributes"] == {"given_name": "Sari", "shoe_size": "42"}
    assert record["imported_at"] == store.now
    [customer] = store.all(customers)
    assert customer["id"] == customer["canonical_id"] == record["customer_id"]


def test_each_identifier_is_kept_in_one_spelling_and_proves_nothing(store: Store) -> None:
    store.customers(
        "source,source_id,email,phone,loyalty_id,telegram_id,device_id",
        "web,7,Sari@Example.com,0811-5550-0001,ks 700001,4242,d-1",
    )
    kept = store.all(identifiers)
    assert {(i["type"], i["value"], i["raw"]) for i in kept} == {
        ("email", "sari@example.com", "Sari@Example.com"),
        ("phone", "+6281155500001", "0811-5550-0001"),
        ("loyalty_id", "KS700001", "ks 700001"),
        ("telegram_id", "4242", "4242"),
        ("device_id", "d-1", "d-1"),
    }
    assert {(i["assurance"], i["source"], i["first_seen_at"]) for i in kept} == {("imported", "web", store.now)}


def test_records_of_one_person_in_three_systems_are_one_customer(store: Store) -> None:
    store.customers(
        "source,source_id,given_name,family_name,email,phone,loyalty_id",
        "web,sari,Sari,Wijaya,sari@example.com,0811-5550-0001,",
        "loyalty,9,Sari,WIJAYA,SARI@example.com,,KS-1",
        "pos,3,,,,,ks 1",
        "phone,4,S.,,,+62 811 5550 0001,",
        "web,budi,Budi,Wijaya,budi@example.com,,",
    )
    assert len(store.all(customers)) == 5, "each record has a profile of its own"
    assert store.people() == 2
    assert len({store.customer(*key) for key in (("web", "sari"), ("loyalty", "9"), ("pos", "3"), ("phone", "4"))}) == 1


def test_records_are_linked_over_files_and_over_the_borders_of_batches(store: Store) -> None:
    others = [f"web,{n},n{n}@example.com" for n in range(1500)]
    store.customers("source,source_id,email", "web,sari,sari@example.com", *others, "pos,s,sari@example.com")
    store.customers("source,source_id,email", "phone,s,sari@example.com")
    assert store.customer("web", "sari") == store.customer("pos", "s") == store.customer("phone", "s")
    assert store.people() == 1501


def test_a_phone_that_two_people_share_links_nobody(store: Store) -> None:
    store.customers(
        "source,source_id,given_name,phone",
        "web,sari,Sari,021 5550 0001",
        "web,budi,Budi,021 5550 0001",
        "pos,3,Sari,021 5550 0001",
    )
    assert len({store.customer("web", "sari"), store.customer("web", "budi"), store.customer("pos", "3")}) == 3


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    lines = ("source,source_id,email", "web,1,sari@example.com", "pos,2,sari@example.com")
    store.customers(*lines)
    before = store.all(records), store.all(identifiers), store.all(customers)
    store.now += timedelta(days=1)
    assert store.customers(*lines) == ImportReport(2, 0, 2, 0, None)
    assert (store.all(records), store.all(identifiers), store.all(customers)) == before


def test_a_changed_record_is_updated_and_its_old_number_no_longer_finds_it(store: Store) -> None:
    store.customers("source,source_id,phone,email", "web,1,0811-5550-0001,sari@example.com")
    report = store.customers("source,source_id,phone,email", "web,1,0811-5550-0002,sari@example.com")
    assert (report.loaded, report.unchanged) == (1, 0)
    assert {i["value"] for i in store.all(identifiers)} == {"+6281155500002", "sari@example.com"}
    assert len(store.all(customers)) == 1


def test_a_number_that_another_record_of_the_customer_still_gives_is_kept(store: Store) -> None:
    store.customers("source,source_id,phone,email", "web,1,0811-5550-0001,a@example.com", "pos,2,0811-5550-0001,")
    store.customers("source,source_id,phone,email", "web,1,,a@example.com")
    assert {i["value"] for i in store.all(identifiers)} == {"+6281155500001", "a@example.com"}


def test_a_customer_known_by_purchases_alone_is_linked_once_described(store: Store) -> None:
    store.transactions("source,transaction_id,source_id,at,amount", "pos,t1,p1,2026-01-01,5", "web,t2,w1,2026-01-01,5")
    assert store.customer("pos", "p1") != store.customer("web", "w1")
    store.customers("source,source_id,email", "web,w1,sari@example.com", "pos,p1,sari@example.com")
    assert store.customer("pos", "p1") == store.customer("web", "w1")
    # Joined by a shared canonical id, as every join is: it can be taken back.
    assert [entry["kind"] for entry in store.all(journal)] == ["joined"]
    assert len({t["customer_id"] for t in store.all(transactions)}) == 2


def test_a_record_that_stands_twice_in_a_file_ends_as_the_last_says(store: Store) -> None:
    report = store.customers("source,source_id,city", "web,1,Bogor", "web,1,Depok", "web,1,Depok")
    assert (report.loaded, report.unchanged) == (2, 1)
    [record] = store.all(records)
    assert record["attributes"] == {"city": "Depok"}


BORN = "source,source_id,given_name,family_name,date_of_birth,email,phone"


@pytest.mark.parametrize(
    "written",
    [
        "31/12/1980",
        "1980-12-31T00:00:00",
        "19801231",
        "31.12.1980",
        "12/31/1980",
        "unknown",
        "31/12/80",
        "1970-01-01",
        "",
    ],
)
def test_a_day_of_birth_is_no_contradiction_for_how_it_is_written(store: Store, written: str) -> None:
    store.customers(
        BORN,
        "web,1,Sari,Wijaya,1980-12-31,sari@example.com,0811-5550-0001",
        f"shop,2,Sari,Wijaya,{written},sari@example.com,0811-5550-0001",
    )
    assert store.people() == 1
    assert store.all(records)[0]["attributes"].get("date_of_birth", "") == written, "kept as it was given"


@pytest.mark.parametrize(
    ("one", "other", "people"),
    [
        ("31/12/1980", "1980-12-31", 1),
        ("1980-04-03T00:00:00", "03-04-1980", 1),
        ("31/12/1980", "1980-12-30", 2),
        ("unknown", "unknown", 2),
        ("1970-01-01", "1970-01-01", 2),
    ],
)
@pytest.mark.parametrize("files", [1, 2])
def test_one_identifier_links_beside_the_name_and_a_day_of_birth_that_is_read_alike(
    store: Store, one: str, other: str, people: int, files: int
) -> None:
    lines = [f"shop,1,Sari,Wijaya,{one},sari@example.com,", f"till,2,Sari,Wijaya,{other},sari@example.com,"]
    for part in [lines] if files == 1 else [[line] for line in lines]:
        store.customers(BORN, *part)
    assert store.people() == people


def test_days_of_birth_that_differ_keep_apart_however_they_are_written(store: Store) -> None:
    store.customers(
        BORN,
        "shop,1,Sari,Wijaya,31/12/1980,sari@example.com,0811-5550-0001",
        "till,2,Sari,Wijaya,1981-12-31,sari@example.com,0811-5550-0001",
    )
    assert store.people() == 2


# Transactions and interactions ---------------------------------------------------------------------------------------


def test_a_transaction_is_kept_with_its_values(store: Store) -> None:
    store.transactions(
        "amount,at,source,transaction_id,source_id,margin,currency,product,category,quantity,touchpoint,order_id,status,till",
        "-1250.5,2026-01-31T14:05:00+07:00,pos,t1,p1,437.675,IDR,Gayo,single_origin,2,store,o1,paid,3",
    )
    [row] = store.all(transactions)
    assert row.pop("customer_id") == store.customer("pos", "p1")
    assert row == {
        "source": "pos",
        "transaction_id": "t1",
        "source_id": "p1",
        "at": datetime(2026, 1, 31, 7, 5, tzinfo=UTC),
        "amount": -1250.5,
        "margin": pytest.approx(437.68, abs=0.01),
        "currency": "IDR",
        "product": "Gayo",
        "category": "single_origin",
        "quantity": 2.0,
        "touchpoint": "store",
        "order_id": "o1",
        "status": "paid",
        "attributes": {"till": "3"},
    }


def test_an_interaction_is_kept_with_its_values(store: Store) -> None:
    store.interactions(
        "source,interaction_id,source_id,at,touchpoint,kind,text,cost,outcome,order_id,product,status,points,place",
        'repair,c1,r1,2026-01-31 14:05,repair,repair,"Pump, gasket",60000,,,Espresso machine,ready,,Menteng',
    )
    [row] = store.all(interactions)
    assert row.pop("customer_id") == store.customer("repair", "r1")
    assert row == {
        "source": "repair",
        "interaction_id": "c1",
        "source_id": "r1",
        "at": datetime(2026, 1, 31, 14, 5, tzinfo=UTC),  # a time without a zone is UTC
        "touchpoint": "repair",
        "kind": "repair",
        "text": "Pump, gasket",
        "cost": 60000.0,
        "outcome": None,
        "order_id": None,
        "product": "Espresso machine",
        "status": "ready",
        "points": None,
        "attributes": {"place": "Menteng"},
    }


def test_what_a_known_record_did_is_its_customers(store: Store) -> None:
    store.customers("source,source_id,email", "web,1,a@example.com", "pos,2,a@example.com")
    store.transactions("source,transaction_id,source_id,at,amount", "pos,t1,2,2026-01-01,5")
    store.interactions("source,interaction_id,source_id,at,touchpoint", "web,c1,1,2026-01-01,web")
    assert store.people() == 1
    of = {record["source"]: record["customer_id"] for record in store.all(records)}
    assert store.all(transactions)[0]["customer_id"] == of["pos"], "on the record's own profile"
    assert store.all(interactions)[0]["customer_id"] == of["web"]


def test_lines_of_one_purchase_differ_by_product(store: Store) -> None:
    store.transactions(
        "source,transaction_id,source_id,at,amount,product",
        "pos,t1,p1,2026-01-01,5,Gayo",
        "pos,t1,p1,2026-01-01,6,Toraja",
        "pos,t1,p1,2026-01-01,7,",
    )
    assert [(t["product"], t["amount"]) for t in store.all(transactions)] == [("", 7), ("Gayo", 5), ("Toraja", 6)]


def test_facts_imported_again_change_only_where_the_file_did(store: Store) -> None:
    header = "source,interaction_id,source_id,at,touchpoint,status,cost,points"
    store.interactions(header, "r,c1,1,2026-01-01,repair,waiting,10.10,", "r,c2,1,2026-01-01,repair,waiting,,3.3")
    report = store.interactions(
        header, "r,c1,1,2026-01-01,repair,ready,10.10,", "r,c2,1,2026-01-01,repair,waiting,,3.3"
    )
    assert (report.read, report.loaded, report.unchanged) == (2, 1, 1)
    assert [i["status"] for i in store.all(interactions)] == ["ready", "waiting"]


# What is put aside ---------------------------------------------------------------------------------------------------


def test_bad_rows_are_put_aside_with_line_and_reason_and_the_rest_is_loaded(store: Store) -> None:
    report = store.transactions(
        "source,transaction_id,source_id,at,amount,note",
        "pos,t1,p1,2026-01-01,5,fine",
        "pos,t2,p1,yesterday,5,",
        'pos,t3,p1,2026-01-01,"1.250,50",',
        "",
        "pos,,p1,2026-01-01,5,",
        "pos,t5,p1,2026-01-01,5",
        "pos,t6,p1,2026-01-01,5,Rp 5,000",
        "pos,t7,p1,2026-01-01,nan,",
        f"pos,{'x' * 129},p1,2026-01-01,5,",
        "pos,t9,p1,2026-01-01,5,fine",
    )
    assert (report.read, report.loaded, report.rejected) == (9, 2, 7)
    assert report.rejects_path == store.folder / "file.rejects.csv"
    put_aside = store.rejects(report)
    assert [row["line"] for row in put_aside] == ["3", "4", "6", "7", "8", "9", "10"]
    assert [row["reason"].split(";")[0] for row in put_aside] == [
        "at 'yesterday' is not a time",
        "amount '1.250,50' is not a number",
        "transaction_id must not be empty",
        "has 5 columns where the header has 6",
        "has 7 columns where the header has 6",
        "amount 'nan' is not a number",
        "transaction_id has 129 characters, at most 128 fit",
    ]
    assert put_aside[1]["amount"] == "1.250,50"


def test_rejects_can_be_read_by_their_owner_alone(store: Store) -> None:
    (store.folder / "file.rejects.csv").touch(0o644)
    report = store.transactions("source,transaction_id,source_id,at,amount", "pos,t1,p1,2026-01-01,five")
    assert report.rejects_path
    assert stat.S_IMODE(report.rejects_path.stat().st_mode) == 0o600


def test_mended_rejects_can_be_imported_as_they_are(store: Store) -> None:
    report = store.transactions("source,transaction_id,source_id,at,amount", "pos,t1,p1,2026-01-01,five")
    assert report.rejects_path
    report.rejects_path.write_text(report.rejects_path.read_text().replace("five,", "5,"))
    assert import_transactions(store.engine, report.rejects_path, currency="IDR", now=store.now).loaded == 1
    assert store.all(transactions)[0]["attributes"] == {}


def test_rejects_of_an_earlier_import_do_not_outlive_their_reason(store: Store) -> None:
    store.transactions("source,transaction_id,source_id,at,amount", "pos,t1,p1,2026-01-01,five")
    report = store.transactions("source,transaction_id,source_id,at,amount", "pos,t1,p1,2026-01-01,5")
    assert report.rejects_path is None
    assert not (store.folder / "file.rejects.csv").exists()


def test_a_quotation_mark_left_open_costs_one_row(store: Store) -> None:
    report = store.interactions(
        "source,interaction_id,source_id,at,touchpoint,text",
        'web,c1,1,2026-01-01,web,"two\nlines"',
        'web,c2,1,2026-01-01,web,"never closed',
        *(f"web,d{n},1,2026-01-01,web,fine" for n in range(50)),
    )
    assert (report.loaded, report.rejected) == (51, 1)
    [row] = store.rejects(report)
    assert row["line"] == "4"
    assert "quotation mark" in row["reason"]
    assert store.all(interactions)[0]["text"] == "two\nlines"


def test_a_row_in_another_encoding_is_put_aside_byte_for_byte(store: Store) -> None:
    path = store.file(b"source,source_id,city\nweb,1,Z\xfcrich\nweb,2,Z\xc3\xbcrich\nweb,3,a\0b\n")
    report = import_customers(store.engine, path, now=store.now)
    assert (report.loaded, report.rejected) == (1, 2)
    assert report.rejects_path
    assert b"web,1,Z\xfcrich,2,is not UTF-8" in report.rejects_path.read_bytes()


def test_a_byte_order_mark_and_capitals_in_the_header_are_understood(store: Store) -> None:
    path = store.file("Source, SOURCE_ID ,Given_Name\r\nweb,1,Sari\r\n".encode("utf-8-sig"))
    assert import_customers(store.engine, path, now=store.now).loaded == 1
    assert store.all(records)[0]["attributes"] == {"given_name": "Sari"}


# What Rapport does not know --------------------------------------------------------------------------------------------


def test_columns_that_rapport_does_not_know_are_kept_and_named(store: Store) -> None:
    report = store.customers("source,source_id,Given Name,e-mail,Family_Name,", "web,1,Sari,sari@example.com,Wijaya,")
    assert report.unknown_columns == ["Given Name", "e-mail"]
    assert store.all(records)[0]["attributes"] == {
        "Given Name": "Sari",
        "e-mail": "sari@example.com",
        "family_name": "Wijaya",
    }


def test_columns_that_the_chat_reads_of_repairs_and_deliveries_are_known(store: Store) -> None:
    report = store.interactions(
        "source,interaction_id,source_id,at,touchpoint,place,expected,who", "r,c1,1,2026-01-01,a,b,,d"
    )
    assert report.unknown_columns == ["who"]
    assert store.all(interactions)[0]["attributes"] == {"place": "b", "who": "d"}


def test_what_was_added_to_rejects_is_no_unknown_column(store: Store) -> None:
    header = "source,transaction_id,source_id,at,amount"
    path = store.file(f"{header},line,reason\npos,t1,p1,2026-01-01,5,2,mended\n", "file.rejects.csv")
    assert import_transactions(store.engine, path, currency="IDR", now=store.now).unknown_columns == []


def test_touchpoints_that_the_business_does_not_know_are_taken_and_counted(store: Store) -> None:
    path = store.file(
        "source,transaction_id,source_id,at,amount,touchpoint\n"
        "pos,t1,p1,2026-01-01,5,shop\npos,t2,p1,2026-01-01,5,shpo\npos,t3,p1,2026-01-01,5,\n"
        "pos,t4,p1,2026-01-01,5,store\npos,t5,p1,2026-01-01,5,store\npos,t6,p1,2026-01-01,five,store\n"
    )
    for _ in range(2):
        report = import_transactions(store.engine, path, currency="IDR", now=store.now, touchpoints={"shop"})
        assert report.unknown_touchpoints == {"store": 2, "shpo": 1}
        assert report.rejected == 1
    assert [t["touchpoint"] for t in store.all(transactions)] == ["shop", "shpo", None, "store", "store"]


def test_a_column_of_something_else_than_touchpoints_does_not_fill_the_memory(store: Store) -> None:
    path = store.file(
        "source,interaction_id,source_id,at,touchpoint\n"
        + "".join(f"web,c{n},1,2026-01-01,place {n}\n" for n in range(1200))
        + "web,d,1,2026-01-01,place 7\n"
    )
    report = import_interactions(store.engine, path, now=store.now, touchpoints={"shop"})
    assert report.loaded == 1201
    assert len(report.unknown_touchpoints) == MOST_UNKNOWN
    assert report.unknown_touchpoints["place 7"] == 2


def test_the_command_says_what_it_does_not_know_and_the_mend(rapport: Rapport, engine: Engine, tmp_path: Path) -> None:
    touchpoints = ["phnoe", "phnoe", "phone", *(f"x{n}" for n in range(6))]
    lines = [f"crm,c{n},1,2026-01-01,{name},," for n, name in enumerate(touchpoints)]
    (tmp_path / "i.csv").write_text("\n".join(["source,interaction_id,source_id,at,touchpoint,Kind,who", *lines]))
    assert rapport("import", "interactions", "i.csv").stdout.splitlines() == [
        "9 read: 9 loaded, 0 unchanged, 0 rejected",
        "columns that Rapport does not know, kept with the record: who; "
        "correct the header where one of them is meant to be read (docs/operate.md)",
        "touchpoints that business.yml does not know: phnoe (2 rows), x0 (1 row), x1 (1 row), x2 (1 row), x3 (1 row) and 2 more; "
        "name it in business.yml or correct the file; what it costs to serve counts as nothing until then",
    ]
    again = answer(rapport("import", "interactions", "i.csv", "--json"))
    assert again["unknown_columns"] == ["who"]
    assert again["unknown_touchpoints"] == {"phnoe": 2, **{f"x{n}": 1 for n in range(6)}}


def test_the_command_says_nothing_where_it_knows_all(rapport: Rapport, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "source,transaction_id,source_id,at,amount,touchpoint\npos,t1,1,2026-01-02,10,store\n"
    )
    assert rapport("import", "transactions", "t.csv").stdout == "1 read: 1 loaded, 0 unchanged, 0 rejected\n"


def test_a_column_whose_name_is_not_utf_8_or_not_printable_can_be_named(
    rapport: Rapport, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "c.csv").write_bytes(b'source,source_id,gr\xfcn,"a\nb"\nweb,1,x,y\n')
    assert "the record: gr\ufffdn, a\ufffdb; " in rapport("import", "customers", "c.csv").stdout
    assert answer(rapport("import", "customers", "c.csv", "--json"))["unknown_columns"] == ["gr\ufffdn", "a\nb"]


# Files that are refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", NotCsvError, "is empty"),
        (b"PK\x03\x04rest", NotCsvError, "spreadsheet"),
        ("source,source_id\n".encode("utf-16"), NotCsvError, "UTF-16"),
        (b"\x00\x01\x02", NotCsvError, "not text"),
        (b"source;source_id\nweb;1\n", NotCsvError, "not separated by commas"),
        (b"source,source_id,email,email\nweb,1,a,b\n", NotCsvError, "email stands twice"),
        (b"source,name\nweb,Sari\n", MissingColumnError, "missing: source_id"),
    ],
)
def test_a_file_that_is_not_one_of_customers_is_refused_whole(
    store: Store, content: bytes, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        import_customers(store.engine, store.file(content), now=store.now)
    assert store.all(records) == []


def test_a_file_that_is_not_there_is_said_to_be_missing(store: Store) -> None:
    with pytest.raises(FileMissingError, match="check the name"):
        import_customers(store.engine, store.folder / "nowhere.csv", now=store.now)


# Progress, size, company ---------------------------------------------------------------------------------------------


def test_progress_adds_up_to_the_lines_counted_beforehand(store: Store) -> None:
    path = store.file("source,source_id,note\n" + "".join(f'web,{n},"a\nb"\n' for n in range(2400)) + "\nbad\n")
    steps: list[int] = []
    import_customers(store.engine, path, now=store.now, progress=steps.append)
    assert len(steps) > 1
    assert sum(steps) == count_rows(path) == 4802


def test_two_imports_of_one_file_at_once_end_as_one(store: Store) -> None:
    lines = "".join(f"web,{n},n{n}@example.com\n" for n in range(2500))
    path = store.file("source,source_id,email\n" + lines)
    reports: list[ImportReport] = []

    def load() -> None:
        reports.append(import_customers(store.engine, path, now=store.now))

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.read for report in reports] == [2500, 2500]
    with reading(store.engine) as connection:
        for table in (records, customers, identifiers):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 2500


def test_a_transaction_in_another_currency_is_rejected_with_the_mend(store: Store) -> None:
    report = store.transactions(
        "source,transaction_id,source_id,at,amount,currency",
        "pos,t1,a,2026-01-02,100,idr",
        "pos,t2,a,2026-01-02,100,",
        "pos,t3,a,2026-01-02,7,USD",
    )
    assert (report.loaded, report.rejected) == (2, 1)
    assert report.rejects_path is not None
    assert (
        "currency 'USD' is not the business's, IDR; convert the row's amounts to IDR" in report.rejects_path.read_text()
    )
    assert [row["currency"] for row in store.all(transactions)] == ["IDR", None]
