"""The local warehouse and its connection, as in the tests of the SQL, and the stand that the DAGs run on."""

from tests.orchestration.support.marketing import hubspot_account, marketing
from tests.orchestration.support.stand import metadata_database, salesforce, stand
from tests.sql.conftest import connect, connection_arguments, schema, shared_warehouse, warehouse, warehouse_server

__all__ = [
    "connect",
    "connection_arguments",
    "hubspot_account",
    "marketing",
    "metadata_database",
    "salesforce",
    "schema",
    "shared_warehouse",
    "stand",
    "warehouse",
    "warehouse_server",
]
