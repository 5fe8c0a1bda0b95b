"""Readings know the row of the trail that covers them; those from before have 0 and no cover."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """With the batch."""
    op.add_column("meter_readings", sa.Column("batch", BIG, nullable=False, server_default="0"))
    op.create_index("ix_meter_readings_batch", "meter_readings", ["batch"])


def downgrade() -> None:
    """Without it."""
    op.drop_index("ix_meter_readings_batch", "meter_readings")
    op.drop_column("meter_readings", "batch")
