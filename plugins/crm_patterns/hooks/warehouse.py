"""Airflow connection → warehouse and its quality checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from crm_patterns.catalog import include_dir

if TYPE_CHECKING:
    from crm_patterns.core.ports import Quality, RowQuality
    from crm_patterns.patterns.lineage import Database
    from crm_patterns.warehouse.snowflake import SnowflakeWarehouse


class WarehouseHook(BaseHook):
    """Snowflake through the provider's own hook, with every way of signing in that its connection form offers."""

    conn_name_attr = "warehouse_conn_id"
    default_conn_name = "snowflake_default"

    def __init__(self, warehouse_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.warehouse_conn_id = warehouse_conn_id

    @contextmanager
    def warehouse(self) -> Iterator[SnowflakeWarehouse]:
        """Closed on leaving."""
        from crm_patterns.warehouse.snowflake import SnowflakeWarehouse

        warehouse = SnowflakeWarehouse(self._snowflake().get_conn, sql_root=include_dir() / "sql")
        try:
            yield warehouse
        finally:
            warehouse.close()

    def quality(self, *, docs_root: str, docs_url: str) -> Quality:
        """Great Expectations over the same connection. The library is imported on first use: it costs seconds."""
        from crm_patterns.warehouse.quality import ExpectationsQuality

        return ExpectationsQuality(
            self._snowflake().get_conn,
            suites_root=include_dir() / "expectations",
            docs_root=docs_root,
            docs_url=docs_url,
        )

    @staticmethod
    def row_quality(*, docs_root: str, docs_url: str) -> RowQuality:
        """Great Expectations over rows in memory, by the same suites' folder. It needs no connection."""
        from crm_patterns.warehouse.row_quality import RowExpectations

        return RowExpectations(suites_root=include_dir() / "expectations", docs_root=docs_root, docs_url=docs_url)

    def place(self) -> Database:
        """Account and database, named as the Snowflake provider names them in its own lineage."""
        from airflow.providers.snowflake.utils.openlineage import fix_account_name

        from crm_patterns.patterns.lineage import Database

        extras = self.get_connection(self.warehouse_conn_id).extra_dejson
        account, region, database = (
            extras.get(name) or extras.get(f"extra__snowflake__{name}") or ""
            for name in ("account", "region", "database")
        )
        full = f"{account}.{region}" if region else account
        return Database(f"snowflake://{fix_account_name(full.lower())}", database)

    def _snowflake(self) -> Any:
        from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

        return SnowflakeHook(snowflake_conn_id=self.warehouse_conn_id)
