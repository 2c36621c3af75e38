"""The data that DAGs hand to one another, by name."""

from __future__ import annotations

from airflow.sdk import Asset


def published_object(schema: str, table: str) -> Asset:
    """The table of one object after its window was published and proven."""
    return Asset(
        name=f"{schema}.{table}".lower(), uri=f"x-crm-warehouse://{schema.lower()}/{table.lower()}", group="crm"
    )
