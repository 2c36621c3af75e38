"""
CSV bodies → typed pages: straight into Arrow columns of the contract's types; where a value does not fit, the rest of
the body is read as texts and typed row by row.

Dialect: header row, every cell may be quoted, line breaks inside values, blank = null for every type (RFC 4180).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv as pa_csv

from crm_patterns.clients.bodies import Body
from crm_patterns.clients.retrying import Unanswered
from crm_patterns.clients.typing_rows import typed_column, typed_page
from crm_patterns.core.arrow_types import arrow_type
from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.errors import StopRun
from crm_patterns.core.keys import NO_KEYS, KeyRing
from crm_patterns.core.records import Page

BLOCK_BYTES = 1024 * 1024
"""Parsed at once: fits a processor's cache, and all but the longest records."""

WIDE_BLOCK_BYTES = 64 * 1024 * 1024
"""For bodies with a record longer than a block."""


_WHERE = re.compile(r"(Row #\d+: )?Expected \d+ columns, got \d+")


class DamagedPage(Unanswered):
    """The body is not a whole CSV file."""


def read_pages(body: Body, contract: ObjectContract, keys: KeyRing = NO_KEYS, *, skip: int = 0) -> Iterator[Page]:
    """
    The body's rows after the first `skip` ones, in order. An empty body and one of a header alone give nothing.

    `keys` are those that hashed fields are hashed with.

    Raises StopRun where the header is not the contract's fields, DamagedPage where the body is no whole CSV file.
    """
    if body.size == 0:
        return
    if not body.ends_with_newline():
        raise DamagedPage("A page of results ended in the middle of a row.")
    columns = _columns(_header(body), contract)
    given = skip
    try:
        for batch in _open(body, columns, contract, skip=skip, block_bytes=BLOCK_BYTES, typed=True):
            page = Page(_finished(batch, contract, keys))
            yield page
            given += page.read
    except pa.ArrowInvalid:
        yield from _as_texts(body, columns, contract, keys, skip=given)


def _as_texts(body: Body, columns: list[str], contract: ObjectContract, keys: KeyRing, *, skip: int) -> Iterator[Page]:
    try:
        for batch in _open(body, columns, contract, skip=skip, block_bytes=WIDE_BLOCK_BYTES, typed=False):
            yield typed_page(contract, dict(zip(batch.schema.names, batch.columns, strict=True)), keys)
    except pa.ArrowInvalid as error:
        # Arrow quotes the row that it could not read, hashed fields in clear: neither said nor kept as the cause.
        raise DamagedPage(f"A page of results is not a whole CSV file{_without_values(str(error))}.") from None


def _without_values(said: str) -> str:
    found = _WHERE.search(said)
    return f": {found[0].lower()}" if found else ""


def _header(body: Body) -> list[str]:
    line = body.file().readline().decode("utf-8-sig", errors="replace")
    return next(csv.reader([line]), [])


def _columns(header: list[str], contract: ObjectContract) -> list[str]:
    """The contract's columns in the order of the header, whose names are matched without regard to case."""
    by_name = {field.name.lower(): field.column for field in contract.fields}
    names = [name.lower() for name in header]
    missing = [field.name for field in contract.fields if field.name.lower() not in names]
    extra = [name for name in header if name.lower() not in by_name]
    if missing or extra or len(set(names)) != len(names):
        said = [f"missing {', '.join(missing)}"] if missing else []
        said += [f"unexpected {', '.join(extra)}"] if extra else []
        raise StopRun(
            f"The results of {contract.object_name} do not have the columns that were asked for: "
            f"{'; '.join(said) or 'one comes twice'}."
        )
    return [by_name[name] for name in names]


def _open(
    body: Body, columns: list[str], contract: ObjectContract, *, skip: int, block_bytes: int, typed: bool
) -> Iterator[pa.RecordBatch]:
    memory = body.in_memory()
    source = pa.BufferReader(pa.py_buffer(memory)) if memory is not None else pa.PythonFile(body.file(), mode="r")
    types = {field.column: _parsed_type(field) if typed else pa.binary() for field in contract.fields}
    reader = pa_csv.open_csv(
        source,
        read_options=pa_csv.ReadOptions(
            column_names=columns, skip_rows=1, skip_rows_after_names=skip, block_size=block_bytes, use_threads=False
        ),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pa_csv.ConvertOptions(
            column_types=types,
            include_columns=list(contract.columns),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            true_values=["true"],
            false_values=["false"],
        ),
    )
    with reader:
        yield from (batch for batch in reader if batch.num_rows)


def _parsed_type(field: ContractField) -> pa.DataType:
    """What the parser makes; times of day carry a `Z` that it does not read, and a hash is made from the text."""
    return pa.string() if field.hashed or field.kind is FieldKind.TIME else arrow_type(field)


def _finished(batch: pa.RecordBatch, contract: ObjectContract, keys: KeyRing) -> pa.RecordBatch:
    """The batch with what the parser leaves undone. Raises ArrowInvalid where a value does not fit."""
    for index, field in enumerate(contract.fields):
        if field.hashed or field.kind is FieldKind.TIME:
            column, faults = typed_column(field, batch.column(index), keys)
            if faults:
                raise pa.ArrowInvalid(faults.popitem()[1])
            batch = batch.set_column(index, field.column, column)
        elif field.kind is FieldKind.DECIMAL:
            batch.column(index).validate(full=True)  # the parser lets 1E17 into a decimal(18, 2)
    return batch
