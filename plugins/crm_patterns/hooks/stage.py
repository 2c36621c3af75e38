"""Airflow connection → stage."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, ObjectStoragePath

from crm_patterns.core.staging import MANIFEST_NAME, Manifest, StageRef

if TYPE_CHECKING:
    from crm_patterns.core.ports import Stage


_PART = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_.=-]*")
"""A folder's name: no dots in front, so that a path never leads outside."""


class StageHook(BaseHook):
    """Object storage by Airflow's ObjectStoragePath: `file://`, `s3://`, `gs://`, `abfs://`."""

    conn_name_attr = "stage_conn_id"
    default_conn_name = "crm_stage"

    def __init__(self, stage_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.stage_conn_id = stage_conn_id

    def stage(self, root: str, *, encrypt: bool = False, keys_conn_id: str = "crm_keys") -> Stage:
        """A stage below `root`, a URI. What lies there encrypted is read in any case; `encrypt` is about writing."""
        from crm_patterns.core.keys import Purpose
        from crm_patterns.hooks.keys import KeysHook
        from crm_patterns.warehouse.encryption import StageCipher
        from crm_patterns.warehouse.stage import ParquetStage

        path = ObjectStoragePath(root, conn_id=self.stage_conn_id)
        cipher = StageCipher(lambda: KeysHook(keys_conn_id).ring(Purpose.STAGE), writes=encrypt)
        return ParquetStage(path.fs, path.path, cipher=cipher)

    def manifest_at(self, root: str, attempt: str) -> dict[str, Any] | None:
        """The manifest below `root` in folder `attempt`, for people to read; None where there is none."""
        data = self._manifest_bytes(root, attempt)
        return None if data is None else dict(json.loads(data))

    def reference_at(self, root: str, attempt: str) -> tuple[StageRef, Manifest] | None:
        """The stage in that folder as it lies there now; None where there is none."""
        data = self._manifest_bytes(root, attempt)
        if data is None:
            return None
        manifest = Manifest.from_json(json.loads(data))
        checksum = hashlib.sha256(data).hexdigest()
        return StageRef(f"{root}/{attempt}", manifest.rows, manifest.rejected, checksum), manifest

    def _manifest_bytes(self, root: str, attempt: str) -> bytes | None:
        parts = attempt.split("/")
        if not all(_PART.fullmatch(part) for part in parts):
            return None
        path = ObjectStoragePath(root, conn_id=self.stage_conn_id).joinpath(*parts, MANIFEST_NAME)
        return bytes(path.read_bytes()) if path.is_file() else None
