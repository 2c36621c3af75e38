"""The bad days of a Salesforce org: its refusals in their exact shape, jobs that go wrong, records that are refused."""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from sandbox.control import ControlError
from sandbox.faults import Fault, HttpFault
from sandbox.presets import Preset, fault_reader

HTML = "<html><head><title>Service Unavailable</title></head><body><h1>Down for maintenance</h1></body></html>"
PRESETS: dict[str, tuple[int, str | None, str]] = {
    "unavailable": (503, "SERVER_UNAVAILABLE", "Server temporarily unavailable; please retry"),
    "unavailable_html": (503, None, HTML),
    "bad_gateway": (502, None, ""),
    "daily_limit": (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    "concurrent_limit": (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
    "session_expired": (401, "INVALID_SESSION_ID", "Session expired or invalid"),
    "api_disabled": (403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"),
    "too_many_requests": (429, "REQUEST_LIMIT_EXCEEDED", "Too many requests"),
    "server_error": (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId: 1-1 (-1)"),
    "query_timeout": (400, "QUERY_TIMEOUT", "Your query request was running for too long."),
    "empty_406": (406, None, ""),
    "empty_420": (420, None, ""),
}


class PresetFault(Preset):
    """As Salesforce refuses."""

    def _refusal(self) -> tuple[int, str, dict[str, str]]:
        if self.preset not in PRESETS:
            raise ControlError(f"preset: {self.preset!r} is not one of {', '.join(sorted(PRESETS))}")
        status, code, text = PRESETS[self.preset]
        headers = {"content-type": "text/html; charset=UTF-8"} if code is None else {}
        if status == 401:
            headers["WWW-Authenticate"] = "Token"
        return status, text if code is None else json.dumps([{"message": text, "errorCode": code}]), headers


class JobFault(Fault):
    """What happens to the next bulk jobs of `operation` (empty: any) on `object` (empty: any).

    - `job_stuck`: stays InProgress until it is aborted.
    - `job_failed`: ends Failed with `message`; an ingest job has by then carried out `after_records` of its records.
    - `job_slow`: takes `seconds` longer.
    - `job_restarted`: counts up, starts again from nothing (`retries` grows), then completes as usual.
    """

    kind: Literal["job_stuck", "job_failed", "job_slow", "job_restarted"]
    operation: str = ""
    object: str = ""
    message: str = "InternalServerError : Retried more than fifteen times"
    after_records: int = Field(default=0, ge=0)
    seconds: float = Field(default=1.0, ge=0)

    def hits(self, operation: str, object_name: str) -> bool:
        """Whether a job of this operation on this object is meant."""
        return _same(self.operation, operation) and _same(self.object, object_name)


class RowFault(Fault):
    """Records that are refused although nothing is wrong with them, as a trigger or a held lock would.

    `field` and `matches` (a regular expression on the value sent) narrow it to some records.
    """

    kind: Literal["row_failure"]
    object: str = ""
    operation: str = ""
    code: str = "UNABLE_TO_LOCK_ROW"
    message: str = "unable to obtain exclusive access to this record"
    fields: tuple[str, ...] = ()
    field: str = ""
    matches: str = ""

    def hits(self, operation: str, object_name: str, record: dict[str, Any]) -> bool:
        """Whether this operation on this record is meant."""
        if not (_same(self.object, object_name) and _same(self.operation, operation)):
            return False
        if not self.field:
            return True
        value = next((value for name, value in record.items() if _same(self.field, name)), None)
        return value is not None and re.search(self.matches, str(value)) is not None


class ParentLock(Fault):
    """The parent that writing a record locks is held by somebody else.

    `field` refers to the parent; `parent` is its id, empty for any. `more_than`: only where one transaction writes more
    records of a parent than that, which hold its lock for long. `only_jobs`: only in bulk jobs, which work in parallel.
    """

    kind: Literal["parent_locked"]
    object: str = ""
    field: str = "AccountId"
    parent: str = ""
    more_than: int = Field(default=0, ge=0)
    only_jobs: bool = False

    def hits(self, object_name: str, parent: str | None, *, siblings: int, from_job: bool) -> bool:
        """Whether a record of this parent is meant; `siblings` are the records of it in the transaction."""
        if parent is None or not _same(self.object, object_name) or (self.only_jobs and not from_job):
            return False
        return siblings > self.more_than and self.parent[:15] in ("", parent[:15])


AnySalesforceFault = HttpFault | JobFault | RowFault | ParentLock
SALESFORCE_FAULT: TypeAdapter[AnySalesforceFault] = TypeAdapter(
    Annotated[AnySalesforceFault, Field(discriminator="kind")]
)
read_fault = fault_reader(PresetFault, SALESFORCE_FAULT)


def _same(wanted: str, actual: str) -> bool:
    return not wanted or wanted.lower() == actual.lower()
