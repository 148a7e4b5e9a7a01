"""What alembic runs: on the connection that `Database.migrate` hands over, inside its transaction."""

from alembic import context

from kitchenvision.regulator.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()
