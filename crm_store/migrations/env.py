"""Runs the migrations on the connection that `crm_store.schema` hands over."""

from alembic import context

from crm_store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
