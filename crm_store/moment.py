"""The moment of one customer turn: who speaks, how surely, what was said and understood, and what the steps answer.

Handed to the four steps by `crm_store.turn`; knows none of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from crm_store.business import Business
from crm_store.identify.assurance import Act, Assurance, may
from crm_store.identify.profiles import given_name
from crm_store.tables import messages

SPEAK = "speak:"
"""Before the language in which the conversation goes on, whatever the message was written in."""
MASK = "mask"
"""The message was a secret that is spent: nothing that was heard in it is to be kept."""


@dataclass(frozen=True)
class Understanding:
    """What the assistant made of a message."""

    intent: str
    confidence: float
    language: str
    entities: tuple[tuple[str, str, float], ...] = ()
    """(type, value, confidence)."""

    def values(self, entity: str) -> list[tuple[str, float]]:
        return [(value, confidence) for name, value, confidence in self.entities if name == entity]


@dataclass(frozen=True)
class Reply:
    """One reply: the id of the response that the assistant renders, its values, and an offer card."""

    response: str
    values: dict[str, str] = field(default_factory=dict)
    offer: dict[str, Any] | None = None
    buttons: tuple[dict[str, str], ...] = ()
    """Title and payload, beside those of the response; for what only this customer can choose."""


@dataclass(frozen=True)
class TurnResult:
    """What a turn came to. Stored, and given again as it is when the turn is retried."""

    replies: tuple[Reply, ...]
    effects: tuple[str, ...] = ()
    """What the gateway still has to do, such as "erase", or what it has to know, such as `SPEAK` with a language."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> TurnResult:
        replies = (Reply(**reply | {"buttons": tuple(reply.get("buttons", ()))}) for reply in stored["replies"])
        return cls(tuple(replies), tuple(stored["effects"]))


@dataclass
class Moment:
    connection: Connection
    business: Business
    now: datetime
    message_id: str
    conversation_id: str
    channel: str
    assurance: Assurance
    profile: str
    """Under which new facts are kept."""
    profiles: list[str]
    """Whose facts may be used."""
    text: str
    understanding: Understanding
    pending: dict[str, Any]
    """What an answer ("question") or a yes ("yes") would refer to, why a person is waited for ("person"), what is talked
    about ("about"); steps change it."""
    code_key: bytes | None = None
    """Of one-time codes; None where no code can be sent."""
    topic: str = ""
    """What we asked back in the turn before this one."""
    may_prove: bool = False
    """The turn's transaction began with WHO_IS_WHO, so that somebody may be proven to be a customer in it."""

    @property
    def language(self) -> str:
        """What the customer speaks, or the business's default where it does not speak that."""
        return self.business.language(self.understanding.language)

    @property
    def touchpoint(self) -> str:
        """The touchpoint of `business.yml` that the chat belongs to: the web site's, where there is one."""
        return self.business.chat_touchpoint

    def may(self, act: Act) -> bool:
        return may(self.assurance, act)

    @property
    def name(self) -> str | None:
        """The customer's first name, for the verified only."""
        return given_name(self.connection, self.profiles) if self.may(Act.BE_GREETED_BY_NAME) else None

    def said_before(self) -> tuple[str, str]:
        """The customer's message before this one: its id, and what was said to it first; both empty at the first of all."""
        mine = select(messages.c.seq).where(messages.c.id == self.message_id).scalar_subquery()
        before = self.connection.execute(
            select(messages.c.id, messages.c.action)
            .where(
                messages.c.conversation_id == self.conversation_id,
                messages.c.author == "customer",
                messages.c.seq < mine,
            )
            .order_by(messages.c.seq.desc())
            .limit(1)
        ).first()
        return (before.id, before.action or "") if before else ("", "")
