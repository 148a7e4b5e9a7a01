"""Since when a blob is no longer kept, and legal holds; an index for what came last."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from kitchenvision.regulator.migrations.guards import append_only

revision: str = "0150"
down_revision: str | None = "0100"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """A column, and a table that is only added to."""
    op.create_index("violations_by_receipt", "violations", ["received_at"])
    op.add_column("report_blobs", sa.Column("removed_at", sa.DateTime))
    op.create_table(
        "legal_holds",
        sa.Column("hold_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("violation_id", sa.String(64), sa.ForeignKey("violations.violation_id"), nullable=False),
        sa.Column("holds", sa.Boolean, nullable=False),
        sa.Column("words", sa.String(500), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_legal_holds_violation_id", "legal_holds", ["violation_id"])
    append_only("legal_holds")
