"""Room for sealed secrets; the service seals what is there when it starts, since only it has the key."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0280"
down_revision: str | None = "0270"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Two wider columns."""
    for table, before in (("second_factors", 64), ("webhooks", 100)):
        with op.batch_alter_table(table) as batch:
            batch.alter_column("secret", existing_type=sa.String(before), type_=sa.String(400))
