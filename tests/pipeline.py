"""The steps as the operators run them, for one object: what the tests of the steps together share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.ports import (
    ObjectOutcome,
    QualityReport,
    RuleResult,
    RunKey,
    Source,
    Stage,
    State,
    Table,
    Warehouse,
)
from crm_patterns.core.references import CheckedRef, LoadedRef, PublishedRef
from crm_patterns.core.staging import StageRef
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.guards import GuardRules
from crm_patterns.patterns.quota import Means, QuotaRules
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.steps import extract, quota
from crm_patterns.steps.load import load
from crm_patterns.steps.publish import publish
from crm_patterns.steps.read_plan import ExtractOrder
from crm_patterns.steps.reconcile import reconcile
from crm_patterns.steps.refill import ColumnRead, refill
from crm_patterns.steps.validate import validate
from tests.source_double import NOON

HOUR = timedelta(hours=1)
OVERLAP = timedelta(minutes=15)
Rows = Callable[[str], list[tuple[Any, ...]]]


@dataclass
class NamesAreFilled:
    """A quality check with one row-level rule: a name is there."""

    def check(self, table: Table, contract: ObjectContract, *, suite: str, run_label: str) -> QualityReport:
        failing = f'select "ID" as record_key from "{table.schema}"."{table.name}" where "NAME" is null'
        rule = RuleResult("name_is_filled", "name", "Name is empty; fill it in.", True, False, 1, failing)
        return QualityReport((rule,), f"/docs/{run_label}")


@dataclass
class Pipeline:
    """The steps as the operators run them, one method each, for one object."""

    warehouse: Warehouse
    stage: Stage
    state: State
    schema: str
    source: Source
    connect: Callable[[], Any]
    run: RunKey = field(default_factory=lambda: RunKey("crm_warehouse_elt", "run-1"))
    kind: WindowKind = WindowKind.INCREMENTAL
    interval: tuple[datetime, datetime] | None = None
    max_rejected_share: float = 0.9
    choice: FieldChoice = field(default_factory=FieldChoice)
    keeps_history: bool = True
    rules: GuardRules | None = None
    tries: int = field(default=0)

    def extract(self) -> StageRef:
        order = ExtractOrder(
            self.run, "Account", self.choice, "bulk", self.kind, self.interval, timedelta(0), OVERLAP, 0
        )
        self.state.start_run(self.run, source="salesforce", run_type="manual", at=NOON)
        self.tries += 1
        planned, job = extract.start(self.source, self.state, order)
        attempt = f"{self.run.run_id.replace('-', '')}t{self.tries}"
        if job is None:
            return extract.read_rows_to_stage(self.source, self.stage, self.state, order, planned, attempt_id=attempt)
        return extract.read_job_to_stage(self.source, self.stage, self.state, order, job, attempt_id=attempt)

    def load(self, ref: StageRef) -> LoadedRef:
        return load(
            self.stage, self.warehouse, self.state, self.run, ref, target_schema=self.schema,
            attempt_schema=f"{self.schema}_A",
        )  # fmt: skip

    def validate(self, loaded: LoadedRef) -> CheckedRef:
        return validate(
            self.stage, self.warehouse, NamesAreFilled(), self.state, self.run, loaded,
            attempt_schema=f"{self.schema}_A", max_rejected_share=self.max_rejected_share,
        )  # fmt: skip

    def publish(self, checked: CheckedRef) -> PublishedRef:
        return publish(
            self.stage, self.warehouse, self.state, self.run, checked, target_schema=self.schema,
            attempt_schema=f"{self.schema}_A", history_schema=self.history_schema, rules=self.rules,
        )  # fmt: skip

    def refill(self, published: PublishedRef) -> bool:
        self.tries += 1
        reading = ExtractOrder(
            RunKey(self.run.dag_id, f"{self.run.run_id}/refill"), "Account", self.choice, "auto",
            WindowKind.FULL, None, timedelta(0), timedelta(0), 0,
        )  # fmt: skip
        how = ColumnRead(
            f"{self.run.run_id.replace('-', '')}t{self.tries}", self.schema, f"{self.schema}_A", self.history_schema,
            reading, self._admitted, job_deadline_s=0.2,
        )  # fmt: skip
        return refill(lambda: self.source, self.stage, self.warehouse, self.state, self.run, published, how)

    def _admitted(self, source: Source) -> Means:
        return quota.admit(source, self.state, self.run, QuotaRules(), job_page_rows=50_000, at=datetime.now(UTC))

    def reconcile(self, published: PublishedRef) -> ObjectOutcome:
        outcome = reconcile(
            lambda: self.source, self.stage, self.warehouse, self.state, self.run, published, overlap=OVERLAP
        )
        self.state.record_outcome(self.run, outcome)
        return outcome

    def all(self) -> ObjectOutcome:
        published = self.publish(self.validate(self.load(self.extract())))
        self.refill(published)
        return self.reconcile(published)

    def next_run(self, name: str, **changes: Any) -> Pipeline:
        return replace(self, run=RunKey(self.run.dag_id, name), tries=0, **changes)

    def table(self) -> list[tuple[Any, ...]]:
        with self.sql() as rows:
            return rows(f'select * exclude ("_RUN_ID") from "{self.schema}"."ACCOUNT" order by "ID"')

    @property
    def history_schema(self) -> str | None:
        return f"{self.schema}_H" if self.keeps_history else None

    def history(self, columns: str) -> list[tuple[Any, ...]]:
        with self.sql() as rows:
            return rows(f'select {columns} from "{self.schema}_H"."ACCOUNT" order by "ID", "_VALID_FROM"')

    def sql(self) -> AbstractContextManager[Rows]:
        return _rows(self.connect)


@contextmanager
def _rows(connect: Callable[[], Any]) -> Iterator[Rows]:
    connection = connect()
    try:
        yield lambda text: connection.cursor().execute(text).fetchall()
    finally:
        connection.close()
