"""Which records there are now, and when they changed last: questions about keys and cursors, not about values."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from crm_patterns.clients.salesforce import soql, wire
from crm_patterns.clients.salesforce.queries import RestQueries
from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.errors import RetryLater
from crm_patterns.core.ports import BulkRefused, JobState, ReadRequest, Source
from crm_patterns.core.records import Page

BULK_KEYS_ABOVE = 20_000
"""Keys and cursors of larger windows come by a bulk job: ten REST pages cost more calls than a job."""

_LIMIT_S = 900.0


def cursors_of(
    queries: RestQueries, object_name: str, *, cursor: str, keys: Sequence[str]
) -> Mapping[str, datetime | None]:
    """`Source.cursors_of`, by as few queries as the ids fit in."""
    found: dict[str, datetime | None] = {}
    for text in soql.cursors_of(object_name, cursor=cursor, keys=keys):
        for records in queries.records(text, f"cursors of {object_name}", include_deleted=True):
            found.update((row["Id"], wire.read_moment(row[cursor])) for row in records)
    return found


def standing_of(queries: RestQueries, object_name: str, *, flag: str | None, keys: Sequence[str]) -> Mapping[str, bool]:
    """`Source.standing_of`, by as few queries as the ids fit in."""
    found: dict[str, bool] = {}
    for text in soql.by_ids(object_name, ("Id", flag) if flag else ("Id",), keys):
        for records in queries.records(text, f"keys of {object_name}", include_deleted=True):
            found.update((row["Id"], bool(flag and row[flag])) for row in records)
    return found


def cursors_in(
    source: Source, request: ReadRequest, *, bulk_above: int, sleep: Callable[[float], object]
) -> Mapping[str, datetime | None]:
    """`Source.cursors_in`, by a job of `source` where the window holds more than `bulk_above` rows."""
    contract = wire.key_contract(source.name, request.object_name, request.cursor)
    names = tuple(field.name for field in contract.fields)
    keys = ReadRequest(request.object_name, names, request.cursor, request.window, request.include_deleted)
    found: dict[str, datetime | None] = {}
    for page in _rows_either_way(source, keys, contract, bulk_above=bulk_above, sleep=sleep):
        ids = page.rows.column(0).to_pylist()
        cursors = page.rows.column(1).to_pylist() if request.cursor else [None] * len(ids)
        found.update(zip(ids, cursors, strict=True))
    return found


def _rows_either_way(
    source: Source,
    request: ReadRequest,
    contract: ObjectContract,
    *,
    bulk_above: int,
    sleep: Callable[[float], object],
) -> Iterator[Page]:
    """The rows by a job where they are many and Bulk serves the object, else by REST."""
    if source.count(request) <= bulk_above:
        yield from source.read_rows(request, contract)
        return
    try:
        job_id = source.submit(request)
    except BulkRefused:
        yield from source.read_rows(request, contract)
        return
    try:
        _await(source, job_id, request.object_name, sleep=sleep)
        yield from source.read_job(job_id, contract)
    finally:
        source.discard(job_id)


def _await(source: Source, job_id: str, object_name: str, *, sleep: Callable[[float], object]) -> None:
    give_up, pause = time.monotonic() + _LIMIT_S, 0.1
    while (status := source.job_status(job_id)).state is JobState.WAITING and time.monotonic() < give_up:
        sleep(pause)
        pause = min(pause * 1.5, 10.0)
    if status.state is not JobState.READY:
        raise RetryLater(f"The bulk job {job_id} for the keys of {object_name} is {status.state}: {status.problem}")
