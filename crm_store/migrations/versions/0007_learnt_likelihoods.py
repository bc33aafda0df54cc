"""What was learnt of the likelihoods of needs"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "learnt_likelihoods",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_learnt_likelihoods"),
    )
    op.create_index("ix_learnt_likelihoods_at", "learnt_likelihoods", ["at"])
