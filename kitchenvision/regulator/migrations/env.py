"""What alembic runs: on the connection that `Database.migrate` hands over, inside its transaction."""

from alembic import context

from kitchenvision.regulator import (
    account_tables,
    admin_log,
    case_tables,
    digest_store,
    kiosk,
    oidc_accounts,
    review_tables,
    webhook_tables,
)
from kitchenvision.regulator.box_tables import BoxRow
from kitchenvision.regulator.tables import Base

TABLES = (account_tables.ApiToken, admin_log.AdminEntry, BoxRow, kiosk.WallLink, webhook_tables.Webhook)
MORE = (digest_store.DigestSent, oidc_accounts.ProviderLogin, case_tables.CaseRow, review_tables.ReviewClaim)
for table in (*TABLES, *MORE):
    assert table.metadata is Base.metadata  # imported for its tables
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()
