"""What edge boxes say of themselves."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0260"
down_revision: str | None = "0250"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "boxes",
        sa.Column("canteen_id", sa.String(200), sa.ForeignKey("canteens.canteen_id"), primary_key=True),
        sa.Column("software_version", sa.String(200), nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
