"""One row per opportunity that was open at the end of a day, as it was then: from history, for any day at any time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from crm_patterns.core.errors import FixSettings, RetryLater
from crm_patterns.core.ports import Table, Warehouse
from crm_patterns.core.snapshots import OPPORTUNITY_SNAPSHOT
from crm_patterns.patterns.snapshots import end_of, is_known

log = logging.getLogger(__name__)

NEEDED = ("id", "is_closed")


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """Rows of the day, and how many of them this run inserted, updated or took away."""

    rows: int
    inserted: int
    updated: int
    deleted: int


def take_snapshot(
    warehouse: Warehouse, *, history: Table, snapshot: Table, day: date, watermark: datetime | None
) -> SnapshotTaken:
    """
    Make the day's rows what history says, by one MERGE. A day that was taken before is taken again.

    RetryLater while the object's `watermark` has not passed the end of the day: some of it may not have been read.
    """
    present = warehouse.columns(history)
    _check(history, present, day, watermark)
    warehouse.run("control/create_schema", names={"schema": snapshot.schema})
    names = {"history": history, "snapshot": snapshot, "columns": OPPORTUNITY_SNAPSHOT, "present": set(present)}
    warehouse.run("warehouse_elt/create_snapshot", names={**names, "table": snapshot})
    held = warehouse.columns(snapshot)
    for column in OPPORTUNITY_SNAPSHOT:
        if column.column not in held:
            warehouse.run("warehouse_elt/add_column", names={"table": snapshot, "field": column})
    values = {"day": day.isoformat(), "day_end": end_of(day)}
    changed = warehouse.run("warehouse_elt/merge_into_snapshot", names=names, values=values)[0]
    rows = int(warehouse.run("warehouse_elt/count_snapshot", names=names, values=values)[0][0])
    log.info("%s: %s open opportunities in %s.%s.", day, rows, snapshot.schema, snapshot.name)
    return SnapshotTaken(rows, *(int(number or 0) for number in changed[:3]))


def _check(history: Table, present: Mapping[str, str], day: date, watermark: datetime | None) -> None:
    missing = [column for column in NEEDED if column not in present]
    if missing:
        raise FixSettings(
            f"{history.schema}.{history.name} has no column {' and '.join(missing)}; the snapshot needs it.",
            fix="Let Opportunity be moved with `history: true` and the field IsClosed, and run crm_warehouse_elt once.",
        )
    if not is_known(day, watermark=watermark):
        reached = f"up to {watermark.isoformat()}" if watermark else "not at all"
        raise RetryLater(
            f"A snapshot of {day} needs all of that day, but Opportunity has been read {reached}.",
            fix="Clear this task when crm_warehouse_elt has caught up.",
        )
