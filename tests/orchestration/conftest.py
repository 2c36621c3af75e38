"""The local warehouse and its connection, as in the tests of the SQL."""

from tests.sql.conftest import connect, connection_arguments, schema, shared_warehouse, warehouse, warehouse_server

__all__ = ["connect", "connection_arguments", "schema", "shared_warehouse", "warehouse", "warehouse_server"]
