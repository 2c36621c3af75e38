"""Alembic's entry: works on the connection and inside the transaction that `crm_patterns.state.schema` hands over."""

from alembic import context

from crm_patterns.state.schema import VERSION_TABLE
from crm_patterns.state.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
