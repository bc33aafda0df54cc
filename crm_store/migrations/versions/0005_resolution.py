"""What batch resolution finds and learns"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "matches",
        sa.Column("customer_id", sa.String(32), nullable=False),
        sa.Column("other_id", sa.String(32), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("against", sa.String(32), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_matches_customer_id"),
        sa.ForeignKeyConstraint(["other_id"], ["customers.id"], name="fk_matches_other_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("customer_id", "other_id", name="pk_matches"),
    )
    op.create_index("ix_matches_other_id", "matches", ["other_id"])
    op.create_index("ix_matches_decision", "matches", ["decision"])
    op.create_table(
        "resolutions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("joined", sa.Integer(), nullable=False),
        sa.Column("to_review", sa.Integer(), nullable=False),
        sa.Column("weights", sa.JSON(), nullable=False),
        sa.Column("frequency", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_resolutions"),
    )
