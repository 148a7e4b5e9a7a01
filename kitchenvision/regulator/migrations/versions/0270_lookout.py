"""How far was looked for what webhooks tell."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0270"
down_revision: str | None = "0260"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "lookout_progress",
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("decision_id", sa.Integer, nullable=False),
        sa.Column("event_id", sa.Integer, nullable=False),
        sa.Column("looked_at", sa.DateTime, nullable=False),
    )
