"""Bulk extract of leads: a job for each stretch of at most 31 days, its file proven by checksum and count."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from crm_patterns.clients.bodies import Body
from crm_patterns.clients.marketo import wire
from crm_patterns.clients.marketo.api import MarketoApi
from crm_patterns.clients.marketo.errors import AlreadyQueued
from crm_patterns.clients.retrying import Unanswered
from crm_patterns.core.errors import RetryLater, StopRun

LONGEST = timedelta(days=31)
SECOND = timedelta(seconds=1)
PAGE = 1_000
FIRST_POLL_S, LONGEST_POLL_S, LIMIT_S = 2.0, 60.0, 4 * 3600.0
"""Months without leads are over at once, others take minutes; a job that takes longer than the limit is given up."""
DOWNLOADS = 3

Row = Mapping[str, str | None]


class LeadExtracts:
    """One job at a time, so that one of the two that Marketo runs side by side is left to others."""

    def __init__(self, api: MarketoApi, *, sleep: Callable[[float], None]) -> None:
        self._api = api
        self._sleep = sleep

    def created(self, fields: Sequence[str], start: datetime, end: datetime) -> Iterator[list[Row]]:
        """Leads that were created in `[start, end)`, and live, page by page."""
        for first, last in stretches(start, end):
            between = {"startAt": wire.write_moment(first), "endAt": wire.write_moment(last)}
            yield from self._extract({"fields": list(fields), "format": "CSV", "filter": {"createdAt": between}})

    def _extract(self, asked: Mapping[str, Any]) -> Iterator[list[Row]]:
        about = "an extract of leads"
        job_id = str(self._api.change("/bulk/v1/leads/export/create.json", about, asked)["result"][0]["exportId"])
        path = f"/bulk/v1/leads/export/{job_id}"
        with suppress(AlreadyQueued):  # an earlier try of this call arrived
            self._api.change(f"{path}/enqueue.json", about, again=True)
        job = self._finished(path, about)
        if not job.get("numberOfRecords"):
            return
        body = self._file(path, job, about)
        try:
            yield from read_rows(body, int(job["numberOfRecords"]))
        finally:
            body.close()

    def _finished(self, path: str, about: str) -> Mapping[str, Any]:
        waited_s, pause_s = 0.0, FIRST_POLL_S
        while True:
            job: Mapping[str, Any] = self._api.get(f"{path}/status.json", about)["result"][0]
            match job.get("status"):
                case "Completed":
                    return job
                case "Failed" | "Canceled" | "Cancelled":
                    said = job.get("errorMsg") or "Marketo does not say why"
                    raise RetryLater(f"Marketo ended {about} as {job['status']}: {said}.")
            if waited_s >= LIMIT_S:
                raise RetryLater(f"Marketo has not finished {about} in {LIMIT_S / 3600:.0f} hours.")
            self._sleep(pause_s)
            waited_s, pause_s = waited_s + pause_s, min(pause_s * 2, LONGEST_POLL_S)

    def _file(self, path: str, job: Mapping[str, Any], about: str) -> Body:
        """The whole file. One that does not have the checksum that Marketo promised is asked for again."""
        promised = str(job.get("fileChecksum") or "").removeprefix("sha256:")
        for _ in range(DOWNLOADS):
            body = self._api.download(f"{path}/file.json", f"the file of {about}").body
            if not promised or _digest(body) == promised:
                return body
            body.close()
        raise Unanswered(f"The file of {about} arrived damaged {DOWNLOADS} times.")


def _digest(body: Body) -> str:
    """SHA-256 in hexadecimal digits."""
    found, file = hashlib.sha256(), body.file()
    while chunk := file.read(1 << 20):
        found.update(chunk)
    return found.hexdigest()


def stretches(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """`[start, end)` in parts that one job may have, as first and last second of each."""
    while start < end:
        upto = min(start + LONGEST, end)
        yield start, upto - SECOND
        start = upto


def read_rows(body: Body, promised: int) -> Iterator[list[Row]]:
    """Rows of a CSV file. StopRun where there are not as many as the job said."""
    text = io.TextIOWrapper(body.file(), encoding="utf-8", newline="")
    page: list[Row] = []
    count = 0
    try:
        for row in csv.DictReader(text):
            page.append({name: wire.read_cell(cell) for name, cell in row.items()})
            if len(page) == PAGE:
                count += PAGE
                yield page
                page = []
    finally:
        text.detach()
    if page:
        yield page
    if count + len(page) != promised:
        raise StopRun(f"An extract of {promised} leads held {count + len(page)}.")
