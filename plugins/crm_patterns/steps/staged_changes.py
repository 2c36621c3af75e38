"""Change sets on the stage: typed Parquet, one row per record and field, written before anything is applied."""

from __future__ import annotations

import itertools

from crm_patterns.core.arrow_types import arrow_schema
from crm_patterns.core.change_rows import CHANGES, change_set_of, rows_of
from crm_patterns.core.changes import ChangeSet
from crm_patterns.core.ports import Stage
from crm_patterns.core.records import Page
from crm_patterns.core.staging import ReadEvidence, StageAddress, StageRef

_ROWS_AT_ONCE = 10_000


def stage_changes(stage: Stage, address: StageAddress, changes: ChangeSet, *, planned_at: str) -> StageRef:
    """`planned_at` is the moment (ISO 8601, UTC) whose values the plan was made from."""
    import pyarrow as pa

    schema, rows = arrow_schema(CHANGES), rows_of(changes)
    with stage.open(address, CHANGES) as writer:
        while some := list(itertools.islice(rows, _ROWS_AT_ONCE)):
            writer.write(Page(pa.RecordBatch.from_pylist(some, schema=schema)))
        evidence = ReadEvidence("plan", "", len(changes), len(changes), None, planned_at, 0)
        return writer.commit(evidence)


def read_changes(stage: Stage, ref: StageRef) -> ChangeSet:
    """StopRun where the stage is not the one that the reference names."""
    return change_set_of(row for batch in stage.batches(ref) for row in batch.to_pylist())
