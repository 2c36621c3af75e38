"""A system that is written to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from crm_patterns.core.changes import Action, Change
from crm_patterns.core.ports.source import Usage
from crm_patterns.core.targets import TargetDescription, TargetRecord
from crm_patterns.core.windows import Window


class Answer(StrEnum):
    """What the target said of one record of a batch."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"  # it will never take this record as it is
    LATER = "later"  # nothing was written; the same may be accepted in a while: a lock, a limit
    UNKNOWN = "unknown"  # it may have been written: the answer was lost, or was about the whole batch


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """
    The target's own word on one change. `record_id` is the id that an accepted one has there.

    `created` is False where an upsert found the record. A refusal names its code in `rule`, the field where the target
    told it, and, in a sentence for a person, the reason.
    """

    change_id: str
    answer: Answer
    record_id: str = ""
    created: bool = False
    reason: str = ""
    rule: str = ""
    field_name: str = ""
    allowed: tuple[str, ...] = ()


class Sink(Protocol):
    """
    A system that records are written to. One instance serves one task.

    Every method may raise RetryLater, OutOfBudget, FixSettings and StopRun; what is wrong with one record is an answer.
    """

    name: str

    lookup_lag_s: float
    """How long after a write `find` may still miss it; 0 where `find` reads its own writes."""

    def now(self) -> datetime:
        """The target's own clock, UTC, whole seconds."""

    def describe_target(self, object_name: str) -> TargetDescription:
        """As this user may use it. FixSettings where there is no such object."""

    def read_records(
        self, object_name: str, fields: Sequence[str], record_ids: Sequence[str]
    ) -> Mapping[str, TargetRecord]:
        """
        Those of the ids that exist, by the id that was asked for, as they are now and not as an index remembers them.

        A merged record is given with `merged_into`; a deleted one with `is_deleted` or not at all.
        """

    def read_window(self, object_name: str, fields: Sequence[str], window: Window) -> Iterator[Sequence[TargetRecord]]:
        """
        Page by page, every record that changed in the window, deleted and merged ones included, ties and all.

        A record may come twice. Memory is bounded by a page.
        """

    def find(
        self, object_name: str, field_name: str, values: Sequence[str], *, fields: Sequence[str]
    ) -> Mapping[str, Sequence[TargetRecord]]:
        """
        The living records that hold each of the values in that field, with `fields`; a value without one is missing.

        Read from the records themselves where the target can (see `lookup_lag_s`), compared as the target compares.
        """

    def batch_size(self, object_name: str, action: Action, *, changes: int) -> int:
        """How many of so many changes `apply` is best given at once; it takes no more than that."""

    def apply(self, object_name: str, action: Action, batch: Sequence[Change]) -> Sequence[WriteAnswer]:
        """
        Write `wanted` of each change, and nothing else; one answer each, in any order.

        All changes of a batch are of this object and action. Retries nothing that may have been written: it answers
        UNKNOWN, for each record that it cannot tell of, also where the whole call was lost.
        """

    def usage(self) -> Usage: ...

    def close(self) -> None: ...
