"""Over HTTP: a large window by several jobs, of which one fails, and a task that is killed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.clients.salesforce.client import SalesforceClient
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.ports import JobState, RememberedJob, RunKey
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.state import OperationalState
from crm_patterns.steps import extract
from crm_patterns.steps.read_plan import ExtractOrder
from crm_patterns.warehouse.stage import ParquetStage
from tests.sandbox_process import SandboxProcess

ORDER = ExtractOrder(
    run=RunKey("crm_warehouse_elt", "run-1"), object_name="Opportunity", choice=FieldChoice(), read="bulk",
    kind=WindowKind.FULL, interval=None, lag=timedelta(0), overlap=timedelta(0), rest_below=0, slice_rows=100,
)  # fmt: skip


@pytest.fixture(scope="module")
def org() -> Iterator[SandboxProcess]:
    with SandboxProcess(size=600, only="Opportunity") as process:
        yield process


@pytest.fixture
def state(tmp_path: Path) -> Iterator[OperationalState]:
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    yield state
    state.close()


def connected(org: SandboxProcess) -> SalesforceClient:
    names = ("login_url", "consumer_key", "consumer_secret")
    return SalesforceClient(SalesforceConnection(**{name: org.credentials[name] for name in names}))


def made_jobs(org: SandboxProcess) -> int:
    return len(org.control("GET", "requests?limit=10000&method=POST&path=/jobs/query$")["requests"])


def test_every_record_arrives_once_although_a_job_fails_and_the_task_is_killed(
    org: SandboxProcess, state: OperationalState, tmp_path: Path
) -> None:
    org.control("POST", "faults", {"kind": "job_failed", "message": "QUERY_TIMEOUT: too long", "skip": 1, "count": 1})
    before, first = made_jobs(org), connected(org)
    _, begun = extract.start(first, state, ORDER)
    first.close()  # killed here

    second = connected(org)
    found = extract.resume(second, state, ORDER)
    assert found is not None
    job, status = extract.settle(second, state, ORDER, found[0], grace_s=30)
    stage = ParquetStage(LocalFileSystem(), str(tmp_path / "stage"))
    ref = extract.read_job_to_stage(second, stage, state, ORDER, job, attempt_id="a1")
    second.close()

    assert begun is not None
    assert status.state is JobState.READY
    keys = list(stage.keys(ref, "id"))
    truth = org.control("GET", "truth?objects=Opportunity")["Opportunity"]
    assert len(keys) == len(set(keys)) == truth["records"] + truth["deleted"]
    manifest = stage.manifest(ref)
    assert manifest.evidence.source_count == manifest.evidence.server_rows == manifest.rows == len(keys)
    assert len(job.slices) > len(begun.slices) > 5
    assert made_jobs(org) - before == len(job.slices) + 1
    assert all(second_status(org, job, number) is JobState.GONE for number in range(len(job.slices)))


def second_status(org: SandboxProcess, job: RememberedJob, number: int) -> JobState:
    client = connected(org)
    try:
        return client.job_status(job.slices[number].job_id).state
    finally:
        client.close()
