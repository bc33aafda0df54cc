"""Rows as the store holds them after customers have talked: for tests and screenshots of the console.

Writes through the tables alone, so that a test of reading does not rest on the code that writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, insert, update

from crm_store.business import Identity
from crm_store.database import UnitOfWork
from crm_store.identify.linking import LINKING_TYPES, Rules
from crm_store.tables import (
    conversations,
    customers,
    decisions,
    evidence,
    exposures,
    identifiers,
    journal,
    messages,
    records,
    staff,
    transactions,
    value_scores,
)


def new_id() -> str:
    return uuid4().hex


READ = Rules(
    Identity.model_validate(
        {
            "typed_by": {
                source: dict.fromkeys(LINKING_TYPES, "machine")
                for source in ("web", "loyalty", "phone", "pos", "repair")
            }
        }
    )
)
"""Where machines read all that records are found by, so that one identifier in common is enough."""


def add_customer(connection: Connection, at: datetime, canonical_id: str | None = None) -> str:
    profile = new_id()
    connection.execute(insert(customers).values(id=profile, canonical_id=canonical_id or profile, created_at=at))
    return profile


def add_tie(connection: Connection, profile: str, other: str, at: datetime, actor: str, reason: str) -> None:
    """Why a profile was taken for the same customer's as another."""
    ground = "rule" if actor == "import" else "proof"
    connection.execute(
        insert(journal).values(
            id=new_id(),
            at=at,
            kind="joined",
            customer_id=profile,
            other_id=other,
            actor=actor,
            details={"ground": ground, "reason": reason, "place": 0},
        )
    )


def add_record(
    connection: Connection, customer: str, source: str, source_id: str, at: datetime, **attributes: str
) -> None:
    connection.execute(
        insert(records).values(
            source=source, source_id=source_id, customer_id=customer, attributes=attributes, imported_at=at
        )
    )
    for kind in ("email", "phone"):
        if kind in attributes:
            connection.execute(
                insert(identifiers).values(
                    id=new_id(),
                    type=kind,
                    value=attributes[kind],
                    raw=attributes[kind],
                    customer_id=customer,
                    source=source,
                    assurance="imported",
                    first_seen_at=at,
                    last_seen_at=at,
                )
            )


def add_purchase(connection: Connection, customer: str, at: datetime, amount: float, category: str) -> None:
    connection.execute(
        insert(transactions).values(
            source="pos",
            transaction_id=new_id(),
            product=category,
            source_id="P-1",
            customer_id=customer,
            at=at,
            amount=amount,
            category=category,
            touchpoint="store",
            attributes={},
        )
    )


def add_colleague(connection: Connection, name: str, at: datetime) -> str:
    """Somebody of staff who never signs in. Returns the id."""
    row = {"id": new_id(), "email": f"{name.lower()}@desk.example", "name": name, "role": "agent", "password_hash": ""}
    connection.execute(insert(staff).values(created_at=at, **row))
    return row["id"]


def add_tier(connection: Connection, customer: str, value: float, tier: str, at: datetime) -> None:
    connection.execute(
        insert(value_scores).values(customer_id=customer, actual_value=value, tier=tier, purchases=0, computed_at=at)
    )


@dataclass
class Talk:
    """A conversation under way: each line comes a little later than the one before."""

    connection: Connection
    customer: str
    at: datetime
    channel: str = "web"
    assurance: str = "anonymous"
    language: str = "en"
    state: str = "bot"
    held_by: str | None = None
    id: str = field(default_factory=new_id)
    seq: int = 0
    last_message: str = ""

    def __post_init__(self) -> None:
        self.connection.execute(
            insert(conversations).values(
                id=self.id,
                customer_id=self.customer,
                channel=self.channel,
                assurance=self.assurance,
                language=self.language,
                state=self.state,
                held_by=self.held_by,
                page="/beans" if self.channel == "web" else None,
                started_at=self.at,
                last_at=self.at,
                last_seq=0,
            )
        )

    def customer_says(self, text: str, intent: str | None = None, confidence: float | None = None, **more: Any) -> str:
        """Returns the message's id. `more`: other columns of `messages`."""
        self.last_message = self._say("customer", text, 25, intent=intent, confidence=confidence, **more)
        return self.last_message

    def bot_says(self, text: str, **more: Any) -> str:
        return self._say("bot", text, 1, in_reply_to=self.last_message, **more)

    def staff_says(self, text: str, staff_id: str | None = None) -> str:
        return self._say("staff", text, 90, staff_id=staff_id)

    def decide(self, treatment: str, reason: str, **more: Any) -> str:
        """A decision upon the customer's last message; with `outcome` also the exposure of its offer."""
        outcome = more.pop("outcome", "none")
        decision = new_id()
        row = {"facts": {}, "touchpoint": "web", **more}
        self.connection.execute(
            insert(decisions).values(
                id=decision,
                customer_id=self.customer,
                conversation_id=self.id,
                message_id=self.last_message,
                at=self.at,
                treatment=treatment,
                reason=reason,
                **row,
            )
        )
        if outcome != "none":
            answered_at = self.at + timedelta(minutes=1) if outcome else None
            self.connection.execute(
                insert(exposures).values(
                    id=new_id(),
                    customer_id=self.customer,
                    offer_id=row["offer_id"],
                    decision_id=decision,
                    message_id=self.last_message,
                    shown_at=self.at,
                    outcome=outcome,
                    outcome_at=answered_at,
                )
            )
        return decision

    def teaches(self, kind: str, key: str, value: str, words: str | None = None, strength: float = 1.0) -> None:
        """Evidence from the customer's last message."""
        self.connection.execute(
            insert(evidence).values(
                id=new_id(),
                customer_id=self.customer,
                kind=kind,
                key=key,
                value=value,
                words=words,
                strength=strength,
                message_id=self.last_message,
                at=self.at,
            )
        )

    def _say(self, author: str, text: str, seconds: int, **more: Any) -> str:
        self.seq += 1
        self.at += timedelta(seconds=seconds)
        message = new_id()
        is_customer = author == "customer"
        row: dict[str, Any] = {
            "state": "answered" if is_customer else "ready",
            "language": self.language if is_customer else None,
            **more,
        }
        self.connection.execute(
            insert(messages).values(
                id=message,
                conversation_id=self.id,
                seq=self.seq,
                author=author,
                text=text,
                at=self.at,
                attempts=0,
                **row,
            )
        )
        here = conversations.c.id == self.id
        self.connection.execute(update(conversations).where(here).values(last_seq=self.seq, last_at=self.at))
        return message


CUPS = [
    {"title": "Up to 10", "payload": "b1"},
    {"title": "10 to 40", "payload": "b2"},
    {"title": "More than 40", "payload": "b3"},
]
OFFER = {
    "id": "office_starter",
    "title": "Office Blend in 1 kg bags",
    "text": "The first kilo is 10 % off for new offices.",
    "reason": "because you told me it is for an office of about 30 cups a day",
    "code": "OFFICE10",
}


def office_guest(connection: Connection, at: datetime) -> Talk:
    """A guest who states a need, presses an answer, sees an offer with its reason and takes it."""
    talk = Talk(connection, add_customer(connection, at), at)
    talk.customer_says("hi, looking for something for the office", "state_need", 0.94)
    talk.teaches("stated", "need", "office", "something for the office", 0.6)
    talk.decide(
        "guest",
        "guest: the usual offers; need office 0.58 from stated office; question cups: 0.41 bits",
        question_id="cups",
    )
    talk.bot_says("Happy to help. About how many cups a day is that?", buttons=CUPS)
    talk.customer_says(
        "10 to 40",
        "answer_question",
        1.0,
        payload="b2",
        entities=[{"entity": "answer", "value": "cups.10_to_40"}, {"entity": "language", "value": "en"}],
    )
    talk.teaches("answered", "cups", "10_to_40", "30")
    talk.decide(
        "guest",
        "guest: the usual offers; need office 0.88 from stated office, answered cups=30; "
        "offer office_starter: fits 0.80",
        offer_id="office_starter",
        propensity=0.8,
        facts={"tier": "migrator", "needs": {"office": 0.88, "thrifty": 0.07}, "assurance": "anonymous"},
        outcome="accepted",
    )
    talk.bot_says(
        "For 30 cups a day, Office Blend in 1 kg bags keeps the cost near Rp 2,000 a cup.",
        offer=OFFER,
        buttons=[{"title": "Yes please", "payload": "y"}, {"title": "Not now", "payload": "n"}],
    )
    talk.customer_says("yes please, that sounds good", "affirm", 0.97)
    talk.bot_says("Good choice. The code OFFICE10 takes 10 % off your first kilo.")
    return talk


def known_customer(connection: Connection, at: datetime) -> Talk:
    """A verified customer with records in two systems, purchases, an earlier conversation, and an offer declined."""
    long_ago = at - timedelta(days=300)
    customer = add_customer(connection, long_ago)
    add_record(
        connection,
        customer,
        "loyalty",
        "L-20417",
        long_ago,
        given_name="Sari",
        family_name="Wijaya",
        email="sari@example.com",
    )
    web = add_customer(connection, at - timedelta(days=90), customer)
    add_record(connection, web, "web", "sari.w", at - timedelta(days=90), given_name="Sari", phone="+628121234567")
    add_tie(connection, web, customer, at - timedelta(days=90), "import", "the same email")
    device = add_customer(connection, at - timedelta(days=12), customer)
    add_tie(connection, device, web, at - timedelta(days=12), "user_token", "signed in to the shop")
    for days in range(10, 290, 14):
        add_purchase(connection, customer, at - timedelta(days=days), 240000, "single_origin")
    add_purchase(connection, web, at - timedelta(days=40), 1350000, "grinders")
    add_tier(connection, customer, 912000, "growable", at - timedelta(days=80))
    add_tier(connection, web, 2348500, "most_valuable", at)
    earlier = Talk(connection, device, at - timedelta(days=12), assurance="recognised")
    earlier.customer_says("I like something fruity, with character", "state_need", 0.83)
    earlier.teaches("stated", "need", "explorer", "something fruity", 0.83)
    earlier.decide(
        "guest",
        "guest: the usual offers; need explorer 0.66 from stated explorer; question brewing: 0.23 bits",
        question_id="brewing",
    )
    earlier.bot_says("How do you brew at home?")
    earlier.customer_says("v60, by hand", "answer_question", 0.91)
    earlier.teaches("answered", "brewing", "by_hand", "v60")
    earlier.bot_says("Noted, thank you.")
    talk = Talk(connection, customer, at, channel="telegram", assurance="verified", language="id")
    talk.customer_says("halo, ada yang baru?", "ask_advice", 0.71)
    talk.decide(
        "keep",
        "keep: by name, the best fit first, never a discount to somebody who buys without one; "
        "tier most_valuable: value 2348500 from 21 purchases, 0 returns, 4 contacts; "
        "need explorer 0.97 from stated explorer, answered brewing=v60; offer early_roast: fits 0.93",
        offer_id="early_roast",
        propensity=0.9,
        facts={
            "tier": "most_valuable",
            "value": {"margin": 2360500.0, "cost_to_serve": 12000.0, "purchases": 21},
            "needs": {"explorer": 0.971, "quick": 0.014},
            "evidence": [{"kind": "answered", "key": "brewing", "value": "by_hand", "words": "v60"}],
        },
        outcome="declined",
    )
    talk.bot_says(
        "Halo Sari! Empat puluh bungkus sangrai Toraja baru kami simpan untuk pencicip terbaik sebelum masuk rak.",
        offer={
            "id": "early_roast",
            "title": "Cicip pertama sangrai Toraja baru",
            "text": "Satu untuk Anda kalau mau.",
            "reason": "karena Anda suka mencoba rasa baru",
        },
    )
    talk.customer_says("nanti aja ya, stok masih banyak", "deny", 0.66)
    talk.bot_says("Siap. Kabari saya kapan saja.")
    return talk


def open_complaint(connection: Connection, at: datetime) -> Talk:
    """Badly understood, then waiting for a person."""
    talk = Talk(connection, add_customer(connection, at), at, state="waiting", assurance="recognised")
    talk.customer_says(
        "the grndr u sold me is broke AGAIN", "out_of_scope", 0.31, entities=[{"entity": "product", "value": "grinder"}]
    )
    talk.bot_says("I did not understand that. Shall I get you a person?")
    talk.customer_says("yes a human pls", "talk_to_person", 0.88)
    talk.decide(
        "guest",
        "guest: the usual offers; need quick 0.30 from the prior alone; no offer is open: a person was asked for",
    )
    talk.bot_says("I have called a colleague. You can leave the chat open.")
    return talk


def with_staff(connection: Connection, at: datetime) -> Talk:
    """Held by a colleague, who has the last word."""
    colleague = add_colleague(connection, "Agus", at)
    talk = Talk(connection, add_customer(connection, at), at, state="staff", held_by=colleague, language="id")
    talk.customer_says("bisa kirim ke Bandung?", "find_store", 0.44)
    talk.bot_says("Toko kami ada di Menteng dan Kemang.")
    talk.staff_says("Halo, saya Agus. Bisa, ongkirnya Rp 20.000 dan sampai dalam dua hari.", colleague)
    return talk


def seed(engine: Engine, now: datetime) -> dict[str, str]:
    """All of the above, on the day of `now`. Returns conversation ids by the function's name."""
    with UnitOfWork(engine) as uow:
        made = {
            "office_guest": office_guest(uow.connection, now - timedelta(minutes=6)).id,
            "open_complaint": open_complaint(uow.connection, now - timedelta(minutes=40)).id,
            "known_customer": known_customer(uow.connection, now - timedelta(hours=3)).id,
            "with_staff": with_staff(uow.connection, now - timedelta(days=1, hours=2)).id,
        }
        uow.commit()
    return made
