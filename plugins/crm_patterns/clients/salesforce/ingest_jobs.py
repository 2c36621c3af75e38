"""
The life of a Bulk API 2.0 ingest job: made, given its rows, started, watched.

"Bulk API 2.0 and Bulk API Developer Guide", Ingest. Until it is started a job does nothing, so that whatever is lost
before then can be done once more. After that nothing of it is ever sent again: its own answer is what is asked for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_patterns.clients.retrying import Unanswered
from crm_patterns.clients.salesforce.errors import Gone, WrongJobState
from crm_patterns.clients.salesforce.ingest_csv import Upload
from crm_patterns.clients.salesforce.operations import Operation, Verb
from crm_patterns.clients.salesforce.org import Org
from crm_patterns.clients.salesforce.wire import TERMINAL_STATES, read_json, read_moment
from crm_patterns.clients.transport import Call, Download, Reply
from crm_patterns.core.errors import IntegrationError

log = logging.getLogger(__name__)

_UPLOAD_TRIES = 3
SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.25, 60.0
ROWS_PER_S = 100_000
"""A pace that no org keeps up: nothing is over before."""


@dataclass(frozen=True, slots=True)
class IngestStatus:
    """`processed` counts the failed ones, too."""

    state: str
    processed: int
    failed: int
    problem: str

    @property
    def is_over(self) -> bool:
        return self.state in TERMINAL_STATES


def next_wait_s(elapsed_s: float, processed: int, total: int) -> float:
    """
    How long until the job is worth looking at again: by the pace it has shown, growing where it has shown none.

    A look costs a call. A job of 100,000 rows is looked at some five times, whatever it takes.
    """
    if processed:
        wait = max((total - processed) * elapsed_s / processed, elapsed_s / 10)
    else:
        wait = max(2 * elapsed_s, total / ROWS_PER_S)
    return min(max(wait, SHORTEST_WAIT_S), LONGEST_WAIT_S)


class IngestJobs:
    """Ingest jobs of one object. `assignment_rule`: the id of the rule that new records go by, or none."""

    def __init__(self, org: Org, object_name: str, *, assignment_rule: str) -> None:
        self._org = org
        self._object = object_name
        self._assignment_rule = assignment_rule
        self._path = f"{org.base}/jobs/ingest"
        self._own: set[str] = set()

    def uploaded(self, operation: Operation, upload: Upload) -> str:
        """The id of a job that holds the rows and has not begun. RetryLater where that could not be achieved."""
        for attempt in range(1, _UPLOAD_TRIES + 1):
            job_id = self._created(operation)
            path, about = f"{self._path}/{job_id}/batches", f"the rows of bulk job {job_id}"
            headers = {"Content-Type": "text/csv; charset=UTF-8"}
            try:
                self._org.transport.send(
                    Call("PUT", path, about, content=upload.content, headers=headers, repeatable=False)
                )
            except Unanswered as error:
                # A second PUT is refused where the first arrived, and whether that one was whole nobody tells.
                log.warning("%s The job is given up; it never begins.", error)
                self.abort(job_id)
                if attempt == _UPLOAD_TRIES:
                    raise
            else:
                return job_id
        raise AssertionError("unreachable")

    def start(self, job_id: str) -> None:
        """Where the answer is lost, the job itself says whether it began."""
        path, about = f"{self._path}/{job_id}", f"the start of bulk job {job_id}"
        call = Call("PATCH", path, about, json={"state": "UploadComplete"}, repeatable=False)

        def begun() -> Reply | None:
            reply = self._org.get(path, about)
            return None if read_json(reply.body)["state"] == "Open" else reply

        try:
            self._org.transport.send(call, look=begun)
        except WrongJobState:
            if begun() is None:
                raise

    def wait(self, job_id: str, *, total: int, limit_s: float) -> IngestStatus:
        """The job's end. One that lasts longer than `limit_s` is aborted: what it has written then stays."""
        started = time.monotonic()
        aborted = False
        while not (status := self.status(job_id)).is_over:
            elapsed_s = time.monotonic() - started
            if elapsed_s > limit_s and not aborted:
                log.warning("Bulk job %s is not done after %.0f s and is aborted.", job_id, elapsed_s)
                self.abort(job_id)
                aborted = True
                continue
            self._org.patience.sleep(next_wait_s(elapsed_s, status.processed, total))
        return status

    def status(self, job_id: str) -> IngestStatus:
        data = read_json(self._org.get(f"{self._path}/{job_id}", f"bulk job {job_id}").body)
        processed, failed = int(data.get("numberRecordsProcessed") or 0), int(data.get("numberRecordsFailed") or 0)
        return IngestStatus(data["state"], processed, failed, str(data.get("errorMessage") or ""))

    def results(self, job_id: str, name: str) -> Download:
        about = f"the {name} of bulk job {job_id}"
        headers = {"Accept": "text/csv"}
        return self._org.transport.download(Call("GET", f"{self._path}/{job_id}/{name}/", about, headers=headers))

    def abort(self, job_id: str) -> None:
        """Where that cannot be done either, a job that has not begun goes by itself after some days."""
        call = Call("PATCH", f"{self._path}/{job_id}", f"the end of bulk job {job_id}", json={"state": "Aborted"})
        try:
            self._org.transport.send(call)
        except WrongJobState:
            log.debug("Bulk job %s ended by itself.", job_id)
        except IntegrationError as error:
            log.warning("Bulk job %s could not be aborted: %s", job_id, error)

    def others_since(self, moment: datetime) -> list[str]:
        """
        Jobs of this user, and none of this client, that insert into the object or did so since that moment.

        A task that was killed may have left one: what it writes could not be seen when it was looked for.
        """
        me = self._user_id()
        return [
            str(job["id"])
            for job in self._listed()
            if job.get("object") == self._object
            and job.get("operation") == Verb.INSERT
            and job["id"] not in self._own
            and me in ("", job.get("createdById"))
            and job.get("state") != "Open"
            and (
                job.get("state") not in TERMINAL_STATES or (read_moment(job.get("systemModstamp")) or moment) >= moment
            )
        ]

    def _listed(self) -> Iterator[dict[str, Any]]:
        path: str | None = f"{self._path}?jobType=V2Ingest"
        while path:
            data = read_json(self._org.get(path, "the list of bulk jobs").body)
            yield from data.get("records") or ()
            path = None if data.get("done", True) else data.get("nextRecordsUrl")

    def _user_id(self) -> str:
        """Empty where the session may not ask who it is."""
        try:
            told = read_json(self._org.get("/services/oauth2/userinfo", "the user").body)
        except (Gone, IntegrationError) as error:
            log.debug("Who this user is cannot be told: %s", error)
            return ""
        return str(told.get("user_id") or "")

    def _created(self, operation: Operation) -> str:
        body = {
            "object": self._object,
            "operation": operation.verb.value,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
            **({"externalIdFieldName": operation.key} if operation.key else {}),
            **({"assignmentRuleId": self._assignment_rule} if self._assignment_rule else {}),
        }
        # A job of which the answer is lost stays empty, does nothing, and goes by itself: it is simply made again.
        reply = self._org.transport.send(Call("POST", self._path, f"a bulk job for {self._object}", json=body))
        job_id = str(read_json(reply.body)["id"])
        self._own.add(job_id)
        return job_id
