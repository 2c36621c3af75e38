"""Airflow connection → stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook, ObjectStoragePath

if TYPE_CHECKING:
    from crm_patterns.core.ports import Stage


class StageHook(BaseHook):
    """Object storage by Airflow's ObjectStoragePath: `file://`, `s3://`, `gs://`, `abfs://`."""

    conn_name_attr = "stage_conn_id"
    default_conn_name = "crm_stage"

    def __init__(self, stage_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.stage_conn_id = stage_conn_id

    def stage(self, root: str) -> Stage:
        """A stage below `root`, a URI."""
        from crm_patterns.warehouse.stage import ParquetStage

        path = ObjectStoragePath(root, conn_id=self.stage_conn_id)
        return ParquetStage(path.fs, path.path)
