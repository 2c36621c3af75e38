"""A sandbox org for a benchmark, and finished bulk jobs in it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from benchmarks.extract_contenders import PAGE_ROWS, Job
from crm_patterns.clients.salesforce.client import SalesforceClient
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract
from tests.sandbox_process import SandboxProcess

VERSION = "62.0"
OBJECT = "Opportunity"


@dataclass(frozen=True, slots=True)
class Org:
    """A running org; `rows` is the number of its opportunities, soft-deleted ones included."""

    url: str
    token: str
    rows: int

    def finished_job(self, fields: Sequence[str], *, limit: int | None = None) -> Job:
        """A bulk job over all opportunities, or the first `limit` of them, that has ended well."""
        client = SalesforceClient(SalesforceConnection(session_id=self.token, instance_url=self.url, version=VERSION))
        contract = make_contract(client.name, client.describe(OBJECT), FieldChoice(include=tuple(fields)))
        client.close()
        query = f"SELECT {', '.join(field.name for field in contract.fields)} FROM {OBJECT}"
        query += f" LIMIT {limit}" if limit else ""
        job_id = self._run(query)
        return Job(self.url, self.token, VERSION, job_id, contract.to_json())

    def _run(self, query: str) -> str:
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=f"{self.url}/services/data/v{VERSION}", headers=headers, timeout=60) as http:
            made = http.post("/jobs/query", json={"operation": "queryAll", "query": query}).raise_for_status().json()
            while (state := http.get(f"/jobs/query/{made['id']}").json()["state"]) != "JobComplete":
                if state in ("Failed", "Aborted"):
                    raise RuntimeError(f"The bulk job of the benchmark ended {state}.")
                time.sleep(0.2)
        return str(made["id"])


@contextmanager
def running_org(rows: int) -> Iterator[Org]:
    """An org of its own process with about so many opportunities, gone afterwards."""
    with SandboxProcess(size=rows, only=OBJECT) as process:
        process.control("POST", "settings", {"bulk": {"page_rows": PAGE_ROWS}})
        held = process.control("GET", f"truth?objects={OBJECT}")[OBJECT]
        yield Org(process.url, process.token(), held["records"] + held["deleted"])
