"""
Typed Parquet on object storage: `<root>/<source>/<object>/window=<start>--<end>/<attempt id>/`.

An attempt exists for a reader when its `_manifest.json` does, and that is written last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.errors import StopRun
from crm_patterns.core.records import RejectedRow, RejectionClass
from crm_patterns.core.staging import MANIFEST_NAME, Manifest, PartFile, StageAddress, StagedAttempt, StageRef
from crm_patterns.warehouse.encryption import NO_CIPHER, StageCipher
from crm_patterns.warehouse.parquet_files import Sizes
from crm_patterns.warehouse.stage_files import local_copy, storage_errors
from crm_patterns.warehouse.stage_listing import list_attempts, remove_attempt
from crm_patterns.warehouse.stage_writer import ParquetStageWriter

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class ParquetStage:
    """`core.ports.Stage` below `root`, a path in the fsspec file system `fs`."""

    def __init__(
        self, fs: AbstractFileSystem, root: str, *, sizes: Sizes | None = None, cipher: StageCipher = NO_CIPHER
    ) -> None:
        self._fs = fs
        self._root = root.rstrip("/")
        self._sizes = sizes or Sizes()
        self._cipher = cipher

    def open(self, address: StageAddress, contract: ObjectContract) -> AbstractContextManager[ParquetStageWriter]:
        """A writer; left without `commit`, it removes what it wrote."""
        folder = f"{self._root}/{address.path}"
        return ParquetStageWriter(
            self._fs, folder, address=address, contract=contract, sizes=self._sizes, cipher=self._cipher
        )

    def manifest(self, ref: StageRef) -> Manifest:
        """StopRun where it is missing or its SHA-256 is not the reference's."""
        path = f"{self._folder(ref)}/{MANIFEST_NAME}"
        with storage_errors(path):
            if not self._fs.exists(path):
                raise StopRun(
                    f"There is no stage at {ref.uri}: it has no {MANIFEST_NAME}.", fix="Clear the extract task."
                )
            data = self._fs.cat_file(path)
        if hashlib.sha256(data).hexdigest() != ref.checksum:
            raise StopRun(
                f"{path} is not the manifest that the extract task wrote: its SHA-256 differs.",
                fix="Clear the object's extract task to stage the window again.",
            )
        return Manifest.from_json(json.loads(data))

    @contextmanager
    def local_part(self, ref: StageRef, name: str) -> Iterator[Path]:
        """The part as a local file in clear (itself, or a copy that is removed afterwards), its SHA-256 checked."""
        manifest = self.manifest(ref)
        part = next((part for part in _files(manifest) if part.name == name), None)
        if part is None:
            raise StopRun(f"The stage {ref.uri} has no file {name}.", fix="Clear the extract task.")
        path = f"{self._folder(ref)}/{name}"
        with (
            storage_errors(path),
            local_copy(self._fs, path, part) as local,
            self._cipher.decrypted(local, part) as clear,
        ):
            yield clear

    def rejected_rows(self, ref: StageRef) -> Iterator[RejectedRow]:
        """Rows that were set aside while reading, in the order they came."""
        rejected = self.manifest(ref).rejected_part
        if rejected is None:
            return
        for batch in self._batches(ref, rejected, columns=None):
            for row in batch.to_pylist():
                yield RejectedRow(
                    record_key=row["record_key"],
                    reason=row["reason"],
                    rejection=RejectionClass(row["rejection"]),
                    rule=row["rule"],
                    field_name=row["field_name"],
                    payload=json.loads(row["payload"]),
                )

    def batches(self, ref: StageRef) -> Iterator[pa.RecordBatch]:
        """All rows, in the order in which they were written."""
        for part in self.manifest(ref).parts:
            yield from self._batches(ref, part, columns=None)

    def keys(self, ref: StageRef, column: str) -> Iterator[str]:
        """One column of all parts, as text."""
        for part in self.manifest(ref).parts:
            for batch in self._batches(ref, part, columns=[column]):
                yield from (str(value) for value in batch.column(0).to_pylist())

    def attempts(self) -> Iterator[StagedAttempt]:
        """Every attempt's folder below the root, whole or not."""
        with storage_errors(self._root):
            yield from list_attempts(self._fs, self._root)

    def remove(self, attempt: StagedAttempt) -> None:
        """Remove it, its manifest first, so that no reader takes the rest for whole. Gone already is no error."""
        with storage_errors(f"{self._root}/{attempt.path}"):
            remove_attempt(self._fs, self._root, attempt)

    def _batches(self, ref: StageRef, part: PartFile, *, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        path = f"{self._folder(ref)}/{part.name}"
        properties = self._cipher.for_reading(part)
        with (
            storage_errors(path),
            local_copy(self._fs, path, part) as local,
            pq.ParquetFile(local, decryption_properties=properties) as file,
        ):
            yield from file.iter_batches(columns=columns)

    def _folder(self, ref: StageRef) -> str:
        return str(self._fs._strip_protocol(ref.uri)).rstrip("/")


def _files(manifest: Manifest) -> tuple[PartFile, ...]:
    return (*manifest.parts, *manifest.tombstone_parts, *([manifest.rejected_part] if manifest.rejected_part else []))
