"""What the last run and the one before found of each customer's worth, and the portfolio that a run found"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BY_RUN = ("run", "before")


def upgrade() -> None:
    for run in BY_RUN:
        op.add_column("value_scores", sa.Column(f"{run}_tier", sa.String(32)))
        op.add_column("value_scores", sa.Column(f"{run}_value", sa.Numeric(16, 2)))
    op.add_column("value_scores", sa.Column("run_id", sa.String(32)))
    op.add_column("scorings", sa.Column("portfolio", sa.JSON()))
