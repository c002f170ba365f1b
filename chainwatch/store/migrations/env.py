"""Run by Alembic: migrates the connection that `chainwatch.store.database` hands over."""

from alembic import context

from chainwatch.store.models import Base

connection = context.config.attributes["connection"]
# The caller's transaction holds all steps together; SQLite can roll back schema changes as well as rows.
context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
