"""Bulk extract: jobs that are created, enqueued, run two at a time, and leave a file with a checksum."""

import csv
import hashlib
import io
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.marketo.errors import QUEUED_MESSAGE, MarketoFault
from sandbox.marketo.limits import Limits
from sandbox.marketo.schema import second

Rows = Callable[[], Sequence[Sequence[Any]]]
SEPARATORS = {"CSV": ",", "TSV": "\t", "SSV": ";"}


@dataclass(slots=True)
class Job:
    """One extract. `rows` are made when it is processed."""

    id: str
    kind: str
    format: str
    header: list[str]
    rows: Rows
    created_ms: int
    status: str = "Created"
    polls: int = 0
    queued_ms: int | None = None
    finished_ms: int | None = None
    content: bytes = b""
    count: int = 0
    problem: str = ""
    filter: dict[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        body: dict[str, Any] = {"exportId": self.id, "status": self.status, "createdAt": second(self.created_ms),
                                "format": self.format}  # fmt: skip
        if self.queued_ms is not None:
            body["queuedAt"] = second(self.queued_ms)
        if self.problem:
            body["errorMsg"] = self.problem
        if self.status == "Completed" and self.finished_ms is not None:
            digest = hashlib.sha256(self.content).hexdigest()
            body |= {"startedAt": second(self.finished_ms), "finishedAt": second(self.finished_ms),
                     "numberOfRecords": self.count, "fileSize": len(self.content),
                     "fileChecksum": f"sha256:{digest}"}  # fmt: skip
        return body


class Exports:
    """Jobs by id, in memory: a restart ends them."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self.jobs: dict[str, Job] = {}

    def create(self, kind: str, form: str, header: list[str], rows: Rows) -> Job:
        job = Job(str(uuid.uuid4()), kind, form, header, rows, self._clock.now_ms())
        self.jobs[job.id] = job
        return job

    def find(self, kind: str, job_id: str) -> Job:
        job = self.jobs.get(job_id)
        if job is None or job.kind != kind:
            raise MarketoFault("1013", f"Export '{job_id}' not found")
        return job

    def enqueue(self, job: Job) -> None:
        """Raises 1029 in each of its three meanings."""
        if job.status != "Created":
            raise MarketoFault("1029", QUEUED_MESSAGE)
        self._limits.check_extracts()
        waiting = [each for each in self.jobs.values() if each.status == "Queued"]
        if len(waiting) >= self._limits.settings.jobs_queued:
            raise MarketoFault("1029", f"Too many jobs ({len(waiting)}) in queue")
        job.status, job.queued_ms, job.polls = "Queued", self._clock.now_ms(), 0

    def polled(self, job: Job, polls: int) -> None:
        """A job moves on when it is asked for often enough, and when one of the running places is free."""
        job.polls += 1
        if job.polls < polls:
            return
        running = [each for each in self.jobs.values() if each.status == "Processing"]
        if job.status == "Queued" and len(running) < self._limits.settings.jobs_running:
            job.status, job.polls = "Processing", 0
        elif job.status == "Processing":
            self._finish(job)

    def _finish(self, job: Job) -> None:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=SEPARATORS[job.format], lineterminator="\n")
        writer.writerow(job.header)
        rows = job.rows()
        writer.writerows([_cell(each) for each in row] for row in rows)
        content = text.getvalue().encode()
        job.finished_ms = self._clock.now_ms()
        try:
            self._limits.extracted(len(content))
        except MarketoFault as fault:
            job.status, job.problem = "Failed", fault.message
            return
        job.status, job.content, job.count = "Completed", content, len(rows)

    def cancel(self, job: Job) -> None:
        if job.status not in ("Created", "Queued", "Processing"):
            raise MarketoFault("1003", f"Export in status {job.status} cannot be cancelled")
        job.status = "Canceled"


def _cell(value: Any) -> str:
    """Empty is the word null; booleans are lower case."""
    if value is None or value == "":
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
