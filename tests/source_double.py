"""A source in memory that implements the port: rows with stamps, jobs that wait as long as they are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from crm_patterns.core.arrow_types import arrow_schema
from crm_patterns.core.contracts import DescribedField, FieldKind, ObjectContract, ObjectDescription
from crm_patterns.core.errors import BulkSpent, SchemaMoved
from crm_patterns.core.ports import (
    Allowance,
    BulkRefused,
    Deletions,
    Grant,
    JobState,
    JobStatus,
    Look,
    LookRequest,
    ReadRequest,
    Usage,
)
from crm_patterns.core.records import Page

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLENTY = Allowance(Grant(90_000, 100_000), Grant(9_000, 10_000), Grant(900, 1_000), NOON)
DESCRIPTION = ObjectDescription(
    "Account",
    (
        DescribedField("Id", FieldKind.TEXT, length=18, nullable=False),
        DescribedField("Name", FieldKind.TEXT, length=255),
        DescribedField("SystemModstamp", FieldKind.TIMESTAMP, nullable=False),
        DescribedField("IsDeleted", FieldKind.BOOLEAN, nullable=False),
    ),
)


def key(number: int) -> str:
    return f"001A{number:011d}AAA"


def row(number: int, *, at: datetime, name: str | None = "Acme", deleted: bool = False) -> dict[str, Any]:
    return {"Id": key(number), "Name": name, "SystemModstamp": at, "IsDeleted": deleted}


@dataclass
class SourceDouble:
    """
    `rows` is what it holds now; `lose` rows of a job never arrive; `moves` descriptions go stale at submit.

    `fields` is what it describes. A field in `hidden` is not described, and cannot be read; it still exists. With
    `secretive` it does not say what exists.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    clock: datetime = NOON
    waiting_polls: int = 0
    polls: int = 0  # how often the state of a job was asked for
    refuses_bulk: bool = False
    moves: int = 0
    lose: int = 0
    fields: tuple[DescribedField, ...] = DESCRIPTION.fields
    hidden: frozenset[str] = frozenset()
    secretive: bool = False
    asked_what_exists: int = 0
    name: str = "salesforce"
    jobs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    submitted: int = 0
    described: int = 0
    closed: bool = False
    grants: Allowance | Exception = PLENTY
    asked_allowance: int = 0
    bulk_spent: bool = False
    deletions: dict[str, datetime] = field(default_factory=dict)
    log_begins: datetime = NOON - timedelta(days=15)
    looked_up: int = 0

    def now(self) -> datetime:
        return self.clock

    def host(self) -> str:
        return "acme.my.salesforce.com"

    def object_names(self) -> Sequence[str]:
        return ["Account"]

    def describe(self, object_name: str) -> ObjectDescription:
        self.described += 1
        return ObjectDescription(object_name, tuple(f for f in self.fields if f.name not in self.hidden))

    def existing_fields(self, object_name: str) -> Set[str] | None:
        self.asked_what_exists += 1
        return None if self.secretive else {f.name.lower() for f in self.fields}

    def look(self, request: LookRequest) -> Look:
        wanted = ReadRequest(
            request.object_name, (), request.cursor, request.window, include_deleted=request.include_deleted
        )
        count, since = len(self._window(wanted)), request.deleted_since
        log = self.deleted(request.object_name, since=since, until=self.clock) if since else None
        return Look(self.describe(request.object_name), None if request.window.is_empty else count, log)

    def deleted(self, object_name: str, *, since: datetime, until: datetime) -> Deletions:
        found = {key: at for key, at in self.deletions.items() if since <= at < until}
        return Deletions(found, until.replace(second=0), complete=self.log_begins <= since)

    def standing_of(self, object_name: str, *, flag: str | None, keys: Sequence[str]) -> Mapping[str, bool]:
        self.looked_up += len(keys)
        return {r["Id"]: bool(flag and r[flag]) for r in self.rows if r["Id"] in set(keys)}

    def read_keys(self, contract: ObjectContract, keys: Sequence[str]) -> Iterator[Page]:
        yield self._page([r for r in self.rows if r["Id"] in set(keys)], contract)

    def purge(self, number: int, *, at: datetime) -> None:
        """Deleted for good: it leaves the rows and enters the log."""
        self.rows = [r for r in self.rows if r["Id"] != key(number)]
        self.deletions[key(number)] = at

    def count(self, request: ReadRequest) -> int:
        return len(self._window(request))

    def submit(self, request: ReadRequest) -> str:
        if self.bulk_spent:
            raise BulkSpent("The org's Bulk API quota of the last 24 hours is spent.")
        if self.refuses_bulk:
            raise BulkRefused("not supported by the Bulk API")
        if self.moves:
            self.moves -= 1
            raise SchemaMoved("Account has no field Gone__c any more.")
        self._check(request)
        self.submitted += 1
        job_id = f"750{self.submitted}"
        self.jobs[job_id] = self._window(request)
        return job_id

    def job_status(self, job_id: str) -> JobStatus:
        self.polls += 1
        if job_id not in self.jobs:
            return JobStatus(JobState.GONE)
        if self.waiting_polls:
            self.waiting_polls -= 1
            return JobStatus(JobState.WAITING)
        return JobStatus(JobState.READY, rows=len(self.jobs[job_id]))

    def read_job(self, job_id: str, contract: ObjectContract) -> Iterator[Page]:
        rows = self.jobs[job_id]
        yield self._page(rows[: len(rows) - self.lose], contract)

    def read_rows(self, request: ReadRequest, contract: ObjectContract) -> Iterator[Page]:
        self._check(request)
        yield self._page(self._window(request), contract)

    def page_of(self, job_id: str) -> str:
        return f"https://crm.example/jobs/{job_id}"

    def discard(self, job_id: str) -> None:
        self.jobs.pop(job_id, None)

    def cursors_of(self, object_name: str, *, cursor: str, keys: Sequence[str]) -> Mapping[str, datetime | None]:
        return {r["Id"]: r[cursor] for r in self.rows if r["Id"] in set(keys)}

    def cursors_in(self, request: ReadRequest) -> Mapping[str, datetime | None]:
        return {r["Id"]: r["SystemModstamp"] for r in self._window(request)}

    def allowance(self) -> Allowance:
        self.asked_allowance += 1
        if isinstance(self.grants, Exception):
            raise self.grants
        return self.grants

    def usage(self) -> Usage:
        return Usage(calls_made=3, used=None, allowed=None)

    def close(self) -> None:
        self.closed = True

    def _window(self, request: ReadRequest) -> list[dict[str, Any]]:
        first, end = (request.keys.first, request.keys.end) if request.keys else ("", "")
        return [
            r
            for r in self.rows
            if (not request.cursor or request.window.contains(r["SystemModstamp"]))
            and r["Id"] >= first
            and (not end or r["Id"] < end)
            and (request.include_deleted or not r["IsDeleted"])
        ]

    def _check(self, request: ReadRequest) -> None:
        readable = {f.name for f in self.fields} - self.hidden
        for name in request.fields:
            if name not in readable:
                raise SchemaMoved(f"Account has no field {name}.")

    def _page(self, rows: list[dict[str, Any]], contract: ObjectContract) -> Page:
        columns = [[r.get(f.name) for r in rows] for f in contract.fields]
        schema = arrow_schema(contract)
        arrays = [pa.array(values, type=f.type) for values, f in zip(columns, schema, strict=True)]
        return Page(pa.RecordBatch.from_arrays(arrays, schema=schema))
