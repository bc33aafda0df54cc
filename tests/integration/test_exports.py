"""What leaves the store: CSV files with the columns that were promised, and everything about one customer in one document."""

from __future__ import annotations

import csv
import json
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import seeds
from commands import Rapport, answer
from person import NOT_OF_CUSTOMERS, Person, fill
from sqlalchemy import Engine, select, update
from visitor import arrive

from crm_store.access.consent import PROFILE
from crm_store.access.disclosure import disclose
from crm_store.access.erasure import NoSuchCustomerError
from crm_store.business import Business
from crm_store.database import UnitOfWork, reading
from crm_store.exports import AT_A_TIME, TRANSCRIPTS, export, how_many
from crm_store.identify.proof import Proof
from crm_store.tables import consents, conversations, customers, evidence, identifiers, messages, metadata

SARI = Proof("web", "sari.w", {"given_name": "Sarinah"})


@pytest.fixture
def talks(engine: Engine, now: datetime) -> dict[str, str]:
    """Four conversations, by what they show."""
    return seeds.seed(engine, now)


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def header(path: Path) -> str:
    return path.read_text("utf-8").splitlines()[0]


# CSV -----------------------------------------------------------------------------------------------------------------


def test_transcripts_are_a_line_for_each_message_with_what_it_led_to(
    rapport: Rapport, talks: dict[str, str], tmp_path: Path, engine: Engine
) -> None:
    found = answer(rapport("export", "transcripts", "out.csv", "--json"))
    out = tmp_path / "out.csv"
    assert header(out) == "conversation_id,seq,customer_id,channel,at,author,text,intent,confidence,action,reason"
    assert found == {"messages": len(lines(out)), "path": str(out)}
    here = [line for line in lines(out) if line["conversation_id"] == talks["known_customer"]]
    assert [line["author"] for line in here] == ["customer", "bot", "customer", "bot"]
    assert [line["seq"] for line in here] == ["1", "2", "3", "4"]
    asked, answered, *_ = here
    assert (asked["text"], asked["intent"], asked["confidence"]) == ("halo, ada yang baru?", "ask_advice", "0.71")
    assert asked["reason"].startswith("keep: by name")
    assert answered["reason"] == ""
    assert (asked["channel"], datetime.fromisoformat(asked["at"]).tzinfo) == ("telegram", UTC)
    with reading(engine) as connection:
        canonical = connection.execute(select(customers.c.canonical_id)).scalars().all()
    assert asked["customer_id"] in canonical


def test_offers_are_a_line_for_each_decision_with_what_became_of_it(
    rapport: Rapport, talks: dict[str, str], tmp_path: Path
) -> None:
    assert answer(rapport("export", "offers", "out.csv", "--json"))["offers"] == 2
    out = tmp_path / "out.csv"
    assert header(out) == (
        "customer_id,offer_id,decided_at,touchpoint,propensity,holdout,shown_at,outcome,outcome_at,reason"
    )
    by_offer = {line["offer_id"]: line for line in lines(out)}
    assert by_offer["office_starter"]["outcome"] == "accepted"
    assert by_offer["early_roast"]["outcome"] == "declined"
    for line in by_offer.values():
        assert line["holdout"] == "false"
        assert line["shown_at"] <= line["outcome_at"]
        assert 0 < float(line["propensity"]) < 1


def test_needs_are_a_line_for_each_customer_and_segment(
    rapport: Rapport, talks: dict[str, str], business: Business, tmp_path: Path
) -> None:
    written = answer(rapport("export", "needs", "out.csv", "--json"))["needs"]
    assert header(tmp_path / "out.csv") == "customer_id,segment,probability"
    total: dict[str, float] = {}
    for line in lines(tmp_path / "out.csv"):
        total[line["customer_id"]] = total.get(line["customer_id"], 0) + float(line["probability"])
    assert written == len(total) * len(business.segment_ids)
    assert all(each == pytest.approx(1, abs=1e-4) for each in total.values())


def test_shares_are_a_line_for_each_customer_who_told_one_and_bought(
    rapport: Rapport, engine: Engine, now: datetime, tmp_path: Path
) -> None:
    with UnitOfWork(engine) as work:
        c = work.connection
        sari, stranger = (seeds.add_customer(c, now) for _ in range(2))
        rina = seeds.add_colleague(c, "Rina", now)
        seeds.add_purchase(c, sari, now - timedelta(days=9), 1000, "beans")
        for customer, option, days in ((sari, "little", 3), (sari, "half", 2), (stranger, "half", 2)):
            talk = seeds.Talk(c, customer, now - timedelta(days=days))
            talk.customer_says("so")
            talk.teaches("answered", "share", option)
        c.execute(update(evidence).where(evidence.c.value == "half").values(staff_id=rina))
        work.commit()
    told = answer(rapport("export", "shares", "out.csv", "--as-of", f"{now:%Y-%m-%d}", "--json"))["shares"]
    assert told == 1
    (line,) = lines(tmp_path / "out.csv")
    assert (line["customer_id"], line["answer"], line["share"]) == (sari, "half", "0.5")
    assert (float(line["spent"]), float(line["elsewhere"])) == (1000, 1000)
    assert float(line["elsewhere_low"]) < 1000 < float(line["elsewhere_high"])
    assert float(line["share_low"]) < 0.5 < float(line["share_high"])
    assert 0.99 < float(line["holds"]) < 1
    assert (line["place"], line["told_by"]) == ("web", "staff")
    earlier = f"{now - timedelta(days=2, hours=12):%Y-%m-%dT%H:%M:%S}"
    rapport("export", "shares", "out.csv", "--as-of", earlier)
    assert [line["answer"] for line in lines(tmp_path / "out.csv")] == ["little"]


def test_words_of_every_kind_survive(rapport: Rapport, engine: Engine, now: datetime, tmp_path: Path) -> None:
    said = 'two\nlines, "quotes"; émoji ☕ and =SUM(A1)'
    with UnitOfWork(engine) as work:
        seeds.Talk(work.connection, seeds.add_customer(work.connection, now), now).customer_says(said)
        work.commit()
    rapport("export", "transcripts", "out.csv")
    (line,) = lines(tmp_path / "out.csv")
    assert line["text"] == said


def test_a_large_store_is_written_piece_by_piece_and_the_bar_moves(
    engine: Engine, now: datetime, tmp_path: Path
) -> None:
    many = AT_A_TIME + 7
    with UnitOfWork(engine) as work:
        talk = seeds.Talk(work.connection, seeds.add_customer(work.connection, now), now)
        row = {"conversation_id": talk.id, "author": "customer", "state": "answered", "text": "x", "at": now}
        rows = [{**row, "id": seeds.new_id(), "seq": seq, "attempts": 0} for seq in range(1, many + 1)]
        work.connection.execute(messages.insert(), rows)
        work.commit()
    told: list[int] = []
    assert export(engine, TRANSCRIPTS, tmp_path / "out.csv", told.append) == many
    assert told == [AT_A_TIME, 7]
    assert how_many(engine, TRANSCRIPTS) == many


def test_a_file_with_what_customers_said_is_for_its_owner_s_eyes(
    rapport: Rapport, talks: dict[str, str], tmp_path: Path
) -> None:
    rapport("export", "transcripts", "out.csv")
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o600


# One customer --------------------------------------------------------------------------------------------------------


@pytest.fixture
def kartika() -> Person:
    return Person("Kartika Rahasia wants decaf")


@pytest.fixture
def bagus() -> Person:
    return Person("Bagus Tetap wants espresso")


def remember(tracker: Path, person: Person) -> None:
    with closing(sqlite3.connect(tracker)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, sender_id TEXT, data TEXT)")
        data = json.dumps({"event": "user", "text": person.words})
        connection.execute("INSERT INTO events (sender_id, data) VALUES (?, ?)", (person.conversation, data))


def document(engine: Engine, business: Business, customer: str, tracker: Path, now: datetime) -> dict[str, Any]:
    with reading(engine) as connection:
        return disclose(connection, business, customer, tracker, now)


def test_everything_that_knows_a_customer_is_disclosed_and_nothing_of_another(
    engine: Engine, business: Business, now: datetime, kartika: Person, bagus: Person, tmp_path: Path
) -> None:
    for person in (kartika, bagus):
        fill(engine, person, now)
        remember(tmp_path / "tracker.db", person)
    found = document(engine, business, kartika.profile, tmp_path / "tracker.db", now)
    (talk,) = found["conversations"]
    for name in set(metadata.tables) - NOT_OF_CUSTOMERS - {"customers", "conversations"}:
        rows = found.get(name) or talk.get(name)
        assert rows, f"{name} knows a customer and is missing"
        assert len(rows) == 1
    (remembered,) = found["assistant_memory"]
    assert (remembered["conversation_id"], remembered["text"]) == (kartika.conversation, kartika.words)
    assert talk["messages"][0]["text"] == kartika.words
    assert talk["notes"][0]["text"] == kartika.words
    whole = json.dumps(found)
    assert not [trace for trace in bagus.traces if trace in whole]


def test_what_would_open_a_session_is_not_disclosed(
    engine: Engine, business: Business, now: datetime, kartika: Person, tmp_path: Path
) -> None:
    fill(engine, kartika, now)
    whole = json.dumps(document(engine, business, kartika.profile, tmp_path / "tracker.db", now))
    with reading(engine) as connection:
        secrets = [
            secret
            for table in metadata.tables.values()
            for column in ("token_hash", "previous_hash")
            if column in table.c
            for secret in connection.execute(select(table.c[column])).scalars()
        ]
    assert len(secrets) == 4
    assert not [secret for secret in secrets if secret in whole]


def test_names_stand_beside_ids_and_times_are_iso(
    engine: Engine, business: Business, now: datetime, tmp_path: Path
) -> None:
    visitor = arrive(engine, business, now)
    visitor.says("something for the office", "action_note_need", ("need", "office", 0.95))
    visitor.says("30", "action_note_answer")
    visitor.proves(SARI)
    found = document(engine, business, visitor.profile, tmp_path / "tracker.db", visitor.at)
    assert len(found["profiles"]) == 2
    assert found["records"][0]["attributes"] == {"given_name": "Sarinah"}
    assert found["questions_asked"][0]["question"] == business.question("cups").text["en"]  # type: ignore[union-attr]
    assert next(iter(d for d in found["decisions"] if "offer_id" in d))["offer"]
    assert found["now"]["needs"]["office"] > 0.5
    assert found["now"]["tier"]
    assert datetime.fromisoformat(found["conversations"][0]["messages"][0]["at"]).tzinfo
    (shown,) = found["consents"]
    assert (shown["purpose"], shown["notice"]) == ("notice", business.business.privacy_url)


def test_of_who_wants_no_profile_nothing_is_computed(
    engine: Engine, business: Business, now: datetime, tmp_path: Path
) -> None:
    visitor = arrive(engine, business, now)
    row = {"id": seeds.new_id(), "purpose": PROFILE, "granted": False, "channel": "web", "message_id": "m", "at": now}
    with UnitOfWork(engine) as work:
        work.connection.execute(consents.insert().values(customer_id=visitor.profile, **row))
        work.commit()
    assert set(document(engine, business, visitor.profile, tmp_path / "t.db", now)["now"]) == {"profile"}


def test_nobody_cannot_be_disclosed(engine: Engine, business: Business, now: datetime, tmp_path: Path) -> None:
    with pytest.raises(NoSuchCustomerError):
        document(engine, business, "0" * 32, tmp_path / "tracker.db", now)


def test_the_command_takes_the_identifier_that_a_customer_writes_with(
    rapport: Rapport, talks: dict[str, str], engine: Engine, tmp_path: Path
) -> None:
    with reading(engine) as connection:
        sari = connection.execute(
            select(conversations.c.customer_id).where(conversations.c.id == talks["known_customer"])
        ).scalar_one()
    found = answer(rapport("export", "customer", "email:Sari@Example.com", "sari.json", "--json"))
    assert found == {
        "customer_id": sari,
        "profiles": 3,
        "conversations": 2,
        "path": str(tmp_path / "sari.json"),
    }
    told = json.loads((tmp_path / "sari.json").read_text("utf-8"))
    assert told["customer_id"] == sari
    assert len(told["transactions"]) == 21
    assert stat.S_IMODE((tmp_path / "sari.json").stat().st_mode) == 0o600
    assert answer(rapport("export", "customer", "record:web/sari.w", "again.json", "--json"))["customer_id"] == sari
    assert answer(rapport("erase", "phone:0812-123-4567", "--json"))["customer_id"] == sari
    refused = rapport("export", "customer", "email:sari@example.com", "gone.json")
    assert refused.exit_code == 1
    assert "no customer has the id email:sari@example.com" in refused.stderr


def test_an_identifier_that_two_customers_share_names_neither(
    rapport: Rapport, talks: dict[str, str], engine: Engine, now: datetime
) -> None:
    with UnitOfWork(engine) as work:
        other = seeds.add_customer(work.connection, now)
        seeds.add_record(work.connection, other, "shop", "2", now, email="sari@example.com")
        work.commit()
    for command in (("erase",), ("export", "customer")):
        refused = rapport(*command, "email:sari@example.com", *(["out.json"] if len(command) > 1 else []))
        assert refused.exit_code == 1
        assert "more than one customer has email:sari@example.com" in refused.stderr
    with reading(engine) as connection:
        assert len(connection.execute(select(identifiers.c.id).where(identifiers.c.type == "email")).all()) == 2
