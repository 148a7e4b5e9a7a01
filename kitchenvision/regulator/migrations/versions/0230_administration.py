"""Edge boxes that are kept out, when they came last, where a canteen is; who administered what."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from kitchenvision.regulator.migrations.guards import append_only

revision: str = "0230"
down_revision: str | None = "0220"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Columns of canteens, and a table that is only added to."""
    op.add_column("canteens", sa.Column("disabled_at", sa.DateTime))
    op.add_column("canteens", sa.Column("seen_at", sa.DateTime))
    op.add_column("canteens", sa.Column("latitude", sa.Float))
    op.add_column("canteens", sa.Column("longitude", sa.Float))
    op.create_table(
        "admin_log",
        sa.Column("entry_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("district_id", sa.String(100), sa.ForeignKey("districts.district_id"), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("about", sa.String(200), nullable=False),
    )
    op.create_index("admin_log_by_district", "admin_log", ["district_id", "entry_id"])
    append_only("admin_log")
