"""Somebody is erased while everything runs: then no file of the stack and no row of the store knows them, nor does Rasa."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import jwt
import pytest
from acceptance.running import Stack, Talker, text_of, until
from sqlalchemy import Engine, select

from bot.cli.run_record import read_record, record_path
from crm_store.database import UnitOfWork, reading
from crm_store.identify.proof import AUDIENCE
from crm_store.tables import conversations, erasures, messages, metadata, notes, staff

IS_ID = re.compile("[0-9a-f]{32}")
PEOPLE = {
    "zephyrine": ("Zephyrine", "Zanzibariani", "zephyrine.z@example.com", "+628139990001", "a periwinkle samovar"),
    "quillon": ("Quillon", "Quetzalcoatlan", "quillon.q@example.com", "+628139990002", "a vermilion theremin"),
}


@pytest.fixture
def known(stack: Stack, tmp_path: Path) -> Stack:
    """The stack, with two customers whose names nobody else has."""
    for source, identifier in (("web", "{0}"), ("loyalty", "L-{0}")):
        rows = [
            {"source": source, "source_id": identifier.format(name), "given_name": given, "family_name": family}
            | {"email": email, "phone": phone}
            for name, (given, family, email, phone, _) in PEOPLE.items()
        ]
        path = tmp_path / f"{source}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            lines = csv.DictWriter(file, list(rows[0]))
            lines.writeheader()
            lines.writerows(rows)
        stack.rapport("import", "customers", str(path))
    return stack


def traces(who: str) -> list[str]:
    """What there is to find of somebody, spelt as people and as the index of a search spell it."""
    given, family, email, phone, thing = PEOPLE[who]
    words = [given, family, email, phone.lstrip("+"), *thing.split()[1:]]
    return [*words, *(word.lower() for word in words)]


def found(stack: Stack, store: Engine, traces: list[str]) -> set[str]:
    """Each "place: trace" where one of these stands: in a table of the store, or in any file of the stack.

    Logs name ids, which lead nowhere once everything else is gone; words and names have no place in them either.
    """
    with reading(store) as connection:
        places = {
            table.name: json.dumps([list(map(str, row)) for row in connection.execute(select(table))]).encode()
            for table in metadata.sorted_tables
        }
    places |= {str(path): path.read_bytes() for path in stack.var.rglob("*") if path.is_file()}
    return {
        f"{place}: {trace}"
        for place, content in places.items()
        for trace in traces
        if trace.encode() in content and not (place.endswith(".log") and IS_ID.fullmatch(trace))
    }


def signed_in(stack: Stack, who: str) -> str:
    """What the shop signs for somebody."""
    secret = json.loads((stack.var / "secrets.json").read_text())["user_token_secret"]
    soon = int((datetime.now(UTC) + timedelta(minutes=5)).timestamp())
    return jwt.encode({"sub": who, "aud": AUDIENCE, "exp": soon}, secret, algorithm="HS256")


def talks(stack: Stack, store: Engine, who: str) -> tuple[Talker, list[str]]:
    """A conversation of somebody who is signed in, noted by staff. Returns it with the ids in it."""
    given, _, email, _, thing = PEOPLE[who]
    talker = Talker(stack, user_token=signed_in(stack, who))
    assert given in text_of(talker.say("hello"))
    said = talker.send(text=f"I am {given}, {email}, and I need something cheap for {thing}")
    talker.answer()
    note(store, talker.conversation_id, f"{given} is fond of {thing}")
    with reading(store) as connection:
        here = conversations.c.id == talker.conversation_id
        profile = connection.execute(select(conversations.c.customer_id).where(here)).scalar_one()
    return talker, [talker.conversation_id, said, profile]


def note(store: Engine, conversation_id: str, text: str) -> None:
    with UnitOfWork(store) as work:
        rina = work.connection.execute(select(staff.c.id).limit(1)).scalar_one()
        row = {"id": uuid4().hex, "staff_id": rina, "text": text, "at": datetime.now(UTC)}
        work.connection.execute(notes.insert().values(conversation_id=conversation_id, **row))
        work.commit()


def rasa_remembers(stack: Stack, store: Engine, conversation_id: str, message_id: str) -> bool:
    """Whether Rasa can give the receipt of a turn again."""
    record = read_record(record_path(stack.var, stack.port))
    assert record
    (port,) = (child.port for child in record.children if child.name == "rasa")
    token = json.loads((stack.var / "secrets.json").read_text())["internal_token"]
    body = {"conversation_id": conversation_id, "message_id": message_id, "language": "en"}
    answer = httpx.post(
        f"http://127.0.0.1:{port}/webhooks/rapport/turn",
        json={**body, "text": "hello", "payload": "/affirm", "again": True},
        headers={"x-rapport-token": token},
        timeout=30,
    )
    return answer.is_success


def test_a_customer_is_erased_by_command_while_everything_runs(known: Stack, store: Engine) -> None:
    talker, ids = talks(known, store, "zephyrine")
    other, others = talks(known, store, "quillon")
    assert rasa_remembers(known, store, ids[0], ids[1])
    before = {place.split(": ")[0] for place in found(known, store, traces("zephyrine"))}
    assert {"records", "identifiers", "messages", "notes", "claims"} <= before
    assert any("tracker.db" in place for place in before)

    erased = json.loads(known.rapport("erase", "email:zephyrine.z@example.com", "--json"))

    assert erased["done"]
    assert erased["rows"] > 10
    assert not found(known, store, [*traces("zephyrine"), *ids])
    assert not rasa_remembers(known, store, ids[0], ids[1])
    assert not found(known, store, [*traces("zephyrine"), *ids])
    assert talker.post(text="are you there?").status_code == 401
    assert found(known, store, [others[1]])
    assert rasa_remembers(known, store, *others[:2])
    assert other.say("thank you")


def test_a_customer_erases_themselves_in_the_chat(known: Stack, store: Engine) -> None:
    talker, ids = talks(known, store, "quillon")
    elsewhere, more = talks(known, store, "quillon")
    began = datetime.now(UTC)
    talker.say("forget me")
    assert "deleted" in text_of(talker.say("yes"))

    def is_done() -> bool:
        with reading(store) as connection:
            rows = connection.execute(select(erasures.c.done_at).where(erasures.c.at >= began)).scalars().all()
        return bool(rows) and all(rows)

    until(is_done, "the erasure is done", 20)
    assert not found(known, store, [*traces("quillon"), *ids, *more])
    assert elsewhere.post(text="hello?").status_code == 401
    greeted = text_of(talker.say("hello"))
    assert "Quillon" not in greeted
    with reading(store) as connection:
        assert connection.execute(select(messages.c.id).where(messages.c.text == "hello")).first()
