"""
API calls that the extract spends: in an hour in which nothing changed, and per 1,000 changed rows.

`PYTHONPATH=plugins:. python -m benchmarks.api_calls` runs the extract step of every object of the shipped settings
against a sandbox org, which counts the calls itself. No time is measured. Results: `benchmarks/results/api_calls.md`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from benchmarks.bars import Bar, table
from crm_patterns.catalog import ObjectSettings, include_dir, load_warehouse_elt
from crm_patterns.clients.salesforce.client import SalesforceClient
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.ports import RunKey
from crm_patterns.core.staging import StageRef
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.state import OperationalState
from crm_patterns.steps import extract
from crm_patterns.steps.read_plan import ExtractOrder
from crm_patterns.warehouse.stage import ParquetStage
from tests.sandbox_process import SandboxProcess

RESULTS = Path(__file__).resolve().parent / "results"
SIZE, CHANGES = 2000, 1000
DATA_API = "/services/data/v"


@dataclass
class Hourly:
    """The extract of every object, as the hourly run does it, each object with a client of its own."""

    org: SandboxProcess
    folder: Path
    hours: int = 0

    def __post_init__(self) -> None:
        self.state = OperationalState(create_engine(f"sqlite:///{self.folder / 'state.db'}"))
        self.stage = ParquetStage(LocalFileSystem(), str(self.folder / "stage"))
        environ = {**os.environ, "CRM_PATTERNS_STAGE_ROOT": self.folder.as_uri()}
        self.settings = load_warehouse_elt(include_dir() / "config" / "warehouse_elt.yaml", environ)

    def run(self) -> tuple[Counter[str], int]:
        """Calls by object as the org counted them, and rows staged."""
        self.hours += 1
        calls: Counter[str] = Counter()
        rows = 0
        for item in self.settings.objects:
            self.org.control("DELETE", "requests")
            rows += self._extract(item).rows
            asked = self.org.control("GET", "requests?limit=10000")["requests"]
            calls[item.name] = sum(request["path"].startswith(DATA_API) for request in asked)
        return calls, rows

    def _extract(self, item: ObjectSettings) -> StageRef:
        known = self.org.credentials
        client = SalesforceClient(
            SalesforceConnection(
                login_url=self.org.url, consumer_key=known["consumer_key"], consumer_secret=known["consumer_secret"]
            )
        )
        order = ExtractOrder(
            run=RunKey("benchmark", f"hour {self.hours}"), object_name=item.name,
            choice=FieldChoice(item.include, item.exclude, (), item.cursor), read=item.read,
            kind=WindowKind.INCREMENTAL, interval=None, lag=timedelta(seconds=1), overlap=timedelta(0),
            rest_below=self.settings.rest_below_rows,
        )  # fmt: skip
        try:
            planned, job = extract.start(client, self.state, order)
            attempt = f"hour{self.hours}"
            if job is None:
                ref = extract.read_rows_to_stage(client, self.stage, self.state, order, planned, attempt_id=attempt)
            else:
                seen = extract.wait_briefly(client, job.job_id, grace_s=60)
                ref = extract.read_job_to_stage(
                    client, self.stage, self.state, order, job, attempt_id=attempt, seen=seen
                )
        finally:
            client.close()
        end = planned.request.window.end
        self.state.advance_watermark(client.name, item.name, to=end, run=order.run)
        return ref


def _row(hour: str, calls: Counter[str], rows: int) -> str:
    spent = sum(calls.values())
    return f"| {hour} | {rows:,} | {spent} | {f'{1000 * spent / rows:.1f}' if rows else ''} |"


def compare() -> tuple[str, list[Bar]]:
    """The first hour reads all, the second nothing, the third what changed."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder, SandboxProcess(size=SIZE) as org:
        hourly = Hourly(org, Path(folder))
        first, first_rows = hourly.run()
        time.sleep(2)
        idle, idle_rows = hourly.run()
        org.control("POST", "tick", {"count": CHANGES})
        time.sleep(2)
        changed, changed_rows = hourly.run()
    assert idle_rows == 0, idle_rows
    extra = 1000 * (sum(changed.values()) - sum(idle.values())) / changed_rows
    bars = [
        Bar("calls of an idle hour, most of one object", max(idle.values()), 1, at_least=False),
        Bar("calls of an idle hour, all objects", sum(idle.values()), len(idle), at_least=False),
    ]
    lines = [
        "# API calls of the extract",
        "",
        f"Counted by the sandbox's own journal, {len(idle)} objects. Signing in is no API call.",
        "",
        "| hour | rows read | calls | calls per 1,000 rows |",
        "|---|--:|--:|--:|",
        _row("first: everything", first, first_rows),
        _row("nothing changed", idle, idle_rows),
        _row(f"{CHANGES:,} changes lived through", changed, changed_rows),
        "",
        f"Beyond the look that every hour costs: {extra:.1f} calls per 1,000 changed rows.",
        "",
        *table(bars),
    ]
    return "\n".join(lines) + "\n", bars


def main() -> int:
    page, bars = compare()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "api_calls.md").write_text(page)
    print(page)
    return 0 if all(bar.holds for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
