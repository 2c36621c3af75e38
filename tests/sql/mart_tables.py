"""Small tables of objects as the warehouse has them, and one mart built from them by its own statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.marts import MartBuild
from crm_patterns.core.ports import Quality, QualityReport, RunKey, State, Table
from crm_patterns.mart_catalog import load_mart
from crm_patterns.patterns.marts import Places
from crm_patterns.steps.build_mart import MartOrder, build_mart
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TYPES = {
    "_synced_at": "timestamp_tz", "_valid_from": "timestamp_tz", "_deleted": "boolean", "is_closed": "boolean",
    "is_won": "boolean", "is_converted": "boolean", "has_responded": "boolean", "amount": "number(38,2)",
    "probability": "number(38,0)", "close_date": "date", "activity_date": "date", "converted_date": "date",
    "start_date": "date", "next_start_date": "date", "created_date": "timestamp_tz", "message_date": "timestamp_tz",
    "conversion_rate": "number(38,6)",
}  # fmt: skip
DEFAULTS: Mapping[str, Any] = {"_deleted": False, "_synced_at": NOON}
OPPORTUNITY: Mapping[str, Any] = {
    "id": "006", "account_id": None, "stage_name": "Prospecting", "close_date": date(2026, 3, 15), "is_closed": False,
    "is_won": False, "amount": None, "campaign_id": None, "contact_id": None,
}  # fmt: skip


class Approves:
    """A quality check that has seen everything and finds nothing."""

    def check(self, table: Table, contract: Any, *, suite: str, run_label: str) -> QualityReport:
        return QualityReport((), "")

    def check_table(self, table: Table, *, suite: str, run_label: str) -> QualityReport:
        return QualityReport((), f"/docs/{suite}")


@dataclass
class Org:
    """One schema each for the objects, their history, the marts and the attempts, of one test alone."""

    warehouse: SnowflakeWarehouse
    schema: str
    state: State
    quality: Quality = field(default_factory=Approves)
    currency: str = "USD"
    rates: tuple[Mapping[str, str | None], ...] = ()

    @property
    def places(self) -> Places:
        return Places(self.schema, f"{self.schema}_H", f"{self.schema}_M", f"{self.schema}_A")

    def table(
        self, name: str, *rows: Mapping[str, Any], history: bool = False, like: Mapping[str, Any] | None = None
    ) -> None:
        """The table anew, with the columns of the first row, or of `like` where there is none."""
        schema = self.places.history if history else self.places.current
        self.warehouse.run("control/create_schema", names={"schema": schema})
        columns = {**DEFAULTS, **(like or {}), **(rows[0] if rows else {})}
        typed = ", ".join(f'"{name.upper()}" {TYPES.get(name, "varchar")}' for name in columns)
        self.sql(f'create or replace table "{schema}"."{name}" ({typed})')
        for row in rows:
            values = {**columns, **DEFAULTS, **row}
            listed = ", ".join(f"%({column})s" for column in columns)
            self.warehouse._execute(f'insert into "{schema}"."{name}" select {listed}', values)

    def opportunities(self, *rows: Mapping[str, Any]) -> None:
        self.table("OPPORTUNITY", *({**OPPORTUNITY, **row} for row in rows), like=OPPORTUNITY)

    def build(self, mart: str, run: str = "run 1") -> MartBuild:
        """As the operator does it."""
        key = RunKey("crm_warehouse_elt", run)
        order = MartOrder(self.places, self.currency, self.rates)
        built = build_mart(self.warehouse, self.quality, self.state, key, load_mart(ROOT / "include", mart), order)
        self.state.record_mart_build(key, built)
        return built

    def mart(self, name: str, run: str = "run 1") -> list[dict[str, Any]]:
        """Build it, and its rows by key, without the time."""
        self.build(name, run)
        return self.rows(name)

    def rows(self, name: str) -> list[dict[str, Any]]:
        definition = load_mart(ROOT / "include", name)
        columns = [column for column in definition.columns if column.name != "built_at"]
        listed = ", ".join(f'"{column.column.upper()}"' for column in columns)
        order = ", ".join(f'"{column.upper()}" nulls last' for column in definition.key)
        found = self.sql(f'select {listed} from "{self.places.marts}"."{name}" order by {order}')
        for row in found:
            for column, value in zip(columns, row, strict=True):
                assert value is None or column.kind is not FieldKind.DECIMAL or isinstance(value, Decimal), column.name
        return [dict(zip((column.name for column in columns), row, strict=True)) for row in found]

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        return self.warehouse._execute(text, {})


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(hour=9, tzinfo=UTC)


def few(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]
