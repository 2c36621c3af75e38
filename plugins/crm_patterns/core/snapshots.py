"""The daily snapshot of open opportunities: its columns, in their order. Columns are only added at the end."""

from __future__ import annotations

from dataclasses import dataclass

from crm_patterns.core.contracts import FieldKind


@dataclass(frozen=True, slots=True)
class SnapshotColumn:
    """
    `column` is in lower case. `taken_from`: the column of the history table with its value, null where that table has
    none; None where the snapshot works it out.
    """

    column: str
    kind: FieldKind
    taken_from: str | None
    means: str
    scale: int = 0


def _same(column: str, kind: FieldKind, means: str, *, scale: int = 0) -> SnapshotColumn:
    return SnapshotColumn(column, kind, column, means, scale)


OPPORTUNITY_SNAPSHOT = (
    SnapshotColumn("snapshot_date", FieldKind.DATE, None, "the UTC day; the row is true at the end of it"),
    SnapshotColumn("opportunity_id", FieldKind.TEXT, "id", "Salesforce id"),
    _same("account_id", FieldKind.TEXT, "its account"),
    _same("owner_id", FieldKind.TEXT, "its owner"),
    _same("name", FieldKind.TEXT, "name"),
    _same("stage_name", FieldKind.TEXT, "stage"),
    _same("amount", FieldKind.DECIMAL, "amount, in `currency_iso_code` where there is one", scale=6),
    _same("currency_iso_code", FieldKind.TEXT, "currency of the amount; null in an org with one currency"),
    _same("close_date", FieldKind.DATE, "expected close date"),
    _same("probability", FieldKind.DECIMAL, "percent, 0 to 100", scale=6),
    _same("forecast_category", FieldKind.TEXT, "forecast category"),
    _same("next_step", FieldKind.TEXT, "next step"),
    _same("type", FieldKind.TEXT, "type, for example new business"),
    _same("lead_source", FieldKind.TEXT, "lead source"),
    _same("created_date", FieldKind.TIMESTAMP, "when it was created"),
    SnapshotColumn("age_days", FieldKind.INTEGER, None, "UTC days from its creation to the snapshot's day"),
    SnapshotColumn(
        "version_valid_from", FieldKind.TIMESTAMP, "_valid_from", "since when it had been as it was at the day's end"
    ),
)
