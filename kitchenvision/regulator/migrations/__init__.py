"""Alembic migrations, run when the regulator starts."""
