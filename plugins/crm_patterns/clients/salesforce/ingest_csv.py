"""Rows of Bulk API 2.0 ingest: changes → CSV, and the rows of its result files → the changes they are about. Pure."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from crm_patterns.clients.salesforce.operations import Operation, Verb
from crm_patterns.clients.salesforce.target_wire import said, same_id
from crm_patterns.core.changes import Change
from crm_patterns.core.errors import StopRun
from crm_patterns.core.values import Value, is_blank

CLEARED = "#N/A"
"""What empties a field; a blank cell leaves it as it is. That text itself cannot be stored this way."""

LONGEST_CELL = 32_000
LARGEST_UPLOAD = 90_000_000
"""Bytes. Salesforce takes 150 MB after base64: "plan for 100 MB"."""

Row = tuple[str, ...]


def fits_a_cell(operation: Operation, change: Change) -> bool:
    """Whether every value can be said in a cell; else the change goes by a call of its own."""
    texts = [each for each in operation.values(change).values() if isinstance(each, str)]
    return all(len(text) <= LONGEST_CELL and text != CLEARED for text in texts)


@dataclass(frozen=True, slots=True)
class Upload:
    """What one job is given: `rows` are those of `changes`, in their order."""

    header: Row
    changes: tuple[Change, ...]
    rows: tuple[Row, ...]
    content: bytes


def uploads(operation: Operation, changes: Sequence[Change], *, most_bytes: int = LARGEST_UPLOAD) -> Iterator[Upload]:
    """One for all that fits. Every cell is quoted, so that blanks and line breaks survive."""
    header = _header(operation, changes)
    line = csv.writer(_Echo(), quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
    first = line(header).encode()
    lines, size = [first], len(first)
    rows: list[Row] = []
    some: list[Change] = []
    for change in changes:
        row = _row(operation, header, change)
        text = line(row).encode()
        if some and size + len(text) > most_bytes:
            yield Upload(header, tuple(some), tuple(rows), b"".join(lines))
            lines, rows, some, size = [first], [], [], len(first)
        lines.append(text)
        rows.append(row)
        some.append(change)
        size += len(text)
    if some:
        yield Upload(header, tuple(some), tuple(rows), b"".join(lines))


class _Echo:
    """A file for `csv.writer` that gives each line back."""

    def write(self, line: str) -> str:
        return line


def _header(operation: Operation, changes: Sequence[Change]) -> Row:
    start = ["Id"] if operation.verb in (Verb.UPDATE, Verb.DELETE) else []
    named = [name for change in changes for name in operation.values(change)]
    return tuple({name.lower(): name for name in (*start, *named)}.values())


def _row(operation: Operation, header: Row, change: Change) -> Row:
    values = {name.lower(): cell(value) for name, value in operation.values(change).items()}
    if operation.verb in (Verb.UPDATE, Verb.DELETE):
        values["id"] = change.record_id
    return tuple(values.get(name.lower(), "") for name in header)


def cell(value: Value) -> str:
    return CLEARED if is_blank(value) else said(value)


class Matcher:
    """Which change a row of a result file is about: files come in an order of their own."""

    def __init__(self, operation: Operation, upload: Upload) -> None:
        self._operation = operation
        self._header = [name.lower() for name in upload.header]
        self._waiting: dict[Row, deque[Change]] = {}
        for row, change in zip(upload.rows, upload.changes, strict=True):
            self._waiting.setdefault(self._key(row), deque()).append(change)

    def take(self, row: Row) -> Change | None:
        """Each change once. Rows that are alike in every cell are as good as one another."""
        waiting = self._waiting.get(self._key(row))
        return waiting.popleft() if waiting else None

    def left(self) -> list[Change]:
        return [change for waiting in self._waiting.values() for change in waiting]

    def _key(self, row: Row) -> Row:
        match self._operation.verb:
            case Verb.INSERT:
                return row
            case Verb.UPSERT:
                return (row[self._header.index(self._operation.key.lower())].strip().casefold(),)
        return (same_id(row[self._header.index("id")]),)


@dataclass(frozen=True, slots=True)
class Told:
    """A row of a result file: Salesforce's id and word (`true`, or an error's text), and the row as it was sent."""

    record_id: str
    word: str
    row: Row


def read_results(file: IO[bytes], header: Row, *, own_columns: int) -> Iterator[Told]:
    """`own_columns`: how many of Salesforce's own come first, 2 or 0. Columns are put in the order of `header`."""
    rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
    told = next(rows, None)
    if told is None:
        return
    names = [name.lower() for name in told[own_columns:]]
    try:
        places = [own_columns + names.index(name.lower()) for name in header]
    except ValueError as missing:
        raise StopRun(f"A result file of Salesforce lacks a column that was sent: {missing}.") from missing
    for row in rows:
        first, second = (row[0], row[1]) if own_columns else ("", "")
        yield Told(first, second, tuple(row[place] for place in places))
