"""Bulk CSV against Python's own reader: what goes in comes out, wherever the pages are cut."""

import csv
import io
from pathlib import Path

import duckdb
import pytest

from sandbox.salesforce.bulk_csv import Dialect, ResultFile, line_query

AWKWARD = """
    select * from (values
        ('001A0000006Vm9uIAC', 'plain', 12.50::decimal(18,2), true, timestamp '2026-01-02 03:04:05', time '03:04:05'),
        ('001A0000006Vm9vIAC', 'says "hi", twice', 125000000.50::decimal(18,2), false, null, null),
        ('001A0000006Vm9wIAC', 'two' || chr(13) || chr(10) || '"lines"' || chr(10) || '"', -10000000, null, null, null),
        ('001A0000006Vm9xIAC', null, null, null, null, null),
        ('001A0000006Vm9yIAC', 'Zoë, 東京; 😀|^`' || chr(9), 9999999.99, true, null, null)
    ) as rows(id, name, amount, won, closed_at, closed_time)
"""
COMMA = Dialect()
TYPES = ["id", "string", "currency", "boolean", "datetime", "time"]


def write(folder: Path, dialect: Dialect = COMMA, sql: str = AWKWARD) -> tuple[ResultFile, int]:
    result = ResultFile(folder, header=dialect.line(["Id", "Name", "Amount", "Won", "At", "Hour"]))
    records = result.write(duckdb.connect(), line_query(sql, TYPES, dialect), [], progress=lambda _: None)
    return result, records


def read(result: ResultFile, first: int, count: int) -> bytes:
    start, size = result.place(first, count)
    return result.data.read_bytes()[start : start + size]


def test_every_value_survives(tmp_path: Path) -> None:
    result, records = write(tmp_path)

    rows = list(csv.reader(io.StringIO(result.data.read_bytes().decode(), newline="")))

    assert records == len(rows) == 5
    assert rows[0] == ["001A0000006Vm9uIAC", "plain", "12.50", "true", "2026-01-02T03:04:05.000Z", "03:04:05.000Z"]
    assert rows[1][1:4] == ['says "hi", twice', "1.250000005E8", "false"]
    assert rows[2][1:4] == ['two\r\n"lines"\n"', "-1.0E7", ""]
    assert rows[3][1:] == ["", "", "", "", ""]
    assert rows[4][1:4] == ["Zoë, 東京; 😀|^`\t", "9999999.99", "true"]


def test_null_is_an_empty_quoted_cell(tmp_path: Path) -> None:
    result, _ = write(tmp_path)

    assert read(result, 3, 1) == b'"001A0000006Vm9xIAC","","","","",""\n'


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_pages_of_any_size_join_to_the_whole(tmp_path: Path, size: int) -> None:
    result, records = write(tmp_path)

    pages = [read(result, first, min(size, records - first)) for first in range(0, records, size)]

    assert b"".join(pages) == result.data.read_bytes()
    assert all(page.startswith(b'"001A') and page.endswith(b'"\n') for page in pages)


def test_delimiter_and_line_ending_are_the_jobs(tmp_path: Path) -> None:
    result, _ = write(tmp_path, Dialect("PIPE", "CRLF"))

    assert result.header == b'"Id"|"Name"|"Amount"|"Won"|"At"|"Hour"\r\n'
    assert read(result, 3, 1) == b'"001A0000006Vm9xIAC"|""|""|""|""|""\r\n'


def test_no_records_make_an_empty_page(tmp_path: Path) -> None:
    result, records = write(tmp_path, sql=f"select * from ({AWKWARD}) where false")

    assert records == 0
    assert result.place(0, 0) == (0, 0)


def test_records_are_found_behind_several_batches(tmp_path: Path) -> None:
    sql = "select lpad(i::varchar, 18, '0'), 'n' || i, i, true, null::timestamp, null::time from range(45000) as r(i)"
    result, records = write(tmp_path, sql=sql)

    assert records == 45_000
    assert read(result, 44_999, 1).startswith(b'"000000000000044999","n44999"')
    assert read(result, 20_000, 1).startswith(b'"000000000000020000"')
