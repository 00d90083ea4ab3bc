"""Alembic's entry: runs on the connection that storage/migrate.py hands over."""

from alembic import context
from sqlalchemy import Connection

from storage.models import Base

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
