"""
The steps as the hourly run does them, from an org with a clock under test control to the local warehouse.

The oracle is the org's own store: every cell of every record is held against the table that people query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from crm_patterns.clients.salesforce.client import SalesforceClient
from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.ports import ObjectOutcome, QualityReport, RunKey, Stage, State, Table, Warehouse
from crm_patterns.core.staging import StageRef
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.steps import extract
from crm_patterns.steps.load import load
from crm_patterns.steps.publish import publish
from crm_patterns.steps.read_plan import ExtractOrder
from crm_patterns.steps.reconcile import reconcile
from crm_patterns.steps.validate import validate
from tests.conformance.salesforce_world import SalesforceWorld

LAG, OVERLAP = timedelta(minutes=2), timedelta(minutes=15)
Cells = dict[str, Any]


@dataclass
class NoRules:
    """These tests are about what arrives, not about what is good."""

    def check(self, table: Table, contract: ObjectContract, *, suite: str, run_label: str) -> QualityReport:
        return QualityReport((), "")


@dataclass
class OrgAndWarehouse:
    """One object on its way. `now` is the org's clock, which stands until `later`."""

    world: SalesforceWorld
    warehouse: Warehouse
    stage: Stage
    state: State
    schema: str
    rows: Any
    object_name: str = "Account"
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    runs: int = 0
    client_options: dict[str, Any] = field(default_factory=dict)

    def later(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        self.world.control("POST", "clock", {"at": self.now.isoformat()})
        return self.now

    def create(self, values: Iterable[Mapping[str, Any]]) -> list[str]:
        """In batches of 200, each in one stamp as long as the clock stands."""
        records = [{"attributes": {"type": self.object_name}, **record} for record in values]
        keys: list[str] = []
        for at in range(0, len(records), 200):
            answers = self.world.rest(
                "POST", "composite/sobjects", {"allOrNone": True, "records": records[at : at + 200]}
            )
            assert all(answer["success"] for answer in answers), answers
            keys += [answer["id"] for answer in answers]
        return keys

    def run(self, kind: WindowKind = WindowKind.INCREMENTAL, *, read: str = "bulk") -> ObjectOutcome:
        """Extract, load, validate, publish, reconcile; raises what the first step that fails raises."""
        self.runs += 1
        key = RunKey("crm_warehouse_elt", f"run-{self.runs}")
        self.state.start_run(key, source="salesforce", run_type="scheduled", at=self.now)
        client = self.world.client(**self.client_options)
        try:
            ref = self._extract(client, key, kind, read)
        finally:
            client.close()
        schemas = {"target_schema": self.schema, "attempt_schema": f"{self.schema}_A"}
        loaded = load(self.stage, self.warehouse, self.state, key, ref, **schemas)
        checked = validate(
            self.stage, self.warehouse, NoRules(), self.state, key, loaded,
            attempt_schema=f"{self.schema}_A", max_rejected_share=1.0,
        )  # fmt: skip
        published = publish(self.stage, self.warehouse, self.state, key, checked, **schemas)
        outcome = reconcile(self.world.client, self.stage, self.warehouse, self.state, key, published, overlap=OVERLAP)
        self.state.record_outcome(key, outcome)
        return outcome

    def _extract(self, client: SalesforceClient, key: RunKey, kind: WindowKind, read: str) -> StageRef:
        order = ExtractOrder(key, self.object_name, FieldChoice(), read, kind, None, LAG, OVERLAP, 0)
        planned, job = extract.start(client, self.state, order)
        attempt = f"run{self.runs}"
        if job is None:
            return extract.read_rows_to_stage(client, self.stage, self.state, order, planned, attempt_id=attempt)
        seen = extract.wait_briefly(client, job.job_id, grace_s=60)
        return extract.read_job_to_stage(client, self.stage, self.state, order, job, attempt_id=attempt, seen=seen)

    # --- the oracle ---------------------------------------------------------------------------------------------------

    def in_org(self) -> dict[str, Cells]:
        """Every record by id, in the contract's columns, from the org's store."""
        contract = self.contract()
        held = self.world.control("GET", f"records?object={self.object_name}")["records"]
        return {record["Id"]: {f.column: _of_store(f, record[f.name]) for f in contract.fields} for record in held}

    def in_warehouse(self) -> dict[str, Cells]:
        """The same of the table that people query."""
        contract = self.contract()
        names = ", ".join(f'"{f.column.upper()}"' for f in contract.fields)
        found = self.rows(f'select {names} from "{self.schema}"."{contract.table}"')
        return {
            str(row[0]): {f.column: _of_table(f, cell) for f, cell in zip(contract.fields, row, strict=True)}
            for row in found
        }

    def contract(self) -> ObjectContract:
        from crm_patterns.patterns.warehouse_elt import make_contract

        client = self.world.client()
        try:
            contract = make_contract("salesforce", client.describe(self.object_name), FieldChoice())
        finally:
            client.close()
        first = contract.fields[0]
        assert first.name == contract.key
        return contract


def _of_store(field: ContractField, text: str | None) -> Any:
    """A cell of the store (DuckDB's text) as the value that it stands for; empty text is no value in Salesforce."""
    if text is None or text == "":
        return None
    if field.kind is FieldKind.DECIMAL:
        return Decimal(text).normalize()
    if field.kind is FieldKind.INTEGER:
        return int(Decimal(text))
    if field.kind is FieldKind.BOOLEAN:
        return text == "true"
    if field.kind is FieldKind.TIMESTAMP:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    return date.fromisoformat(text) if field.kind is FieldKind.DATE else text


def _of_table(field: ContractField, cell: Any) -> Any:
    if cell is None:
        return None
    if field.kind is FieldKind.DECIMAL:
        return Decimal(cell).normalize()
    if field.kind is FieldKind.TIMESTAMP:
        return cell.astimezone(UTC)
    return cell
