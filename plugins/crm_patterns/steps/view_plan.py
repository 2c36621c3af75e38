"""A staged plan, read for people: a page of it at a time."""

from __future__ import annotations

from typing import Any

from crm_patterns.core.change_rows import change_set_of
from crm_patterns.core.ports import Stage
from crm_patterns.core.staging import StageRef
from crm_patterns.patterns.plan_parts import Counting, PlanPart, Shown

_COUNTED = ("position", "system", "object_name", "action", "before", "after")


def view_plan(stage: Stage, ref: StageRef, shown: Shown) -> PlanPart:
    """Reads all of it once; memory is bounded by a batch of the stage and the changes that are shown."""
    import pyarrow as pa

    counting, kept = Counting(shown), list[dict[str, Any]]()
    for batch in stage.batches(ref):
        columns = (batch.column(name).to_pylist() for name in _COUNTED)
        numbers = counting.rows_shown(zip(*columns, strict=True))
        kept += batch.take(pa.array(numbers, type=pa.int64())).to_pylist() if numbers else []
    return PlanPart(counting.volumes(), change_set_of(kept).changes, counting.matching, counting.links)
