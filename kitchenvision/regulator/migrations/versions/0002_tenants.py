"""Districts, towns and roles; who saw which picture. Who was an admin stays able to do everything."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from kitchenvision.regulator.migrations.guards import append_only

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Everything that there is goes into one district with one town."""
    _tree()
    # SQLite adds a column that refers to another table only when it may be empty.
    op.execute("ALTER TABLE canteens ADD COLUMN town_id VARCHAR(100) REFERENCES towns (town_id)")
    op.execute("ALTER TABLE people ADD COLUMN district_id VARCHAR(100) REFERENCES districts (district_id)")
    op.execute("ALTER TABLE people ADD COLUMN canteen_id VARCHAR(200) REFERENCES canteens (canteen_id)")
    op.add_column("people", sa.Column("disabled_at", sa.DateTime))
    op.create_index("ix_canteens_town_id", "canteens", ["town_id"])
    op.create_table(
        "person_towns",
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id"), primary_key=True),
        sa.Column("town_id", sa.String(100), sa.ForeignKey("towns.town_id"), primary_key=True),
    )
    op.execute("INSERT INTO districts VALUES ('default', '默认辖区')")
    op.execute("INSERT INTO towns (town_id, district_id, name) VALUES ('default', 'default', '默认街道')")
    op.execute("UPDATE canteens SET town_id = 'default'")
    op.execute("UPDATE people SET district_id = 'default'")
    op.execute("UPDATE people SET role = 'owner' WHERE role = 'admin'")
    op.execute(
        "INSERT INTO person_towns (person_id, town_id) "
        "SELECT person_id, 'default' FROM people WHERE role = 'inspector'"
    )
    _views()


def _tree() -> None:
    op.create_table(
        "districts",
        sa.Column("district_id", sa.String(100), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
    )
    op.create_table(
        "towns",
        sa.Column("town_id", sa.String(100), primary_key=True),
        sa.Column("district_id", sa.String(100), sa.ForeignKey("districts.district_id"), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
    )
    op.create_table(
        "cameras",
        sa.Column("canteen_id", sa.String(200), sa.ForeignKey("canteens.canteen_id"), primary_key=True),
        sa.Column("camera_id", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kitchen", sa.String(200), nullable=False),
    )


def _views() -> None:
    op.create_table(
        "picture_views",
        sa.Column("view_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("violation_id", sa.String(64), sa.ForeignKey("violations.violation_id"), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("person_id", sa.Integer, sa.ForeignKey("people.person_id")),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_picture_views_violation_id", "picture_views", ["violation_id"])
    append_only("picture_views")
