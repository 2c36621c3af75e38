"""Queries over REST: pages of records, and the cursors behind `nextRecordsUrl`."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sandbox.salesforce import soql
from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.record_json import RecordWriter
from sandbox.salesforce.soql_plan import Children, Compiled
from sandbox.salesforce.store import Org

SMALLEST_PAGE = 200


@dataclass(frozen=True)
class _Result:
    """A query's rows, kept as they were when it ran, so that every page of it can be read again."""

    compiled: Compiled
    rows: pa.Table
    page_rows: int
    locator: str


class Queries:
    """The open cursors of an org; the oldest go first when there are too many."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._open: OrderedDict[str, _Result] = OrderedDict()
        self._lock = threading.Lock()

    def first_page(self, text: str, *, version: str, include_deleted: bool, batch_size: int | None) -> str:
        """Run a query; the JSON of its first page. Raises SalesforceFault."""
        compiled = soql.compile(self._org, text, bulk=False, include_deleted=include_deleted)
        with self._org.cursor() as cursor:
            rows = cursor.sql(compiled.sql, params=compiled.params).to_arrow_table()
        if compiled.count_only:
            return f'{{"totalSize":{rows.column(0)[0].as_py()},"done":true,"records":[]}}'
        result = _Result(compiled, rows, self._page_rows(compiled, batch_size), self._org.new_id("QueryLocator"))
        if rows.num_rows > result.page_rows:
            self._keep(result)
        return self._page(result, 0, version)

    def next_page(self, locator: str, *, version: str) -> str:
        """The page that `nextRecordsUrl` names. Raises INVALID_QUERY_LOCATOR."""
        name, _, offset = locator.partition("-")
        with self._lock:
            result = self._open.get(name)
        if result is None or not offset.isdigit() or int(offset) >= result.rows.num_rows:
            raise SalesforceFault(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(result, int(offset), version)

    def drop_all(self) -> None:
        """Let every open cursor expire."""
        with self._lock:
            self._open.clear()

    def _keep(self, result: _Result) -> None:
        with self._lock:
            self._open[result.locator] = result
            while len(self._open) > self._org.reading.cursors_kept:
                self._open.popitem(last=False)

    def _page_rows(self, compiled: Compiled, batch_size: int | None) -> int:
        """What the client asked for is a hint: long texts make pages smaller."""
        reading = self._org.reading
        wide = any(column.type == "textarea" and column.length > 255 for column in compiled.columns)
        largest = min(reading.page_rows, reading.long_text_page_rows) if wide else reading.page_rows
        return min(max(batch_size, SMALLEST_PAGE), largest) if batch_size else largest

    def _page(self, result: _Result, offset: int, version: str) -> str:
        compiled = result.compiled
        rows = rows_of(result.rows.slice(offset, result.page_rows))
        name = "AggregateResult" if compiled.aggregate else compiled.object_name
        writer = RecordWriter(compiled.columns, compiled.links, version=version, object_name=name)
        nested = self._nested(compiled, rows, version)
        records = ",".join(writer.record(row, nested.get(position, "")) for position, row in enumerate(rows))
        end = offset + len(rows)
        done = end >= result.rows.num_rows
        more = "" if done else f'"nextRecordsUrl":"/services/data/v{version}/query/{result.locator}-{end}",'
        head = f'"totalSize":{result.rows.num_rows},"done":{"true" if done else "false"}'
        return f'{{{head},{more}"records":[{records}]}}'

    def _nested(self, compiled: Compiled, rows: Sequence[Sequence[Any]], version: str) -> dict[int, str]:
        """The child subqueries of a page, as JSON members per row."""
        if not compiled.children or not rows:
            return {}
        own = compiled.links[0].position
        parents = [row[own] for row in rows]
        by_query = [(each.relationship, self._children(each, parents, version)) for each in compiled.children]
        members = {}
        for position, parent in enumerate(parents):
            parts = (f',"{name}":{_nested_result(found.get(parent, ()))}' for name, found in by_query)
            members[position] = "".join(parts)
        return members

    def _children(self, query: Children, parents: list[str], version: str) -> dict[str, list[str]]:
        with self._org.cursor() as cursor:
            rows = rows_of(cursor.sql(query.sql, params=[parents, *query.params[1:]]).to_arrow_table())
        writer = RecordWriter(query.columns, query.links, version=version, object_name=query.object_name)
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row[-1], []).append(writer.record(row))
        return found


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    """The rows of an Arrow table as Python values."""
    columns: Iterable[list[Any]] = (column.to_pylist() for column in table.columns)
    return list(zip(*columns, strict=True))


def _nested_result(records: Sequence[str]) -> str:
    if not records:
        return "null"
    return f'{{"totalSize":{len(records)},"done":true,"records":[{",".join(records)}]}}'
