"""Query results as Bulk API 2.0 CSV, written once and cut into pages of any size afterwards.

DuckDB writes one text per record, Arrow hands these over end to end, and the place of each record is kept beside them.
So a page, whatever its size, is a slice of one file: nothing is rendered twice, and a page is served at the speed of
a read. Dialect: every cell quoted, inner quotes doubled, null as `""`, date-times with `.000Z`, numbers of ten million
and above in exponent form, as the original writes them.
"""

import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

ROWS_AT_A_TIME = 20_000
DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
INDEX_ENTRY = 8
PLAIN_NUMBERS_BELOW = 10_000_000
NEEDS_NO_ESCAPING = {"id", "reference", "boolean", "int", "long", "date", "datetime", "time"}
FRACTIONAL = {"double", "currency", "percent"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How records and cells are parted; the names as in a job."""

    delimiter: str = "COMMA"
    line_ending: str = "LF"

    def line(self, cells: Sequence[str]) -> bytes:
        """One record, every cell quoted."""
        quoted = (f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in cells)
        return (DELIMITERS[self.delimiter].join(quoted) + LINE_ENDINGS[self.line_ending]).encode()


class ResultFile:
    """The records of a job on disk: `records.csv` without a header, and `records.idx` with where each one ends."""

    def __init__(self, folder: Path, *, header: bytes) -> None:
        self.folder = folder
        self.header = header
        self.data = folder / "records.csv"
        self._index = folder / "records.idx"

    def write(
        self, cursor: duckdb.DuckDBPyConnection, sql: str, params: Sequence[Any], progress: Callable[[int], None]
    ) -> int:
        """Write what `sql` (one text column, as of `line_query`) gives; returns the number of records."""
        self.folder.mkdir(parents=True, exist_ok=True)
        reader = cursor.sql(sql, params=list(params)).to_arrow_reader(ROWS_AT_A_TIME)
        records, end = 0, 0
        with self.data.open("wb") as data, self._index.open("wb") as index:
            for batch in reader:
                ends, content = _packed(batch.column(0))
                data.write(content)
                index.write(pc.add(ends, end).buffers()[1])
                end += len(content)
                records += len(ends)
                progress(records)
        return records

    @property
    def size(self) -> int:
        """Bytes of all records, without headers."""
        return self.data.stat().st_size

    def place(self, first: int, count: int) -> tuple[int, int]:
        """Offset and bytes of the records [first, first + count), which must exist."""
        if count == 0:
            return 0, 0
        with self._index.open("rb") as index:
            start = self._end_of(index.fileno(), first - 1) if first else 0
            return start, self._end_of(index.fileno(), first + count - 1) - start

    def _end_of(self, index: int, record: int) -> int:
        return array("q", os.pread(index, INDEX_ENTRY, record * INDEX_ENTRY))[0]


def line_query(sql: str, types: Sequence[str], dialect: Dialect) -> str:
    """A query that gives each row of `sql` as one finished CSV line; `types` are Salesforce's, in column order."""
    names = [f"c{position}" for position in range(len(types))]
    cells = [f"coalesce({_cell(name, kind)}, '')" for name, kind in zip(names, types, strict=True)]
    cells[0] = f"'\"' || {cells[0]}"
    ending = " || ".join(f"chr({ord(char)})" for char in LINE_ENDINGS[dialect.line_ending])
    cells[-1] = f"{cells[-1]} || '\"' || {ending}"
    between = f"'\"{DELIMITERS[dialect.delimiter]}\"'"
    return f"select concat_ws({between}, {', '.join(cells)}) as line from ({sql}) as result({', '.join(names)})"


def _cell(name: str, kind: str) -> str:
    if kind == "datetime":
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.000Z')"
    if kind == "time":
        return f"{name}::varchar || '.000Z'"
    if kind in FRACTIONAL:
        return _number(name)
    if kind in NEEDS_NO_ESCAPING:
        return f"{name}::varchar"
    text = f"{name}::varchar"
    return f"case when contains({text}, '\"') then replace({text}, '\"', '\"\"') else {text} end"


def _number(name: str) -> str:
    """Plain below ten million, `1.25E8` from there, every digit kept."""
    whole = f"split_part(abs({name})::varchar, '.', 1)"
    digits = f"replace(abs({name})::varchar, '.', '')"
    fraction = f"coalesce(nullif(rtrim(substr({digits}, 2), '0'), ''), '0')"
    sign = f"case when {name} < 0 then '-' else '' end"
    exponent = f"{sign} || left({whole}, 1) || '.' || {fraction} || 'E' || (length({whole}) - 1)"
    return f"case when abs({name}) >= {PLAIN_NUMBERS_BELOW} then {exponent} else {name}::varchar end"


def _packed(texts: pa.Array) -> tuple[pa.Array, memoryview]:
    """A text column without nulls as the place where each value ends and all their bytes end to end."""
    wide = texts.cast(pa.large_string())
    _, offsets, content = wide.buffers()
    places = pa.Array.from_buffers(pa.int64(), len(wide) + 1, [None, offsets], offset=wide.offset)
    start, end = places[0].as_py(), places[-1].as_py()
    return pc.subtract(places[1:], start), memoryview(content)[start:end]
