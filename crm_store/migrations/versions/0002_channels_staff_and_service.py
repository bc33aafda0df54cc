"""Channels that are sent to, staff in conversations, search, stock"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPEN = sa.text("state in ('due', 'sending')")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _columns()
    _outbox()
    _staff_work()
    _stock()
    _elsewhere()
    _rights()
    _search()


def _columns() -> None:
    # Written out: SQLite takes a reference with the new column only, and making the tables anew, which is Alembic's way
    # around that, would break the references to them.
    for column in (
        "conversations ADD COLUMN held_by VARCHAR(32) CONSTRAINT fk_conversations_held_by REFERENCES staff (id)",
        "conversations ADD COLUMN reviewed_by VARCHAR(32) CONSTRAINT fk_conversations_reviewed_by REFERENCES staff (id)",
        "messages ADD COLUMN staff_id VARCHAR(32) CONSTRAINT fk_messages_staff_id REFERENCES staff (id)",
    ):
        op.execute(f"ALTER TABLE {column}")
    op.add_column("conversations", sa.Column("address", sa.String(64)))
    op.add_column("conversations", sa.Column("reviewed_at", TIME))
    op.add_column("messages", sa.Column("meaning", sa.Text()))
    op.add_column("consents", sa.Column("channel", sa.String(16), nullable=False, server_default="web"))
    op.add_column("staff", sa.Column("name", sa.String(64), nullable=False, server_default=""))
    before_at = "substr(email, 1, instr(email, '@') - 1)" if _is_sqlite() else "split_part(email, '@', 1)"
    op.execute(f"UPDATE staff SET name = substr({before_at}, 1, 64)")  # noqa: S608  no value of anybody's
    op.create_index("ix_conversations_address", "conversations", ["address"])
    op.create_index("ix_conversations_state", "conversations", ["state"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.String(32), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("parts_sent", sa.Integer(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("settled_at", TIME),
        sa.Column("external_id", sa.String(64)),
        sa.Column("problem", sa.String(255)),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_outbox_conversation_id"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_outbox_message_id"),
        sa.PrimaryKeyConstraint("message_id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_conversation_id", "outbox", ["conversation_id"])
    op.create_index("ix_outbox_open", "outbox", ["state", "due_at"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_table(
        "telegram_updates",
        sa.Column("bot_id", sa.String(32), nullable=False),
        sa.Column("update_id", sa.BigInteger(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("bot_id", "update_id", name="pk_telegram_updates"),
    )
    op.create_index("ix_telegram_updates_at", "telegram_updates", ["at"])


def _staff_work() -> None:
    op.create_table(
        "conversation_tags",
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("tag", sa.String(40), nullable=False),
        sa.Column("staff_id", sa.String(32), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_conversation_tags_conversation_id"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_conversation_tags_staff_id"),
        sa.PrimaryKeyConstraint("conversation_id", "tag", name="pk_conversation_tags"),
    )
    op.create_index("ix_conversation_tags_tag", "conversation_tags", ["tag"])
    op.create_table(
        "notes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("staff_id", sa.String(32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_notes_conversation_id"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_notes_staff_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    op.create_index("ix_notes_conversation_id", "notes", ["conversation_id"])


def _stock() -> None:
    op.create_table(
        "stock",
        sa.Column("product_id", sa.String(64), nullable=False),
        sa.Column("store_id", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Float(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("product_id", "store_id", name="pk_stock"),
    )


def _elsewhere() -> None:
    """What is decided, asked and answered where no message carries it: at a till, on the phone."""
    # No table refers to these, so SQLite may make them anew.
    with op.batch_alter_table("evidence") as table:
        table.alter_column("message_id", existing_type=sa.String(32), nullable=True)
        table.add_column(sa.Column("decision_id", sa.String(32)))
        table.add_column(sa.Column("staff_id", sa.String(32)))
        table.create_foreign_key("fk_evidence_decision_id", "decisions", ["decision_id"], ["id"])
        table.create_foreign_key("fk_evidence_staff_id", "staff", ["staff_id"], ["id"])
        table.create_unique_constraint("uq_evidence_decision_id_kind_key", ["decision_id", "kind", "key"])
    with op.batch_alter_table("questions_asked") as table:
        table.alter_column("message_id", existing_type=sa.String(32), nullable=True)
        table.alter_column("conversation_id", existing_type=sa.String(32), nullable=True)
        table.add_column(sa.Column("decision_id", sa.String(32)))
        table.create_foreign_key("fk_questions_asked_decision_id", "decisions", ["decision_id"], ["id"])
        table.create_unique_constraint("uq_questions_asked_decision_id", ["decision_id"])
    with op.batch_alter_table("exposures") as table:
        table.alter_column("message_id", existing_type=sa.String(32), nullable=True)
        table.drop_constraint("uq_exposures_message_id_offer_id", type_="unique")
        table.create_unique_constraint("uq_exposures_decision_id", ["decision_id"])
    op.create_index("ix_exposures_message_id", "exposures", ["message_id"])
    op.create_index("ix_transactions_order_id", "transactions", ["order_id"])
    op.create_index("ix_interactions_order_id", "interactions", ["order_id"])


def _rights() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    with op.batch_alter_table("consents") as table:  # no table refers to it
        table.alter_column("message_id", existing_type=sa.String(32), nullable=True)
        table.add_column(sa.Column("notice_id", sa.String(16)))
        table.create_foreign_key("fk_consents_notice_id", "notices", ["notice_id"], ["id"])
    op.add_column("erasures", sa.Column("farewell", sa.String(32)))


def _search() -> None:
    """What `crm_store.conversations.search` looks into. It follows messages and notes by itself, so nothing can be forgotten."""
    if not _is_sqlite():
        # Cut into words as SQLite's tokenizer does: no accents, no capitals, letters and digits only. PostgreSQL's own parser
        # would keep `ORD-123` and addresses in one piece. The collation knows letters whatever the database's own does.
        op.execute(
            "CREATE FUNCTION search_words(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ "
            "SELECT lower(regexp_replace(regexp_replace(normalize(said, NFD), '[\\u0300-\\u036f]', '', 'g') "
            "COLLATE \"und-x-icu\", '(\\W|_)+', ' ', 'g')) $$"
        )
        for table in ("messages", "notes"):
            op.execute(
                f"CREATE INDEX ix_{table}_words ON {table} USING gin (to_tsvector('simple', search_words(text)))"
            )
        return
    # Numbers of their own: those that SQLite gives to rows without an integer key may change at a VACUUM.
    op.execute(
        "CREATE TABLE search_numbers (number INTEGER PRIMARY KEY, written_id VARCHAR(32) NOT NULL UNIQUE, "
        "conversation_id VARCHAR(32) NOT NULL)"
    )
    op.execute("CREATE VIRTUAL TABLE search_words USING fts5(text, tokenize = 'unicode61 remove_diacritics 2')")
    for table in ("messages", "notes"):
        is_written = (
            "INSERT INTO search_numbers (written_id, conversation_id) VALUES (new.id, new.conversation_id); "
            "INSERT INTO search_words (rowid, text) VALUES (last_insert_rowid(), new.text);"
        )
        is_deleted = (
            "DELETE FROM search_words WHERE rowid = (SELECT number FROM search_numbers WHERE written_id = old.id); "
            "DELETE FROM search_numbers WHERE written_id = old.id;"
        )
        op.execute(f"CREATE TRIGGER {table}_written AFTER INSERT ON {table} BEGIN {is_written} END")
        op.execute(f"CREATE TRIGGER {table}_forgotten AFTER DELETE ON {table} BEGIN {is_deleted} END")
    op.execute("INSERT INTO search_numbers (written_id, conversation_id) SELECT id, conversation_id FROM messages")
    op.execute(
        "INSERT INTO search_words (rowid, text) "
        "SELECT number, text FROM search_numbers JOIN messages ON messages.id = written_id"
    )


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
