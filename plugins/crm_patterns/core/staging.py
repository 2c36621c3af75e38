"""What is staged, and the references that travel between tasks instead of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.deletions import NOT_ASKED, DeletionEvidence
from crm_patterns.core.windows import Window

MANIFEST_NAME = "_manifest.json"


@dataclass(frozen=True, slots=True)
class StageAddress:
    """`<root>/<source>/<object>/window=<start>--<end>/<attempt id>/`"""

    source: str
    object_name: str
    window: Window
    attempt_id: str

    @property
    def path(self) -> str:
        return f"{self.source}/{self.object_name}/window={self.window.label}/{self.attempt_id}"


@dataclass(frozen=True, slots=True)
class StagedAttempt:
    """
    The folder of one attempt as storage lists it. `window` is its path up to the window, `is_whole` whether it has a
    manifest, `written_at` the time of its newest file.
    """

    path: str
    window: str
    is_whole: bool
    written_at: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class PartFile:
    """
    One Parquet file: its name inside the attempt's folder, rows, bytes and SHA-256 (hexadecimal) as it lies there.

    `key_id` names the key it is encrypted with; empty where it is not.
    """

    name: str
    rows: int
    bytes: int
    sha256: str
    key_id: str = ""


@dataclass(frozen=True, slots=True)
class ReadEvidence:
    """How a window was read, and what the source itself said about it."""

    method: str  # "bulk" or "rest"
    method_reason: str
    source_count: int  # the source's COUNT() of the window, asked beside the read
    server_rows: int  # what the source said it sent: the job's number, or the query's total
    job_id: str | None
    read_at: str  # source's clock when the read began, ISO 8601 UTC
    calls: int


@dataclass(frozen=True)
class Manifest:
    """Written last: a stage without one does not exist for any reader."""

    address: StageAddress
    contract: ObjectContract
    evidence: ReadEvidence
    rows: int
    rejected: int
    min_cursor: str | None
    max_cursor: str | None
    parts: tuple[PartFile, ...]
    rejected_part: PartFile | None
    tombstone_parts: tuple[PartFile, ...] = ()
    deletions: DeletionEvidence = NOT_ASKED

    @property
    def tombstones(self) -> int:
        return sum(part.rows for part in self.tombstone_parts)

    def to_json(self) -> dict[str, Any]:
        address = self.address
        return {
            "source": address.source,
            "object": address.object_name,
            "window": address.window.to_json(),
            "attempt_id": address.attempt_id,
            "schema_fingerprint": self.contract.fingerprint,
            "rows": self.rows,
            "rejected": self.rejected,
            "min_cursor": self.min_cursor,
            "max_cursor": self.max_cursor,
            "evidence": asdict(self.evidence),
            "parts": [asdict(part) for part in self.parts],
            "rejected_part": asdict(self.rejected_part) if self.rejected_part else None,
            "tombstone_parts": [asdict(part) for part in self.tombstone_parts],
            "deletions": asdict(self.deletions),
            "schema": self.contract.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Manifest:
        address = StageAddress(data["source"], data["object"], Window.from_json(data["window"]), data["attempt_id"])
        rejected_part = PartFile(**data["rejected_part"]) if data["rejected_part"] else None
        return cls(
            address=address,
            contract=ObjectContract.from_json(data["schema"]),
            evidence=ReadEvidence(**data["evidence"]),
            rows=data["rows"],
            rejected=data["rejected"],
            min_cursor=data["min_cursor"],
            max_cursor=data["max_cursor"],
            parts=tuple(PartFile(**part) for part in data["parts"]),
            rejected_part=rejected_part,
            tombstone_parts=tuple(PartFile(**part) for part in data.get("tombstone_parts", ())),
            deletions=DeletionEvidence(**data.get("deletions", {})),
        )


@dataclass(frozen=True, slots=True)
class StageRef:
    """Where a finished stage is, how many rows it holds, and the SHA-256 of its manifest."""

    uri: str
    rows: int
    rejected: int
    checksum: str

    def to_xcom(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_xcom(cls, data: Mapping[str, Any]) -> StageRef:
        return cls(**data)
