"""A system that is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from crm_patterns.core.contracts import ObjectContract, ObjectDescription
from crm_patterns.core.ports.grants import Allowance
from crm_patterns.core.records import Page
from crm_patterns.core.windows import Window


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys from `first` to before `end`, in the order of their characters' codes. Empty: no bound."""

    first: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """
    Rows of one object whose cursor lies in the window, soft-deleted ones included. No cursor: all rows.

    With `keys`, only rows whose key lies in the range.
    """

    object_name: str
    fields: tuple[str, ...]
    cursor: str | None
    window: Window
    include_deleted: bool = True
    keys: KeyRange | None = None


class JobState(StrEnum):
    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"
    GONE = "gone"  # the source does not know the job (any more)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """
    `rows` is the job's own number of records, known once READY. `problem` is the source's text when FAILED;
    `schema_moved`: it failed because a field that it asks for is gone.
    """

    state: JobState
    rows: int | None = None
    problem: str = ""
    schema_moved: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls used and allowed in the source's own rolling window; None where the source does not tell."""

    calls_made: int
    used: int | None
    allowed: int | None


@dataclass(frozen=True, slots=True)
class Deletions:
    """
    What the source's own log of deletions says: when (UTC) by key, up to `covered_until`, where the next look begins.

    `complete` is False where the log does not reach back as far as was asked: only a comparison of keys tells the rest.
    """

    deleted_at: Mapping[str, datetime]
    covered_until: datetime
    complete: bool


@dataclass(frozen=True, slots=True)
class LookRequest:
    """
    What to find out about an object before it is read.

    Without a cursor all of its rows are counted. `deleted_since` None: deletions are not asked for.
    """

    object_name: str
    cursor: str | None
    window: Window
    deleted_since: datetime | None = None
    include_deleted: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """
    The object as it is described now, the source's COUNT() of the window, and its log of deletions.

    A count or log is None where it was not asked for, or where the source could not answer it (no such cursor, say).
    """

    description: ObjectDescription
    count: int | None
    deletions: Deletions | None


class BulkRefused(Exception):
    """The source will not serve this object through its bulk interface; read it row by row instead."""


class Source(Protocol):
    """A system that objects are read from. One instance serves one task; it may be used from several threads."""

    name: str

    def now(self) -> datetime:
        """The source's own clock, UTC, whole seconds."""

    def host(self) -> str:
        """Where the records are, with the port where it is not the scheme's own: names the source in lineage."""

    def object_names(self) -> Sequence[str]:
        """Names of all objects that can be read, for messages that suggest one."""

    def describe(self, object_name: str) -> ObjectDescription:
        """FixSettings where there is no such object, naming near ones."""

    def look(self, request: LookRequest) -> Look:
        """Description, count and deletions in as few calls as the source allows. FixSettings as `describe`."""

    def existing_fields(self, object_name: str) -> Set[str] | None:
        """
        Lower-cased names of all fields the object has, those this user may not read included.

        None where the source does not tell this user. Costs a call: ask only when a known field is not described.
        """

    def deleted(self, object_name: str, *, since: datetime, until: datetime) -> Deletions:
        """The log of deletions over `[since, until)`, as far as it reaches; not complete where there is none."""

    def standing_of(self, object_name: str, *, flag: str | None, keys: Sequence[str]) -> Mapping[str, bool]:
        """Those of `keys` that still exist, each with whether it is in the bin (`flag`, where the object has one)."""

    def read_keys(self, contract: ObjectContract, keys: Sequence[str]) -> Iterator[Page]:
        """The contract's fields of those of `keys` that exist, deleted or not."""

    def count(self, request: ReadRequest) -> int:
        """The source's own COUNT() for the request."""

    def submit(self, request: ReadRequest) -> str:
        """Start a bulk read; returns the job's id. Raises BulkRefused."""

    def job_status(self, job_id: str) -> JobStatus: ...

    def read_job(self, job_id: str, contract: ObjectContract) -> Iterator[Page]:
        """All rows of a READY job, page by page. Memory is bounded by a few pages. Re-readable while the job exists."""

    def read_rows(self, request: ReadRequest, contract: ObjectContract) -> Iterator[Page]:
        """The same rows without a job."""

    def page_of(self, job_id: str) -> str:
        """The address of the page on which a person sees the job at the source; empty where there is none."""

    def discard(self, job_id: str) -> None:
        """Abort the job if it runs and delete it; a job that is gone already is no error."""

    def cursors_of(self, object_name: str, *, cursor: str, keys: Sequence[str]) -> Mapping[str, datetime | None]:
        """Present cursor value by key for those of `keys` that still exist (soft-deleted ones do)."""

    def cursors_in(self, request: ReadRequest) -> Mapping[str, datetime | None]:
        """Cursor value by key of every row in the request's window now (keys and cursor only); None without one."""

    def allowance(self) -> Allowance:
        """What the source still grants today, by its own numbers, in one call."""

    def usage(self) -> Usage: ...

    def close(self) -> None: ...
