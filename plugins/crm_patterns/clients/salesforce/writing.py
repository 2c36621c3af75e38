"""Changes of one object on their way to Salesforce: by calls or by a job, rows of a parent together, locks outlived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_patterns.clients.salesforce import row_answers
from crm_patterns.clients.salesforce.collection_calls import MOST_ROWS, Answers, CollectionCalls
from crm_patterns.clients.salesforce.ingest import Ingest
from crm_patterns.clients.salesforce.ingest_csv import fits_a_cell
from crm_patterns.clients.salesforce.ingest_jobs import IngestJobs
from crm_patterns.clients.salesforce.locks import by_parent, next_try
from crm_patterns.clients.salesforce.operations import Operation, Verb, key_twice, operations
from crm_patterns.clients.salesforce.org import Org
from crm_patterns.clients.salesforce.row_answers import LOCKED, RowProblem
from crm_patterns.clients.salesforce.target_wire import SObject
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import OutOfBudget, RetryLater, StopRun
from crm_patterns.core.ports import Answer, WriteAnswer


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """
    `bulk_from`: so many changes of one kind go by a bulk job, fewer by calls of 200. `bulk_rows`: the most in a job.

    `job_limit_s`: a job that takes longer is aborted. `lock_calls`: so many more calls a batch may cost where rows are
    locked, `lock_pause_s` apart at each step. `assignment_rule`: the id of the rule that new leads are assigned by;
    empty: none, they belong to the integration user, or to whom the change names.
    """

    bulk_from: int = 2_000
    bulk_rows: int = 100_000
    job_limit_s: float = 1_800
    lock_calls: int = 60
    lock_pause_s: float = 1.0
    assignment_rule: str = ""

    def batch_size(self, changes: int) -> int:
        return self.bulk_rows if changes >= self.bulk_from else MOST_ROWS


class Writer:
    """Writes to one object. `opened_at`: since when, by Salesforce's clock, this client has looked at the org."""

    def __init__(self, org: Org, about: SObject, options: WriteOptions, *, opened_at: datetime) -> None:
        self._org = org
        self._about = about
        self._options = options
        self._opened_at = opened_at
        self._jobs = IngestJobs(org, about.name, assignment_rule=options.assignment_rule)
        self._ingest = Ingest(self._jobs, about, limit_s=options.job_limit_s)
        self._calls = CollectionCalls(org, about, assignment=options.assignment_rule or "FALSE")
        self._known = {field.name for field in about.description.fields}
        self._is_alone = False

    def apply(self, action: Action, batch: Sequence[Change]) -> list[WriteAnswer]:
        """As `Sink.apply`. Once something is written, what could not be sent is answered LATER, and nothing raised."""
        if len(batch) > max(self._options.bulk_rows, MOST_ROWS):
            raise StopRun(f"Salesforce is given {self._options.bulk_rows:,} records at once, not {len(batch):,}.")
        answers: dict[str, WriteAnswer] = {}
        sent = [change for change in batch if not self._unknown_fields(change, answers)]
        try:
            for operation, changes in operations(action, sent, self._about):
                self._send(operation, changes, answers)
        except (RetryLater, OutOfBudget) as error:
            if not any(each.answer in (Answer.ACCEPTED, Answer.UNKNOWN) for each in answers.values()):
                raise
            for change in sent:
                answers.setdefault(change.change_id, row_answers.later(change, error.problem))
        return [answers[change.change_id] for change in batch]

    def _unknown_fields(self, change: Change, answers: Answers) -> bool:
        """One unknown column would fail a whole job."""
        for each in change.fields:
            if each.name not in self._known and each.name.lower() not in self._about.description.by_name:
                problem = RowProblem("INVALID_FIELD", f"{self._about.name} has no field {each.name}.", each.name)
                answers[change.change_id] = row_answers.refusal(change, problem, self._about.description)
                return True
        return False

    def _send(self, operation: Operation, changes: Sequence[Change], answers: Answers) -> None:
        again = {change.change_id for change in key_twice(operation, changes)}
        reason = "Another record of this batch has the same key. The next run looks it up."
        answers.update((c.change_id, row_answers.later(c, reason)) for c in changes if c.change_id in again)
        changes = [change for change in changes if change.change_id not in again]
        if operation.verb is Verb.INSERT and not self._alone():
            reason = "An earlier bulk job may have created it. The next run looks it up."
            answers.update((change.change_id, row_answers.later(change, reason)) for change in changes)
            return
        by_job = [change for change in changes if fits_a_cell(operation, change)]
        if len(by_job) < self._options.bulk_from:
            by_job = []
        taken = {change.change_id for change in by_job}
        if by_job:
            self._ingest.write(operation, sorted(by_job, key=lambda change: change.group), answers)
        rest = [change for change in changes if change.change_id not in taken]
        for piece in by_parent(rest, MOST_ROWS):
            self._calls.write(operation, piece, answers)
        self._outlive_locks(operation, changes, answers, sent_at_once=len(by_job) or MOST_ROWS)

    def _outlive_locks(
        self, operation: Operation, changes: Sequence[Change], answers: Answers, *, sent_at_once: int
    ) -> None:
        """A job works in parallel, calls do not: what met a lock is sent one call after another, ever smaller."""
        calls_left = self._options.lock_calls
        while locked := [change for change in changes if _is_locked(answers.get(change.change_id))]:
            step = next_try(locked, sent_at_once=sent_at_once, calls_left=calls_left)
            if not step.pieces:
                return
            self._org.patience.sleep(self._options.lock_pause_s)
            for piece in step.pieces:
                self._calls.write(operation, piece, answers)
            calls_left -= len(step.pieces)
            sent_at_once = step.at_once

    def _alone(self) -> bool:
        """Whether nothing of ours inserts into this object that was not there when records were looked for."""
        self._is_alone = self._is_alone or not self._jobs.others_since(self._opened_at)
        return self._is_alone


def _is_locked(answer: WriteAnswer | None) -> bool:
    return answer is not None and answer.answer is Answer.LATER and answer.rule == LOCKED
