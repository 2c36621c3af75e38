"""Opportunities × 20 columns as a stage: what is measured at the warehouse needs no org."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from crm_patterns.core.arrow_types import arrow_schema
from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.ports import Stage
from crm_patterns.core.records import Page
from crm_patterns.core.staging import ReadEvidence, StageAddress, StageRef
from crm_patterns.core.windows import Window, WindowKind

PAGE_ROWS = 50_000
_TEXTS = ("account_id", "name", "stage_name", "type", "next_step", "lead_source", "forecast_category", "owner_id")
_NUMBERS = ("amount", "probability", "expected_revenue", "total_opportunity_quantity")


def _field(column: str, kind: FieldKind, **shape: int) -> ContractField:
    return ContractField("".join(part.capitalize() for part in column.split("_")), column, kind, **shape)


CONTRACT = ObjectContract(
    source="salesforce",
    object_name="Opportunity",
    table="OPPORTUNITY",
    fields=(
        _field("id", FieldKind.TEXT, length=18),
        *(_field(column, FieldKind.TEXT, length=255) for column in _TEXTS),
        *(_field(column, FieldKind.DECIMAL, precision=18, scale=2) for column in _NUMBERS),
        _field("close_date", FieldKind.DATE),
        *(_field(column, FieldKind.BOOLEAN) for column in ("is_closed", "is_won", "is_deleted")),
        *(_field(column, FieldKind.TIMESTAMP) for column in ("created_date", "last_modified_date", "system_modstamp")),
    ),
    key="Id",
    cursor="SystemModstamp",
    deleted_flag="IsDeleted",
)


def stage_opportunities(stage: Stage, *, first: int, rows: int, changed_at: datetime, attempt_id: str) -> StageRef:
    """Stage the opportunities with the numbers `first` and up, each as it is at `changed_at`."""
    window = Window(None, changed_at + timedelta(days=1), WindowKind.FULL)
    address = StageAddress("salesforce", CONTRACT.object_name, window, attempt_id)
    with stage.open(address, CONTRACT) as writer:
        for page in _pages(first, rows, changed_at):
            writer.write(page)
        return writer.commit(
            ReadEvidence("bulk", "a benchmark", rows, rows, None, (changed_at + timedelta(hours=1)).isoformat(), 0)
        )


def _pages(first: int, rows: int, changed_at: datetime) -> Iterator[Page]:
    schema = arrow_schema(CONTRACT)
    for start in range(first, first + rows, PAGE_ROWS):
        numbers = range(start, min(start + PAGE_ROWS, first + rows))
        columns = [_values(field, numbers, changed_at) for field in CONTRACT.fields]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
        yield Page(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _values(field: ContractField, numbers: range, changed_at: datetime) -> list[object]:
    column, kind = field.column, field.kind
    if column == "id":
        return [f"006{number:012d}AAA" for number in numbers]
    if kind is FieldKind.TEXT:
        return [f"{column} {number % 9973} “é” of {changed_at:%H:%M}" for number in numbers]
    if kind is FieldKind.DECIMAL:
        return [Decimal(number * 7 % 1_000_003) for number in numbers]
    if kind is FieldKind.DATE:
        return [date(2026, 1, 1) + timedelta(days=number % 365) for number in numbers]
    if kind is FieldKind.BOOLEAN:
        return [column != "is_deleted" and number % 3 == 0 for number in numbers]
    return [changed_at - timedelta(seconds=number % 3600) for number in numbers]
