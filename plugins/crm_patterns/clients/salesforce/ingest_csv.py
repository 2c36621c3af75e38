"""Rows of Bulk API 2.0 ingest: changes → CSV, and the rows of its result files → the changes they are about. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.csv as pa_csv

from crm_patterns.clients.salesforce.operations import Operation, Verb
from crm_patterns.clients.salesforce.target_wire import said, same_id
from crm_patterns.core.changes import Change
from crm_patterns.core.errors import StopRun
from crm_patterns.core.values import Value

CLEARED = "#N/A"
"""What empties a field; a blank cell leaves it as it is. That text itself cannot be stored this way."""

LONGEST_CELL = 32_000
LARGEST_UPLOAD = 90_000_000
"""Bytes. Salesforce takes 150 MB after base64: "plan for 100 MB"."""

LONGEST_ROW = 8 * 1024 * 1024
"""Bytes; a record has 400,000 characters at most."""

_ID = "Id"

Row = tuple[str, ...]


def fits_a_cell(operation: Operation, change: Change) -> bool:
    """Whether every value can be said in a cell; else the change goes by a call of its own."""
    if operation.verb is Verb.DELETE:
        return True
    for each in change.fields:
        value = each.after
        if isinstance(value, str) and (len(value) > LONGEST_CELL or value == CLEARED):
            return False
    return True


@dataclass(frozen=True, slots=True)
class Upload:
    """What one job is given: `rows` are those of `changes`, in their order."""

    header: Row
    changes: tuple[Change, ...]
    rows: tuple[Row, ...]
    content: bytes


def uploads(operation: Operation, changes: Sequence[Change], *, most_bytes: int = LARGEST_UPLOAD) -> Iterator[Upload]:
    """One for all that fits. Every cell is quoted, so that blanks and line breaks survive."""
    header, places = _header(operation, changes)
    line = csv.writer(_Echo(), quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
    first = line(header).encode()
    lines, size = [first], len(first)
    rows: list[Row] = []
    some: list[Change] = []
    for change in changes:
        row = _row(operation, change, places, width=len(header))
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


def _header(operation: Operation, changes: Sequence[Change]) -> tuple[Row, Mapping[str, int]]:
    """The columns, and the place of each name as it is spelt anywhere; Salesforce minds no case."""
    spelt = {operation.key or _ID: None} if operation.verb is not Verb.INSERT else {}
    if operation.verb is not Verb.DELETE:
        spelt |= dict.fromkeys(each.name for change in changes for each in change.fields)
    columns: dict[str, int] = {}
    places = {name: columns.setdefault(name.lower(), len(columns)) for name in spelt}
    first = {name.lower(): name for name in reversed(spelt)}
    return tuple(first[lowered] for lowered in columns), places


def _row(operation: Operation, change: Change, places: Mapping[str, int], *, width: int) -> Row:
    """The first cell is what the record is known by; what is blank is left out of a new one."""
    row = [""] * width
    if operation.verb is not Verb.DELETE:
        blank = CLEARED if operation.verb is Verb.UPDATE else ""
        for each in change.fields:
            row[places[each.name]] = cell(each.after, blank=blank)
    if operation.verb in (Verb.UPDATE, Verb.DELETE):
        row[0] = change.record_id
    elif operation.key and change.lookup is not None:
        row[0] = row[0] or change.lookup[1]
    return tuple(row)


def cell(value: Value, *, blank: str = CLEARED) -> str:
    if isinstance(value, str):
        return value if value.strip() else blank
    return blank if value is None else said(value)


class Matcher:
    """Which change a row of a result file is about: files come in an order of their own."""

    def __init__(self, operation: Operation, upload: Upload) -> None:
        self._verb = operation.verb
        self._waiting: dict[Row | str, Change] = {}
        self._alike: dict[Row | str, list[Change]] = {}
        for row, change in zip(upload.rows, upload.changes, strict=True):
            key = self._key(row)
            if self._waiting.setdefault(key, change) is not change:
                self._alike.setdefault(key, []).append(change)

    def take(self, row: Row) -> Change | None:
        """Each change once. Rows that are alike in every cell are as good as one another."""
        key = self._key(row)
        if alike := self._alike.get(key):
            return alike.pop()
        return self._waiting.pop(key, None)

    def left(self) -> list[Change]:
        return [*self._waiting.values(), *(change for alike in self._alike.values() for change in alike)]

    def _key(self, row: Row) -> Row | str:
        """A record is known by the first cell, but a new one, of which nothing but its cells is known."""
        if self._verb is Verb.INSERT:
            return row
        return row[0].strip().casefold() if self._verb is Verb.UPSERT else same_id(row[0])


class Told(NamedTuple):
    """A row of a result file: Salesforce's id and word (`true`, or an error's text), and the row as it was sent."""

    record_id: str
    word: str
    row: Row


def read_results(file: IO[bytes], header: Row, *, own_columns: int, only_first: bool = False) -> Iterator[Told]:
    """
    `own_columns`: how many of Salesforce's own come first, 2 or 0. Columns are put in the order of `header`.

    `only_first`: of the cells that were sent, only the first is read; that takes a tenth of the time.
    """
    wanted = header[:1] if only_first else header
    start = file.tell()
    told = next(csv.reader(io.StringIO(file.readline().decode())), None)
    if told is None:
        return
    spelt = {name.lower(): name for name in told[own_columns:]}
    if missing := [name for name in wanted if name.lower() not in spelt]:
        raise StopRun(f"A result file of Salesforce lacks a column that was sent: {', '.join(missing)}.")
    file.seek(start)
    names = [*told[:own_columns], *(spelt[name.lower()] for name in wanted)]
    columns = [column.to_pylist() for column in _texts(file, names).columns]
    blank = [""] * len(columns[0])
    ids, words = columns[:2] if own_columns else (blank, blank)
    yield from map(Told, ids, words, zip(*columns[own_columns:], strict=True))


def _texts(file: IO[bytes], names: Sequence[str]) -> pa.Table:
    """These columns, every cell as the text that it is."""
    return pa_csv.read_csv(
        file,
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=LONGEST_ROW),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), include_columns=list(names), strings_can_be_null=False
        ),
    )
