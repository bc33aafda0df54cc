"""Device tokens are found by the one before them"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_device_tokens_previous_hash", "device_tokens", ["previous_hash"])
