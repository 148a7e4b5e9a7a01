"""Links that open a wall without a person."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0245"
down_revision: str | None = "0240"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "wall_links",
        sa.Column("link_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("district_id", sa.String(100), sa.ForeignKey("districts.district_id"), nullable=False),
        sa.Column("town_id", sa.String(100), sa.ForeignKey("towns.town_id")),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("created_by", sa.Integer, sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("opened_at", sa.DateTime),
        sa.Column("revoked_at", sa.DateTime),
    )
    op.create_index("ix_wall_links_district_id", "wall_links", ["district_id"])
