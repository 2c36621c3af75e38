"""The work of an ingest job: its CSV read, its records written in batches, its three result files."""

import csv
import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from sandbox.salesforce.bulk_csv import DELIMITERS, LINE_ENDINGS
from sandbox.salesforce.bulk_jobs import BulkJob, JobFailed
from sandbox.salesforce.schema import ObjectSpec
from sandbox.salesforce.store import Org
from sandbox.salesforce.writes import Outcome, Writer

CONTENT = "content.csv"
BATCH_ROWS = 10_000
LONGEST_CELL = 4_000_000
Row = list[str]

csv.field_size_limit(LONGEST_CELL)


class Load:
    """One ingest job at work. `run` raises JobFailed when the job as a whole cannot go on."""

    def __init__(self, org: Org, job: BulkJob, folder: Path) -> None:
        self.org = org
        self.job = job
        self.folder = folder
        self.spec: ObjectSpec = org.object(job.object_name)
        self._order = random.Random(job.id)

    def run(self) -> None:
        """Write the records, batch by batch in no particular order, and the result files whatever happens."""
        results: list[tuple[Row, Outcome]] = []
        header, rows = self._read()
        waiting = [rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS)]
        self._order.shuffle(waiting)
        try:
            self._check(header)
            self._write(header, waiting, results)
        finally:
            self._report(header, results, [row for batch in waiting for row in batch])

    def write_unprocessed(self) -> None:
        """Result files of a job that never ran: everything is unprocessed."""
        header, rows = self._read()
        self._report(header, [], rows)

    def _write(self, header: Row, waiting: list[list[Row]], results: list[tuple[Row, Outcome]]) -> None:
        left, reason = self.job.settings.get("fails_after", [None, ""])
        while waiting and not self.job.is_final:
            batch = waiting[0]
            if left is not None and len(batch) > left:
                batch, waiting[0] = batch[:left], batch[left:]
            else:
                del waiting[0]
            self.org.limits.spend("DailyBulkApiBatches")
            results += zip(batch, self._outcomes(header, batch), strict=True)
            self.job.processed = len(results)
            self.job.failed = sum(1 for _, outcome in results if outcome.errors)
            if left is not None:
                left -= len(batch)
                if left <= 0:
                    raise JobFailed(reason)

    def _outcomes(self, header: Row, batch: Sequence[Row]) -> list[Outcome]:
        if not batch:
            return []
        writer = Writer(self.org, object_name=self.spec.name, user_id=self.job.created_by, from_text=True)
        if self.job.operation in ("delete", "hardDelete"):
            return writer.delete([row[0].strip() for row in batch], hard=self.job.operation == "hardDelete")
        records = [dict(zip(header, row, strict=False)) for row in batch]
        return writer.write(records, operation=self.job.operation, key=self.job.settings["key"])

    def _read(self) -> tuple[Row, list[Row]]:
        content = self.folder / CONTENT
        text = content.read_bytes().decode("utf-8-sig", errors="replace") if content.exists() else ""
        delimiter = DELIMITERS[self.job.dialect.delimiter]
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = next(rows, [])
        self._line_ending_fits = _first_record_ends_with(text, LINE_ENDINGS[self.job.dialect.line_ending])
        return header, [row for row in rows if row]

    def _check(self, header: Row) -> None:
        """The header as Salesforce checks it before any record is looked at."""
        if not self._line_ending_fits:
            setting = self.job.dialect.line_ending
            raise JobFailed(
                f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {setting}"
            )
        for name in header:
            if not self._knows(name):
                raise JobFailed(f"InvalidBatch : Field name not found : {name}")
        names = [name.lower() for name in header]
        if len(set(names)) != len(names):
            raise JobFailed("InvalidBatch : Field name is duplicated in the header")
        if self.job.operation in ("delete", "hardDelete") and names != ["id"]:
            raise JobFailed(f"InvalidBatch : A {self.job.operation} job may hold the column Id only")
        if self.job.operation in ("update", "upsert") and self.job.settings["key"].lower() not in names:
            raise JobFailed(f"InvalidBatch : Missing required header field: {self.job.settings['key']}")

    def _knows(self, name: str) -> bool:
        if "." not in name:
            return self.spec.find(name) is not None
        relation = name.partition(".")[0].rpartition(":")[2]
        return self.spec.find_relationship(relation) is not None

    def _report(self, header: Row, results: list[tuple[Row, Outcome]], unprocessed: Sequence[Row]) -> None:
        self._order.shuffle(results)
        good = (
            [outcome.id or "", str(outcome.created).lower(), *row] for row, outcome in results if not outcome.errors
        )
        bad = ([outcome.id or "", outcome.errors[0].as_text(), *row] for row, outcome in results if outcome.errors)
        self._save("successful.csv", ["sf__Id", "sf__Created", *header], good)
        self._save("failed.csv", ["sf__Id", "sf__Error", *header], bad)
        self._save("unprocessed.csv", header, iter(unprocessed))

    def _save(self, name: str, header: Row, rows: Iterator[Row]) -> None:
        with (self.folder / name).open("wb") as file:
            file.write(self.job.dialect.line(header))
            file.writelines(self.job.dialect.line(row) for row in rows)


def _first_record_ends_with(text: str, ending: str) -> bool:
    """Whether the header row ends as the job says; a file without any line end passes."""
    quoted = False
    for place, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char == "\n" and not quoted:
            return (text[place - 1 : place] == "\r") == (ending == "\r\n")
    return True
