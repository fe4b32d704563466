"""Runs migrations on the connection that the store hands over, inside its transaction."""

from alembic import context

from reconciler.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
