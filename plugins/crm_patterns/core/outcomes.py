"""What became of the records: every record ends somewhere, or the task is red."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class RunState(StrEnum):
    SUCCESS = "success"
    PARTIAL = "partial"  # something was rejected, or a part was deferred
    DEFERRED = "deferred"  # nothing was done for want of quota; it is tried again by itself
    FAILED = "failed"
    RUNNING = "running"
    SKIPPED = "skipped"


def run_state(states: Sequence[RunState]) -> RunState:
    """
    Failed where a part failed; deferred where all that was to be done was; partial where a part was either; success
    where a part was done; skipped where nothing was to be done.
    """
    if RunState.FAILED in states:
        return RunState.FAILED
    done = {RunState.SUCCESS, RunState.PARTIAL} & set(states)
    if RunState.DEFERRED in states:
        return RunState.PARTIAL if done else RunState.DEFERRED
    if RunState.PARTIAL in states:
        return RunState.PARTIAL
    return RunState.SUCCESS if done else RunState.SKIPPED


@dataclass(frozen=True, slots=True)
class Tally:
    """Records by outcome. `read` is what came out of the source; the others say where each went."""

    read: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    rejected: int = 0
    deferred: int = 0

    @property
    def accounted(self) -> int:
        return self.created + self.updated + self.deleted + self.unchanged + self.rejected + self.deferred

    @property
    def is_balanced(self) -> bool:
        return self.read == self.accounted

    def __add__(self, other: Tally) -> Tally:
        return Tally(**{name: value + getattr(other, name) for name, value in asdict(self).items()})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tally:
        return cls(**data)
