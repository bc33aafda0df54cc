"""What customers are worth: the runs that score everybody, and each one's figures"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
MONEY = (
    "actual_value",
    "future_value",
    "future_low",
    "future_high",
    "potential_value",
    "potential_low",
    "potential_high",
)
FIGURES = ("p_alive", "expected_purchases", "expected_low", "expected_high", "expected_amount")


def upgrade() -> None:
    op.create_table(
        "scorings",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("as_of", TIME, nullable=False),
        sa.Column("computed_at", TIME, nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scorings"),
    )
    op.create_index("ix_scorings_computed_at", "scorings", ["computed_at"])
    # What was there was computed from the rest, and is again at each conversation.
    op.drop_table("value_scores")
    op.create_table(
        "value_scores",
        sa.Column("customer_id", sa.String(32), nullable=False),
        sa.Column("scoring_id", sa.String(32)),
        sa.Column("purchases", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.Date()),
        *(sa.Column(name, sa.Float()) for name in FIGURES),
        *(sa.Column(name, sa.Numeric(16, 2), nullable=name != "actual_value") for name in MONEY),
        sa.Column("tier", sa.String(32), nullable=False),
        sa.Column("computed_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_value_scores_customer_id"),
        sa.ForeignKeyConstraint(["scoring_id"], ["scorings.id"], name="fk_value_scores_scoring_id"),
        sa.PrimaryKeyConstraint("customer_id", name="pk_value_scores"),
    )
