"""Who wants the weekly digest, and what was sent."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0290"
down_revision: str | None = "0280"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Two tables."""
    op.create_table(
        "digest_readers",
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), primary_key=True),
        sa.Column("email", sa.String(200), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("asked_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "digests_sent",
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), primary_key=True),
        sa.Column("week", sa.String(8), primary_key=True),
        sa.Column("claimed_at", sa.DateTime, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.DateTime),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("problem", sa.String(300), nullable=False),
    )
