"""Merge an audited attempt into the table that people query; ask a person first where that is abnormal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_patterns.operators.guarding import GuardsRows
from crm_patterns.operators.lineage import counts_of
from crm_patterns.operators.step import run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import State, Warehouse
    from crm_patterns.core.references import PublishedRef
    from crm_patterns.patterns.guards import GuardRules
    from crm_patterns.patterns.lineage import TaskLineage


class PublishOperator(GuardsRows):
    """
    One atomic MERGE by record id, newer wins, and one into history; returns a PublishedRef.

    Where far more rows than usual would go, nothing is published until a person approves it. Rejected, or not answered
    in time, the object fails and its watermark stays.
    """

    step = "publish"
    left_alone = "Nothing was published, and the watermark did not move."
    template_fields = ("checked",)

    def __init__(self, *, checked: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.checked = checked

    def execute(self, context: Context) -> dict[str, Any]:
        with self.reported(context) as state:
            return self.go_on(state, context)

    def go_on(self, state: State, context: Context, **asked_with: Any) -> dict[str, Any]:  # noqa: ARG002
        with self.asking(state, context) as approved:
            return self._publish(state, context, self._rules(approved))

    def _publish(self, state: State, context: Context, rules: GuardRules) -> dict[str, Any]:
        from crm_patterns.core.references import CheckedRef
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.steps.publish import publish

        settings = self.settings
        with WarehouseHook(settings.warehouse_conn_id).warehouse() as warehouse:
            published = publish(
                self._stage(),
                warehouse,
                state,
                run_key(context),
                CheckedRef.from_xcom(self.checked),
                target_schema=settings.target_schema,
                attempt_schema=settings.attempt_schema,
                history_schema=settings.history_schema_of(self.object_name),
                map_schema=settings.history_schema,
                rules=rules,
            )
            self.note_lineage(lambda: self._made(warehouse, published))
            return published.to_xcom()

    def _made(self, warehouse: Warehouse, published: PublishedRef) -> TaskLineage:
        from crm_patterns.hooks.warehouse import WarehouseHook
        from crm_patterns.patterns import lineage

        settings, tally = self.settings, published.tally
        manifest = self._stage().manifest(published.checked.loaded.stage)
        place = WarehouseHook(settings.warehouse_conn_id).place()
        table = manifest.contract.table
        changed: int | None = tally.created + tally.updated + tally.deleted
        targets = {place.table(settings.target_schema, table): changed}
        if history := settings.history_schema_of(self.object_name):
            targets[place.table(history, table)] = None
        return lineage.published(
            manifest.contract,
            counts_of(manifest),
            targets,
            stage_root=settings.stage_root,
            type_of=warehouse.column_type,
        )
