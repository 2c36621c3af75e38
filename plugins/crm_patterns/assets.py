"""The data that DAGs hand to one another, by name."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import Asset, AssetWatcher


def published_object(schema: str, table: str) -> Asset:
    """The table of one object after its window was published and proven."""
    return Asset(
        name=f"{schema}.{table}".lower(), uri=f"x-crm-warehouse://{schema.lower()}/{table.lower()}", group="crm"
    )


def crm_events(system: str, *, watchers: Sequence[AssetWatcher] = ()) -> Asset:
    """Changes that a system has told of by itself, and that wait in the inbox; see `triggers.inbox.awaited_events`."""
    return Asset(name=f"crm_events.{system}", uri=f"x-crm-inbox://events/{system}", group="crm", watchers=[*watchers])
