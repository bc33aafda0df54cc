"""Customers whom somebody else pretends to be: brought in by imports, with a word in every field that must never be heard.

And what is looked at afterwards: everything that a conversation was told, and every row of the customer's.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from acceptance.running import Stack, Talker
from sqlalchemy import Engine, String, or_, select

from crm_store.business import Business
from crm_store.database import open_engine, reading
from crm_store.identify.proof import AUDIENCE
from crm_store.imports.customers import import_customers
from crm_store.imports.facts import import_interactions, import_transactions
from crm_store.tables import conversations, customers, decisions, messages, metadata, records

CANARY = "Zyxcanary"
"""In every field of theirs that holds words; in no language, and in nothing that a stranger types."""
POINTS, AMOUNT = 7_319_021, 64_829_173
"""Numbers that nothing else has."""


@dataclass
class Victim:
    """A customer with an account at the shop, a card, an order under way, a repair and a complaint. `number`: which of them."""

    number: int
    ids: set[str] = field(default_factory=set)
    """Of the rows that are theirs."""

    @property
    def account(self) -> str:
        return f"victim-{self.number}"

    @property
    def email(self) -> str:
        return f"kania.{self.number:03}@mailbox.example"

    @property
    def phone(self) -> str:
        return f"0812 7700 {self.number:04}"

    @property
    def order(self) -> str:
        return f"ORD-87{self.number:04}"

    @property
    def card(self) -> str:
        return f"KS 87{self.number:04}"

    @property
    def claims(self) -> dict[str, str]:
        return {"email": self.email, "phone": self.phone, "order": self.order, "card": self.card}


def bring_in(stack: Stack, business: Business, folder: Path, count: int) -> list[Victim]:
    """So many of them, as the business's systems would export them."""
    victims = [Victim(number) for number in range(count)]
    _write(folder / "customers.csv", (row for victim in victims for row in _records(victim)))
    _write(folder / "transactions.csv", map(_purchase, victims))
    _write(folder / "interactions.csv", (row for victim in victims for row in _matters(victim)))
    engine, now = open_engine(stack.database_url), datetime.now(UTC)
    import_customers(engine, folder / "customers.csv", now=now, rules=business.linking)
    import_transactions(engine, folder / "transactions.csv", currency="IDR", now=now)
    import_interactions(engine, folder / "interactions.csv", now=now)
    engine.dispose()
    return victims


def _records(victim: Victim) -> Iterator[dict[str, object]]:
    words = ("given_name", "family_name", "street", "city", "postcode", "nickname")
    known = {name: f"{CANARY} {name}" for name in words} | {"email": victim.email, "phone": victim.phone}
    yield {"source": "web", "source_id": victim.account, "loyalty_id": "", **known}
    yield {"source": "loyalty", "source_id": f"L-{victim.number}", **known, "loyalty_id": victim.card}


def _purchase(victim: Victim) -> dict[str, object]:
    return {
        "source": "web",
        "transaction_id": victim.order,
        "source_id": victim.account,
        "at": _ago(days=3),
        "amount": AMOUNT,
        "quantity": 1,
        "product": f"{CANARY} roast",
        "category": "machines",
        "touchpoint": "web",
        "order_id": victim.order,
        "status": "shipped",
        "gift_note": f"{CANARY} note",
    }


def _matters(victim: Victim) -> Iterator[dict[str, object]]:
    def matter(kind: str, **columns: object) -> dict[str, object]:
        row = dict.fromkeys(("order_id", "product", "status", "points", "place", "expected"), "")
        name = {"interaction_id": f"{kind}-{victim.number}", "source_id": victim.account, "text": f"{CANARY} {kind}"}
        return {"source": "web", "at": _ago(days=2), "touchpoint": "web", "kind": kind, **row, **name, **columns}

    yield matter("delivery", order_id=victim.order, status="shipped", expected=_ago(days=-2)[:10])
    yield matter("repair", product=f"{CANARY} machine", status="ready", place=f"{CANARY} street")
    yield matter("complaint", product=f"{CANARY} grinder", status="open")
    yield matter("points", points=POINTS)


def has_talked(stack: Stack, store: Engine, victim: Victim) -> None:
    """They were in the chat themselves, signed in, and were served."""
    talk = Talker(stack, user_token=user_token(stack, victim.account))
    talk.say("I love trying new origins")
    mine = records.c.source_id.in_((victim.account, f"L-{victim.number}"))
    with reading(store) as connection:
        profiles = set(connection.execute(select(records.c.customer_id).where(mine)).scalars())
        joined = select(customers.c.canonical_id).where(customers.c.id.in_(profiles))
        whole = customers.c.canonical_id.in_(joined)
        profiles = set(connection.execute(select(customers.c.id).where(whole)).scalars())
        talks = set(connection.execute(_ids_of(conversations, "customer_id", profiles)).scalars())
        said = set(connection.execute(_ids_of(messages, "conversation_id", talks)).scalars())
        decided = set(connection.execute(_ids_of(decisions, "customer_id", profiles)).scalars())
    victim.ids = {*profiles, *talks, *said, *decided}
    assert len(profiles) == 3, "two records and the device are one customer"
    assert talks
    assert said
    assert decided


def _ids_of(table: Any, column: str, values: set[str]) -> Any:
    return select(table.c.id).where(table.c[column].in_(values))


def rows_of(store: Engine, victim: Victim) -> dict[str, list[str]]:
    """Every row of every table in which one of their ids stands."""
    found = {}
    with reading(store) as connection:
        for name, table in metadata.tables.items():
            words = [column for column in table.c if isinstance(column.type, String)]
            theirs = select(table).where(or_(*(column.in_(victim.ids) for column in words)))
            found[name] = sorted(map(repr, connection.execute(theirs).all()))
    return found


def user_token(stack: Stack, account: str, secret: str | None = None, **claims: Any) -> str:
    """As the shop's server signs it, but for what is said otherwise."""
    secret = secret or json.loads((stack.var / "secrets.json").read_text())["user_token_secret"]
    ends = datetime.now(UTC) + timedelta(minutes=5)
    return jwt.encode({"sub": account, "aud": AUDIENCE, "exp": ends, **claims}, secret, algorithm="HS256")


def heard_by(talker: Talker) -> str:
    """All that the conversation was told: words, buttons, offers, names, over the long poll and the stream."""
    talker.news()
    # A colleague's or the assistant's words alone: what they typed themselves comes back to them too.
    told = [message for message in talker.heard if message["author"] != "customer"]
    return json.dumps(told, ensure_ascii=False)


def discloses(told: str, victim: Victim) -> list[str]:
    """What of the customer's stands in what was told; nothing, if all is well."""
    digits = re.sub(r"[.,\s\u00a0]", "", told)
    words = [word for word in (CANARY, victim.email) if word.casefold() in told.casefold()]
    return words + [str(number) for number in (POINTS, AMOUNT) if str(number) in digits]


def _ago(*, days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def _write(path: Path, rows: Any) -> None:
    listed = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)
