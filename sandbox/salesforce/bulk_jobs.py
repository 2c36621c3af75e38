"""What query and ingest jobs have in common: their states over time, their face to a client, their place on disk."""

import asyncio
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request

from sandbox.salesforce.bulk_csv import DELIMITERS, LINE_ENDINGS, Dialect
from sandbox.salesforce.conditions import Conditions
from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.faults import JobFault

LOG = logging.getLogger(__name__)
FINAL_STATES = ("JobComplete", "Failed", "Aborted")
LISTED_AT_ONCE = 1000


class JobFailed(Exception):
    """The work of a job cannot go on; the sentence becomes its `errorMessage`."""


@dataclass
class BulkJob:
    """A job of either kind. `state` moves under `lock` only, through `move`."""

    id: str
    operation: str
    object_name: str
    api_version: str
    dialect: Dialect
    created_by: str
    created: datetime
    state: str
    settings: dict[str, Any] = field(default_factory=dict)
    modified: datetime | None = None
    processed: int = 0
    failed: int = 0
    retries: int = 0
    message: str = ""
    work_ms: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    interrupt: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    def move(self, *, to: str, only: str | None = None, message: str = "") -> bool:
        """Go to a state, unless the job has ended, or is not in the state `only`; says whether it went."""
        with self.lock:
            if self.is_final or (only is not None and self.state != only):
                return False
            self.state, self.message = to, message
            return True

    def summary(self) -> dict[str, Any]:
        """What create, abort and lists show."""
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object_name,
            "createdById": self.created_by,
            "createdDate": _stamp(self.created),
            "systemModstamp": _stamp(self.modified or self.created),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.api_version),
            "lineEnding": self.dialect.line_ending,
            "columnDelimiter": self.dialect.delimiter,
        }

    def kept(self) -> dict[str, Any]:
        """The job as JSON for the disk; `BulkJob.read` is the way back."""
        names = ("id", "operation", "object_name", "api_version", "created_by", "state", "settings")
        counts = ("processed", "failed", "retries", "message", "work_ms")
        return {name: getattr(self, name) for name in (*names, *counts)} | {
            "dialect": [self.dialect.delimiter, self.dialect.line_ending],
            "created": self.created.isoformat(),
            "modified": (self.modified or self.created).isoformat(),
        }

    @classmethod
    def read(cls, kept: dict[str, Any]) -> "BulkJob":
        times: dict[str, Any] = {name: datetime.fromisoformat(kept.pop(name)) for name in ("created", "modified")}
        return cls(dialect=Dialect(*kept.pop("dialect")), **times, **kept)


class JobShelf:
    """The jobs of one kind, a folder each; a job that ended survives a restart of the stand-in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        files = sorted(folder.glob("*/job.json"), key=lambda file: file.stat().st_mtime)
        self._jobs = {job.id: job for job in (BulkJob.read(json.loads(file.read_text())) for file in files)}
        for job in self._jobs.values():
            if job.state != "Open":
                job.move(to="Failed", message="InternalServerError : The job was interrupted by a restart of the org")

    def folder_of(self, job: BulkJob) -> Path:
        return self.folder / job.id

    def add(self, job: BulkJob) -> None:
        self._jobs[job.id] = job
        self.keep(job)

    def keep(self, job: BulkJob) -> None:
        """Write the job down as it is now."""
        folder = self.folder_of(job)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "job.json").write_text(json.dumps(job.kept()))

    def find(self, job_id: str) -> BulkJob | None:
        """By its 18 or 15 character id."""
        return self._jobs.get(job_id) or next((job for key, job in self._jobs.items() if key[:15] == job_id), None)

    def remove(self, job: BulkJob) -> None:
        del self._jobs[job.id]
        shutil.rmtree(self.folder_of(job), ignore_errors=True)

    def page(self, first: int) -> tuple[list[BulkJob], bool]:
        """Up to 1,000 jobs from the position `first`, and whether these were the last."""
        jobs = list(self._jobs.values())
        return jobs[first : first + LISTED_AT_ONCE], first + LISTED_AT_ONCE >= len(jobs)


class Foreman:
    """Carries jobs out in the background and sees that they take the time, and the turns, that they are meant to."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._running: set[asyncio.Task[None]] = set()

    def start(self, job: BulkJob, shelf: JobShelf, work: Callable[[], None], clock: Callable[[], datetime]) -> None:
        """Queue a job that is UploadComplete; returns at once. `work` runs in a thread and may raise JobFailed."""
        self._run(self._live(job, shelf, work, clock))

    def _run(self, life: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(life)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _live(
        self, job: BulkJob, shelf: JobShelf, work: Callable[[], None], clock: Callable[[], datetime]
    ) -> None:
        fault = self._conditions.faults.take(JobFault, lambda each: each.hits(job.operation, job.object_name))
        await asyncio.sleep(self._conditions.bulk.queue_s)
        if not job.move(to="InProgress"):
            return
        started = time.monotonic()
        try:
            await self._suffer(job, fault)
            await asyncio.to_thread(work)
            await asyncio.sleep(max(0.0, self._conditions.bulk.run_s - (time.monotonic() - started)))
        except asyncio.CancelledError:
            job.interrupt()
            raise
        except JobFailed as error:
            job.move(to="Failed", message=str(error))
        except Exception as error:  # the outermost edge of a job: the client must see an end
            if not job.is_final:
                LOG.exception("bulk job %s", job.id)
            job.move(to="Failed", message=f"InternalServerError : {error}")
        job.work_ms = round((time.monotonic() - started) * 1000)
        job.modified = clock()
        job.move(to="JobComplete")
        if shelf.find(job.id) is not None:
            shelf.keep(job)

    async def _suffer(self, job: BulkJob, fault: JobFault | None) -> None:
        if fault is None:
            return
        if fault.kind == "job_stuck":
            while not job.is_final:
                await asyncio.sleep(0.05)
            raise JobFailed("aborted")
        if fault.kind == "job_slow":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "job_restarted":
            job.processed = 1000
            await asyncio.sleep(max(0.2, self._conditions.bulk.run_s))
            job.processed, job.retries = 0, 1
        elif job.operation in ("query", "queryAll"):
            raise JobFailed(fault.message)
        else:
            job.settings["fails_after"] = [fault.after_records, fault.message]


def job_dialect(asked: dict[str, Any]) -> Dialect:
    """Delimiter and line ending of a job to be created; raises a 400 for what Salesforce does not know."""
    delimiter, ending = asked.get("columnDelimiter", "COMMA"), asked.get("lineEnding", "LF")
    if asked.get("contentType", "CSV") != "CSV":
        raise SalesforceFault(400, "INVALIDJOB", f"contentType {asked['contentType']} is not supported; use CSV")
    if delimiter not in DELIMITERS:
        raise SalesforceFault(400, "INVALIDJOB", f"columnDelimiter {delimiter} is not one of {', '.join(DELIMITERS)}")
    if ending not in LINE_ENDINGS:
        raise SalesforceFault(400, "INVALIDJOB", f"lineEnding {ending} is not one of {', '.join(LINE_ENDINGS)}")
    return Dialect(delimiter, ending)


def abort(job: BulkJob, shelf: JobShelf) -> None:
    """Stop a job; what it has done stays. Raises a 400 for one that has ended."""
    if not job.move(to="Aborted"):
        raise SalesforceFault(400, "INVALIDJOBSTATE", f"Aborting a job that is {job.state} is not allowed")
    job.interrupt()
    shelf.keep(job)


def delete(job: BulkJob, shelf: JobShelf) -> None:
    """Take a job and its files away. Raises a 400 for one that still runs."""
    if not job.is_final:
        raise SalesforceFault(400, "INVALIDJOBSTATE", f"Deleting a job that is {job.state} is not allowed")
    shelf.remove(job)


def list_page(shelf: JobShelf, request: Request, *, kind: str) -> dict[str, Any]:
    """One page of jobs; none when another kind is asked for."""
    if request.query_params.get("jobType", kind) != kind:
        return {"done": True, "records": [], "nextRecordsUrl": None}
    first = request.query_params.get("queryLocator", "0")
    if not first.isdigit():
        raise SalesforceFault(400, "INVALID_QUERY_LOCATOR", f"invalid query locator: {first}")
    jobs, done = shelf.page(int(first))
    following = f"{request.url.path}?jobType={kind}&queryLocator={int(first) + len(jobs)}"
    records = [job.summary() | {"jobType": kind} for job in jobs]
    return {"done": done, "records": records, "nextRecordsUrl": None if done else following}


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
