"""The life of Bulk API 2.0 query jobs: made, watched, ended. "Bulk API 2.0 and Bulk API Developer Guide", Query."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from crm_patterns.clients.salesforce import soql, wire
from crm_patterns.clients.salesforce.errors import BulkNotServed, Gone, WrongJobState
from crm_patterns.clients.transport import Call, Transport
from crm_patterns.core.errors import StopRun
from crm_patterns.core.ports import BulkRefused, JobState, JobStatus, ReadRequest

log = logging.getLogger(__name__)

_TWIN_AGE = timedelta(minutes=5)


class QueryJobs:
    """Query jobs of one org. `base` is the path of the API version, `now` the org's clock."""

    def __init__(self, transport: Transport, *, base: str, now: Callable[[], datetime]) -> None:
        self._transport = transport
        self._base = base
        self._now = now

    def submit(self, request: ReadRequest) -> str:
        """The new job's id. Raises BulkRefused; OutOfBudget; SchemaMoved where a field is gone."""
        operation = "queryAll" if soql.asks_all(request) else "query"
        body = {
            "operation": operation,
            "query": soql.select(request),
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        about = f"a bulk query of {request.object_name}"
        call = Call("POST", f"{self._base}/jobs/query", about, json=body, repeatable=False)
        try:
            reply = self._transport.send(call, look=lambda: self._look_for_twin(request.object_name, operation))
        except BulkNotServed as refusal:
            raise BulkRefused(refusal.problem) from refusal
        return str(wire.read_json(reply.body)["id"])

    def status(self, job_id: str) -> JobStatus:
        try:
            reply = self._transport.send(Call("GET", self._path(job_id), f"bulk job {job_id}"))
        except Gone:
            return JobStatus(JobState.GONE)
        return wire.read_job(wire.read_json(reply.body))

    def discard(self, job_id: str) -> None:
        """Delete the job; where it still runs, abort it first. A job that is gone is no error."""
        path, about = self._path(job_id), f"bulk job {job_id}"
        try:
            try:
                self._transport.send(Call("DELETE", path, about))
            except WrongJobState:  # it runs: only what has ended can be deleted
                self._abort(path, about)
                self._transport.send(Call("DELETE", path, about))
        except Gone:
            log.debug("Bulk job %s was gone already.", job_id)

    def _abort(self, path: str, about: str) -> None:
        try:
            self._transport.send(Call("PATCH", path, about, json={"state": "Aborted"}))
        except WrongJobState:
            log.debug("%s ended while it was being aborted.", about)

    def _look_for_twin(self, object_name: str, operation: str) -> None:
        """
        Look for the job that an unanswered request may have made.

        Salesforce does not show a job's query, so a twin cannot be told from another run's job, and none is taken
        over or deleted. A twin costs one of the day's jobs and goes by itself after seven days.
        """
        since = self._now() - _TWIN_AGE
        path: str | None = f"{self._base}/jobs/query?jobType=V2Query"
        twins: list[str] = []
        while path:
            data = wire.read_json(self._transport.send(Call("GET", path, "the list of bulk jobs")).body)
            twins += wire.jobs_like(data, object_name=object_name, operation=operation, since=since)
            path = None if data.get("done", True) else data.get("nextRecordsUrl")
        if twins:
            log.warning("One of the jobs %s may be an unused twin of the one submitted now.", ", ".join(twins))

    def _path(self, job_id: str) -> str:
        if not soql.is_name(job_id):
            raise StopRun(f"{job_id!r} is not the id of a bulk job.")
        return f"{self._base}/jobs/query/{job_id}"
