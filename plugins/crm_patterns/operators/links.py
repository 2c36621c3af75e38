"""Buttons on a task in the Airflow UI. A task sets the address while it runs; Airflow keeps it with the task's try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

STAGE_PAGES = "/crm/stage"
PLAN_PAGES = "/crm/plan"


def with_host(url: str) -> str:
    """A path of ours with the API server's own host: the UI shows a link only with its host."""
    return f"{conf.get('api', 'base_url', fallback='').rstrip('/')}{url}" if url.startswith("/") else url


class DataDocsLink(BaseOperatorLink):
    """Opens this run's Data Docs."""

    name = "Data Docs"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        return with_host(getattr(operator, "docs_url", ""))


class StageFolderLink(BaseOperatorLink):
    """Opens the manifest of what this task staged: window, counts, files, columns."""

    name = "Stage folder"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        path = getattr(operator, "stage_path", "")
        return with_host(f"{STAGE_PAGES}/{path}") if path else ""


class PlanLink(BaseOperatorLink):
    """Opens the plan: every record and field, before and after."""

    name = "Plan"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        return plan_page(getattr(operator, "plan_path", ""))


def plan_page(path: str) -> str:
    """The address of the plan that is staged there; empty without one."""
    return with_host(f"{PLAN_PAGES}/{path}") if path else ""


class SourceJobLink(BaseOperatorLink):
    """Opens the page of the bulk job at the source; without one where the rows came by REST."""

    name = "Salesforce job"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        return str(getattr(operator, "job_url", ""))
