"""Audit an attempt with Great Expectations before anyone sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_patterns.operators.links import DataDocsLink
from crm_patterns.operators.step import StepOperator, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context


class ValidateOperator(StepOperator):
    """Run the object's suite over the attempt table; failing rows go to quarantine; returns a CheckedRef."""

    step = "validate"
    template_fields = ("loaded",)
    operator_extra_links = (DataDocsLink(),)

    def __init__(self, *, loaded: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.loaded = loaded
        self.docs_url = ""

    def execute(self, context: Context) -> dict[str, Any]:
        from crm_patterns.core.references import LoadedRef
        from crm_patterns.steps.validate import validate

        settings = self.settings
        with self.at_warehouse(context) as (state, warehouse):
            checked = validate(
                self._stage(),
                warehouse,
                self._quality(),
                state,
                run_key(context),
                LoadedRef.from_xcom(self.loaded),
                attempt_schema=settings.attempt_schema,
                max_rejected_share=settings.rejected_share_of(self.object_name),
            )
            self.docs_url = checked.docs_url
            return checked.to_xcom()
