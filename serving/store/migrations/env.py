"""Alembic's entry: runs on the connection that serving.store.migrate opened, in its transaction."""

from alembic import context

from serving.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,  # SQLite can, once the driver is kept from committing by itself
)
context.run_migrations()
