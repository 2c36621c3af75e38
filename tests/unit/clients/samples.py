"""Small contracts and CSV bodies for the tests of the clients."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from crm_patterns.clients.bodies import Body
from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.records import Page


def contract_of(**kinds: FieldKind | ContractField) -> ObjectContract:
    """A contract with Id, SystemModstamp and these fields; decimals are (18, 2)."""
    given = {"Id": FieldKind.TEXT, **kinds, "SystemModstamp": FieldKind.TIMESTAMP}
    fields = tuple(
        kind if isinstance(kind, ContractField) else ContractField(name, name.lower(), kind, precision=18, scale=2)
        for name, kind in given.items()
    )
    return ObjectContract("salesforce", "Thing__c", "THING_C", fields, "Id", "SystemModstamp", None)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def body_of(data: bytes, *, in_memory_bytes: int = 1 << 20) -> Body:
    body = Body(in_memory_bytes=in_memory_bytes)
    body.write(data)
    return body


def rows_of(pages: Iterable[Page]) -> list[dict[str, object]]:
    return [row for page in pages for row in page.rows.to_pylist()]
