"""What travels between the tasks of one object: where, how many, and never rows. Each grows out of the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crm_patterns.core.outcomes import Tally
from crm_patterns.core.staging import StageRef


@dataclass(frozen=True, slots=True)
class LoadedRef:
    """
    A stage that is in tables of its attempt. `attempt_table` is empty where there was no row to load,
    `tombstones_table` where nothing was learned of deletions beside the rows.
    """

    stage: StageRef
    attempt_table: str
    rows: int
    tombstones_table: str = ""
    tombstones: int = 0

    def to_xcom(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_xcom(cls, data: Mapping[str, Any]) -> LoadedRef:
        return cls(**{**data, "stage": StageRef.from_xcom(data["stage"])})


@dataclass(frozen=True, slots=True)
class CheckedRef:
    """A loaded attempt that was checked; `rejects_table` holds the keys that failed, and is empty without any."""

    loaded: LoadedRef
    rejects_table: str
    rejected: int
    docs_url: str

    def to_xcom(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_xcom(cls, data: Mapping[str, Any]) -> CheckedRef:
        return cls(**{**data, "loaded": LoadedRef.from_xcom(data["loaded"])})


@dataclass(frozen=True, slots=True)
class PublishedRef:
    """
    What the MERGE did. `published` counts accepted rows that the target holds, at least as new as staged; `recorded`
    those that have their version in history, None where the object has no history.

    `missing` counts rows marked as deleted because a complete read did not bring them; they are in the tally as read
    (their absence was) and as deleted. `ignored_tombstones` counts those whose row is still open: none.
    """

    checked: CheckedRef
    published: int
    tally: Tally
    missing: int = 0
    recorded: int | None = None
    ignored_tombstones: int = 0

    def to_xcom(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_xcom(cls, data: Mapping[str, Any]) -> PublishedRef:
        checked, tally = CheckedRef.from_xcom(data["checked"]), Tally.from_json(data["tally"])
        return cls(**{**data, "checked": checked, "tally": tally})
