"""Typed Parquet between source and destination."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.deletions import DeletionEvidence, Tombstone
from crm_patterns.core.records import Page, RejectedRow
from crm_patterns.core.staging import Manifest, ReadEvidence, StageAddress, StagedAttempt, StageRef

if TYPE_CHECKING:
    import pyarrow as pa


class StageWriter(Protocol):
    """Writes one attempt. Nothing is visible to a reader before `commit` returns."""

    def write(self, page: Page) -> None: ...

    def write_tombstones(self, tombstones: Iterable[Tombstone], evidence: DeletionEvidence) -> None:
        """What was learned of deletions beside the rows; at most once."""

    def commit(self, evidence: ReadEvidence) -> StageRef:
        """Close the files, then write the manifest, last."""


class Stage(Protocol):
    """Typed Parquet on object storage."""

    def open(self, address: StageAddress, contract: ObjectContract) -> AbstractContextManager[StageWriter]:
        """A writer; left without `commit`, it removes what it wrote."""

    def manifest(self, ref: StageRef) -> Manifest:
        """StopRun where it is missing or its SHA-256 is not the reference's."""

    def local_part(self, ref: StageRef, name: str) -> AbstractContextManager[Path]:
        """The part as a local file (itself, or a copy that is removed afterwards), its SHA-256 checked."""

    def rejected_rows(self, ref: StageRef) -> Iterator[RejectedRow]: ...

    def batches(self, ref: StageRef) -> Iterator[pa.RecordBatch]:
        """All rows, in the order in which they were written."""

    def keys(self, ref: StageRef, column: str) -> Iterator[str]: ...

    def attempts(self) -> Iterator[StagedAttempt]:
        """Every attempt's folder below the root, whole or not."""

    def remove(self, attempt: StagedAttempt) -> None:
        """Remove it, its manifest first, so that no reader takes the rest for whole. Gone already is no error."""
