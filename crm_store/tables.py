"""Every table of the store, in the order of a customer's story: who, said, did, worth and needs, given, watched over.

Knows SQLAlchemy Core and nothing of the rules. Ids are 32 hexadecimal characters, times are aware and UTC, money is in the
business's currency. Migrations under `migrations/` must end in exactly these tables (a test holds them together).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware time; a naive one is refused, because nobody can say later which zone it was in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


OPEN = "state in ('due', 'sending')"

ABSENT_IS_NULL = JSON(none_as_null=True)
"""Where there may be nothing, nothing is NULL: the JSON word `null` would count as something in a query."""


def _id(name: str = "id") -> Column[Any]:
    return Column(name, String(32), primary_key=True)


def _customer(**extra: Any) -> Column[Any]:
    return Column("customer_id", String(32), ForeignKey("customers.id"), nullable=False, **extra)


def _money(name: str, **extra: Any) -> Column[Any]:
    return Column(name, Numeric(16, 2, asdecimal=False), **extra)


# Identify ------------------------------------------------------------------------------------------------------------

customers = Table(
    "customers",
    metadata,
    _id(),
    # Joined profiles share a canonical id and keep their own rows, so that a merge can be taken back.
    Column("canonical_id", String(32), nullable=False, index=True),
    Column("created_at", Utc, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("source", String(64), nullable=False),
    Column("source_id", String(128), nullable=False),
    _customer(index=True),
    Column("attributes", JSON, nullable=False),
    Column("imported_at", Utc, nullable=False),
    PrimaryKeyConstraint("source", "source_id"),
)

identifiers = Table(
    "identifiers",
    metadata,
    _id(),
    Column("type", String(32), nullable=False),
    Column("value", String(255), nullable=False),  # normalised
    Column("raw", String(255), nullable=False),
    _customer(index=True),
    Column("source", String(64), nullable=False),
    Column("assurance", String(16), nullable=False),  # imported | proven
    Column("first_seen_at", Utc, nullable=False),
    Column("last_seen_at", Utc, nullable=False),
    UniqueConstraint("type", "value", "customer_id"),
)

# What batch resolution found of two profiles, so that a person can be shown why.
matches = Table(
    "matches",
    metadata,
    _customer(),
    Column("other_id", String(32), ForeignKey("customers.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("probability", Float, nullable=False),
    Column("decision", String(16), nullable=False, index=True),  # auto | review | refused
    Column("against", String(32), nullable=False),  # what else the two are most likely to be
    Column("reasons", JSON, nullable=False),  # by comparison: how the two stand in it, and its bits
    Column("at", Utc, nullable=False),
    PrimaryKeyConstraint("customer_id", "other_id"),
)

# Each run of batch resolution, with what it learnt: new records are compared by what the last full run did.
resolutions = Table(
    "resolutions",
    metadata,
    _id(),
    Column("at", Utc, nullable=False),
    Column("records", Integer, nullable=False),
    Column("joined", Integer, nullable=False),
    Column("to_review", Integer, nullable=False),
    Column("weights", JSON, nullable=False),
    Column("frequency", JSON, nullable=False),
)

claims = Table(
    "claims",
    metadata,
    _id(),
    _customer(index=True),
    Column("message_id", String(32), nullable=False),
    Column("type", String(32), nullable=False),
    Column("value", String(255), nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("message_id", "type", "value"),
)

# What staff say of two profiles. It outranks what agrees in their records, and of all words on a pair the newest stands.
verdicts = Table(
    "verdicts",
    metadata,
    _id(),
    Column("number", Integer, nullable=False, unique=True),  # their order, whatever the clocks say
    _customer(index=True),
    Column("other_id", String(32), ForeignKey("customers.id"), nullable=False, index=True),
    Column("verdict", String(16), nullable=False),  # same | different
    Column("staff_id", String(32), ForeignKey("staff.id"), nullable=False),
    Column("reason", String(255), nullable=False),
    Column("at", Utc, nullable=False),
)

device_tokens = Table(
    "device_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _customer(index=True),
    Column("previous_hash", String(64), index=True),
    Column("issued_at", Utc, nullable=False),
    Column("superseded_at", Utc),
)

one_time_codes = Table(
    "one_time_codes",
    metadata,
    # The code is computed from this id with a key that is kept elsewhere; the table holds nothing of it.
    _id(),
    Column("conversation_id", String(32), ForeignKey("conversations.id"), nullable=False, index=True),
    Column("address", String(255), nullable=False),  # normalised
    Column("asked_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("wrong", Integer, nullable=False, default=0),  # tries
    Column("ended_at", Utc),  # proven by, tried too often, or followed by a newer one
    Column("state", String(16), nullable=False),  # of its mail, see docs/identity.md
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Utc, nullable=False),
    Column("settled_at", Utc),
    Column("problem", String(255)),
    Index("ix_one_time_codes_open", "state", "due_at", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
)

# How often codes were asked for; `who` is a keyed hash, of an address or a profile, so that nobody can be read from it.
codes_asked = Table(
    "codes_asked",
    metadata,
    _id(),
    Column("who", String(64), nullable=False),
    Column("at", Utc, nullable=False, index=True),
    Index(None, "who", "at"),
)

links = Table(
    "links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _customer(index=True),  # the profile that the conversation was of in which it was made
    Column("channel", String(16), nullable=False),  # on which it was made
    Column("assurance", String(16), nullable=False),  # of that conversation, then
    Column("made_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("used_at", Utc),
)

# Conversations -------------------------------------------------------------------------------------------------------

conversations = Table(
    "conversations",
    metadata,
    _id(),
    _customer(index=True),
    Column("channel", String(16), nullable=False),
    Column("assurance", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    Column("state", String(16), nullable=False, index=True),  # bot | waiting | staff
    Column("held_by", String(32), ForeignKey("staff.id")),
    Column("page", String(255)),
    # Where its replies have to be sent, such as a Telegram chat; none where the customer fetches them.
    Column("address", String(64), index=True),
    Column("pending", ABSENT_IS_NULL),  # what a yes, a no or an answer would refer to
    Column("started_at", Utc, nullable=False),
    Column("last_at", Utc, nullable=False, index=True),
    Column("last_seq", Integer, nullable=False),
    Column("reviewed_at", Utc),
    Column("reviewed_by", String(32), ForeignKey("staff.id")),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("conversation_id", String(32), ForeignKey("conversations.id"), nullable=False, index=True),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    _id(),
    Column("conversation_id", String(32), ForeignKey("conversations.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("author", String(16), nullable=False),  # customer | bot | staff
    Column("state", String(16), nullable=False),  # see docs/messages.md
    Column("text", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("client_id", String(128)),
    Column("payload", Text),
    Column("meaning", Text),  # of the button or command, as Rasa reads it
    Column("staff_id", String(32), ForeignKey("staff.id")),
    Column("attempts", Integer, nullable=False, default=0),
    Column("in_reply_to", String(32), index=True),
    Column("language", String(8)),
    Column("intent", String(64)),
    Column("confidence", Float),
    Column("entities", ABSENT_IS_NULL),
    Column("action", String(64)),
    Column("buttons", ABSENT_IS_NULL),
    Column("offer", ABSENT_IS_NULL),
    UniqueConstraint("conversation_id", "seq"),
    UniqueConstraint("conversation_id", "client_id"),
)
Index(
    "ix_messages_received",
    messages.c.state,
    sqlite_where=messages.c.state == "received",
    postgresql_where=messages.c.state == "received",
)

outbox = Table(
    "outbox",
    metadata,
    Column("message_id", String(32), ForeignKey("messages.id"), primary_key=True),
    Column("conversation_id", String(32), ForeignKey("conversations.id"), nullable=False, index=True),
    Column("address", String(64), nullable=False),
    Column(
        "position", Integer, nullable=False
    ),  # the message's seq: within an address what is due goes out in this order
    Column("state", String(16), nullable=False),  # see docs/messages.md
    Column("attempts", Integer, nullable=False, default=0),
    Column("parts_sent", Integer, nullable=False, default=0),  # of a text that is too long for one message there
    Column("due_at", Utc, nullable=False),
    Column("settled_at", Utc),
    Column("external_id", String(64)),
    Column("problem", String(255)),
    Index("ix_outbox_open", "state", "due_at", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
)

telegram_updates = Table(
    "telegram_updates",
    metadata,
    Column("bot_id", String(32), nullable=False),
    Column("update_id", BigInteger, nullable=False),
    Column("at", Utc, nullable=False, index=True),
    PrimaryKeyConstraint("bot_id", "update_id"),
)

conversation_tags = Table(
    "conversation_tags",
    metadata,
    Column("conversation_id", String(32), ForeignKey("conversations.id"), nullable=False),
    Column("tag", String(40), nullable=False, index=True),
    Column("staff_id", String(32), ForeignKey("staff.id"), nullable=False),
    Column("at", Utc, nullable=False),
    PrimaryKeyConstraint("conversation_id", "tag"),
)

notes = Table(
    "notes",
    metadata,
    _id(),
    Column("conversation_id", String(32), ForeignKey("conversations.id"), nullable=False, index=True),
    Column("staff_id", String(32), ForeignKey("staff.id"), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

turns = Table(
    "turns",
    metadata,
    Column("message_id", String(32), nullable=False),
    Column("action", String(64), nullable=False),
    Column("result", JSON, nullable=False),
    Column("at", Utc, nullable=False),
    PrimaryKeyConstraint("message_id", "action"),
)

# What customers did at the five touchpoints --------------------------------------------------------------------------

transactions = Table(
    "transactions",
    metadata,
    Column("source", String(64), nullable=False),
    Column("transaction_id", String(128), nullable=False),
    Column("product", String(128), nullable=False, default=""),
    Column("source_id", String(128), nullable=False),
    _customer(),
    Column("at", Utc, nullable=False),
    _money("amount", nullable=False),
    _money("margin"),
    Column("currency", String(3)),
    Column("category", String(64)),
    Column("quantity", Float),
    Column("touchpoint", String(32)),
    Column("order_id", String(128)),
    Column("status", String(64)),
    Column("attributes", JSON, nullable=False),
    PrimaryKeyConstraint("source", "transaction_id", "product"),
    Index(None, "customer_id", "at"),
    Index(None, "order_id"),
)

interactions = Table(
    "interactions",
    metadata,
    Column("source", String(64), nullable=False),
    Column("interaction_id", String(128), nullable=False),
    Column("source_id", String(128), nullable=False),
    _customer(),
    Column("at", Utc, nullable=False),
    Column("touchpoint", String(32), nullable=False),
    Column("kind", String(64)),
    Column("text", Text),
    _money("cost"),
    Column("outcome", String(64)),
    Column("order_id", String(128)),
    Column("product", String(128)),
    Column("status", String(64)),
    Column("points", Float),
    Column("attributes", JSON, nullable=False),
    PrimaryKeyConstraint("source", "interaction_id"),
    Index(None, "customer_id", "at"),
    Index(None, "order_id"),
)

events = Table(
    "events",
    metadata,
    Column("source", String(64), nullable=False),
    Column("event_id", String(128), nullable=False),
    _customer(index=True),
    Column("at", Utc, nullable=False),
    Column("touchpoint", String(32), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("body", JSON, nullable=False),
    PrimaryKeyConstraint("source", "event_id"),
)

stock = Table(
    "stock",
    metadata,
    Column("product_id", String(64), nullable=False),
    Column("store_id", String(64), nullable=False),  # "" for the web shop's own
    Column("quantity", Float, nullable=False),
    Column("at", Utc, nullable=False),
    PrimaryKeyConstraint("product_id", "store_id"),
)

# Differentiate -------------------------------------------------------------------------------------------------------

evidence = Table(
    "evidence",
    metadata,
    _id(),
    _customer(index=True),
    Column("kind", String(16), nullable=False),  # answered | stated | denied
    Column("key", String(64), nullable=False),  # question id, "need" or behaviour id
    Column("value", String(64), nullable=False),  # option id or segment id
    Column("words", String(255)),  # the figure or words the customer used
    Column("strength", Float, nullable=False),  # 0..1, how sure the reading is
    # The message that told it; where there is none, the decision whose question was answered at a till or on the phone.
    Column("message_id", String(32)),
    Column("decision_id", String(32), ForeignKey("decisions.id")),
    Column("staff_id", String(32), ForeignKey("staff.id")),  # who wrote down what the customer said to them
    Column("at", Utc, nullable=False),
    UniqueConstraint("message_id", "kind", "key"),
    UniqueConstraint("decision_id", "kind", "key"),
)

# What a run of learning made of the likelihoods of business.yml; knows nobody.
learnt_likelihoods = Table(
    "learnt_likelihoods",
    metadata,
    _id(),
    Column("at", Utc, nullable=False, index=True),
    Column("body", JSON, nullable=False),
)

# Each run that values everybody, with the models that it learnt: whoever is met later is valued by those of the newest.
scorings = Table(
    "scorings",
    metadata,
    _id(),
    Column("as_of", Utc, nullable=False),
    Column("computed_at", Utc, nullable=False, index=True),
    Column("customers", Integer, nullable=False),
    Column("models", JSON, nullable=False),
    Column("portfolio", ABSENT_IS_NULL),  # sums by tier and need, and what became of forecasts; knows nobody
)

# What each customer is worth, by their canonical id; of who has only been met since, the conversation's own.
value_scores = Table(
    "value_scores",
    metadata,
    Column("customer_id", String(32), ForeignKey("customers.id"), primary_key=True),
    Column("scoring_id", String(32), ForeignKey("scorings.id")),
    Column("purchases", Integer, nullable=False),
    Column("last_at", Date),
    Column("p_alive", Float),
    # Of purchases within the horizon, and the bounds of that.
    Column("expected_purchases", Float),
    Column("expected_low", Float),
    Column("expected_high", Float),
    Column("expected_amount", Float),
    _money("actual_value", nullable=False),
    _money("future_value"),
    _money("future_low"),
    _money("future_high"),
    _money("potential_value"),
    _money("potential_low"),
    _money("potential_high"),
    Column("tier", String(32), nullable=False),
    # As the last run found them, whatever was bought since, and the last before it on another day of which a portfolio was drawn;
    # `value` is actual and future value.
    Column("run_id", String(32)),
    Column("run_tier", String(32)),
    _money("run_value"),
    Column("before_tier", String(32)),
    _money("before_value"),
    Column("computed_at", Utc, nullable=False),
)

# Interact and customize ----------------------------------------------------------------------------------------------

questions_asked = Table(
    "questions_asked",
    metadata,
    _id(),
    _customer(index=True),
    Column("conversation_id", String(32)),  # or the call's; none at a till
    Column("question_id", String(64), nullable=False),
    Column("message_id", String(32)),
    Column("decision_id", String(32), ForeignKey("decisions.id")),  # where no message carries the question
    Column("at", Utc, nullable=False),
    Column("information", Float, nullable=False),  # expected, in bits
    UniqueConstraint("message_id", "question_id"),
    UniqueConstraint("decision_id"),
)

decisions = Table(
    "decisions",
    metadata,
    _id(),
    _customer(index=True),
    Column("conversation_id", String(32), index=True),  # or the call's; none at a till
    Column("message_id", String(32)),
    Column("touchpoint", String(32), nullable=False),
    Column("at", Utc, nullable=False),
    Column("treatment", String(64), nullable=False),
    Column("offer_id", String(64)),
    Column("question_id", String(64)),
    Column("response", String(128)),
    Column("propensity", Float),
    Column("reason", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    UniqueConstraint("message_id"),
)

exposures = Table(
    "exposures",
    metadata,
    _id(),
    _customer(index=True),
    Column("offer_id", String(64), nullable=False),
    Column("decision_id", String(32), ForeignKey("decisions.id"), nullable=False),
    Column("message_id", String(32), index=True),  # none at a till and on the phone
    Column("shown_at", Utc, nullable=False),
    Column("outcome", String(16)),  # accepted | declined
    Column("outcome_at", Utc),
    UniqueConstraint("decision_id"),
)

# Access --------------------------------------------------------------------------------------------------------------

consents = Table(
    "consents",
    metadata,
    _id(),
    _customer(index=True),
    Column("purpose", String(32), nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("message_id", String(32)),  # none where the operator wrote it down
    Column("notice_id", String(16), ForeignKey("notices.id")),  # which wording was shown, where the purpose is "notice"
    Column("at", Utc, nullable=False),
    UniqueConstraint("message_id", "purpose"),
)

# Every wording of the privacy notice that anybody was ever shown; knows nobody.
notices = Table(
    "notices",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("language", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    _id(),
    Column("at", Utc, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("customer_id", String(32), index=True),
    Column("other_id", String(32), index=True),  # the other profile, where an entry is about two
    Column("actor", String(64), nullable=False),
    Column("details", JSON, nullable=False),
)

erasures = Table(
    "erasures",
    metadata,
    _id(),
    Column("at", Utc, nullable=False),
    # Conversations whose Rasa tracker still has to go; emptied when it has.
    Column("trackers", JSON, nullable=False),
    # Where goodbye is said; while it is on its way the erasure is not done, since its address is kept for it.
    Column("farewell", String(32)),
    Column("done_at", Utc),
)

staff = Table(
    "staff",
    metadata,
    _id(),
    Column("email", String(255), nullable=False, unique=True),
    Column("name", String(64), nullable=False),  # what customers see of them
    Column("role", String(16), nullable=False),  # agent | administrator
    Column("password_hash", String(255), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("disabled_at", Utc),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff_id", String(32), ForeignKey("staff.id"), nullable=False, index=True),
    Column("expires_at", Utc, nullable=False),
)
