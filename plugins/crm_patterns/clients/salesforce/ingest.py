"""Many rows: Bulk API 2.0 ingest, and for every row Salesforce's own word from the job's result files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from crm_patterns.clients.salesforce import row_answers
from crm_patterns.clients.salesforce.collection_calls import Answers
from crm_patterns.clients.salesforce.ingest_csv import Matcher, Told, Upload, read_results, uploads
from crm_patterns.clients.salesforce.ingest_jobs import IngestJobs, IngestStatus
from crm_patterns.clients.salesforce.operations import Operation, Verb
from crm_patterns.clients.salesforce.target_wire import SObject
from crm_patterns.core.changes import Change
from crm_patterns.core.errors import OutOfBudget, RetryLater
from crm_patterns.core.ports import WriteAnswer

log = logging.getLogger(__name__)

_READ_TRIES = 2


class Ingest:
    """Writes to one object, a job for every upload. `limit_s`: how long a job may take before it is aborted."""

    def __init__(self, jobs: IngestJobs, about: SObject, *, limit_s: float) -> None:
        self._jobs = jobs
        self._about = about
        self._limit_s = limit_s

    def write(self, operation: Operation, changes: Sequence[Change], answers: Answers) -> None:
        """
        Answers are added job by job. What fails before a job is started is raised: nothing of it was written.

        A job that was started and whose answer is lost is UNKNOWN for each of its rows.
        """
        for upload in uploads(operation, changes):
            job_id = self._jobs.uploaded(operation, upload)
            try:
                self._jobs.start(job_id)
                status = self._jobs.wait(job_id, total=len(upload.rows), limit_s=self._limit_s)
                told = list(self._told(operation, upload, job_id, status))
            except (RetryLater, OutOfBudget) as error:
                lost = f"Bulk job {job_id} was started, and what became of it could not be read: {error.problem}"
                told = [row_answers.unknown(change, lost) for change in upload.changes]
            answers.update((answer.change_id, answer) for answer in told)

    def _told(self, operation: Operation, upload: Upload, job_id: str, status: IngestStatus) -> Iterator[WriteAnswer]:
        """One answer for each row: accepted, refused, not got to, or, where no file has it, unknown."""
        matcher, only_first = Matcher(operation, upload), operation.verb is not Verb.INSERT
        for told in self._rows(
            job_id, "successfulResults", upload, only_first=only_first, expected=status.processed - status.failed
        ):
            if (change := matcher.take(told.row)) is not None:
                yield row_answers.accepted(change, told.record_id, created=_is_new(operation, told))
        for told in self._rows(job_id, "failedResults", upload, only_first=only_first, expected=status.failed):
            if (change := matcher.take(told.row)) is not None:
                yield row_answers.refusal(change, row_answers.of_bulk(told.word), self._about.description)
        left = len(upload.rows) - status.processed
        for told in self._rows(
            job_id, "unprocessedrecords", upload, only_first=only_first, expected=left, own_columns=0
        ):
            if (change := matcher.take(told.row)) is not None:
                yield row_answers.later(change, f"Bulk job {job_id} ended before it: {status.problem or status.state}.")
        lost = f"No result file of bulk job {job_id} says what became of it."
        yield from (row_answers.unknown(change, lost) for change in matcher.left())

    def _rows(
        self, job_id: str, name: str, upload: Upload, *, only_first: bool, expected: int, own_columns: int = 2
    ) -> Sequence[Told]:
        """All of a file; one that holds fewer than the job counted is fetched once more."""
        found: list[Told] = []
        for _ in range(_READ_TRIES):
            if expected <= len(found):
                break
            body = self._jobs.results(job_id, name).body
            try:
                found = list(read_results(body.file(), upload.header, own_columns=own_columns, only_first=only_first))
            finally:
                body.close()
        if len(found) != expected and expected > 0:
            log.warning("The %s of bulk job %s hold %d rows of %d.", name, job_id, len(found), expected)
        return found


def _is_new(operation: Operation, told: Told) -> bool:
    return operation.verb is Verb.INSERT or (operation.verb is Verb.UPSERT and told.word.lower() == "true")
