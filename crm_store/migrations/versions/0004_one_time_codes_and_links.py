"""Codes by e-mail, links between channels"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPEN = sa.text("state in ('due', 'sending')")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "one_time_codes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("settled_at", TIME),
        sa.Column("problem", sa.String(255)),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name="fk_one_time_codes_conversation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_codes"),
    )
    op.create_index("ix_one_time_codes_conversation_id", "one_time_codes", ["conversation_id"])
    op.create_index(
        "ix_one_time_codes_open", "one_time_codes", ["state", "due_at"], sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_table(
        "codes_asked",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_codes_asked"),
    )
    op.create_index("ix_codes_asked_at", "codes_asked", ["at"])
    op.create_index("ix_codes_asked_who_at", "codes_asked", ["who", "at"])
    op.create_table(
        "links",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("assurance", sa.String(16), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_links_customer_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_links"),
    )
    op.create_index("ix_links_customer_id", "links", ["customer_id"])
    _let_the_search_follow()


def _let_the_search_follow() -> None:
    """A message that was a code is masked: SQLite's index of words, which knew new and deleted messages only, follows."""
    if op.get_bind().dialect.name != "sqlite":
        return  # an index of PostgreSQL follows by itself
    op.execute(
        "CREATE TRIGGER messages_changed AFTER UPDATE OF text ON messages BEGIN "
        "UPDATE search_words SET text = new.text "
        "WHERE rowid = (SELECT number FROM search_numbers WHERE written_id = new.id); END"
    )
